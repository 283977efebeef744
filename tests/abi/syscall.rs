//! The few system calls that the tests make beside the ring, each a function without `unsafe`.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Turns the `-1` of a libc call into its error.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The error number of a failed call.
pub(crate) fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.expect_err("the call was expected to fail").raw_os_error().expect("an os error")
}

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: the kernel has just given us this number; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes the descriptor that a CQE carried.
pub(crate) fn adopt(result: i32) -> OwnedFd {
    owned(result).expect("the completion carries a descriptor")
}

/// A pipe: the end to read from and the end to write to.
pub(crate) fn pipe(flags: i32) -> (OwnedFd, OwnedFd) {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for the two descriptors.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | flags) };
    check(result).expect("a pipe");
    (adopt(ends[0]), adopt(ends[1]))
}

pub(crate) fn eventfd(flags: i32) -> OwnedFd {
    // SAFETY: no pointer is passed.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | flags) };
    owned(fd).expect("an eventfd")
}

pub(crate) fn write(fd: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `bytes`.
    let written = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    if written < 0 { Err(io::Error::last_os_error()) } else { Ok(written as usize) }
}

pub(crate) fn read(fd: &impl AsRawFd, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `bytes`, which is ours to fill.
    let read = unsafe { libc::read(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len()) };
    if read < 0 { Err(io::Error::last_os_error()) } else { Ok(read as usize) }
}

/// Adds one to an eventfd.
pub(crate) fn signal(eventfd: &OwnedFd) {
    assert_eq!(write(eventfd, &1_u64.to_ne_bytes()).expect("an eventfd write"), 8);
}

/// The events that `poll` reports within `timeout_ms`, 0 for none.
pub(crate) fn poll(fd: &impl AsRawFd, events: i16, timeout_ms: i32) -> i16 {
    let mut wanted = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: one pollfd, ours.
    let result = unsafe { libc::poll(&mut wanted, 1, timeout_ms) };
    check(result).expect("poll");
    wanted.revents
}

/// How many bytes wait to be read.
pub(crate) fn readable_bytes(fd: &impl AsRawFd) -> i32 {
    let mut waiting = 0;
    // SAFETY: FIONREAD stores one int.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut waiting) };
    check(result).expect("FIONREAD");
    waiting
}

/// Makes `number` another name of `source`'s file, closing what it named.
pub(crate) fn replace(source: &impl AsRawFd, number: RawFd) {
    // SAFETY: no pointer is passed; the caller owns `number`.
    let result = unsafe { libc::dup3(source.as_raw_fd(), number, libc::O_CLOEXEC) };
    check(result).expect("dup3");
}

/// Whether `number` is an open descriptor.
pub(crate) fn descriptor_flags(number: RawFd) -> io::Result<i32> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::fcntl(number, libc::F_GETFD) })
}

pub(crate) fn set_nonblocking(fd: &impl AsRawFd) {
    // SAFETY: no pointer is passed.
    let result = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    check(result).expect("O_NONBLOCK");
}

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is ours to fill.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    check(result).expect("the clock");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A signal set that holds only `signal`.
pub(crate) fn signal_set(signal: i32) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call above.
    let mut set = unsafe { set.assume_init() };
    // SAFETY: `set` is a valid set.
    let result = unsafe { libc::sigaddset(&mut set, signal) };
    check(result).expect("a valid signal");
    set
}

/// Blocks `signal` in this thread and returns the thread's mask without it.
pub(crate) fn block(signal: i32) -> libc::sigset_t {
    let mut open = signal_set(signal);
    let set = signal_set(signal);
    // SAFETY: both sets are valid and ours.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut open) };
    assert_eq!(result, 0, "pthread_sigmask");
    // SAFETY: `open` is a valid set.
    let result = unsafe { libc::sigdelset(&mut open, signal) };
    check(result).expect("a valid signal");
    open
}

/// Sends `signal` to this thread.
pub(crate) fn raise(signal: i32) {
    // SAFETY: no pointer is passed.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: `this` is a thread that runs.
    let result = unsafe { libc::pthread_kill(this, signal) };
    assert_eq!(result, 0, "pthread_kill");
}

/// Takes `signal` off this thread's pending ones; true if it was there.
pub(crate) fn take_pending(signal: i32) -> bool {
    let set = signal_set(signal);
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the set and the timespec are valid; no siginfo is asked for.
    let taken = unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &at_once) };
    taken == signal
}

/// One `io_uring_register`; what it returned.
pub(crate) fn register<T>(
    ring: &impl AsRawFd,
    opcode: u32,
    argument: &mut T,
    count: u32,
) -> io::Result<i32> {
    register_at(ring.as_raw_fd(), opcode, argument, count)
}

/// One `io_uring_register` of the few that want no ring.
pub(crate) fn register_nowhere<T>(opcode: u32, argument: &mut T, count: u32) -> io::Result<i32> {
    register_at(-1, opcode, argument, count)
}

fn register_at<T>(fd: RawFd, opcode: u32, argument: &mut T, count: u32) -> io::Result<i32> {
    let argument = std::ptr::from_mut(argument);
    // SAFETY: the argument is ours and has the layout that `opcode` wants: the callers' business.
    let result = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, opcode, argument, count) };
    check(result as i32)
}

/// An `io_uring_enter` that allocates nothing: what the kernel returned, `-errno` on error.
pub(crate) fn raw_enter(ring: RawFd, submit: u32, flags: u32) -> i32 {
    let none = std::ptr::null::<libc::sigset_t>();
    // SAFETY: no argument is passed.
    let result =
        unsafe { libc::syscall(libc::SYS_io_uring_enter, ring, submit, 0, flags, none, 0) };
    if result < 0 { -io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { result as i32 }
}

/// Maps a ring's first page once more and keeps it from children. Never unmapped.
pub(crate) fn map_ring(ring: RawFd) -> usize {
    let (protection, flags) = (libc::PROT_READ, libc::MAP_SHARED);
    // SAFETY: a new mapping at a place of the kernel's choice touches nobody's memory.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4_096, protection, flags, ring, 0) };
    assert_ne!(page, libc::MAP_FAILED, "mmap: {}", io::Error::last_os_error());
    // SAFETY: the mapping is ours.
    check(unsafe { libc::madvise(page, 4_096, libc::MADV_DONTFORK) }).expect("MADV_DONTFORK");
    page.addr()
}

/// Whether a page is mapped in this process.
pub(crate) fn is_mapped(page: usize) -> bool {
    let mut resident = 0_u8;
    let page = std::ptr::without_provenance_mut(page);
    // SAFETY: mincore reads no memory of the page and stores one byte for it.
    unsafe { libc::mincore(page, 4_096, &mut resident) == 0 }
}

/// Waits for a child; its exit code.
pub(crate) fn wait_for(child: libc::pid_t) -> i32 {
    let mut status = -1;
    // SAFETY: the status is ours to fill.
    check(unsafe { libc::waitpid(child, &mut status, 0) }).expect("waitpid");
    assert!(libc::WIFEXITED(status), "the child ended by status {status:#x}");
    libc::WEXITSTATUS(status)
}

/// Makes `number` fail with `error` in this thread, for good.
pub(crate) fn deny(number: libc::c_long, error: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let number = u32::try_from(number).expect("a system call's number");
    let mut equals = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number);
    equals.jf = 1;
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        equals,
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | error as u32),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: no pointer is passed.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
        .expect("no new privileges");
    // SAFETY: the program outlives the call, which copies it.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter)
    };
    check(result as i32).expect("seccomp");
}

/// The soft limit on a resource.
pub(crate) fn soft_limit(resource: libc::__rlimit_resource_t) -> u64 {
    limits(resource).rlim_cur
}

/// Lowers a soft limit of the whole process.
pub(crate) fn set_soft_limit(resource: libc::__rlimit_resource_t, limit: u64) {
    let lowered = libc::rlimit { rlim_cur: limit, ..limits(resource) };
    // SAFETY: the limits are valid and outlive the call.
    check(unsafe { libc::setrlimit(resource, &lowered) }).expect("setrlimit");
}

fn limits(resource: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are ours to fill.
    check(unsafe { libc::getrlimit(resource, &mut limits) }).expect("getrlimit");
    limits
}

/// Makes this thread, and it alone, another user's: for good.
pub(crate) fn become_user(user: u32) {
    // SAFETY: no pointer is passed. The raw call changes one thread, where libc's changes them all.
    let result = unsafe { libc::syscall(libc::SYS_setresuid, user, user, user) };
    check(result as i32).expect("setresuid");
}

/// How many worker threads the kernel runs for the rings of this thread.
pub(crate) fn workers_of_this_thread() -> usize {
    // SAFETY: no pointer is passed.
    let this = unsafe { libc::gettid() };
    let name = format!("iou-wrk-{this}");
    let threads = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|found| found.trim() == name)
        .count()
}

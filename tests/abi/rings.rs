//! Pins `uring-sys-notes/rings.md` and `setup-flags.md`.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::thread;

use io_uring::types::Fd;
use io_uring::{EnterFlags, IoUring, opcode};

use crate::memory::Lent;
use crate::ring::{TestRing, annulus_flags};
use crate::syscall::{self, errno};

/// `struct io_uring_params`, of which these tests read three fields.
const PARAMS_WORDS: usize = 30;
const SQ_ENTRIES: usize = 0;
const CQ_ENTRIES: usize = 1;
const FLAGS: usize = 2;
const FEATURES: usize = 5;
const SQ_OFF_ARRAY: usize = 16;

const SETUP_CQSIZE: u32 = 1 << 3;
const SETUP_CLAMP: u32 = 1 << 4;
const SETUP_R_DISABLED: u32 = 1 << 6;
const SETUP_SUBMIT_ALL: u32 = 1 << 7;
const SETUP_COOP_TASKRUN: u32 = 1 << 8;
const SETUP_TASKRUN_FLAG: u32 = 1 << 9;
const SETUP_SINGLE_ISSUER: u32 = 1 << 12;
const SETUP_DEFER_TASKRUN: u32 = 1 << 13;
const SETUP_NO_SQARRAY: u32 = 1 << 16;

const REGISTER_RING_FDS: u32 = 20;
const UNREGISTER_RING_FDS: u32 = 21;

/// One `io_uring_setup`; the parameters as the kernel filled them in.
fn set_up(entries: u32, cq: u32, flags: u32) -> io::Result<[u32; PARAMS_WORDS]> {
    let mut params = [0; PARAMS_WORDS];
    params[CQ_ENTRIES] = cq;
    params[FLAGS] = flags;
    // SAFETY: `params` has the size and the alignment of io_uring_params.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, entries, params.as_mut_ptr()) };
    syscall::check(fd as i32).map(|fd| {
        drop(syscall::adopt(fd));
        params
    })
}

#[test]
fn the_set_up_that_annulus_asks_for_is_accepted() {
    let flags = SETUP_SINGLE_ISSUER
        | SETUP_DEFER_TASKRUN
        | SETUP_SUBMIT_ALL
        | SETUP_CLAMP
        | SETUP_NO_SQARRAY
        | SETUP_CQSIZE;
    let params = set_up(256, 4096, flags).expect("the whole ladder's first rung");
    assert_eq!((params[SQ_ENTRIES], params[CQ_ENTRIES]), (256, 4096));
    assert_eq!(params[FLAGS], flags, "the kernel hands the flags back unchanged");
    println!("features: {:#x}", params[FEATURES]);
}

#[test]
fn an_unknown_set_up_flag_is_einval_and_leaves_no_descriptor() {
    assert_eq!(errno(set_up(8, 0, 1 << 31)), libc::EINVAL);
    assert_eq!(errno(set_up(8, 0, SETUP_SUBMIT_ALL | 1 << 30)), libc::EINVAL);
}

#[test]
fn flags_that_need_another_flag_are_einval_without_it() {
    assert_eq!(errno(set_up(8, 0, SETUP_DEFER_TASKRUN)), libc::EINVAL);
    assert_eq!(errno(set_up(8, 0, SETUP_TASKRUN_FLAG)), libc::EINVAL);
    set_up(8, 0, SETUP_DEFER_TASKRUN | SETUP_SINGLE_ISSUER).expect("with SINGLE_ISSUER");
    set_up(8, 0, SETUP_TASKRUN_FLAG | SETUP_COOP_TASKRUN).expect("with COOP_TASKRUN");
    set_up(8, 0, SETUP_TASKRUN_FLAG | SETUP_DEFER_TASKRUN | SETUP_SINGLE_ISSUER)
        .expect("with DEFER_TASKRUN");
}

#[test]
fn sizes_round_up_to_powers_of_two_and_the_cq_is_twice_the_sq() {
    let params = set_up(5, 0, 0).expect("a small ring");
    assert_eq!((params[SQ_ENTRIES], params[CQ_ENTRIES]), (8, 16));
    let params = set_up(5, 33, SETUP_CQSIZE).expect("a CQ of its own size");
    assert_eq!((params[SQ_ENTRIES], params[CQ_ENTRIES]), (8, 64));
}

#[test]
fn sizes_that_cannot_be_are_einval_and_clamp_forgives_only_too_many() {
    let too_many = 1 << 20;
    assert_eq!(errno(set_up(0, 0, 0)), libc::EINVAL);
    assert_eq!(errno(set_up(0, 0, SETUP_CLAMP)), libc::EINVAL);
    assert_eq!(errno(set_up(too_many, 0, 0)), libc::EINVAL);
    assert_eq!(errno(set_up(64, 8, SETUP_CQSIZE)), libc::EINVAL, "a CQ smaller than the SQ");
    match set_up(too_many, 0, SETUP_CLAMP) {
        Ok(params) => assert_eq!((params[SQ_ENTRIES], params[CQ_ENTRIES]), (32_768, 65_536)),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENOMEM), "the memlock limit"),
    }
}

#[test]
fn without_the_sq_array_there_is_no_offset_to_it_and_sqes_run_in_ring_order() {
    let params = set_up(8, 0, SETUP_NO_SQARRAY).expect("NO_SQARRAY");
    assert_eq!(params[SQ_OFF_ARRAY], 0);
    assert_ne!(set_up(8, 0, 0).expect("with the array")[SQ_OFF_ARRAY], 0);
    let mut ring = TestRing::sized(8, 16);
    for round in 0..5 {
        for index in 0..7 {
            ring.push(opcode::Nop::new().build().user_data(round * 7 + index));
        }
        let order: Vec<u64> = ring.collect(7).iter().map(|done| done.user_data).collect();
        let expected: Vec<u64> = (round * 7..round * 7 + 7).collect();
        assert_eq!(order, expected, "round {round}");
    }
}

#[test]
fn the_ring_descriptor_is_close_on_exec() {
    let ring = TestRing::new();
    let flags = syscall::descriptor_flags(ring.as_raw_fd()).expect("open");
    assert_ne!(flags & libc::FD_CLOEXEC, 0);
}

/// `struct io_uring_rsrc_update`, as REGISTER_RING_FDS wants it.
#[repr(C)]
struct RingRegistration {
    index: u32,
    reserved: u32,
    fd: u64,
}

fn register_descriptor(ring: &TestRing) -> u32 {
    let fd = ring.as_raw_fd() as u64;
    let mut registration = RingRegistration { index: u32::MAX, reserved: 0, fd };
    let registered = syscall::register(ring, REGISTER_RING_FDS, &mut registration, 1);
    assert_eq!(registered.expect("REGISTER_RING_FDS"), 1);
    registration.index
}

/// An enter by registered index that waits for nothing.
fn enter_registered(index: u32) -> io::Result<i32> {
    let flags = (EnterFlags::REGISTERED_RING | EnterFlags::GETEVENTS).bits();
    let none = std::ptr::null::<libc::sigset_t>();
    // SAFETY: no argument is passed.
    let result = unsafe { libc::syscall(libc::SYS_io_uring_enter, index, 0, 0, flags, none, 0) };
    syscall::check(result as i32)
}

#[test]
fn a_registered_ring_descriptor_enters_and_belongs_to_its_thread() {
    let mut ring = TestRing::new();
    let index = register_descriptor(&ring);
    assert_eq!(enter_registered(index).expect("enter by the registered index"), 0);
    let foreign = thread::spawn(move || enter_registered(index).map_err(|e| e.raw_os_error()));
    let foreign = foreign.join().expect("the other thread");
    assert!(matches!(foreign, Err(Some(libc::EINVAL | libc::EBADF))), "{foreign:?}");
    let mut registration = RingRegistration { index, reserved: 0, fd: 0 };
    syscall::register(&ring, UNREGISTER_RING_FDS, &mut registration, 1).expect("unregister");
    assert_eq!(errno(enter_registered(index)), libc::EBADF, "an index that names nothing");
    assert!(ring.poll().is_empty(), "the descriptor itself still enters");
}

#[test]
fn a_registered_ring_outlives_the_close_of_its_descriptor() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let buf = Lent::zeroed(1);
    let fd = Fd(reader.as_raw_fd());
    ring.push(opcode::Read::new(fd, buf.as_ptr(), buf.len()).build().user_data(1));
    ring.submit();
    let index = register_descriptor(&ring);
    drop(ring);
    syscall::write(&writer, b"x").expect("the op in flight holds the reader");
    assert_eq!(enter_registered(index).expect("the ring still answers"), 0);
    assert_eq!(buf.bytes(), b"x", "the op ran after the close");
    let mut registration = RingRegistration { index, reserved: 0, fd: 0 };
    let other = TestRing::new();
    syscall::register(&other, UNREGISTER_RING_FDS, &mut registration, 1)
        .expect("any ring of the thread may unregister it");
}

#[test]
fn a_thread_registers_at_most_sixteen_rings() {
    let attempts = thread::spawn(|| {
        let rings: Vec<TestRing> = (0..17).map(|_| TestRing::sized(4, 8)).collect();
        let mut registered = 0;
        for ring in &rings {
            let fd = ring.as_raw_fd() as u64;
            let mut registration = RingRegistration { index: u32::MAX, reserved: 0, fd };
            match syscall::register(ring, REGISTER_RING_FDS, &mut registration, 1) {
                Ok(_) => registered += 1,
                Err(error) => return (registered, error.raw_os_error()),
            }
        }
        (registered, None)
    });
    assert_eq!(attempts.join().expect("the thread"), (16, Some(libc::EBUSY)));
}

#[test]
fn single_issuer_refuses_another_thread_with_eexist() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(7));
    thread::scope(|scope| {
        let ring = &mut ring;
        scope.spawn(move || {
            assert_eq!(errno(ring.enter(1, 0, EnterFlags::empty())), libc::EEXIST);
            assert_eq!(errno(ring.enter(0, 0, EnterFlags::GETEVENTS)), libc::EEXIST);
            assert_eq!(ring.queued(), 1, "a refused enter takes nothing");
        });
    });
    assert_eq!(ring.one().user_data, 7, "the owner may still submit it");
}

#[test]
fn a_disabled_ring_belongs_to_the_thread_that_enables_it() {
    let mut ring = TestRing::built(8, |builder| {
        annulus_flags(builder);
        builder.setup_r_disabled();
    })
    .expect("R_DISABLED");
    ring.push(opcode::Nop::new().build().user_data(1));
    assert_eq!(errno(ring.enter(1, 1, EnterFlags::GETEVENTS)), libc::EBADFD);
    thread::scope(|scope| {
        let ring = &mut ring;
        scope.spawn(move || {
            ring.ring().submitter().register_enable_rings().expect("ENABLE_RINGS");
            assert_eq!(ring.one().user_data, 1);
        });
    });
    assert_eq!(errno(ring.enter(0, 0, EnterFlags::GETEVENTS)), libc::EEXIST);
    set_up(8, 0, SETUP_R_DISABLED).expect("R_DISABLED alone");
}

#[test]
fn the_builder_keeps_the_rings_memory_from_children() {
    let dont_copy = |dontfork: bool| {
        let mut builder = IoUring::builder();
        if dontfork {
            builder.dontfork();
        }
        let ring: IoUring = builder.build(8).expect("a ring");
        let inode = ring_inode(&ring);
        let smaps = fs::read_to_string("/proc/self/smaps").expect("smaps");
        let mut ours = false;
        let mut marks = Vec::new();
        for line in smaps.lines() {
            if line.contains("io_uring") {
                ours = line.split_whitespace().nth(4) == Some(inode.as_str());
            }
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                if ours {
                    marks.push(flags.split_whitespace().any(|flag| flag == "dc"));
                }
                ours = false;
            }
        }
        marks
    };
    let marked = dont_copy(true);
    assert!(marked.len() >= 2 && marked.iter().all(|mark| *mark), "{marked:?}");
    println!("without dontfork: {:?}", dont_copy(false));
}

fn ring_inode(ring: &IoUring) -> String {
    use std::os::unix::fs::MetadataExt;
    let path = format!("/proc/self/fd/{}", ring.as_raw_fd());
    fs::metadata(path).expect("the ring's inode").ino().to_string()
}

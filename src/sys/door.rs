//! The three doors to the ring: set-up, enter and register.
//!
//! Nothing else in the crate makes these system calls, so that another kernel can be put behind
//! them. They add nothing of their own: no retry on `EINTR`, no default flag, no allocation. What
//! an error means is decided by who knows why the call was made.

#![expect(unsafe_code, reason = "the three io_uring system calls")]

use std::ffi::{c_long, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::abi::Params;

/// Makes a ring of `entries` submissions and writes into `params` what the kernel made of it.
///
/// # Errors
///
/// The errno of the kernel; [`SetupError::from_setup`](super::error::SetupError::from_setup) puts
/// it into words.
pub(crate) fn setup(entries: u32, params: &mut Params) -> io::Result<OwnedFd> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::setup(entries, params) {
        return answer;
    }
    let params: *mut Params = params;
    // SAFETY: `params` is an exclusive borrow of a record with the kernel's layout (checked in
    // `abi`); every bit pattern that the kernel writes is valid in it.
    let answer =
        unsafe { libc::syscall(libc::SYS_io_uring_setup, entries as c_long, params as c_long) };
    let fd = result(answer)? as RawFd;
    // SAFETY: the call succeeded, so this is a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Submits `to_submit` entries and, by `flags`, waits for `min_complete` completions; answers how
/// many entries were submitted.
///
/// `fd` is the ring's descriptor or, with `ENTER_REGISTERED_RING`, its registered index. `arg` and
/// `size` are a signal mask, or by `flags` a [`GetEventsArg`](super::abi::GetEventsArg).
///
/// # Errors
///
/// The errno of the kernel, `EINTR` included. An error says nothing of the entries before it:
/// the queue's head does.
///
/// # Safety
///
/// Every entry published in the submission queue lends memory that stays valid, at its place and
/// unused by others, until the entry's final completion. `arg` is null or points to `size` bytes
/// that hold what `flags` say, and so do the addresses in it.
#[inline]
pub(crate) unsafe fn enter(
    fd: RawFd,
    to_submit: u32,
    min_complete: u32,
    flags: u32,
    arg: *const c_void,
    size: usize,
) -> io::Result<u32> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::enter(fd, to_submit, min_complete, flags, arg, size) {
        return answer;
    }
    // SAFETY: the arguments are of the kinds that the call takes, and what they point to is
    // promised by the caller.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_io_uring_enter,
            fd as c_long,
            to_submit as c_long,
            min_complete as c_long,
            flags as c_long,
            arg as c_long,
            size as c_long,
        )
    };
    result(answer)
}

/// Registers something with the ring, takes it back, or asks; the answer's meaning is `opcode`'s.
///
/// `fd` is the ring's descriptor or, with `REGISTER_USE_REGISTERED_RING` in `opcode`, its index.
///
/// # Errors
///
/// The errno of the kernel.
///
/// # Safety
///
/// `arg` is null or points to what `opcode` takes, `count` of them, writable if the kernel writes
/// there. Memory that stays registered (buffers, buffer rings) stays valid until it is
/// unregistered and no op uses it any more.
#[inline]
pub(crate) unsafe fn register(
    fd: RawFd,
    opcode: u32,
    arg: *mut c_void,
    count: u32,
) -> io::Result<u32> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::register(fd, opcode, arg, count) {
        return answer;
    }
    // SAFETY: the arguments are of the kinds that the call takes, and what they point to is
    // promised by the caller.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            fd as c_long,
            opcode as c_long,
            arg as c_long,
            count as c_long,
        )
    };
    result(answer)
}

/// The same record as the io-uring crate names it, for `IoUring::from_fd`.
pub(crate) fn parameters(params: Params) -> io_uring::Parameters {
    // SAFETY: `Parameters` is documented as a transparent wrapper over `struct io_uring_params`
    // that may be made from any initialized memory of that layout; `Params` has that layout and
    // `abi` checks both sizes.
    unsafe { std::mem::transmute::<Params, io_uring::Parameters>(params) }
}

/// Turns the answer of `syscall` into a result; the answers of these calls fit in 32 bits.
#[inline]
fn result(answer: c_long) -> io::Result<u32> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer as u32) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::sys::abi;

    fn small_ring() -> (OwnedFd, Params) {
        let mut params = Params { flags: abi::SETUP_CQSIZE, cq_entries: 32, ..Params::default() };
        let ring = setup(8, &mut params).expect("a ring of 8 entries");
        (ring, params)
    }

    #[test]
    fn setup_writes_the_sizes_and_offsets_into_params() {
        let (_ring, params) = small_ring();
        assert_eq!((params.sq_entries, params.cq_entries), (8, 32));
        assert_ne!(params.features & abi::FEAT_SINGLE_MMAP, 0);
        assert!(params.cq_off.cqes > params.cq_off.head);
    }

    #[test]
    fn params_read_the_same_through_the_crate() {
        let (_ring, params) = small_ring();
        let theirs = parameters(params);
        assert_eq!(theirs.sq_entries(), 8);
        assert_eq!(theirs.cq_entries(), 32);
        assert!(theirs.is_feature_single_mmap());
        assert_eq!(theirs.is_feature_nodrop(), params.features & abi::FEAT_NODROP != 0);
        assert_eq!(theirs.is_feature_ext_arg(), params.features & abi::FEAT_EXT_ARG != 0);
        assert!(!theirs.is_setup_sqpoll());
    }

    #[test]
    fn setup_of_no_entries_is_refused_with_einval() {
        let error = setup(0, &mut Params::default()).expect_err("no entries");
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn enter_with_nothing_to_do_submits_nothing() {
        let (ring, _params) = small_ring();
        // SAFETY: the queue is empty and there is no argument.
        let submitted = unsafe { enter(ring.as_raw_fd(), 0, 0, 0, std::ptr::null(), 0) };
        assert_eq!(submitted.expect("an empty enter"), 0);
    }

    #[test]
    fn enter_waits_no_longer_than_its_argument_says() {
        let (ring, _params) = small_ring();
        let timespec: [i64; 2] = [0, 1_000_000];
        let arg = abi::GetEventsArg { timespec: timespec.as_ptr() as u64, ..Default::default() };
        let flags = abi::ENTER_GETEVENTS | abi::ENTER_EXT_ARG;
        let size = size_of_val(&arg);
        let arg: *const abi::GetEventsArg = &arg;
        // SAFETY: the queue is empty; `arg` and the timespec in it outlive the call.
        let error = unsafe { enter(ring.as_raw_fd(), 0, 1, flags, arg.cast(), size) };
        assert_eq!(error.expect_err("no completion").raw_os_error(), Some(libc::ETIME));
    }

    #[test]
    fn register_gives_the_ring_an_index_that_enter_takes() {
        let (ring, _params) = small_ring();
        let mut update = abi::RsrcUpdate {
            offset: u32::MAX,
            data: ring.as_raw_fd() as u64,
            ..Default::default()
        };
        let arg: *mut abi::RsrcUpdate = &mut update;
        // SAFETY: `arg` points to one writable record of the kind this opcode takes.
        let count = unsafe { register(ring.as_raw_fd(), abi::REGISTER_RING_FDS, arg.cast(), 1) };
        assert_eq!(count.expect("a registered ring"), 1);
        let (index, flags) = (update.offset as RawFd, abi::ENTER_REGISTERED_RING);
        // SAFETY: the queue is empty and there is no argument.
        let submitted = unsafe { enter(index, 0, 0, flags, std::ptr::null(), 0) };
        assert_eq!(submitted.expect("an enter by index"), 0);
        update.data = 0;
        let arg: *mut abi::RsrcUpdate = &mut update;
        // SAFETY: as above; the index is taken back before the ring closes.
        let count = unsafe { register(ring.as_raw_fd(), abi::UNREGISTER_RING_FDS, arg.cast(), 1) };
        assert_eq!(count.expect("an unregistered ring"), 1);
    }

    #[test]
    fn register_of_an_unknown_opcode_is_einval() {
        let (ring, _params) = small_ring();
        // SAFETY: no opcode has this number, so nothing is read.
        let answer = unsafe { register(ring.as_raw_fd(), 1000, std::ptr::null_mut(), 0) };
        assert_eq!(answer.expect_err("no such opcode").raw_os_error(), Some(libc::EINVAL));
    }
}

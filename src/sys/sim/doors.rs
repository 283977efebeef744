//! The answers to the doors of `sys`, each `None` where the real kernel is meant: without a
//! simulator on this thread, and for a descriptor that is not the simulator's.

use std::ffi::c_void;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::enter::Enter;
use super::machine::Machine;
use super::placeholder;
use super::ring::SimRing;
use super::shared::Block;
use super::{Fault, files::FileId, is_installed, with};
use crate::sys::abi::{self, Params};

/// The flags that the simulator knows.
const FLAGS: u32 = abi::SETUP_CQSIZE
    | abi::SETUP_CLAMP
    | abi::SETUP_SUBMIT_ALL
    | abi::SETUP_COOP_TASKRUN
    | abi::SETUP_TASKRUN_FLAG
    | abi::SETUP_SINGLE_ISSUER
    | abi::SETUP_DEFER_TASKRUN
    | abi::SETUP_NO_SQARRAY;

/// The features of the newest kernel that the simulator follows.
const FEATURES: u32 = abi::FEAT_SINGLE_MMAP
    | abi::FEAT_NODROP
    | abi::FEAT_SUBMIT_STABLE
    | abi::FEAT_RW_CUR_POS
    | abi::FEAT_FAST_POLL
    | abi::FEAT_POLL_32BITS
    | abi::FEAT_EXT_ARG
    | abi::FEAT_NATIVE_WORKERS
    | abi::FEAT_CQE_SKIP
    | abi::FEAT_LINKED_FILE
    | abi::FEAT_REG_REG_RING
    | abi::FEAT_MIN_TIMEOUT
    | abi::FEAT_NO_IOWAIT;

/// `io_uring_setup(2)`.
pub(in crate::sys) fn setup(entries: u32, params: &mut Params) -> Option<io::Result<OwnedFd>> {
    is_installed().then(|| with(|machine| machine.set_up(entries, params)))
}

impl Machine {
    fn set_up(&mut self, entries: u32, params: &mut Params) -> io::Result<OwnedFd> {
        if self.faults.get(Fault::OldKernel) > 0 {
            mark!("setup by an older kernel");
        }
        // Older kernels lack the newest flags and features first.
        let (flags, features) = match self.faults.get(Fault::OldKernel) {
            0 => (FLAGS, FEATURES),
            1 => (FLAGS, FEATURES & !abi::FEAT_NO_IOWAIT),
            2 => (
                FLAGS & !abi::SETUP_NO_SQARRAY,
                FEATURES & !(abi::FEAT_NO_IOWAIT | abi::FEAT_MIN_TIMEOUT),
            ),
            _ => (
                FLAGS & !(abi::SETUP_NO_SQARRAY | abi::SETUP_DEFER_TASKRUN),
                FEATURES & !(abi::FEAT_NO_IOWAIT | abi::FEAT_MIN_TIMEOUT),
            ),
        };
        if params.flags & !flags != 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        params.features = features;
        let block = Block::new(entries, params)?;
        let number = placeholder::number()?;
        let (host, raw) = (self.current, number.as_raw_fd());
        self.rings.push(SimRing::new(host, raw, params.flags, block));
        self.note("ring", self.rings.len() as u64, i64::from(params.sq_entries));
        Ok(number)
    }

    /// The memory of the ring with this number.
    pub(super) fn block_of(&self, number: RawFd) -> Option<Rc<Block>> {
        self.ring_of(number, false).map(|ring| Rc::clone(&self.rings[ring].shared))
    }
}

/// `io_uring_enter(2)`.
#[inline]
pub(in crate::sys) fn enter(
    fd: RawFd,
    to_submit: u32,
    min_complete: u32,
    flags: u32,
    arg: *const c_void,
    size: usize,
) -> Option<io::Result<u32>> {
    if !is_installed() {
        return None;
    }
    let call = Enter { fd, to_submit, min_complete, flags, arg: arg as u64, size };
    with(|machine| machine.enter(call))
}

/// `io_uring_register(2)`.
pub(in crate::sys) fn register(
    fd: RawFd,
    opcode: u32,
    arg: *mut c_void,
    count: u32,
) -> Option<io::Result<u32>> {
    if !is_installed() {
        return None;
    }
    with(|machine| machine.register(fd, opcode, arg as u64, count))
}

/// The monotonic clock.
#[inline]
pub(in crate::sys) fn clock_ns() -> Option<u64> {
    // A reading costs a little time, so that a loop that only reads the clock comes to an end.
    is_installed().then(|| {
        with(|machine| {
            machine.now_ns += 5;
            machine.now_ns
        })
    })
}

/// A pause of the thread.
pub(in crate::sys) fn pause(time: std::time::Duration) -> bool {
    if !is_installed() {
        return false;
    }
    let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    with(|machine| machine.advance_to(machine.now_ns.saturating_add(time_ns)));
    true
}

/// `socket(2)`.
pub(in crate::sys) fn socket(family: i32, kind: i32) -> Option<io::Result<OwnedFd>> {
    is_installed().then(|| with(|machine| machine.socket(family, kind)))
}

/// `eventfd(2)`.
pub(in crate::sys) fn eventfd() -> Option<io::Result<OwnedFd>> {
    is_installed().then(|| with(Machine::eventfd))
}

/// Adds one to an event counter.
pub(in crate::sys) fn signal(eventfd: BorrowedFd<'_>) -> bool {
    is_installed() && with(|machine| machine.signal(eventfd.as_raw_fd()))
}

/// Runs a call on the file of a descriptor of the simulator's.
fn on_file<T>(
    number: BorrowedFd<'_>,
    call: impl FnOnce(&mut Machine, FileId) -> Result<T, i32>,
) -> Option<io::Result<T>> {
    if !is_installed() {
        return None;
    }
    with(|machine| {
        let file = machine.file_of(number.as_raw_fd())?;
        Some(call(machine, file).map_err(io::Error::from_raw_os_error))
    })
}

/// `bind(2)`.
pub(in crate::sys) fn bind(socket: BorrowedFd<'_>, address: SocketAddr) -> Option<io::Result<()>> {
    on_file(socket, |machine, file| machine.bind(file, address))
}

/// `listen(2)`.
pub(in crate::sys) fn listen(socket: BorrowedFd<'_>, backlog: i32) -> Option<io::Result<()>> {
    on_file(socket, |machine, file| machine.listen(file, backlog))
}

/// `getsockname(2)`.
pub(in crate::sys) fn local_addr(socket: BorrowedFd<'_>) -> Option<io::Result<SocketAddr>> {
    on_file(socket, Machine::local_addr)
}

/// `getpeername(2)`.
pub(in crate::sys) fn peer_addr(socket: BorrowedFd<'_>) -> Option<io::Result<SocketAddr>> {
    on_file(socket, Machine::peer_addr)
}

/// `flock(2)`, which does not wait.
pub(in crate::sys) fn lock(file: BorrowedFd<'_>, how: i32) -> Option<io::Result<()>> {
    on_file(file, |machine, file| machine.lock(file, how))
}

/// `shutdown(2)`.
pub(in crate::sys) fn shutdown(socket: BorrowedFd<'_>, how: i32) -> Option<io::Result<()>> {
    on_file(socket, |machine, file| machine.shut_down(file, how))
}

/// `getsockopt(2)`.
pub(in crate::sys) fn option(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
) -> Option<io::Result<[i32; 2]>> {
    on_file(socket, |machine, file| machine.option(file, level, name))
}

/// `setsockopt(2)`.
pub(in crate::sys) fn set_option(
    socket: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: [i32; 2],
) -> Option<io::Result<()>> {
    on_file(socket, |machine, file| machine.set_option(file, level, name, value))
}

/// `setsockopt(2)` of a group that a socket joins or leaves.
pub(in crate::sys) fn set_membership(
    socket: BorrowedFd<'_>,
    group: IpAddr,
    joins: bool,
) -> Option<io::Result<()>> {
    on_file(socket, |machine, file| machine.set_membership(file, group, joins))
}

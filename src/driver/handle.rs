//! A counted handle on a descriptor: what every socket and file of the crate holds.

#![expect(unsafe_code, reason = "lends the descriptor that the count keeps open")]

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use super::FdRef;
use crate::sys::{self, Owned};

/// One user of a descriptor in its loop's table.
///
/// It is an index, so it may be sent to another thread; there it can only be dropped, which sends
/// the index home. One that outlives its loop keeps the descriptor open until it is dropped.
#[derive(Debug)]
pub struct SharedFd(FdRef);

/// What is made of a descriptor that an op brought: a stream of an accept, for instance.
///
/// Sealed: only the crate can name what it takes.
#[doc(hidden)]
pub trait FromSharedFd: Sized + 'static {
    /// The handle that owns this user of the descriptor.
    fn from_shared_fd(fd: SharedFd) -> Self;
}

/// What bytes can be moved from and to within the kernel, by [`splice`](crate::io::splice) and
/// [`tee`](crate::io::tee): connections, files, pipes and other descriptors of this loop.
///
/// Sealed: only the crate can name what it gives.
pub trait Spliceable {
    /// The handle on the descriptor.
    #[doc(hidden)]
    fn shared_fd(&self) -> &SharedFd;
}

/// Descriptors whose loop has ended while handles were still there, with their number of users.
static ORPHANS: Mutex<Option<HashMap<FdRef, (Owned, u32)>>> = Mutex::new(None);

impl SharedFd {
    /// Takes a descriptor into this thread's loop.
    ///
    /// # Errors
    ///
    /// Outside a loop; the descriptor is closed.
    pub(crate) fn adopt(fd: Owned) -> io::Result<SharedFd> {
        let adopted = super::with(|driver| driver.descriptors.adopt(fd));
        adopted.map(SharedFd).ok_or_else(outside)
    }

    /// The same with a descriptor of the user's.
    pub(crate) fn adopt_std(fd: OwnedFd) -> io::Result<SharedFd> {
        SharedFd::adopt(sys::own(fd))
    }

    /// The name for an op, not counted.
    #[inline]
    pub(crate) fn name(&self) -> FdRef {
        self.0
    }

    /// One more user; `None` on another thread than the loop's.
    pub(crate) fn try_clone(&self) -> Option<SharedFd> {
        let retained = super::with(|driver| driver.descriptors.retain_handle(self.0));
        (retained == Some(true)).then(|| SharedFd(self.0))
    }

    /// As [`try_clone`](Self::try_clone), with the reason when it fails.
    pub(crate) fn clone_here(&self) -> io::Result<SharedFd> {
        self.try_clone().ok_or_else(elsewhere)
    }

    /// Notes whether closing the descriptor would wait.
    pub(crate) fn set_lingers(&self, lingers: bool) {
        let _elsewhere = super::with(|driver| driver.descriptors.set_lingers(self.0, lingers));
    }

    /// Lingers as `parent` does, the listener that the connection was accepted by.
    #[inline]
    pub(crate) fn inherit(&self, parent: FdRef) {
        let _elsewhere = super::with(|driver| {
            if driver.descriptors.lingers(parent) {
                driver.descriptors.set_lingers(self.0, true);
            }
        });
    }

    /// Takes the descriptor out of the loop.
    ///
    /// # Errors
    ///
    /// The handle, when another handle or an operation in flight uses the descriptor, when bytes
    /// or connections are kept for its next operation, or on another thread than the loop's.
    pub(crate) fn into_owned(self) -> Result<OwnedFd, SharedFd> {
        match super::with(|driver| driver.descriptors.take_sole(self.0)).flatten() {
            Some(fd) => Ok(sys::disown(fd)),
            None => Err(self),
        }
    }

    /// How many bytes abandoned reads have left for the next read.
    pub(crate) fn kept_bytes(&self) -> usize {
        let kept = super::with(|driver| driver.descriptors.stash(self.0).map_or(0, |s| s.len()));
        kept.unwrap_or(0)
    }

    /// Whether abandoned ops have left what nobody says again: bytes, connections, an error.
    pub(crate) fn has_kept(&self) -> bool {
        super::with(|driver| driver.descriptors.has_precious_leftovers(self.0)) == Some(true)
    }

    /// Whether this is a forked child's copy of the handle: the descriptor is shared with the
    /// parent's.
    pub(crate) fn is_forked(&self) -> bool {
        let forked = |driver: &mut super::Driver| !driver.ring.is_own();
        self.is_here() && super::with(forked) == Some(true)
    }

    /// Whether the descriptor is one of this thread's loop.
    pub(crate) fn is_here(&self) -> bool {
        super::with(|driver| driver.runtime) == Some(self.0.runtime)
    }
}

impl AsFd for SharedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: this handle is counted, and the table closes the descriptor only when the last
        // user is gone; a table that ends first hands what is still used to `ORPHANS`.
        unsafe { BorrowedFd::borrow_raw(self.0.descriptor().number()) }
    }
}

impl AsRawFd for SharedFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.descriptor().number()
    }
}

impl Drop for SharedFd {
    fn drop(&mut self) {
        release(self.0);
    }
}

fn release(fd: FdRef) {
    let here = super::with(|driver| {
        let own = driver.runtime == fd.runtime;
        if own {
            driver.release_handle(fd);
        }
        own
    });
    if here != Some(true) && !crate::remote::send_home(fd.runtime, move || release(fd)) {
        release_orphan(fd);
    }
}

/// Keeps a descriptor open for the handles that outlive its loop.
pub(super) fn adopt_orphan(fd: FdRef, owned: Owned, users: u32) {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    orphans.get_or_insert_default().insert(fd, (owned, users));
}

fn release_orphan(fd: FdRef) {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(map) = orphans.as_mut() else { return };
    let Some((_, users)) = map.get_mut(&fd) else { return };
    *users -= 1;
    if *users == 0 {
        let closed = map.remove(&fd);
        drop(orphans);
        drop(closed);
    }
}

#[cold]
pub(super) fn outside() -> io::Error {
    io::Error::other(
        "there is no annulus loop on this thread: run the program in `annulus::run` or \
         `Runtime::block_on`",
    )
}

#[cold]
fn elsewhere() -> io::Error {
    io::Error::other("a handle can be cloned and split on the thread of its own loop only")
}

impl PartialEq for SharedFd {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

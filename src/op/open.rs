//! `IORING_OP_OPENAT`

use std::io;
use std::marker::PhantomData;
use std::path::Path;

use crate::driver::{FromSharedFd, Op, SharedFd, Submit};
use crate::sys::{self, KernelPath, OpenFlags, Owned, Sqe};

/// Opens a file and gives a handle `H` on it.
///
/// The descriptor of an abandoned open is closed. The kernel tries first whether the file can be
/// opened without waiting, as if it had been told not to wait, and takes what that gives: a named
/// pipe that is to be read is open before it has a writer, and its first read waits for one.
#[derive(Debug)]
pub struct Open<H> {
    path: KernelPath,
    flags: i32,
    mode: u32,
    waits: bool,
    handle: PhantomData<fn() -> H>,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn open<H>(path: &Path, flags: OpenFlags, mode: u32) -> Submit<Open<H>>
where
    H: FromSharedFd,
{
    let (path, flags) = match flags.to_number() {
        Ok(flags) => (KernelPath::new(path), flags),
        Err(error) => (KernelPath::refused(error), 0),
    };
    Submit::new(Open { path, flags, mode, waits: false, handle: PhantomData })
}

impl<H: FromSharedFd> Op for Open<H> {
    type Completed = Owned;
    type Output = io::Result<H>;
    const NAME: &'static str = "open";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Owned> {
        let open = Sqe::open(self.path.as_c_str(), self.flags, self.mode);
        if self.waits { open.off_thread() } else { open }
    }

    fn complete(self, opened: io::Result<Owned>) -> Self::Output {
        self.path.explain(opened).and_then(SharedFd::adopt).map(H::from_shared_fd)
    }

    /// The kernel's first try does not wait, so a pipe that nobody reads yet has no reader for it.
    fn retries(&mut self, error: &io::Error) -> bool {
        sys::is_without_reader(error) && !std::mem::replace(&mut self.waits, true)
    }
}

//! `IORING_OP_SETXATTR`

use std::io;
use std::path::Path;

use crate::buf::{self, IoBuf};
use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Sets an extended attribute of a file.
#[derive(Debug)]
pub struct SetXattr<B> {
    path: KernelPath,
    name: KernelPath,
    value: B,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn set_xattr<B: IoBuf>(path: &Path, name: &Path, value: B) -> Submit<SetXattr<B>> {
    Submit::new(SetXattr { path: KernelPath::new(path), name: KernelPath::new(name), value })
}

impl<B: IoBuf> Op for SetXattr<B> {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "setxattr";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::set_xattr(self.path.as_c_str(), self.name.as_c_str(), buf::lend(&self.value))
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.path.explain(self.name.explain(result))
    }
}

//! `IORING_OP_SYMLINKAT`

use std::io;
use std::path::Path;

use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Makes a symbolic link.
#[derive(Debug)]
pub struct Symlink {
    original: KernelPath,
    link: KernelPath,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn symlink(original: &Path, link: &Path) -> Submit<Symlink> {
    Submit::new(Symlink { original: KernelPath::new(original), link: KernelPath::new(link) })
}

impl Op for Symlink {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "symlink";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::symlink(self.original.as_c_str(), self.link.as_c_str())
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.original.explain(self.link.explain(result))
    }
}

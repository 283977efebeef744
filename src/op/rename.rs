//! `IORING_OP_RENAMEAT`

use std::io;
use std::path::Path;

use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Gives a file another name, in place of what has it.
#[derive(Debug)]
pub struct Rename {
    from: KernelPath,
    to: KernelPath,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn rename(from: &Path, to: &Path) -> Submit<Rename> {
    Submit::new(Rename { from: KernelPath::new(from), to: KernelPath::new(to) })
}

impl Op for Rename {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "rename";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::rename(self.from.as_c_str(), self.to.as_c_str())
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.from.explain(self.to.explain(result))
    }
}

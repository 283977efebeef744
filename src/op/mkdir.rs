//! `IORING_OP_MKDIRAT`

use std::io;
use std::path::Path;

use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Makes a directory.
#[derive(Debug)]
pub struct Mkdir {
    path: KernelPath,
    mode: u32,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn mkdir(path: &Path, mode: u32) -> Submit<Mkdir> {
    Submit::new(Mkdir { path: KernelPath::new(path), mode })
}

impl Op for Mkdir {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "mkdir";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::mkdir(self.path.as_c_str(), self.mode)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.path.explain(result)
    }
}

//! `IORING_OP_UNLINKAT`

use std::io;
use std::path::Path;

use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Removes a name of a file, or an empty directory.
#[derive(Debug)]
pub struct Unlink {
    path: KernelPath,
    directory: bool,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn unlink(path: &Path, directory: bool) -> Submit<Unlink> {
    Submit::new(Unlink { path: KernelPath::new(path), directory })
}

impl Op for Unlink {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "unlink";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::unlink(self.path.as_c_str(), self.directory)
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.path.explain(result)
    }
}

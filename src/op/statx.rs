//! `IORING_OP_STATX`

use std::io;
use std::path::Path;

use crate::driver::{FdRef, Op, SharedFd, Submit};
use crate::sys::{KernelPath, Metadata, Sqe, StatBuf};

/// Reads the metadata of a file.
#[derive(Debug)]
pub struct Statx {
    file: Target,
    stat: StatBuf,
}

#[derive(Debug)]
enum Target {
    Open(FdRef),
    Path { path: KernelPath, follow: bool },
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn statx_of(file: &SharedFd) -> Submit<Statx> {
    Submit::new(Statx { file: Target::Open(file.name()), stat: StatBuf::new() })
}

/// With `follow`, the metadata of what a link leads to; without, of the link.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn statx(path: &Path, follow: bool) -> Submit<Statx> {
    let file = Target::Path { path: KernelPath::new(path), follow };
    Submit::new(Statx { file, stat: StatBuf::new() })
}

impl Op for Statx {
    type Completed = ();
    type Output = io::Result<Metadata>;
    const NAME: &'static str = "statx";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        match &self.file {
            Target::Open(file) => Sqe::statx_of(file.descriptor(), &mut self.stat),
            Target::Path { path, follow } => Sqe::statx(path.as_c_str(), *follow, &mut self.stat),
        }
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        let result = match self.file {
            Target::Open(_) => result,
            Target::Path { path, .. } => path.explain(result),
        };
        result.map(|()| self.stat.into_metadata())
    }

    fn descriptor(&self) -> Option<FdRef> {
        match self.file {
            Target::Open(file) => Some(file),
            Target::Path { .. } => None,
        }
    }
}

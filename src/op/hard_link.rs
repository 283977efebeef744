//! `IORING_OP_LINKAT`

use std::io;
use std::path::Path;

use crate::driver::{Op, Submit};
use crate::sys::{KernelPath, Sqe};

/// Gives a file one more name.
#[derive(Debug)]
pub struct HardLink {
    original: KernelPath,
    link: KernelPath,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn hard_link(original: &Path, link: &Path) -> Submit<HardLink> {
    Submit::new(HardLink { original: KernelPath::new(original), link: KernelPath::new(link) })
}

impl Op for HardLink {
    type Completed = ();
    type Output = io::Result<()>;
    const NAME: &'static str = "hard_link";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, ()> {
        Sqe::hard_link(self.original.as_c_str(), self.link.as_c_str())
    }

    fn complete(self, result: io::Result<()>) -> Self::Output {
        self.original.explain(self.link.explain(result))
    }
}

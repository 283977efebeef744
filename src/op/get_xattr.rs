//! `IORING_OP_GETXATTR`

use std::io;
use std::path::Path;

use crate::buf::{self, BufResult, IoBufMut};
use crate::driver::{Op, Submit};
use crate::sys::{Filled, KernelPath, Sqe};

/// Reads an extended attribute of a file.
#[derive(Debug)]
pub struct GetXattr<B> {
    path: KernelPath,
    name: KernelPath,
    value: B,
}

/// Without room it gives the length of the value.
#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn get_xattr<B: IoBufMut>(path: &Path, name: &Path, value: B) -> Submit<GetXattr<B>> {
    Submit::new(GetXattr { path: KernelPath::new(path), name: KernelPath::new(name), value })
}

impl<B: IoBufMut> Op for GetXattr<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "getxattr";
    const HAS_LINKED_TIMEOUT: bool = false;

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        let value = buf::lend_mut(&mut self.value);
        Sqe::get_xattr(self.path.as_c_str(), self.name.as_c_str(), value)
    }

    fn complete(mut self, result: io::Result<Filled>) -> Self::Output {
        let result = self.path.explain(self.name.explain(result)).map(|filled| filled.0);
        match result {
            Ok(len) if self.value.as_uninit().len() == 0 => BufResult(Ok(len), self.value),
            result => buf::reclaim(self.value, result),
        }
    }
}

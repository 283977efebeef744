//! Files read into and written from registered buffers.

use super::File;
use crate::buf::FixedBuf;
use crate::driver::Submit;
use crate::op::{self, ReadFixedAt, WriteFixedAt};

/// With registered buffers: see [`FixedBufs`](crate::buf::FixedBufs).
impl File {
    /// As [`read_at`](Self::read_at), into a registered buffer. Since kernel 5.1.
    ///
    /// # Errors
    ///
    /// As for [`read_at`](Self::read_at).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn read_fixed_at(&self, buf: FixedBuf, offset: u64) -> Submit<ReadFixedAt> {
        op::read_fixed_at(&self.fd, buf, offset)
    }

    /// As [`write_at`](Self::write_at), of a registered buffer. Since kernel 5.1.
    ///
    /// # Errors
    ///
    /// As for [`write_at`](Self::write_at).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn write_fixed_at(&self, buf: FixedBuf, offset: u64) -> Submit<WriteFixedAt> {
        op::write_fixed_at(&self.fd, buf, offset)
    }
}

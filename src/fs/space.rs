//! The space that an open file takes: its length, room that is reserved and given back.

use std::io;

use super::File;
use crate::driver::Submit;
use crate::op::{self, Fallocate};
use crate::sys::Allocation;

/// Length and space.
impl File {
    /// Reserves the room of `len` bytes from `offset` on and extends the file over them: writes
    /// there do not fail for want of it. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// `ENOSPC`; `EOPNOTSUPP` of a file system without; `EINVAL` when `len` is zero.
    ///
    /// # Cancellation
    ///
    /// Dropped in flight, it may have been done or not.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn allocate(&self, offset: u64, len: u64) -> Submit<Fallocate> {
        op::fallocate(&self.fd, offset, len, Allocation::Extend)
    }

    /// Gives the room of `len` bytes from `offset` on back to the file system: they read as zeros
    /// afterwards, and the file keeps its length. Since kernel 5.6.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` of a file system without; `EINVAL` when `len` is zero.
    ///
    /// # Cancellation
    ///
    /// Dropped in flight, it may have been done or not.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn punch_hole(&self, offset: u64, len: u64) -> Submit<Fallocate> {
        op::fallocate(&self.fd, offset, len, Allocation::PunchHole)
    }

    /// Sets the length of the file: what lies past it is gone, and what is added reads as zeros.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for more than `i64::MAX` bytes, and of a file that was not opened to be
    /// written to; `EFBIG`, `EIO`.
    ///
    /// # Cancellation
    ///
    /// Dropped in flight, the length may have been set or not.
    pub async fn set_len(&self, len: u64) -> io::Result<()> {
        if i64::try_from(len).is_err() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no file is longer than i64::MAX bytes",
            ));
        }
        match op::ftruncate(&self.fd, len).await {
            // Before 6.9 the kernel does not know the opcode and says this, as it does of a file
            // that cannot be cut. The call tells which.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.off_loop(move |file| file.set_len(len)).await
            }
            set => set,
        }
    }
}

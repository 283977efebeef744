//! Files behind the traits of `io` and of std.

use std::future::Future;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use super::File;
use crate::buf::{BufResult, IoBuf, IoBufMut, IoVectoredBuf, IoVectoredBufMut};
use crate::driver::{FromSharedFd, SharedFd, Spliceable};
use crate::io::{AsyncReadAt, AsyncWriteAt};

impl AsyncReadAt for File {
    fn read_at<B: IoBufMut>(
        &self,
        buf: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        File::read_at(self, buf, offset)
    }

    fn readv_at<B: IoVectoredBufMut>(
        &self,
        bufs: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        File::readv_at(self, bufs, offset)
    }
}

impl AsyncWriteAt for File {
    fn write_at<B: IoBuf>(&self, buf: B, offset: u64) -> impl Future<Output = BufResult<usize, B>> {
        File::write_at(self, buf, offset)
    }

    fn writev_at<B: IoVectoredBuf>(
        &self,
        bufs: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        File::writev_at(self, bufs, offset)
    }
}

impl Spliceable for File {
    fn shared_fd(&self) -> &SharedFd {
        &self.fd
    }
}

impl FromSharedFd for File {
    fn from_shared_fd(fd: SharedFd) -> Self {
        File { fd }
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

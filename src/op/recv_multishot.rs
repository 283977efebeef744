//! `IORING_OP_RECV` with `IORING_RECV_MULTISHOT`

use std::io;

use crate::buf::PooledBuf;
use crate::driver::{self, FdRef, Lane, Multishot, MultishotOp, Op, SharedFd, Stash};
use crate::sys::{FilledFromGroup, Sqe};

/// Receives into buffers of the loop's pool, one after another.
#[derive(Debug)]
pub struct RecvMultishot {
    socket: FdRef,
    group: u16,
}

pub(crate) fn recv_multishot(socket: &SharedFd, group: u16) -> Multishot<RecvMultishot> {
    Multishot::new(RecvMultishot { socket: socket.name(), group })
}

impl Op for RecvMultishot {
    type Completed = FilledFromGroup;
    type Output = ();
    const NAME: &'static str = "recv";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, FilledFromGroup> {
        Sqe::recv_multishot(self.socket.descriptor(), self.group)
    }

    fn complete(self, _result: io::Result<FilledFromGroup>) {}

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<FilledFromGroup>> {
        // Kept bytes are not in the pool; the stream reads them with a plain receive.
        stash.has_bytes().then(|| Err(crate::sys::out_of_buffers()))
    }
}

impl MultishotOp for RecvMultishot {
    type Item = PooledBuf;
    const QUEUED_MAX: usize = 32;

    fn item(filled: FilledFromGroup) -> PooledBuf {
        match filled.buffer_id {
            Some(id) => driver::take_buffer(id, filled.len),
            None => PooledBuf::from_vec(Vec::new()),
        }
    }

    fn keep(socket: FdRef, filled: FilledFromGroup) {
        driver::keep_received(socket, Ok(&Self::item(filled)), true);
    }
}

//! `IORING_OP_RECVMSG` into several buffers

use std::io;

use crate::buf::{self, BufResult, IoVectoredBufMut, LentSlices};
use crate::driver::{self, FdRef, Lane, Leftover, Op, SharedFd, Stash, Submit};
use crate::sys::{Filled, MessageHeader, Sqe};

/// Receives into several buffers, one after another.
#[derive(Debug)]
pub struct RecvVectored<B> {
    socket: FdRef,
    bufs: B,
    pieces: LentSlices,
    header: MessageHeader,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv_vectored<B: IoVectoredBufMut>(
    socket: &SharedFd,
    bufs: B,
) -> Submit<RecvVectored<B>> {
    let (pieces, header) = (LentSlices::new(), MessageHeader::new());
    Submit::new(RecvVectored { socket: socket.name(), bufs, pieces, header })
}

impl<B: IoVectoredBufMut> Op for RecvVectored<B> {
    type Completed = Filled;
    type Output = BufResult<usize, B>;
    const NAME: &'static str = "recvmsg";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, Filled> {
        buf::lend_all_mut(&mut self.bufs, &mut self.pieces);
        if self.pieces.as_parts().1 == 0 {
            return Sqe::nothing_filled();
        }
        self.header.set_pieces(&self.pieces);
        Sqe::recv_message(self.socket.descriptor(), &mut self.header)
    }

    fn complete(self, result: io::Result<Filled>) -> Self::Output {
        buf::reclaim_all(self.bufs, result.map(|filled| filled.0))
    }

    fn salvage(self, result: io::Result<Filled>) {
        let socket = self.socket;
        let has_room = self.pieces.as_parts().1 > 0;
        let BufResult(result, bufs) = self.complete(result);
        let mut left = match result {
            Ok(count) if count > 0 => count,
            received => return driver::keep_received(socket, received.map(|_| &[][..]), has_room),
        };
        for bytes in bufs.iter_init() {
            let count = bytes.len().min(left);
            driver::keep(socket, Leftover::Bytes(&bytes[..count]));
            left -= count;
        }
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<Filled>> {
        let mut total = None;
        self.bufs.for_each_uninit(&mut |room| {
            if let Some(count) = stash.take_bytes(room) {
                *total.get_or_insert(0) += count;
            }
        });
        match total {
            Some(count) => Some(Ok(Filled(count))),
            None => stash.take_end().map(|end| end.map(Filled)),
        }
    }
}

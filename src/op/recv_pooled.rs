//! `IORING_OP_RECV` with `IOSQE_BUFFER_SELECT`

use std::io;

use crate::buf::{self, BufResult, IoBufMut, PooledBuf};
use crate::driver::{self, FdRef, Lane, Op, SharedFd, Stash, Submit};
use crate::sys::{self, FilledFromGroup, Sqe};

/// Receives into a buffer that the kernel chooses from the loop's pool when bytes are there.
///
/// While it waits it holds no memory but its own few bytes. When the pool is empty, it is
/// submitted once more with a buffer of its own.
#[derive(Debug)]
pub struct RecvPooled {
    socket: FdRef,
    from: From,
}

/// Where the buffer is from.
#[derive(Debug)]
enum From {
    /// The pool: its group, and how long its buffers are.
    Group(u16, u32),
    Own(Vec<u8>),
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv_pooled(socket: &SharedFd) -> Submit<RecvPooled> {
    let group = driver::with(|driver| driver.buffer_group());
    let from = match group {
        Some(Ok((group, size))) => From::Group(group, size),
        // A kernel without provided buffers, or without memory for them, receives into the op's
        // own. Outside its loop the op panics when it is polled, with the sentence that says so.
        Some(Err(_)) | None => From::Own(Vec::with_capacity(8192)),
    };
    Submit::new(RecvPooled { socket: socket.name(), from })
}

impl Op for RecvPooled {
    type Completed = FilledFromGroup;
    type Output = io::Result<PooledBuf>;
    const NAME: &'static str = "recv";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, FilledFromGroup> {
        let socket = self.socket.descriptor();
        match &mut self.from {
            From::Own(own) => Sqe::recv_plain(socket, buf::lend_mut(own)),
            From::Group(group, size) => Sqe::recv_from_group(socket, *group, *size),
        }
    }

    fn complete(self, result: io::Result<FilledFromGroup>) -> io::Result<PooledBuf> {
        let FilledFromGroup { len, buffer_id } = result?;
        if let Some(id) = buffer_id {
            return Ok(driver::take_buffer(id, len));
        }
        let From::Own(own) = self.from else { return Ok(PooledBuf::from_vec(Vec::new())) };
        let BufResult(_, mut own) = buf::reclaim(own, Ok(len));
        own.truncate(len);
        Ok(PooledBuf::from_vec(own))
    }

    fn salvage(self, result: io::Result<FilledFromGroup>) {
        let socket = self.socket;
        match self.complete(result) {
            Ok(_) if planted!("bytes vanish on timeout") => {}
            Ok(bytes) => driver::keep_received(socket, Ok(&bytes), true),
            Err(error) => driver::keep_received(socket, Err(error), true),
        }
    }

    fn descriptor(&self) -> Option<FdRef> {
        Some(self.socket)
    }

    fn serve(&mut self, stash: &mut Stash) -> Option<io::Result<FilledFromGroup>> {
        let mut own = match &mut self.from {
            From::Own(own) => std::mem::take(own),
            From::Group(_, size) => Vec::with_capacity(stash.len().min(*size as usize)),
        };
        match stash.take_bytes(own.as_uninit()) {
            Some(len) => {
                self.from = From::Own(own);
                Some(Ok(FilledFromGroup { len, buffer_id: None }))
            }
            None => {
                if let From::Own(place) = &mut self.from {
                    *place = own;
                }
                stash.take_end().map(|end| end.map(|len| FilledFromGroup { len, buffer_id: None }))
            }
        }
    }

    fn retries(&mut self, error: &io::Error) -> bool {
        if matches!(self.from, From::Own(_)) || !sys::is_out_of_buffers(error) {
            return false;
        }
        let size = driver::with(|driver| driver.note_exhausted()).unwrap_or(8192);
        self.from = From::Own(Vec::with_capacity(size as usize));
        true
    }
}

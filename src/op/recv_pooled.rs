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
    group: Result<(u16, u32), io::ErrorKind>,
    own: Option<Vec<u8>>,
}

#[cfg_attr(debug_assertions, track_caller)]
pub(crate) fn recv_pooled(socket: &SharedFd) -> Submit<RecvPooled> {
    let group = driver::with(|driver| driver.buffer_group());
    let group = match group {
        Some(Ok(group)) => Ok(group),
        Some(Err(error)) => Err(error.kind()),
        // Outside its loop the op panics when it is polled, with the sentence that says so.
        None => Err(io::ErrorKind::Other),
    };
    // A kernel without provided buffers, or without memory for them, receives into the op's own.
    let own = group.is_err().then(|| Vec::with_capacity(8192));
    Submit::new(RecvPooled { socket: socket.name(), group, own })
}

impl Op for RecvPooled {
    type Completed = FilledFromGroup;
    type Output = io::Result<PooledBuf>;
    const NAME: &'static str = "recv";
    const LANE: Option<Lane> = Some(Lane::Read);

    fn prepare(&mut self) -> Sqe<'_, FilledFromGroup> {
        let socket = self.socket.descriptor();
        match (&mut self.own, self.group) {
            (Some(own), _) => Sqe::recv_plain(socket, buf::lend_mut(own)),
            (None, Ok((group, size))) => Sqe::recv_from_group(socket, group, size),
            (None, Err(_)) => unreachable!("without a group the op has a buffer of its own"),
        }
    }

    fn complete(self, result: io::Result<FilledFromGroup>) -> io::Result<PooledBuf> {
        let FilledFromGroup { len, buffer_id } = result?;
        if let Some(id) = buffer_id {
            return Ok(driver::take_buffer(id, len));
        }
        let own = self.own.unwrap_or_default();
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
        let size = self.group.map_or(8192, |(_, size)| size as usize);
        let own = self.own.get_or_insert_with(|| Vec::with_capacity(size.min(stash.len())));
        match stash.take_bytes(own.as_uninit()) {
            Some(len) => Some(Ok(FilledFromGroup { len, buffer_id: None })),
            None => {
                stash.take_end().map(|end| end.map(|len| FilledFromGroup { len, buffer_id: None }))
            }
        }
    }

    fn retries(&mut self, error: &io::Error) -> bool {
        if self.own.is_some() || !sys::is_out_of_buffers(error) {
            return false;
        }
        let size = driver::with(|driver| driver.note_exhausted()).unwrap_or(8192);
        self.own = Some(Vec::with_capacity(size as usize));
        true
    }
}

//! What abandoned ops have left for the next one of their descriptor.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, BytesMut};

use super::FdRef;
use crate::sys::{self, Owned, SocketAddress};

/// What abandoned ops left on a descriptor.
#[derive(Debug, Default)]
pub struct Stash {
    bytes: BytesMut,
    /// What comes after the bytes.
    end: Option<End>,
    accepted: VecDeque<(Owned, SocketAddress)>,
    /// Datagrams and what the network has answered to some, in the order in which they came.
    datagrams: VecDeque<Result<Datagram, i32>>,
}

/// A datagram that was received for nobody, and who has sent it.
#[derive(Debug)]
struct Datagram {
    bytes: Box<[u8]>,
    sender: SocketAddress,
}

/// How a stream ended while nobody was reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer has sent all it will; every read from now on says so.
    OfStream,
    /// An errno, which the kernel says once.
    Failure(i32),
}

impl Stash {
    pub(super) fn keep(&mut self, leftover: Leftover<'_>) {
        match leftover {
            Leftover::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            Leftover::EndOfStream => self.end = Some(End::OfStream),
            Leftover::Failure(errno) => self.end = Some(End::Failure(errno)),
            Leftover::Accepted(fd, peer) => self.accepted.push_back((fd, peer)),
            Leftover::Datagram(bytes, sender) => {
                self.datagrams.push_back(Ok(Datagram { bytes: bytes.into(), sender }));
            }
            Leftover::Answer(errno) => self.datagrams.push_back(Err(errno)),
        }
    }

    /// Moves bytes that were received for nobody into `room`; how many, or `None` without any.
    pub(crate) fn take_bytes(&mut self, room: &mut bytes::buf::UninitSlice) -> Option<usize> {
        let count = self.copy_bytes(room)?;
        self.bytes.advance(count);
        Some(count)
    }

    /// Copies such bytes and leaves them, for a peek.
    pub(crate) fn copy_bytes(&self, room: &mut bytes::buf::UninitSlice) -> Option<usize> {
        if self.bytes.is_empty() {
            return None;
        }
        let count = room.len().min(self.bytes.len());
        room[..count].copy_from_slice(&self.bytes[..count]);
        Some(count)
    }

    /// Whether something is kept for the next read.
    pub(crate) fn has_bytes(&self) -> bool {
        !self.bytes.is_empty() || self.end.is_some()
    }

    /// How many bytes are kept.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How the stream ended, once the bytes before that have been read: a count of zero, or an
    /// error that was reported to nobody yet.
    pub(crate) fn take_end(&mut self) -> Option<io::Result<usize>> {
        if !self.bytes.is_empty() {
            return None;
        }
        match self.end? {
            End::OfStream => Some(Ok(0)),
            End::Failure(errno) => {
                self.end = None;
                Some(Err(io::Error::from_raw_os_error(errno)))
            }
        }
    }

    /// A connection that was accepted for nobody.
    pub(crate) fn take_accepted(&mut self) -> Option<(Owned, SocketAddress)> {
        self.accepted.pop_front()
    }

    /// Moves the oldest datagram that was received for nobody into `room`, as far as it has room for
    /// it, or gives the error that was kept in its place: how many bytes there are now, and the
    /// sender.
    pub(crate) fn take_datagram(
        &mut self,
        room: &mut bytes::buf::UninitSlice,
    ) -> Option<io::Result<(usize, SocketAddress)>> {
        let copied = self.copy_datagram(room)?;
        if copied.is_ok() {
            self.datagrams.pop_front();
        }
        Some(copied)
    }

    /// Copies it and leaves it, for a peek; an error is not left.
    pub(crate) fn copy_datagram(
        &mut self,
        room: &mut bytes::buf::UninitSlice,
    ) -> Option<io::Result<(usize, SocketAddress)>> {
        match self.datagrams.front()? {
            Ok(Datagram { bytes, sender }) => {
                let count = room.len().min(bytes.len());
                room[..count].copy_from_slice(&bytes[..count]);
                Some(Ok((count, *sender)))
            }
            Err(errno) => {
                let error = io::Error::from_raw_os_error(*errno);
                self.datagrams.pop_front();
                Some(Err(error))
            }
        }
    }

    /// Whether something is kept that the kernel would not say again.
    pub(super) fn is_precious(&self) -> bool {
        let is_failure = matches!(self.end, Some(End::Failure(_)));
        let has_whole = !self.accepted.is_empty() || !self.datagrams.is_empty();
        !self.bytes.is_empty() || is_failure || has_whole
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        let has_whole = !self.accepted.is_empty() || !self.datagrams.is_empty();
        self.bytes.is_empty() && self.end.is_none() && !has_whole
    }
}

/// Something to keep for the next op of a descriptor.
#[derive(Debug)]
pub(crate) enum Leftover<'a> {
    Bytes(&'a [u8]),
    EndOfStream,
    Failure(i32),
    Accepted(Owned, SocketAddress),
    Datagram(&'a [u8], SocketAddress),
    /// An errno that the network has answered to a datagram.
    Answer(i32),
}

/// Keeps what an abandoned receive brought: bytes, the end of the stream, or an error.
///
/// `has_room` is whether the op had room for bytes, without which a count of zero says nothing.
pub(crate) fn keep_received(fd: FdRef, received: io::Result<&[u8]>, has_room: bool) {
    match received {
        Ok([]) if has_room => keep(fd, Leftover::EndOfStream),
        Ok(bytes) => keep(fd, Leftover::Bytes(bytes)),
        Err(error) => keep_failure(fd, &error),
    }
}

/// Keeps an error that the abandoned op was the only one to be told, such as a reset.
pub(crate) fn keep_failure(fd: FdRef, error: &io::Error) {
    if let (true, Some(errno)) = (sys::is_end_of_connection(error), error.raw_os_error()) {
        keep(fd, Leftover::Failure(errno));
    }
}

/// Keeps what an abandoned receive of a datagram brought.
pub(crate) fn keep_datagram(fd: FdRef, received: io::Result<(&[u8], sys::SocketAddress)>) {
    match received {
        Ok((bytes, sender)) => keep(fd, Leftover::Datagram(bytes, sender)),
        Err(error) if !sys::is_answer_to_datagram(&error) => {}
        Err(error) => keep(fd, Leftover::Answer(error.raw_os_error().unwrap_or(0))),
    }
}

/// Keeps something for the next op of a descriptor.
///
/// What nobody can read any more is dropped: the descriptor has been closed by its users.
pub(crate) fn keep(fd: FdRef, leftover: Leftover<'_>) {
    let mut leftover = Some(leftover);
    let _unread = super::with(|driver| {
        leftover.take().map(|leftover| driver.descriptors.keep(fd, leftover).err().map(drop))
    });
}

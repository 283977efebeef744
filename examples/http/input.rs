//! The bytes of a connection that have arrived and are not used up.
//!
//! As a rule a request arrives whole: it is parsed where the kernel has put it, in a buffer of the
//! loop's pool. Only what is left of a request that has not is copied, so that a connection which
//! waits holds no buffer of the pool, and one that waits for a new request holds no memory.

use std::io;

use annulus::buf::PooledBuf;
use annulus::net::TcpStream;
use annulus::task;

#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What came last, when nothing was left of what came before.
    received: Option<PooledBuf>,
    kept: Vec<u8>,
    /// How many bytes of the one or the other are used up.
    used: usize,
}

impl Input {
    pub(crate) fn bytes(&self) -> &[u8] {
        let all: &[u8] = self.received.as_deref().unwrap_or(&self.kept);
        &all[self.used..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Goes on by `count` bytes; after the last one the memory is given back.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
        if self.is_empty() {
            *self = Input::default();
        }
    }

    /// Waits for more bytes, and tells how many have come: none at the end of the stream.
    ///
    /// Dropped while it waits, it has lost nothing.
    pub(crate) async fn fill(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.keep();
        let received = stream.recv().await?;
        Ok(self.add(received))
    }

    /// As [`fill`](Self::fill), and fails when the task is asked to end.
    pub(crate) async fn fill_unless_cancelled(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.keep();
        let received = stream.recv().cancel_on(task::cancelled()).await?;
        Ok(self.add(received))
    }

    fn add(&mut self, received: PooledBuf) -> usize {
        let count = received.len();
        if self.kept.is_empty() {
            self.received = Some(received);
        } else {
            self.kept.extend_from_slice(&received);
        }
        count
    }

    /// Gives the pool's buffer back and keeps what was not used up.
    pub(crate) fn keep(&mut self) {
        match self.received.take() {
            Some(received) => self.kept.extend_from_slice(&received[self.used..]),
            None => drop(self.kept.drain(..self.used)),
        }
        self.used = 0;
    }
}

//! One connection: what is on its way out, and whether it ends.

use std::collections::VecDeque;
use std::os::fd::RawFd;

/// Bytes to be sent, by where they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// The connection's own buffer, so many bytes of it.
    Own(usize),
    /// A buffer of the shared ring's.
    Shared(u16, usize),
    /// The answers that the application wrote.
    Answers,
}

pub(crate) struct Connection<S> {
    pub(crate) fd: RawFd,
    pub(crate) state: S,
    pub(crate) buf: Vec<u8>,
    /// Answers that are being sent, and those that were written meanwhile.
    pub(crate) sending_answers: Vec<u8>,
    pub(crate) answers: Vec<u8>,
    /// The first is being sent if `sending`.
    pub(crate) parts: VecDeque<Part>,
    pub(crate) sent: usize,
    pub(crate) sending: bool,
    pub(crate) receiving: bool,
    pub(crate) ending: bool,
}

impl<S: Default> Connection<S> {
    pub(crate) fn new(fd: RawFd, buffer: usize) -> Self {
        Connection {
            fd,
            state: S::default(),
            buf: vec![0; buffer],
            sending_answers: Vec::new(),
            answers: Vec::new(),
            parts: VecDeque::new(),
            sent: 0,
            sending: false,
            receiving: false,
            ending: false,
        }
    }

    /// Nothing of it is in the kernel any more.
    pub(crate) fn is_over(&self) -> bool {
        self.ending && !self.sending && !self.receiving
    }
}

//! One thread, one level-triggered event queue, one buffer for all reads.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};

use annulus_bench_kit::Outcome;

use crate::sys;

const LISTENER: u64 = u64::MAX;
const EVENTS: usize = 1024;

/// What is done with the bytes of a connection.
pub(crate) trait Application {
    type Connection: Default;

    fn answer(
        &self,
        connection: &mut Self::Connection,
        bytes: &[u8],
        answers: &mut Vec<u8>,
    ) -> io::Result<()>;

    /// Whether the bytes themselves are the answer, so that they need not be copied.
    fn answers_are_the_bytes(&self) -> bool;
}

struct Connection<T> {
    fd: OwnedFd,
    state: T,
    /// What the socket had no room for; while there is any, nothing more is read.
    unsent: Vec<u8>,
}

pub(crate) struct Server<A: Application> {
    epoll: OwnedFd,
    listener: TcpListener,
    application: A,
    connections: Vec<Option<Connection<A::Connection>>>,
    free: Vec<usize>,
    buf: Vec<u8>,
    answers: Vec<u8>,
}

impl<A: Application> Server<A> {
    pub(crate) fn new(listener: TcpListener, buffer: usize, application: A) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = sys::epoll()?;
        sys::watch(&epoll, libc::EPOLL_CTL_ADD, listener.as_raw_fd(), libc::EPOLLIN, LISTENER)?;
        Ok(Server {
            epoll,
            listener,
            application,
            connections: Vec::new(),
            free: Vec::new(),
            buf: vec![0; buffer],
            answers: Vec::new(),
        })
    }

    pub(crate) fn run(mut self) -> Outcome<()> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        loop {
            let count = match sys::wait(&self.epoll, &mut events) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..count] {
                let token = event.u64;
                if token == LISTENER {
                    self.accept()?;
                } else if self.advance(token as usize).is_err() {
                    // The peer is gone; closing takes the descriptor out of the queue.
                    self.connections[token as usize] = None;
                    self.free.push(token as usize);
                }
            }
        }
    }

    fn accept(&mut self) -> Outcome<()> {
        loop {
            let fd = match sys::accept(self.listener.as_raw_fd(), libc::SOCK_NONBLOCK) {
                Ok(fd) => fd,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error.into()),
            };
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let (raw, token) = (fd.as_raw_fd(), index as u64);
            sys::watch(&self.epoll, libc::EPOLL_CTL_ADD, raw, libc::EPOLLIN, token)?;
            let connection = Connection { fd, state: Default::default(), unsent: Vec::new() };
            self.connections[index] = Some(connection);
        }
    }

    /// Reads once and answers, or goes on with what could not be sent.
    fn advance(&mut self, index: usize) -> io::Result<()> {
        // An event of a connection that an earlier one of the same batch has closed.
        let Some(connection) = &mut self.connections[index] else { return Ok(()) };
        let fd = connection.fd.as_raw_fd();
        if !connection.unsent.is_empty() {
            let sent = sys::send(fd, &connection.unsent)?;
            connection.unsent.drain(..sent);
            if connection.unsent.is_empty() {
                let (operation, token) = (libc::EPOLL_CTL_MOD, index as u64);
                sys::watch(&self.epoll, operation, fd, libc::EPOLLIN, token)?;
            }
            return Ok(());
        }
        let received = match sys::recv(fd, &mut self.buf) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let bytes = &self.buf[..received];
        let answers = if self.application.answers_are_the_bytes() {
            bytes
        } else {
            self.answers.clear();
            self.application.answer(&mut connection.state, bytes, &mut self.answers)?;
            &self.answers
        };
        let sent = match sys::send(fd, answers) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if sent < answers.len() {
            connection.unsent.extend_from_slice(&answers[sent..]);
            let (operation, token) = (libc::EPOLL_CTL_MOD, index as u64);
            sys::watch(&self.epoll, operation, fd, libc::EPOLLOUT, token)?;
        }
        Ok(())
    }
}

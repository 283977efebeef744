//! A closed loop: every connection sends its next request when the last is answered.
//!
//! Answers come by one multishot receive for each connection, into shared buffers, and the
//! completions of sends are left out: a turn of this loop is one system call, and each exchange one
//! entry and one completion.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use annulus_bench_kit::ring::{BufferRing, GROUP, Ring, new_ring};
use hdrhistogram::Histogram;
use io_uring::{cqueue, opcode, squeue, types};

use super::Exchange;
use super::connections::{PATIENCE, Progress};
use crate::process::thread_cpu;
use crate::{Error, patience};

/// A send that failed; those that succeed leave no completion.
const SEND: u64 = 1 << 63;

/// What the load generator saw.
#[derive(Debug)]
pub struct Load {
    pub requests: u64,
    pub wall: Duration,
    /// From before a request is sent until its answer is whole, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Its own processor time.
    pub cpu: Duration,
}

/// A histogram of nanoseconds, to a thousandth of each value, up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

/// When a measurement begins and ends.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub warm_up: Duration,
    pub measure: Duration,
}

struct Connection {
    fd: types::Fd,
    sent_at: Instant,
    progress: Progress,
}

struct Closed<'a> {
    ring: Ring,
    buffers: BufferRing,
    connections: Vec<Connection>,
    exchange: &'a Exchange,
    latency: Histogram<u64>,
    requests: u64,
    /// How many exchanges are still to be begun, where they are counted.
    left: Option<u64>,
}

/// Keeps every stream busy for the length of `window`; calls `mark` where the measured part begins
/// and where it ends.
pub fn closed_loop(
    streams: &[TcpStream],
    exchange: &Exchange,
    window: Window,
    mut mark: impl FnMut() -> Result<(), Error>,
) -> Result<Load, Error> {
    let mut closed = Closed::new(streams, exchange)?;
    for index in 0..closed.connections.len() {
        closed.receive(index)?;
        closed.send(index)?;
    }
    closed.run_until(Instant::now() + window.warm_up)?;
    (closed.requests, closed.latency) = (0, histogram());
    mark()?;
    let (began, cpu) = (Instant::now(), thread_cpu());
    closed.run_until(began + window.measure)?;
    let (wall, cpu) = (began.elapsed(), thread_cpu().saturating_sub(cpu));
    mark()?;
    Ok(Load { requests: closed.requests, wall, latency: closed.latency, cpu })
}

/// Makes about `count` exchanges over each stream's share of them and stops when the last is
/// answered, so that two runs differ by exactly what they were asked for.
pub fn counted(streams: &[TcpStream], exchange: &Exchange, count: u64) -> Result<u64, Error> {
    let mut closed = Closed::new(streams, exchange)?;
    closed.left = Some(count.saturating_sub(streams.len() as u64));
    for index in 0..closed.connections.len() {
        closed.receive(index)?;
        closed.send(index)?;
    }
    let wanted = count.max(streams.len() as u64) * exchange.requests;
    while closed.requests < wanted {
        closed.turn()?;
    }
    closed.stop_receiving()?;
    Ok(closed.requests)
}

impl<'a> Closed<'a> {
    fn new(streams: &[TcpStream], exchange: &'a Exchange) -> Result<Self, Error> {
        let entries = (streams.len() as u32 * 2).next_power_of_two().clamp(64, 4096);
        let ring = new_ring(entries, entries * 4)?;
        let size = exchange.answer.len().next_power_of_two().clamp(512, 16 * 1024);
        let buffers = BufferRing::register(&ring, 256, size)?;
        let now = Instant::now();
        let connections = streams
            .iter()
            .map(|stream| Connection {
                fd: types::Fd(stream.as_raw_fd()),
                sent_at: now,
                progress: Progress::default(),
            })
            .collect();
        Ok(Closed {
            ring,
            buffers,
            connections,
            exchange,
            latency: histogram(),
            requests: 0,
            left: None,
        })
    }

    fn run_until(&mut self, end: Instant) -> Result<(), Error> {
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// One system call, and what it completed.
    fn turn(&mut self) -> Result<(), Error> {
        wait(&mut self.ring, PATIENCE)?;
        while let Some(completion) = self.next_completion() {
            self.complete(completion)?;
        }
        self.buffers.publish();
        Ok(())
    }

    /// Ends the receives before the ring, whose own end may take a while: the next ring over these
    /// streams must get all of the bytes.
    fn stop_receiving(&mut self) -> Result<(), Error> {
        let all = types::CancelBuilder::any();
        match self.ring.submitter().register_sync_cancel(None, all) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn next_completion(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }

    fn complete(&mut self, completion: cqueue::Entry) -> Result<(), Error> {
        if completion.user_data() & SEND != 0 {
            return Err(failure("a send", completion.result()));
        }
        let index = completion.user_data() as usize;
        let result = completion.result();
        if result == -libc::ENOBUFS {
            // All buffers are in completions that come next; this connection goes on after them.
            self.buffers.publish();
            return self.receive(index);
        }
        if result == 0 {
            return Err("the server closed a connection".into());
        }
        if result < 0 {
            return Err(failure("a receive", result));
        }
        let id = cqueue::buffer_select(completion.flags()).ok_or("a receive without a buffer")?;
        let bytes = self.buffers.bytes(id, result as usize);
        let connection = &mut self.connections[index];
        let whole = connection.progress.take(bytes, &self.exchange.answer)?;
        self.buffers.provide(id);
        if !cqueue::more(completion.flags()) {
            self.receive(index)?;
        }
        if whole {
            let taken = self.connections[index].sent_at.elapsed();
            self.latency.saturating_record(taken.as_nanos() as u64);
            self.requests += self.exchange.requests;
            match &mut self.left {
                Some(0) => return Ok(()),
                Some(left) => *left -= 1,
                None => {}
            }
            self.send(index)?;
        }
        Ok(())
    }

    fn send(&mut self, index: usize) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        connection.sent_at = Instant::now();
        let request = &self.exchange.request;
        let entry = opcode::Send::new(connection.fd, request.as_ptr(), request.len() as u32)
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build()
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(SEND | index as u64);
        self.push(&entry)
    }

    fn receive(&mut self, index: usize) -> Result<(), Error> {
        let entry = opcode::RecvMulti::new(self.connections[index].fd, GROUP)
            .build()
            .user_data(index as u64);
        self.push(&entry)
    }

    fn push(&mut self, entry: &squeue::Entry) -> Result<(), Error> {
        loop {
            // SAFETY: what an entry names, the request and the buffers, lives as long as the ring.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.ring.submit()?;
        }
    }
}

/// Submits what was pushed and waits for one completion, but no longer than `limit`, which is an
/// error if it was patience that ended.
pub fn wait(ring: &mut Ring, limit: Duration) -> Result<(), Error> {
    match ring.submit_and_wait_for(limit) {
        Ok(()) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::EINTR) => Ok(()),
            Some(libc::ETIME) if limit < PATIENCE => Ok(()),
            Some(libc::ETIME) => Err(patience::over("the server has stopped answering")),
            _ => Err(error.into()),
        },
    }
}

pub fn failure(what: &str, result: i32) -> Error {
    format!("{what} failed: {}", std::io::Error::from_raw_os_error(-result)).into()
}

//! An open loop: requests arrive when they arrive, whether the server keeps up or not.
//!
//! Arrivals are a Poisson process, spread over the connections in turn. Each connection has one
//! request under way; what arrives meanwhile waits for it here. Latency counts from the arrival and
//! not from the sending, so a server that stalls is charged for everybody who came meanwhile: there
//! is no coordinated omission.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use annulus_bench_kit::ring::{BufferRing, GROUP, Ring, new_ring};
use hdrhistogram::Histogram;
use io_uring::{cqueue, opcode, squeue, types};

use super::Exchange;
use super::closed::{Load, Window, failure, histogram, wait};
use super::connections::Progress;
use crate::Error;
use crate::process::thread_cpu;

const SEND: u64 = 1 << 63;

/// Below this, waiting costs more precision than spinning costs processor time: the load generator
/// has its core for itself.
const SPIN: Duration = Duration::from_micros(60);

/// Numbers that are the same in every run.
pub struct Arrivals {
    state: u64,
    mean: Duration,
}

impl Arrivals {
    pub const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    /// `rate` arrivals a second on average.
    pub fn new(rate: f64) -> Self {
        Arrivals { state: Self::SEED, mean: Duration::from_secs_f64(1.0 / rate) }
    }

    /// The time until the next one: exponentially distributed.
    pub fn gap(&mut self) -> Duration {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // Within (0, 1], so that the logarithm is finite.
        let uniform = ((self.state >> 11) + 1) as f64 / (1u64 << 53) as f64;
        self.mean.mul_f64(-uniform.ln())
    }
}

struct Connection {
    fd: types::Fd,
    /// When the request under way arrived.
    under_way: Option<Instant>,
    waiting: VecDeque<Instant>,
    progress: Progress,
}

struct Open<'a> {
    ring: Ring,
    buffers: BufferRing,
    connections: Vec<Connection>,
    exchange: &'a Exchange,
    latency: Histogram<u64>,
    requests: u64,
    /// Only arrivals since then are recorded.
    from: Instant,
}

/// Lets `rate` exchanges a second arrive for the length of `window`, and marks as a closed loop
/// does. Requests still waiting at the end count with the time they have waited so far.
pub fn open_loop(
    streams: &[TcpStream],
    exchange: &Exchange,
    rate: f64,
    window: Window,
    mut mark: impl FnMut() -> Result<(), Error>,
) -> Result<Load, Error> {
    let mut open = Open::new(streams, exchange)?;
    let mut arrivals = Arrivals::new(rate);
    let mut next = Instant::now() + arrivals.gap();
    let mut turn = 0;
    for index in 0..streams.len() {
        open.receive(index)?;
    }
    open.run_until(Instant::now() + window.warm_up, &mut next, &mut arrivals, &mut turn)?;
    (open.requests, open.latency, open.from) = (0, histogram(), Instant::now());
    mark()?;
    let (began, cpu) = (Instant::now(), thread_cpu());
    open.run_until(began + window.measure, &mut next, &mut arrivals, &mut turn)?;
    let (wall, cpu) = (began.elapsed(), thread_cpu().saturating_sub(cpu));
    mark()?;
    open.record_waiting();
    Ok(Load { requests: open.requests, wall, latency: open.latency, cpu })
}

impl<'a> Open<'a> {
    fn new(streams: &[TcpStream], exchange: &'a Exchange) -> Result<Self, Error> {
        let ring = new_ring(1024, 8192)?;
        let size = exchange.answer.len().next_power_of_two().clamp(512, 16 * 1024);
        let buffers = BufferRing::register(&ring, 256, size)?;
        let connections = streams
            .iter()
            .map(|stream| Connection {
                fd: types::Fd(stream.as_raw_fd()),
                under_way: None,
                waiting: VecDeque::new(),
                progress: Progress::default(),
            })
            .collect();
        let (latency, from) = (histogram(), Instant::now());
        Ok(Open { ring, buffers, connections, exchange, latency, requests: 0, from })
    }

    fn run_until(
        &mut self,
        end: Instant,
        next: &mut Instant,
        arrivals: &mut Arrivals,
        turn: &mut usize,
    ) -> Result<(), Error> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            while *next <= now {
                let index = *turn % self.connections.len();
                *turn += 1;
                self.arrive(index, *next)?;
                *next += arrivals.gap();
            }
            let until = next.saturating_duration_since(Instant::now());
            if until > SPIN {
                wait(&mut self.ring, until - SPIN)?;
            } else {
                // Submits, and has the kernel finish what it deferred, without waiting.
                wait(&mut self.ring, Duration::ZERO)?;
            }
            let mut reaped = false;
            while let Some(completion) = self.next_completion() {
                self.complete(&completion)?;
                reaped = true;
            }
            if reaped {
                self.buffers.publish();
            }
        }
    }

    fn next_completion(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }

    fn arrive(&mut self, index: usize, at: Instant) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        if connection.under_way.is_some() {
            connection.waiting.push_back(at);
            return Ok(());
        }
        connection.under_way = Some(at);
        self.send(index)
    }

    fn complete(&mut self, completion: &cqueue::Entry) -> Result<(), Error> {
        let result = completion.result();
        if completion.user_data() & SEND != 0 {
            return Err(failure("a send", result));
        }
        let index = completion.user_data() as usize;
        if result == -libc::ENOBUFS {
            self.buffers.publish();
            return self.receive(index);
        }
        if result <= 0 {
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
            self.answered(index)?;
        }
        Ok(())
    }

    fn answered(&mut self, index: usize) -> Result<(), Error> {
        let connection = &mut self.connections[index];
        let arrived = connection.under_way.take().ok_or("an answer without a request")?;
        connection.under_way = connection.waiting.pop_front();
        let goes_on = connection.under_way.is_some();
        if arrived >= self.from {
            self.latency.saturating_record(arrived.elapsed().as_nanos() as u64);
        }
        self.requests += self.exchange.requests;
        if goes_on { self.send(index) } else { Ok(()) }
    }

    fn record_waiting(&mut self) {
        for connection in &self.connections {
            for arrived in connection.under_way.iter().chain(&connection.waiting) {
                if *arrived >= self.from {
                    self.latency.saturating_record(arrived.elapsed().as_nanos() as u64);
                }
            }
        }
    }

    fn send(&mut self, index: usize) -> Result<(), Error> {
        let request = &self.exchange.request;
        let fd = self.connections[index].fd;
        let entry = opcode::Send::new(fd, request.as_ptr(), request.len() as u32)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_at_their_rate_and_vary() {
        let mut arrivals = Arrivals::new(10_000.0);
        let gaps: Vec<f64> = (0..100_000).map(|_| arrivals.gap().as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1e-4).abs() < 2e-6, "{mean} with seed {:#x}", Arrivals::SEED);
        let late = gaps.iter().filter(|gap| **gap > 1e-4).count() as f64 / gaps.len() as f64;
        // Of an exponential distribution, 1/e lies above the mean.
        assert!((late - 0.3679).abs() < 0.01, "{late} with seed {:#x}", Arrivals::SEED);
    }
}

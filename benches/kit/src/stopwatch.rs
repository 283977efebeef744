//! What a piece of work cost this process: for jobs that measure themselves.

use std::time::{Duration, Instant};

use crate::counters;

/// What passed between [`Stopwatch::start`] and [`Stopwatch::stop`], for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub wall: Duration,
    /// Time on a processor, user and system, of all threads.
    pub cpu: Duration,
    pub allocations: u64,
    pub allocated_bytes: u64,
}

/// Measures one stretch of work.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    cpu: Duration,
    allocated: (u64, u64),
}

impl Stopwatch {
    pub fn start() -> Self {
        let allocated = counters::allocated();
        Stopwatch { allocated, cpu: process_cpu(), began: Instant::now() }
    }

    pub fn stop(self) -> Cost {
        let wall = self.began.elapsed();
        let cpu = process_cpu().saturating_sub(self.cpu);
        let (allocations, bytes) = counters::allocated();
        Cost {
            wall,
            cpu,
            allocations: allocations - self.allocated.0,
            allocated_bytes: bytes - self.allocated.1,
        }
    }
}

fn process_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    let outcome = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(outcome, 0, "the clock of this process");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_in_the_clocks() {
        let watch = Stopwatch::start();
        let mut sum = 0u64;
        for number in 0..3_000_000u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        let cost = watch.stop();
        assert!(cost.cpu > Duration::ZERO, "{sum}");
        assert!(cost.wall > Duration::ZERO);
    }
}

//! The settings of a loop.

use std::cell::{Cell, RefCell};

use super::Runtime;
use super::handle::Handle;
use super::parts::{Parts, Scratch};
use crate::driver::{Driver, PoolConfig};
use crate::remote::Remote;
use crate::scheduler::Scheduler;
use crate::sys::{RingConfig, SetupError};
use crate::task::Tasks;
use crate::time::timers::Timers;

/// Makes a [`Runtime`] with other settings than the default ones.
#[derive(Debug, Clone)]
#[must_use = "a builder builds nothing until `build` is called"]
pub struct Builder {
    ring: RingConfig,
    task_budget: u32,
    pool: PoolConfig,
}

impl Builder {
    /// The default settings.
    pub fn new() -> Self {
        Builder { ring: RingConfig::default(), task_budget: 64, pool: PoolConfig::default() }
    }

    /// Entries of the submission queue: how many operations go into one system call. 256 by
    /// default, rounded up to a power of two, at most 32 768.
    pub fn entries(mut self, entries: u32) -> Self {
        self.ring.entries = entries.clamp(1, 32_768);
        self
    }

    /// Entries of the completion queue. 4096 by default, rounded up to a power of two.
    ///
    /// The kernel keeps completions that find it full, so a small one costs speed and loses
    /// nothing.
    pub fn cq_entries(mut self, entries: u32) -> Self {
        self.ring.cq_entries = entries.clamp(2, 65_536);
        self
    }

    /// Sets the ring up without deferred task work, for comparison and for kernels before 6.1.
    pub fn coop_only(mut self, on: bool) -> Self {
        self.ring.coop_only = on;
        self
    }

    /// How many tasks are polled before I/O gets its turn. 64 by default.
    pub fn task_budget(mut self, polls: u32) -> Self {
        self.task_budget = polls.max(1);
        self
    }

    /// The pool that [`recv`](crate::net::TcpStream::recv) takes its buffers from: how many
    /// (rounded up to a power of two, at most 32 768) and the bytes of each. 256 of 8 KiB by
    /// default. Memory is used only once a buffer is.
    pub fn buffer_pool(mut self, count: u16, size: u32) -> Self {
        let count = count.clamp(1, 32_768).next_power_of_two();
        self.pool = PoolConfig { count, size: size.clamp(64, 1 << 24) };
        self
    }

    /// Makes the runtime on this thread.
    ///
    /// # Errors
    ///
    /// What the kernel refuses, why, and what to do about it.
    pub fn build(self) -> Result<Runtime, SetupError> {
        let number = Remote::open().ok_or_else(too_many)?;
        let driver = Driver::new(&self.ring, self.pool, number).inspect_err(|_| {
            Remote::of(number).close();
        })?;
        Remote::of(number).set_kick(Box::new(driver.notifier().kick()));
        let parts = Parts {
            driver: Box::new(driver),
            scheduler: Box::new(Scheduler::new(number)),
            tasks: Box::new(Tasks::new(number)),
            timers: Timers::new(number),
        };
        Ok(Runtime {
            parts: Cell::new(Some(parts)),
            scratch: RefCell::new(Scratch::default()),
            number,
            task_budget: self.task_budget,
            handle: Handle::new(number),
        })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

#[cold]
fn too_many() -> SetupError {
    SetupError::already_running()
}

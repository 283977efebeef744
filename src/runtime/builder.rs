//! The settings of a loop.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use super::debug::DebugConfig;
use super::handle::Handle;
use super::parts::{Parts, Scratch};
use crate::blocking::{self, BlockingPool};
use crate::driver::{Driver, PoolConfig};
use crate::remote::{LOOPS_MAX, Remote};
use crate::scheduler::Scheduler;
use crate::sys::{self, NapiConfig, Opcode, RingConfig, SetupError};
use crate::task::Tasks;
use crate::time::timers::Timers;

/// Makes a [`Runtime`] with other settings than the default ones.
///
/// ```
/// use std::time::Duration;
///
/// let runtime = annulus::Builder::new()
///     .entries(512)
///     .max_blocking_threads(4)
///     .blocking_keep_alive(Duration::from_secs(1))
///     .build()?;
/// # Ok::<(), annulus::SetupError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder builds nothing until `build` is called"]
pub struct Builder {
    ring: RingConfig,
    task_budget: u32,
    buffers: PoolConfig,
    blocking: blocking::PoolConfig,
    iowq_max_workers: Option<u32>,
    napi: Option<NapiConfig>,
    spin_before_park: Duration,
    wakes_ahead: bool,
    cpu_affinity: Vec<usize>,
    raises_nofile_limit: bool,
    #[cfg(feature = "test-util")]
    pub(super) starts_paused: bool,
    shutdown_grace: Duration,
    cleanup_limit: Option<Duration>,
    pub(super) debug: DebugConfig,
}

impl Builder {
    /// The default settings.
    pub fn new() -> Self {
        Builder {
            ring: RingConfig::default(),
            task_budget: 64,
            buffers: PoolConfig::default(),
            blocking: blocking::PoolConfig::default(),
            iowq_max_workers: None,
            napi: None,
            spin_before_park: Duration::ZERO,
            wakes_ahead: true,
            cpu_affinity: Vec::new(),
            raises_nofile_limit: true,
            #[cfg(feature = "test-util")]
            starts_paused: false,
            shutdown_grace: Duration::from_secs(1),
            cleanup_limit: None,
            debug: DebugConfig::default(),
        }
    }

    /// Entries of the submission queue: how many operations go into one system call. 256 by
    /// default, rounded up to a power of two, at least 2 and at most 32 768.
    pub fn entries(mut self, entries: u32) -> Self {
        // An operation and its timeout go into the queue together.
        self.ring.entries = entries.clamp(2, 32_768);
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

    /// Lets a kernel thread take submissions, which sleeps after `idle` without any.
    ///
    /// It takes a core for itself while it is awake: worth it only with cores to spare. The thread
    /// keeps the credentials that the process has now. Off by default.
    pub fn sqpoll(mut self, idle: Duration) -> Self {
        self.ring.sqpoll_idle = Some(idle);
        self
    }

    /// Finds completions by polling the device: only for files opened with `O_DIRECT` on devices
    /// that can; every other operation fails. Off by default.
    pub fn iopoll(mut self, on: bool) -> Self {
        self.ring.iopoll = on;
        self
    }

    /// Sets the ring up without deferred task work, for comparison and for kernels before 6.1.
    pub fn coop_only(mut self, on: bool) -> Self {
        self.ring.coop_only = on;
        self
    }

    /// Lets a wait gather completions for this long, unless a turn's worth of them, 32, come sooner.
    /// Off by default; it saves system calls with very many busy connections, and what comes alone
    /// is late by its length. Since kernel 6.12, without effect before.
    pub fn min_wait(mut self, gather: Duration) -> Self {
        self.ring.min_wait = Some(gather);
        self
    }

    /// Lets the loop look for completions again and again, for so long, before it goes to sleep in
    /// the kernel. Off by default.
    ///
    /// What comes meanwhile is seen some microseconds sooner. The loop takes its core for itself for
    /// that time whenever it is idle, so this is for cores with nothing else to do.
    pub fn spin_before_park(mut self, longest: Duration) -> Self {
        self.spin_before_park = longest;
        self
    }

    /// Whether the loop asks the kernel to wake it for a timer somewhat earlier than the timer is
    /// due, where it has measured that the kernel wakes it late. On by default.
    ///
    /// A processor of a virtual machine that was idle takes 50 µs to wake up; on bare metal, which
    /// takes some 3 µs, nothing is changed. The loop learns from its last waits, a quarter of which
    /// end too early then and are followed by a short second one. No timer fires early. Without it,
    /// timers fire later by what the processor takes, and the loop is woken once for each.
    pub fn wake_ahead(mut self, on: bool) -> Self {
        self.wakes_ahead = on;
        self
    }

    /// Lets the loop's waits poll the network devices that its sockets receive from, for so long,
    /// instead of waiting for their interrupts. With `prefer`, the devices' interrupts stay off
    /// while they are polled. Off by default.
    ///
    /// It takes a device whose driver can, and a core for itself. Since kernel 6.9; a kernel without
    /// it gets a warning in the log.
    pub fn napi(mut self, busy_poll: Duration, prefer: bool) -> Self {
        self.napi = Some(NapiConfig { busy_poll, is_preferred: prefer });
        self
    }

    /// Binds the loop's ring to these opcodes: whatever happens in the process, this ring does no
    /// other, and never again takes more. Without it all are allowed.
    ///
    /// An operation by another opcode ends with
    /// [`PermissionDenied`](std::io::ErrorKind::PermissionDenied). What the loop itself needs (to
    /// close, to cancel, to keep time, to be woken) is always allowed. Since kernel 5.10.
    ///
    /// ```
    /// use annulus::{Builder, Opcode};
    ///
    /// let runtime = Builder::new().allow_ops([Opcode::Accept, Opcode::Recv, Opcode::Send]).build()?;
    /// runtime.block_on(async {
    ///     let error = annulus::fs::read("/etc/passwd").await.unwrap_err();
    ///     assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    /// });
    /// # Ok::<(), annulus::SetupError>(())
    /// ```
    pub fn allow_ops(mut self, opcodes: impl IntoIterator<Item = Opcode>) -> Self {
        self.ring.allowed = Some(opcodes.into_iter().collect());
        self
    }

    /// How many kernel threads may run operations that cannot be done without blocking. By default
    /// the kernel decides, which may mean hundreds. Since kernel 5.15.
    pub fn iowq_max_workers(mut self, workers: u32) -> Self {
        self.iowq_max_workers = Some(workers.max(1));
        self
    }

    /// How many tasks are polled before I/O gets its turn. 64 by default.
    pub fn task_budget(mut self, polls: u32) -> Self {
        self.task_budget = polls.max(1);
        self
    }

    /// The pool that [`recv`](crate::net::TcpStream::recv) takes its buffers from: how many
    /// (rounded up to a power of two, at most 32 768) and the bytes of each. 1024 of 4 KiB by
    /// default. Memory is used only once a buffer is.
    pub fn buffer_pool(mut self, count: u16, size: u32) -> Self {
        let count = count.clamp(1, 32_768).next_power_of_two();
        self.buffers = PoolConfig { count, size: size.clamp(64, 1 << 24) };
        self
    }

    /// The first part of the names of the blocking pool's threads. `annulus` by default.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.blocking.thread_name = name.into();
        self
    }

    /// Binds the thread that builds the runtime to these CPUs, numbered from zero. The blocking
    /// pool's threads are not bound.
    pub fn cpu_affinity(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
        self.cpu_affinity = cpus.into_iter().collect();
        self
    }

    /// How many threads may run blocking jobs. By default eight for each core, but at least 32 and
    /// at most 512; they are started when a job finds none idle.
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.blocking.max_threads = threads.max(1);
        self
    }

    /// How many blocking jobs may wait for a thread before
    /// [`blocking_ready`](crate::blocking_ready) holds back. 1024 by default.
    pub fn blocking_queue(mut self, jobs: usize) -> Self {
        self.blocking.queue = jobs.max(1);
        self
    }

    /// How long a blocking thread waits for its next job before it ends. Ten seconds by default.
    pub fn blocking_keep_alive(mut self, idle: Duration) -> Self {
        self.blocking.keep_alive = idle;
        self
    }

    /// Whether to raise the soft limit of open descriptors to the hard one, as servers want. It is
    /// done by default and holds for the whole process.
    pub fn raise_nofile_limit(mut self, on: bool) -> Self {
        self.raises_nofile_limit = on;
        self
    }

    /// How long a runtime that is dropped waits for its tasks to clean up, for the kernel to give
    /// back what was lent to it, and for blocking jobs that run; see
    /// [`shutdown_timeout`](Runtime::shutdown_timeout). One second by default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// How long the [deferred](crate::task::defer) clean-up of one task may take, all of it
    /// together, counted from when the task's future has ended. Without a limit by default.
    ///
    /// What is left then is dropped, as an abort would, and a warning says whose it was; the join
    /// ends as it would have. A clean-up that is cut short sees it as every future does, by being
    /// dropped at its await. Where one clean-up is to have less, a
    /// [`timeout`](crate::time::timeout) in it bounds it.
    pub fn cleanup_limit(mut self, limit: Duration) -> Self {
        self.cleanup_limit = Some(limit);
        self
    }

    /// Makes the runtime on this thread.
    ///
    /// # Errors
    ///
    /// What the kernel refuses, why, and what to do about it.
    pub fn build(self) -> Result<Runtime, SetupError> {
        self.prepare_process();
        let number = Remote::open().ok_or_else(|| SetupError::too_many_loops(LOOPS_MAX))?;
        let built = self.build_numbered(number);
        if built.is_err() {
            Remote::of(number).close();
        }
        built
    }

    fn build_numbered(self, number: u32) -> Result<Runtime, SetupError> {
        let driver = Driver::new(&self.ring, self.buffers, number)?;
        let features = driver.ring().probe()?;
        if let Some(workers) = self.iowq_max_workers {
            if let Err(error) = driver.ring().limit_kernel_workers(workers, workers) {
                tracing::warn!(%error, "the kernel's worker threads could not be limited");
            }
        }
        if let Some(napi) = self.napi {
            if let Err(error) = driver.ring().poll_devices(napi) {
                tracing::warn!(%error, "the loop's waits poll no network devices");
            }
        }
        Remote::of(number).set_kick(Box::new(driver.notifier().kick()));
        let mut blocking = self.blocking;
        if !self.cpu_affinity.is_empty() {
            blocking.on_thread_start = Some(Arc::new(sys::affinity::unbind_thread));
        }
        let pool = Arc::new(BlockingPool::new(blocking));
        let mut parts = Parts {
            driver: Box::new(driver),
            scheduler: Box::new(Scheduler::new(number)),
            tasks: Box::new(Tasks::new(number)),
            timers: Timers::new(number),
            pool: Box::new(blocking::Current { pool: Arc::clone(&pool) }),
        };
        #[cfg(feature = "test-util")]
        if self.starts_paused {
            parts.timers.pause();
        }
        parts.tasks.set_cleanup_limit(self.cleanup_limit);
        let watchers = self.debug.apply(&mut parts, number);
        Ok(Runtime {
            parts: Cell::new(Some(parts)),
            scratch: RefCell::new(Scratch::default()),
            number,
            task_budget: self.task_budget,
            spin_ns: u64::try_from(self.spin_before_park.as_nanos()).unwrap_or(u64::MAX),
            wakes_ahead: self.wakes_ahead,
            handle: Handle::new(number, pool),
            features,
            shutdown_grace: self.shutdown_grace,
            watchers,
        })
    }

    /// Settings of the process and the thread, which help and are not needed.
    fn prepare_process(&self) {
        if self.raises_nofile_limit {
            if let Err(error) = sys::limits::raise_nofile_limit() {
                tracing::debug!(%error, "the limit of open descriptors stays as it is");
            }
        }
        if !self.cpu_affinity.is_empty() {
            if let Err(error) = sys::affinity::bind_thread(&self.cpu_affinity) {
                let cpus = &self.cpu_affinity;
                tracing::warn!(%error, ?cpus, "the loop's thread could not be bound");
            }
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

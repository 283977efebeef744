//! What the pool, its threads and its handles share, and what they do to it.
//!
//! Each function here does the same three steps: lock, let the [`State`] decide, and after the
//! lock do what was decided: call a thread, end jobs, wake.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::config::PoolConfig;
use super::job::{Run, wake_quietly};
use super::lookout::Lookout;
use super::metrics::{BlockingMetrics, Counters, nanoseconds};
use super::state::{Call, GROWTH_PAUSE, Queued, State};
use super::thread::{self, Seat};
use crate::task::JoinError;
use crate::threads::{Condvar, Mutex, MutexGuard};

pub(super) struct Shared {
    pub(super) config: PoolConfig,
    pub(super) counters: Counters,
    state: Mutex<State>,
    lookout: Lookout,
    /// Notified when the last thread ends.
    deserted: Condvar,
    /// While this is set, the system seems to refuse threads; it is called at each refusal.
    #[cfg(test)]
    pub(super) refusal: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

/// On which terms a job is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Also beyond the limit of the queue.
    Always,
    IfRoom,
    /// On a place that a permit holds, which is used up by this.
    Reserved,
}

/// Why a job was not taken.
pub(super) enum Refusal {
    Full,
    Closed,
    NoThread(io::Error),
}

/// Jobs that nobody would ever take, as there is no thread and none can be started.
struct Stranded {
    jobs: Vec<(u64, Queued)>,
    error: io::Error,
}

impl Shared {
    pub(super) fn new(config: PoolConfig) -> Arc<Self> {
        Arc::new(Shared {
            config: config.sound(),
            counters: Counters::default(),
            state: Mutex::new(State::new()),
            lookout: Lookout::default(),
            deserted: Condvar::new(),
            #[cfg(test)]
            refusal: Mutex::new(None),
        })
    }

    /// Puts `job` in the queue and sees to it that a thread will take it; gives its ticket.
    /// Where it is refused, its closure is untouched.
    pub(super) fn submit(
        self: &Arc<Self>,
        job: Arc<dyn Run>,
        admission: Admission,
    ) -> Result<u64, Refusal> {
        let now = Instant::now();
        self.lookout.note_giver();
        let mut state = self.lock();
        if admission == Admission::Reserved {
            state.reserved -= 1;
        }
        if state.closed {
            return Err(Refusal::Closed);
        }
        if admission == Admission::IfRoom && !state.has_room(&self.config) {
            return Err(Refusal::Full);
        }
        let ticket = state.queue.push(Queued { job, since: now });
        #[cfg(feature = "sim")]
        if crate::sys::sim::is_installed() {
            drop(state);
            super::simulated::hand_over(self);
            return Ok(ticket);
        }
        let call = state.call(&self.config, now);
        drop(state);
        let Err(stranded) = self.answer(call) else { return Ok(ticket) };
        let mut own = false;
        for (other, queued) in stranded.jobs {
            if other == ticket {
                own = true;
            } else {
                self.refuse(&*queued.job, Some(no_thread(&stranded.error)));
            }
        }
        if own { Err(Refusal::NoThread(no_thread(&stranded.error))) } else { Ok(ticket) }
    }

    /// Ends a job that was taken out of the queue, or never got in, without calling its closure.
    pub(super) fn refuse(&self, job: &dyn Run, cause: Option<io::Error>) {
        self.counters.cancelled.fetch_add(1, Relaxed);
        job.refuse(match cause {
            Some(cause) => JoinError::not_started(None, cause),
            None => JoinError::cancelled(None),
        });
    }

    /// Takes the job with this ticket out and ends it; false when it is not in the queue.
    pub(super) fn cancel(&self, ticket: u64) -> bool {
        let mut state = self.lock();
        let Some(queued) = state.queue.remove(ticket) else { return false };
        let granted = state.grant(&self.config);
        drop(state);
        self.refuse(&*queued.job, None);
        wake_quietly(granted);
        true
    }

    /// The next job for the thread of this seat, or `None` when the thread is to end. Sleeps
    /// between. `now` is the time as the thread knows it, `joiner` who waits for its last job.
    ///
    /// When there is nothing to do, the thread lies down first and wakes the joiner then: what
    /// that one hands over next finds an idle thread, and one that need not even be woken if it
    /// still is on its way to sleep. The price is that a waker which blocks, as none may, would
    /// hold up the job that counts on this thread.
    pub(super) fn next_job(
        self: &Arc<Self>,
        seat: &Arc<Seat>,
        now: &mut Instant,
        mut joiner: Option<Waker>,
    ) -> Option<Arc<dyn Run>> {
        let mut deadline = None;
        let mut slept = false;
        let mut state = self.lock();
        loop {
            if joiner.is_some() && (state.closed || !state.queue.is_empty()) {
                drop(state);
                self.tell(joiner.take());
                state = self.lock();
            }
            if seat.take_call() {
                state.arrive();
            } else if slept {
                state.leave_idle(seat);
            }
            let expired = slept && deadline.is_some_and(|deadline| *now >= deadline);
            let blind = expired && planted!("a thread that ends though it was called");
            if let Some(queued) = if blind { None } else { state.queue.pop() } {
                self.counters.count_start();
                state.wait_total_ns += nanoseconds(now.saturating_duration_since(queued.since));
                let call = state.call(&self.config, *now);
                let granted = state.grant(&self.config);
                drop(state);
                // While this thread lives no job is stranded.
                let _ = self.answer(call);
                wake_quietly(granted);
                return Some(queued.job);
            }
            if state.closed || expired {
                state.threads -= 1;
                if state.threads == 0 {
                    self.deserted.notify_all();
                }
                return None;
            }
            if !slept {
                deadline = now.checked_add(self.config.keep_alive);
            }
            state.idle.push(Arc::clone(seat));
            drop(state);
            self.tell(joiner.take());
            if !slept {
                self.lookout.watch(|| seat.seems_called());
            }
            if !seat.seems_called() {
                thread::park(deadline, *now);
            }
            slept = true;
            *now = Instant::now();
            state = self.lock();
        }
    }

    /// Wakes who waits for a job that is over.
    fn tell(&self, joiner: Option<Waker>) {
        if joiner.is_some() {
            wake_quietly(joiner);
            self.counters.count_told();
        }
    }

    /// Whether there is a job whose end has not been told to who awaits it.
    #[cfg(feature = "test-util")]
    pub(super) fn has_untold_jobs(&self) -> bool {
        let state = self.lock();
        !state.queue.is_empty()
            || self.counters.untold.load(std::sync::atomic::Ordering::Acquire) > 0
    }

    /// Runs the oldest job of the queue on this thread, if there is one.
    #[cfg(feature = "sim")]
    pub(super) fn run_one(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        let Some(queued) = state.queue.pop() else { return };
        self.counters.running.fetch_add(1, Relaxed);
        let granted = state.grant(&self.config);
        drop(state);
        wake_quietly(granted);
        match queued.job.run(&self.counters, now) {
            (_ended, None) => self.counters.count_told(),
            (_ended, joiner) => self.tell(joiner),
        }
    }

    /// Refuses all further jobs, ends those not started as cancelled, sends the threads home and
    /// waits for them up to `wait`. Gives the number of closures that still run.
    pub(super) fn shutdown(&self, wait: Duration) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let jobs = state.queue.take_all();
        let sleepers = std::mem::take(&mut state.idle);
        let waiters = state.waiters.take_all();
        // Each of them gets a permit, which is good for being refused.
        state.reserved += waiters.len();
        drop(state);
        sleepers.iter().for_each(|seat| seat.unpark());
        jobs.iter().for_each(|(_, queued)| self.refuse(&*queued.job, None));
        wake_quietly(waiters.into_iter().map(|(_, waker)| waker));
        self.wait_deserted(wait);
        self.counters.running.load(Relaxed)
    }

    /// Waits until no thread is left, at most for `wait`; tells whether none is.
    pub(super) fn wait_deserted(&self, wait: Duration) -> bool {
        let deadline = Instant::now().checked_add(wait);
        let mut state = self.lock();
        while state.threads > 0 {
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if left.is_zero() {
                return false;
            }
            state = match self.deserted.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    pub(super) fn metrics(&self) -> BlockingMetrics {
        let state = self.lock();
        let unstarted = state.queue.len();
        let queued = unstarted.min(self.config.queue);
        BlockingMetrics {
            threads: state.threads,
            threads_peak: state.threads_peak,
            idle: state.idle.len(),
            queued,
            waiting: unstarted - queued,
            running: self.counters.running.load(Relaxed),
            completed: self.counters.completed.load(Relaxed),
            panicked: self.counters.panicked.load(Relaxed),
            cancelled: self.counters.cancelled.load(Relaxed),
            wait_total_ns: state.wait_total_ns,
            run_total_ns: self.counters.run_total_ns.load(Relaxed),
            thread_refusals: state.thread_refusals,
        }
    }

    /// A place in the queue when there is one, or else a ticket for the line of those who wait.
    pub(super) fn reserve(&self, waker: &Waker) -> Result<(), u64> {
        let waker = waker.clone();
        let mut state = self.lock();
        if state.closed || state.has_room(&self.config) {
            state.reserved += 1;
            drop(state);
            drop(waker);
            return Ok(());
        }
        Err(state.waiters.push(waker))
    }

    /// Whether the holder of `ticket` has been granted its place; if not, `waker` is woken then.
    pub(super) fn is_granted(&self, ticket: u64, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        let Some(waiter) = state.waiters.get_mut(ticket) else {
            drop(state);
            drop(waker);
            return true;
        };
        let replaced = std::mem::replace(waiter, waker);
        drop(state);
        drop(replaced);
        false
    }

    /// Leaves the line of those who wait, or gives back the place that was granted meanwhile.
    pub(super) fn leave(&self, ticket: u64) {
        let waiter = self.lock().waiters.remove(ticket);
        match waiter {
            Some(waker) => drop(waker),
            None => self.release(),
        }
    }

    /// Gives a reserved place back.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.reserved -= 1;
        let granted = state.grant(&self.config);
        drop(state);
        wake_quietly(granted);
    }

    fn answer(self: &Arc<Self>, call: Call) -> Result<(), Stranded> {
        match call {
            Call::Nobody => Ok(()),
            Call::Sleeper(seat) => {
                seat.unpark();
                Ok(())
            }
            Call::NewThread(number) => self.start(number).or_else(|error| self.make_do(error)),
        }
    }

    fn start(self: &Arc<Self>, number: u64) -> io::Result<()> {
        #[cfg(test)]
        self.refuse_in_a_test()?;
        thread::start(self, number)
    }

    #[cfg(test)]
    fn refuse_in_a_test(&self) -> io::Result<()> {
        let refusal = self.refusal.lock().expect("not poisoned").clone();
        let Some(refusal) = refusal else { return Ok(()) };
        refusal();
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// The system refused a thread. Those that live will get to all jobs in time; when there is
    /// none, nobody would.
    fn make_do(self: &Arc<Self>, error: io::Error) -> Result<(), Stranded> {
        let mut state = self.lock();
        state.threads -= 1;
        state.thread_refusals += 1;
        state.called = false;
        if state.threads > 0 {
            state.growth_paused = Instant::now().checked_add(GROWTH_PAUSE);
            // One may have lain down since, on the word that another was coming.
            let call = state.call_sleeper();
            drop(state);
            if let Call::Sleeper(seat) = call {
                seat.unpark();
            }
            return Ok(());
        }
        let jobs = state.queue.take_all();
        let granted: Vec<Waker> = std::iter::from_fn(|| state.grant(&self.config)).collect();
        self.deserted.notify_all();
        drop(state);
        wake_quietly(granted);
        Err(Stranded { jobs, error })
    }

    /// No foreign code ever runs under this lock, so it is not poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal of a thread in words for who operates the process. The kind of EAGAIN is changed:
/// "would block" would be taken for an invitation to poll.
fn no_thread(error: &io::Error) -> io::Error {
    let kind = match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::QuotaExceeded,
        kind => kind,
    };
    let advice = "see `ulimit -u`, the pids limit of the control group and kernel.threads-max";
    io::Error::new(kind, format!("no thread could be started for blocking work: {error}; {advice}"))
}

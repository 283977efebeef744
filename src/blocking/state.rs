//! The queue, and who is to look at it: decisions only, all under one lock.
//!
//! One rule keeps wake-ups few and every job served: **at most one thread is on its way to the
//! queue, and a thread that takes a job sends the next one on its way if jobs are left, before
//! it calls the closure.** So a hundred jobs handed over in a row cost their giver one wake-up,
//! not a hundred; and since a closure may block for ever, or for what another job does, nothing
//! is left in the queue on the hope that a running job will soon be over, as long as there is a
//! thread to call or one may be started.
//!
//! Idle threads are called last in, first out: the cache of the last one is warm, and those that
//! are not needed stay asleep until their keep-alive is over.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::config::PoolConfig;
use super::job::Run;
use super::line::Line;
use super::thread::Seat;

/// After the system refused a thread, the pool makes do for so long with those it has.
pub(super) const GROWTH_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct State {
    pub(super) queue: Line<Queued>,
    /// Places in the queue that are promised to permits.
    pub(super) reserved: usize,
    /// Who waits for a place in the queue.
    pub(super) waiters: Line<Waker>,
    /// The seats of sleeping threads, the last one down on top.
    pub(super) idle: Vec<Arc<Seat>>,
    /// Threads that live or are being started.
    pub(super) threads: usize,
    pub(super) threads_peak: usize,
    pub(super) threads_started: u64,
    pub(super) thread_refusals: u64,
    /// Set until this time after the system refused a thread.
    pub(super) growth_paused: Option<Instant>,
    /// Whether a thread has been called or is being started that has not seen the queue since.
    pub(super) called: bool,
    pub(super) closed: bool,
    pub(super) wait_total_ns: u64,
}

pub(super) struct Queued {
    pub(super) job: Arc<dyn Run>,
    pub(super) since: Instant,
}

/// Who is to look at the queue, decided under the lock and done after it.
pub(super) enum Call {
    Nobody,
    Sleeper(Arc<Seat>),
    NewThread(u64),
}

impl State {
    pub(super) fn new() -> Self {
        State {
            queue: Line::new(),
            reserved: 0,
            waiters: Line::new(),
            idle: Vec::new(),
            threads: 0,
            threads_peak: 0,
            threads_started: 0,
            thread_refusals: 0,
            growth_paused: None,
            called: false,
            closed: false,
            wait_total_ns: 0,
        }
    }

    pub(super) fn has_room(&self, config: &PoolConfig) -> bool {
        self.queue.len() + self.reserved < config.queue
    }

    /// Gives a free place to who has waited longest for one.
    pub(super) fn grant(&mut self, config: &PoolConfig) -> Option<Waker> {
        if self.waiters.is_empty() || !self.has_room(config) {
            return None;
        }
        self.reserved += 1;
        self.waiters.pop()
    }

    /// Decides who is to look at the queue, if it needs looking at.
    pub(super) fn call(&mut self, config: &PoolConfig, now: Instant) -> Call {
        let call = self.call_sleeper();
        if !matches!(call, Call::Nobody) || self.called || self.queue.is_empty() {
            return call;
        }
        let paused = self.growth_paused.is_some_and(|until| now < until) && self.threads > 0;
        if self.threads >= config.max_threads || paused {
            return Call::Nobody;
        }
        self.threads += 1;
        self.threads_started += 1;
        self.called = true;
        Call::NewThread(self.threads_started)
    }

    /// A called thread has come. As no other is on its way, all that are counted live.
    pub(super) fn arrive(&mut self) {
        self.called = false;
        self.threads_peak = self.threads_peak.max(self.threads);
    }

    pub(super) fn call_sleeper(&mut self) -> Call {
        if self.called || self.queue.is_empty() {
            return Call::Nobody;
        }
        let Some(seat) = self.idle.pop() else { return Call::Nobody };
        self.called = true;
        seat.call();
        Call::Sleeper(seat)
    }

    /// Takes the seat of a thread that woke uncalled off the list of idle ones.
    pub(super) fn leave_idle(&mut self, seat: &Arc<Seat>) {
        if let Some(index) = self.idle.iter().rposition(|other| Arc::ptr_eq(other, seat)) {
            self.idle.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::job::Job;

    fn state_with_a_job(threads: usize) -> State {
        let mut state = State::new();
        state.threads = threads;
        state.queue.push(Queued { job: Arc::new(Job::new(|| ())), since: Instant::now() });
        state
    }

    #[test]
    fn one_thread_at_a_time_is_on_its_way() {
        let (config, now) = (PoolConfig::default(), Instant::now());
        let mut state = state_with_a_job(0);
        assert!(matches!(state.call(&config, now), Call::NewThread(1)));
        assert!(matches!(state.call(&config, now), Call::Nobody));
        state.arrive();
        assert!(matches!(state.call(&config, now), Call::NewThread(2)));
        assert_eq!((state.threads, state.threads_peak), (2, 1));
    }

    #[test]
    fn nobody_is_called_to_an_empty_queue() {
        let mut state = state_with_a_job(0);
        state.queue.pop();
        assert!(matches!(state.call(&PoolConfig::default(), Instant::now()), Call::Nobody));
    }

    #[test]
    fn growth_pauses_after_a_refusal_unless_there_is_no_thread() {
        let (config, now) = (PoolConfig::default(), Instant::now());
        for (threads, later, grows) in [
            (1, Duration::ZERO, false),
            (1, GROWTH_PAUSE - Duration::from_nanos(1), false),
            (1, GROWTH_PAUSE, true),
            (0, Duration::ZERO, true),
        ] {
            let mut state = state_with_a_job(threads);
            state.growth_paused = Some(now + GROWTH_PAUSE);
            let call = state.call(&config, now + later);
            assert_eq!(matches!(call, Call::NewThread(_)), grows, "{threads}, {later:?}");
        }
    }
}

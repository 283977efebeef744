//! The park handshake in every interleaving: other threads wake tasks of a loop that goes to sleep.
//!
//! The inbox, the announcement, the scheduler and the wakers are the real ones; the ring and the
//! eventfd that it polls are a counter. A wake that is lost leaves the loop asleep for ever, which
//! the checker calls a deadlock.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::task::Waker;

use super::parts::Scratch;
use super::{MANY, awake, take_messages, wait};
use crate::remote::{LOOPS_MAX, Message, Remote, place, send_home};
use crate::scheduler::{self, Scheduler, TaskId};
use crate::sys::Wait;
use crate::threads::thread::{self, JoinHandle};
use crate::threads::{AtomicBool, AtomicUsize, Condvar, Mutex, check};

/// A ring that polls an eventfd: each kick is a completion, which ends a wait and is reaped.
#[derive(Default)]
struct Ring {
    completions: Mutex<usize>,
    completed: Condvar,
}

impl Ring {
    fn kick(&self) {
        *self.completions.lock().unwrap() += 1;
        self.completed.notify_one();
    }

    fn enter(&self, wait: Wait) {
        let mut completions = self.completions.lock().unwrap();
        while wait == Wait::Forever && *completions == 0 {
            completions = self.completed.wait(completions).unwrap();
        }
        *completions = 0;
    }
}

/// A loop of this thread, without a driver.
struct Loop {
    runtime: u32,
    ring: Arc<Ring>,
    scratch: Scratch,
    /// What each turn is said to bring, which tells whether the loop takes back that it parks.
    brings: u32,
}

impl Loop {
    fn open() -> Loop {
        let runtime = Remote::open().expect("a place");
        let ring = Arc::new(Ring::default());
        let eventfd = Arc::clone(&ring);
        Remote::of(runtime).set_kick(Box::new(move || eventfd.kick()));
        scheduler::install(Some(Box::new(Scheduler::new(runtime))));
        Loop { runtime, ring, scratch: Scratch::default(), brings: MANY }
    }

    fn task(&self) -> TaskId {
        scheduler::with(Scheduler::allocate).expect("a loop")
    }

    /// One turn, and the tasks that run after it.
    fn round(&mut self) -> Vec<TaskId> {
        let remote = Remote::of(self.runtime);
        let wait = wait(remote, u64::MAX);
        self.ring.enter(wait);
        awake(remote, wait, self.brings);
        take_messages(remote, &mut self.scratch);
        scheduler::with(Scheduler::begin_tick);
        std::iter::from_fn(|| scheduler::with(Scheduler::next).flatten()).collect()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Not while a model fails: the checker takes no lock then.
        if !std::thread::panicking() {
            scheduler::install(None);
            drop(Remote::of(self.runtime).close());
        }
    }
}

/// Another thread that does something and then wakes who waits for it.
struct Cause {
    done: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Cause {
    fn of(waker: Waker) -> Cause {
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let thread = thread::spawn(move || {
            // Nothing but the wake itself makes this seen.
            flag.store(true, Relaxed);
            waker.wake();
        });
        Cause { done, thread }
    }

    fn is_seen(&self) -> bool {
        self.done.load(Relaxed)
    }

    fn join(self) {
        self.thread.join().expect("no panic");
    }
}

fn a_task_that_waits_for_a_thread() {
    wait_for_a_thread(Loop::open());
}

fn wait_for_a_thread(mut looped: Loop) {
    let task = looped.task();
    let cause = Cause::of(scheduler::waker_of(task));
    while looped.round() != [task] {}
    assert!(cause.is_seen(), "woken before the time");
    cause.join();
}

#[test]
fn a_wake_finds_the_loop_whether_it_parks_or_not() {
    check(None, a_task_that_waits_for_a_thread);
}

#[test]
fn a_wake_finds_a_loop_that_has_not_taken_back_that_it_parks() {
    check(None, || {
        let mut looped = Loop::open();
        looped.brings = 0;
        assert!(Remote::of(looped.runtime).park());
        wait_for_a_thread(looped);
    });
}

#[test]
#[cfg_attr(miri, ignore = "Miri ends at the deadlock, as ci/miri.sh demands")]
#[should_panic(expected = "deadlock")]
fn a_wake_that_is_lost_at_the_park_handshake_is_found() {
    struct Planted;
    impl Drop for Planted {
        fn drop(&mut self) {
            crate::plants::plant(None);
        }
    }
    let _planted = Planted;
    crate::plants::plant(Some("wake lost at the park handshake"));
    check(None, a_task_that_waits_for_a_thread);
}

#[test]
fn two_wakes_of_one_task_are_one_or_two_runs_and_the_last_sees_both_causes() {
    check(Some(3), || {
        let mut looped = Loop::open();
        let task = looped.task();
        let waker = scheduler::waker_of(task);
        let causes = [Cause::of(waker.clone()), Cause::of(waker)];
        let mut runs = 0;
        loop {
            if !looped.round().is_empty() {
                runs += 1;
                if causes.iter().all(Cause::is_seen) {
                    break;
                }
            }
        }
        assert!(runs <= 2);
        causes.into_iter().for_each(Cause::join);
    });
}

#[test]
fn two_threads_wake_a_task_each() {
    check(Some(3), || {
        let mut looped = Loop::open();
        let tasks = [looped.task(), looped.task()];
        let causes = tasks.map(|task| Cause::of(scheduler::waker_of(task)));
        let mut ran = Vec::new();
        while ran.len() < 2 {
            ran.append(&mut looped.round());
        }
        ran.sort_unstable();
        assert_eq!(ran, tasks);
        assert!(causes.iter().all(Cause::is_seen));
        causes.into_iter().for_each(Cause::join);
    });
}

#[test]
fn one_thread_wakes_again_and_again() {
    check(Some(3), || {
        let mut looped = Loop::open();
        let task = looped.task();
        let waker = scheduler::waker_of(task);
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let thread = thread::spawn(move || {
            for _ in 0..3 {
                counter.fetch_add(1, Relaxed);
                waker.wake_by_ref();
            }
        });
        let mut seen = 0;
        while seen < 3 {
            if !looped.round().is_empty() {
                seen = count.load(Relaxed);
            }
        }
        thread.join().expect("no panic");
    });
}

#[test]
fn what_is_sent_home_runs_once_or_comes_back_when_the_loop_ends_meanwhile() {
    check(None, || {
        let mut looped = Loop::open();
        let runtime = looped.runtime;
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        let sender =
            thread::spawn(move || send_home(runtime, move || _ = counter.fetch_add(1, SeqCst)));
        scheduler::wake(looped.task());
        looped.round();
        let (queue, _kick) = Remote::of(runtime).close();
        let left = queue.len();
        let sent = sender.join().expect("no panic");
        assert_eq!(runs.load(SeqCst) + left, usize::from(sent));
        assert!(queue.iter().all(|message| matches!(message, Message::Run(_))));
    });
}

#[test]
fn what_is_meant_for_a_loop_that_has_ended_does_not_reach_the_next_in_its_place() {
    check(None, || {
        let first = Remote::open().expect("a place");
        let sender = thread::spawn(move || send_home(first, || ()));
        let (queue, _kick) = Remote::of(first).close();
        let second = Remote::open().expect("a place");
        let later = Remote::open().filter(|_| LOOPS_MAX > 1);
        let sent = sender.join().expect("no panic");
        assert_eq!(queue.len(), usize::from(sent), "in the first loop's queue or nowhere");
        assert_eq!(place(first), place(second));
        for runtime in later.into_iter().chain([second]) {
            assert!(Remote::of(runtime).close().0.is_empty());
        }
    });
}

//! A million tasks that sleep: what each takes, that they wake in order, and that nothing is left.
//!
//! An allocator counts the bytes that are in use; the loop and its tasks are all that this process
//! has.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use annulus::runtime::Metrics;
use annulus::time::{Instant, sleep_until};
use annulus::{Handle, spawn, yield_now};

struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: promised by the caller.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TASKS: usize = 1_000_000;

/// The most that one sleeping task may take, its future and its place in every table included.
/// Tables grow to twice their size when they are full, so up to half of it may be room to spare.
const BYTES_MAX: usize = 320;

fn here() -> Metrics {
    Handle::current().metrics().expect("a loop")
}

/// The order in which sleepers woke.
type Woken = Rc<RefCell<Vec<u32>>>;

/// Spawns a sleeper for each deadline and turns the loop until all sleep; whether they do, or some
/// deadline had come before.
async fn all_asleep(deadlines: &[u32], first: Instant, woken: &Woken) -> bool {
    for deadline in deadlines.iter().copied() {
        let woken = Rc::clone(woken);
        spawn(async move {
            sleep_until(first + Duration::from_nanos(u64::from(deadline) * 100)).await;
            woken.borrow_mut().push(deadline);
        })
        .detach();
    }
    while here().run_queue_depth > 1 {
        yield_now().await;
    }
    here().timers_standing == TASKS as u64
}

/// One attempt, on a loop of its own: the bytes of each task, or none when the machine was so slow
/// that some deadline had come before all slept; and how long that took.
fn attempt(deadlines: &[u32], delay: Duration, woken: &Woken) -> (Option<usize>, Duration) {
    annulus::run(async {
        let (begin, before) = (Instant::now(), IN_USE.load(Ordering::Relaxed));
        let asleep = all_asleep(deadlines, Instant::now() + delay, woken).await;
        let bytes = (IN_USE.load(Ordering::Relaxed) - before) / TASKS;
        let took = Instant::now() - begin;
        while here().tasks_alive > 0 {
            // Sleeps as well, so that the loop may wait.
            sleep_until(Instant::now() + Duration::from_millis(20)).await;
        }
        let metrics = here();
        assert_eq!((metrics.timers_standing, metrics.run_queue_depth), (0, 0));
        (asleep.then_some(bytes), took)
    })
    .expect("a loop")
}

#[test]
fn a_million_sleeping_tasks_fit_in_memory_and_wake_in_order() {
    let mut random = fastrand::Rng::with_seed(7);
    // Each deadline is that of ten tasks.
    let mut deadlines: Vec<u32> = (0..TASKS as u32).map(|number| number / 10).collect();
    random.shuffle(&mut deadlines);
    let woken = Woken::default();
    woken.borrow_mut().reserve_exact(TASKS);
    // A sample says how long all will take to fall asleep; it has no time to, so it wakes at once.
    let (_, took) = attempt(&deadlines[..TASKS / 50], Duration::ZERO, &woken);
    let mut delay = Duration::from_millis(500) + took * 60;
    let bytes = loop {
        woken.borrow_mut().clear();
        match attempt(&deadlines, delay, &woken) {
            (Some(bytes), _) => break bytes,
            (None, took) => delay = took * 2,
        }
    };
    println!("{bytes} bytes for each sleeping task");
    assert!(bytes <= BYTES_MAX, "{bytes} bytes for each task");
    let woken = woken.borrow();
    assert_eq!(woken.len(), TASKS, "each woke once");
    assert!(woken.is_sorted(), "the earlier deadline wakes first");
}

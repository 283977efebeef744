//! The hot paths as loops: what `instructions` counts and `wall_clock` times.
//!
//! A loop is given a number of rounds and says how long they took, its set-up left out. A steady
//! round does the same work each time, so the difference of two runs of unequal length is the
//! rounds between them and nothing else.

mod blocking;
mod fs;
mod net;
mod sync;
mod tasks;
mod time;

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// How many allocations this thread has made, where the program's allocator counts them.
    pub(crate) static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

/// What the rounds of a run cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Those of the thread that ran the loop.
    pub(crate) allocations: u64,
}

/// One hot path.
pub(crate) struct Loop {
    pub(crate) name: &'static str,
    /// What one round is, for a person.
    pub(crate) round: &'static str,
    /// How many rounds make a steady count within a second or two under callgrind.
    pub(crate) rounds: u64,
    pub(crate) part: Part,
    pub(crate) run: Run,
}

/// Which instructions of a run belong to the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of them: the path runs on the loop's thread.
    Whole,
    /// Those below [`annulus_counted`]: other threads take part, in an order of their own.
    Marked,
}

const fn whole(name: &'static str, round: &'static str, rounds: u64, run: Run) -> Loop {
    Loop { name, round, rounds, part: Part::Whole, run }
}

const fn marked(name: &'static str, round: &'static str, rounds: u64, run: Run) -> Loop {
    Loop { name, round, rounds, part: Part::Marked, run }
}

type Run = fn(u64) -> Cost;

#[rustfmt::skip]
pub(crate) const LOOPS: &[Loop] = &[
    whole("yield", "a task's `yield_now`", 10_000, tasks::yields),
    whole("spawn_join", "spawn a task, await it", 10_000, tasks::spawns),
    whole("spawn_join_batch", "the same, a thousand at a time", 10_000, tasks::spawns_in_batches),
    whole("wake", "one of two tasks that wake each other in turn", 10_000, tasks::wakes),
    marked("wake_across", "another thread wakes a task of a busy loop", 8_000, tasks::wakes_across),
    whole("join_set", "spawn into a `JoinSet`, take the result", 10_000, tasks::join_sets),
    whole("nop", "a no-op of the ring, alone: one enter", 10_000, tasks::nops),
    whole("nop_256", "one of 256 no-ops that 256 tasks await", 25_600, tasks::nops_by_many),
    whole("echo_owned", "64 bytes there and back, owned buffers", 5_000, net::echoes_owned),
    whole("echo_pooled", "the same, the server's buffers pooled", 5_000, net::echoes_pooled),
    whole("echo_timeout", "the same, the reads in `time::timeout`", 5_000, net::echoes_timed),
    whole("echo_linked", "the same, the reads with `.timeout`", 5_000, net::echoes_linked),
    whole("accept", "accept and close a connection", 2_000, net::accepts),
    whole("timer_cancel", "arm and drop a sleep, 100 000 standing", 20_000, time::arms_and_drops),
    whole("timer_fire", "one of 64 sleeps that are due in the next turn", 12_800, time::fires),
    whole("timeout_ready", "`time::timeout` around what is ready at once", 20_000, time::timeouts),
    whole("mpsc_ping_pong", "a message there and one back", 10_000, sync::ping_pongs),
    whole("semaphore", "acquire and release a free permit", 20_000, sync::permits),
    whole("semaphore_hand_over", "a permit there and one back", 10_000, sync::hand_overs),
    whole("mutex", "lock and unlock a free mutex", 20_000, sync::locks),
    whole("queue", "put one, get it", 20_000, sync::queues),
    whole("oneshot", "make a channel, send, receive", 20_000, sync::oneshots),
    whole("notify", "a notification there and one back", 10_000, sync::notifies),
    marked("spawn_blocking", "hand a closure to a busy pool", 8_000, blocking::submits),
    whole("read_at", "4 KiB of a file in the page cache", 5_000, fs::reads),
];

/// A path that was made slower, to see whether the check sees it.
pub(crate) const SLOWED: Loop =
    whole("slowed", "`yield` with a box in each round", 10_000, tasks::yields_slowed);

pub(crate) fn named(name: &str) -> Option<&'static Loop> {
    LOOPS.iter().chain([&SLOWED]).find(|path| path.name == name)
}

/// Runs `future` on a loop of its own.
fn on_a_loop<T>(future: impl Future<Output = T>) -> T {
    annulus::run(future).expect("a loop")
}

/// What `future` costs.
async fn costs(future: impl Future<Output = ()>) -> Cost {
    let (start, before) = (Instant::now(), ALLOCATED.get());
    future.await;
    Cost { time: start.elapsed(), allocations: ALLOCATED.get() - before }
}

/// What `part` costs, which is a [marked](Part::Marked) one.
fn marked_costs(mut part: impl FnMut()) -> Cost {
    let (start, before) = (Instant::now(), ALLOCATED.get());
    let mut part: &mut dyn FnMut() = &mut part;
    annulus_counted(&mut part);
    Cost { time: start.elapsed(), allocations: ALLOCATED.get() - before }
}

/// Calls `part`. Callgrind finds it by its name, and counts only what happens in here where it was
/// told to.
#[unsafe(no_mangle)]
#[inline(never)]
#[allow(unsafe_code, reason = "a name that callgrind can be given")]
pub(crate) extern "Rust" fn annulus_counted(part: &mut &mut dyn FnMut()) {
    part();
}

//! What a loop has counted, taken from each room.

use crate::blocking::{self, BlockingMetrics};
use crate::histogram::Histogram;
use crate::time::timers;
use crate::{driver, scheduler, task};

macro_rules! metrics {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident $label:literal,)*) => {
        /// Counts and gauges of one loop, and of its blocking pool.
        ///
        /// Counts only grow. They are conserved: `ops_submitted` is `ops_completed` and
        /// `ops_in_flight` together, `tasks_spawned` is `tasks_finished` and `tasks_alive`.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Metrics {
            /// The loop's number.
            pub id: u32,
            $($(#[$doc])+ pub $name: u64,)*
            /// How long polls of tasks took, one for each of `task_polls`; `None` unless
            /// [`Builder::histograms`](crate::Builder::histograms) or debug mode is on.
            pub poll_times: Option<Histogram>,
            /// How long system calls of the loop took, one for each of `enters`, without what they
            /// waited (see [`Builder::slow_enter_threshold`](crate::Builder::slow_enter_threshold));
            /// `None` likewise.
            pub enter_times: Option<Histogram>,
            /// The blocking pool's.
            pub blocking: BlockingMetrics,
        }

        impl Metrics {
            /// Name, kind and value of each of the loop's own metrics, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, MetricKind, u64)> {
                [$((stringify!($name), MetricKind::$kind, self.$name),)*].into_iter()
            }

            pub(super) fn help(name: &str) -> &'static str {
                match name {
                    $(stringify!($name) => $label,)*
                    _ => "",
                }
            }
        }
    };
}

/// Whether a metric only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// It counts what has happened.
    Counter,
    /// It says how much there is now.
    Gauge,
}

metrics! {
    /// Tasks spawned.
    tasks_spawned: Counter "Tasks spawned.",
    /// Tasks that have ended, in whatever way.
    tasks_finished: Counter "Tasks that have ended.",
    /// Tasks that have not ended.
    tasks_alive: Gauge "Tasks that have not ended.",
    /// Tasks that were asked to end with their clean-up.
    tasks_cancelled: Counter "Tasks that were asked to end with their clean-up.",
    /// Tasks that were asked to end as they are.
    tasks_aborted: Counter "Tasks that were asked to end as they are.",
    /// Tasks that panicked.
    tasks_panicked: Counter "Tasks that panicked.",
    /// Polls of tasks.
    task_polls: Counter "Polls of tasks, one that has not ended included.",
    /// Places for tasks, used or not: the most tasks that lived at one time.
    task_slots: Gauge "Places for tasks, used or not.",
    /// Tasks in the run queue.
    run_queue_depth: Gauge "Tasks in the run queue.",
    /// Wakes that put a task into the run queue.
    task_wakes: Counter "Wakes that put a task into the run queue.",
    /// Wakes and other messages from other threads.
    remote_messages: Counter "Wakes and other messages from other threads.",
    /// Messages from other threads that the loop has not taken yet.
    remote_queue_depth: Gauge "Messages from other threads not taken yet.",
    /// Times that another thread had to end the loop's wait.
    remote_kicks: Counter "Times that another thread had to end the wait of the loop.",
    /// Operations given to the kernel, or on their way there.
    ops_submitted: Counter "Operations given to the kernel.",
    /// Operations whose final completion has come.
    ops_completed: Counter "Operations whose final completion has come.",
    /// Operations that the kernel has not finished.
    ops_in_flight: Gauge "Operations that the kernel has not finished.",
    /// Places for operations, used or not: the most that were in flight at one time.
    op_slots: Gauge "Places for operations, used or not.",
    /// Operations dropped before they were polled, which never began.
    ops_unpolled: Counter "Operations dropped before they began.",
    /// Operations whose future was dropped before its outcome was taken.
    ops_abandoned: Counter "Operations whose future was dropped.",
    /// Abandoned operations that have ended, their outcome kept or let go of.
    ops_salvaged: Counter "Abandoned operations that have ended.",
    /// Entries that wait for room in the submission queue.
    ops_backlog: Gauge "Entries that wait for room in the submission queue.",
    /// Cancel requests sent to the kernel.
    cancels_requested: Counter "Cancel requests sent to the kernel.",
    /// Cancel requests that came too late or could not be met.
    cancels_late: Counter "Cancel requests that came too late.",
    /// System calls of the loop.
    enters: Counter "System calls of the loop.",
    /// Completions reaped, of any kind.
    completions: Counter "Completions reaped.",
    /// Turns in which the completion queue had overflowed; nothing is lost then.
    cq_overflows: Counter "Turns in which the completion queue had overflowed.",
    /// Turns that the kernel refused for want of memory, and that were tried again.
    enters_busy: Counter "Turns that the kernel had no room for.",
    /// Completions of operations that were not known any more.
    completions_stale: Counter "Completions of operations not known any more.",
    /// Descriptors that handles and operations keep open.
    descriptors_open: Gauge "Descriptors kept open.",
    /// Descriptors closed through the ring because nobody used them any more.
    descriptors_closed: Counter "Descriptors closed through the ring.",
    /// Such closes that failed.
    close_failures: Counter "Descriptors whose close failed.",
    /// Buffers of the pool.
    buffers: Gauge "Buffers of the pool.",
    /// Buffers of the pool that somebody holds.
    buffers_held: Gauge "Buffers of the pool that somebody holds.",
    /// Receives that found the pool empty and used memory of their own.
    buffers_exhausted: Counter "Receives that found the pool empty.",
    /// Timers registered.
    timers_registered: Counter "Timers registered.",
    /// Timers that have fired.
    timers_fired: Counter "Timers that have fired.",
    /// Timers that were cancelled.
    timers_cancelled: Counter "Timers that were cancelled.",
    /// Timers that wait.
    timers_standing: Gauge "Timers that wait.",
}

impl Metrics {
    /// Takes the metrics of this thread's loop; `None` without one.
    pub(super) fn take() -> Option<Metrics> {
        let (id, counters, gauges) =
            driver::with(|driver| (driver.runtime(), driver.counters(), driver.gauges()))?;
        let mut metrics = Metrics {
            id,
            remote_kicks: gauges.kicks,
            ops_submitted: counters.submitted,
            ops_completed: counters.completed,
            ops_in_flight: gauges.in_flight as u64,
            op_slots: gauges.op_slots as u64,
            ops_unpolled: counters.unpolled,
            ops_abandoned: counters.abandoned,
            ops_salvaged: counters.salvaged,
            ops_backlog: gauges.backlog as u64,
            cancels_requested: counters.cancels_requested,
            cancels_late: counters.cancels_late,
            enters: counters.enters,
            completions: counters.completions,
            cq_overflows: counters.overflows,
            enters_busy: counters.busy,
            completions_stale: counters.stale,
            descriptors_open: gauges.descriptors as u64,
            descriptors_closed: counters.closed,
            close_failures: counters.close_failures,
            buffers: gauges.buffers,
            buffers_held: gauges.buffers_held,
            buffers_exhausted: gauges.buffers_exhausted,
            ..Metrics::default()
        };
        task::with(|tasks| {
            let counters = tasks.counters();
            metrics.tasks_spawned = counters.spawned;
            metrics.tasks_finished = counters.finished;
            metrics.tasks_alive = counters.alive();
            metrics.tasks_cancelled = counters.cancelled;
            metrics.tasks_aborted = counters.aborted;
            metrics.tasks_panicked = counters.panicked;
            metrics.task_polls = counters.polls;
            metrics.task_slots = tasks.slot_count() as u64;
            metrics.poll_times = tasks.watch().and_then(|watch| watch.times.clone());
        });
        scheduler::with(|scheduler| {
            metrics.run_queue_depth = scheduler.queued() as u64;
            metrics.task_wakes = scheduler.woken();
        });
        if let Some(timers) = timers::counters() {
            metrics.timers_registered = timers.registered;
            metrics.timers_fired = timers.fired;
            metrics.timers_cancelled = timers.cancelled;
            metrics.timers_standing = timers.standing;
        }
        metrics.enter_times = driver::with(|driver| driver.enter_times().cloned()).flatten();
        let remote = crate::remote::Remote::of(metrics.id);
        metrics.remote_messages = remote.received();
        metrics.remote_queue_depth = remote.queued() as u64;
        metrics.blocking = blocking::current().map(|pool| pool.metrics()).unwrap_or_default();
        Some(metrics)
    }
}

//! How a task is run: polled, stopped, cleaned up, ended.
//!
//! # The end of a task
//!
//! A task ends when its future is done, panics, or is dropped because the task was cancelled or
//! aborted. Then its deferred clean-up runs, last in first out, as the same task, unless it was
//! aborted; only after that does the join end. What the join says was decided when the future
//! ended: a value, a panic, or cancelled.
//!
//! Panics are caught here and cost nobody else.

use std::any::Any;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use super::cell::Rest;
use super::end::{Ended, Unwanted};
use super::extra::{Cleanup, Extra};
use super::memory::BoxedTask;
use super::place::{Lent, Taken};
use super::table::{Stop, with};
use super::watch::watch_poll;
use super::{JoinError, cleanup};
use crate::scheduler::{self, TaskId};
use crate::time::{Sleep, sleep};

/// The clean-up phase of a task, which stands in its slot in place of the future.
struct CleaningUp {
    /// The task, whose end is decided.
    task: BoxedTask,
    id: TaskId,
    current: Option<Cleanup>,
    /// The end of the time that all clean-up together may take.
    limit: Option<Sleep>,
}

/// As [`run`], from the loop that is watched: so the one that is not keeps its own copy inline.
#[cold]
#[inline(never)]
pub(crate) fn run_watched(id: TaskId) {
    let _watched = watch_poll(id);
    let _polled = pass();
    run(id);
}

/// Polls of tasks, one after another; when this is dropped, none is polled any more.
///
/// Between two of them a task is still thought to be polled that is not, which nobody can see:
/// nobody's code runs there.
#[inline]
pub(crate) fn pass() -> Pass {
    Pass
}

#[must_use = "it lasts as long as this"]
pub(crate) struct Pass;

impl Drop for Pass {
    #[inline]
    fn drop(&mut self) {
        with(|tasks| tasks.end_polls());
    }
}

/// Polls a task once, or stops it.
#[inline(always)]
pub(crate) fn run(id: TaskId) {
    let Some(Some(task)) = with(|tasks| tasks.begin_poll(id)) else {
        return run_rare(id);
    };
    poll(id, task);
}

/// Polls a task; one that is done has ended.
#[inline(always)]
fn poll(id: TaskId, mut task: Lent) {
    // It owns nothing, so there is nothing to be dropped.
    let waker = ManuallyDrop::new(scheduler::waker_of(id));
    let mut cx = Context::from_waker(&waker);
    match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut cx))) {
        Ok(Poll::Pending) => {}
        Ok(Poll::Ready(())) => ended(id),
        Err(payload) => panicked(id, task, payload),
    }
}

/// The future has panicked: that is its end.
#[cold]
#[inline(never)]
fn panicked(id: TaskId, mut task: Lent, payload: Box<dyn Any + Send>) {
    drop_contained(&mut task);
    let name = with(|tasks| tasks.name(id).map(String::from)).flatten();
    let error = JoinError::panicked(Some(id.to_bits()), payload);
    task.as_mut().fail(error.of_task(name.as_deref()));
    with(|tasks| tasks.note_panic(id, task.as_mut().panic()));
    ended(id);
}

/// Runs a task that was asked to end or that cleans up; a name may also be nobody's any more.
#[cold]
#[inline(never)]
fn run_rare(id: TaskId) {
    match with(|tasks| tasks.begin_rare(id)) {
        Some(Some(Taken { task, stop: Stop::No, .. })) => poll(id, task),
        Some(Some(taken)) => stop(id, taken),
        _ => {}
    }
}

/// Drops a task's future where it is suspended; a cancelled task cleans up then.
fn stop(id: TaskId, taken: Taken) {
    let Taken { mut task, stop, is_cleaning_up } = taken;
    drop_contained(&mut task);
    if !is_cleaning_up {
        task.as_mut().fail(JoinError::cancelled(Some(id.to_bits())));
    }
    if stop == Stop::Abort {
        return end(id);
    }
    ended(id);
}

/// The future is gone: as a rule there is nothing to do but wake who awaits that.
#[inline]
fn ended(id: TaskId) {
    match with(|tasks| tasks.end_plainly(id)) {
        Some(Some(TaskId::NOBODY)) => {}
        Some(Some(joiner)) => scheduler::wake(joiner),
        _ => ended_otherwise(id),
    }
}

/// The future is gone: the clean-up begins, if there is any, else the task ends.
#[inline(never)]
fn ended_otherwise(id: TaskId) {
    let ended = with(|tasks| (!tasks.begin_cleanup(id)).then(|| tasks.end(id)));
    match ended {
        Some(Some(ended)) => tell(ended),
        Some(None) => clean_up(id),
        None => {}
    }
}

/// Has the clean-up take the place of the task, whose end is decided.
#[cold]
#[inline(never)]
fn clean_up(id: TaskId) {
    let Some((Some(task), limit)) = with(|tasks| (tasks.take(id), tasks.cleanup_limit())) else {
        return;
    };
    let limit = limit.map(sleep);
    let cleanup = BoxedTask::new(CleaningUp { task, id, current: None, limit });
    with(|tasks| tasks.replace(id, cleanup));
    scheduler::wake(id);
}

impl super::cell::Run for CleaningUp {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let Some(cleanup) = &mut this.current else {
                let id = this.id;
                this.current = with(|tasks| tasks.pop_deferred(id)).flatten();
                match this.current {
                    Some(_) => continue,
                    None => return Poll::Ready(()),
                }
            };
            // One clean-up that panics keeps no other from running; the hook has reported it.
            let polled = catch_unwind(AssertUnwindSafe(|| cleanup.as_mut().poll(cx)));
            if matches!(polled, Ok(Poll::Pending)) {
                ready!(this.limit.as_mut().map_or(Poll::Pending, |limit| Pin::new(limit).poll(cx)));
                cleanup::report_late(this.id);
                self.drop_future();
                return Poll::Ready(());
            }
            let done = this.current.take();
            let _reported = catch_unwind(AssertUnwindSafe(|| drop(done)));
        }
    }

    fn drop_future(mut self: Pin<&mut Self>) {
        let id = self.id;
        let current = self.current.take();
        let _reported = catch_unwind(AssertUnwindSafe(|| drop(current)));
        while let Some(Some(skipped)) = with(|tasks| tasks.pop_deferred(id)) {
            let _reported = catch_unwind(AssertUnwindSafe(|| drop(skipped)));
        }
    }

    fn fail(mut self: Pin<&mut Self>, error: JoinError) {
        self.task.as_mut().fail(error);
    }

    fn panic(&self) -> Option<&str> {
        self.task.panic()
    }

    fn take_output(mut self: Pin<&mut Self>, place: &mut dyn Any) -> Rest {
        self.task.as_mut().take_output(place);
        Rest::Something
    }
}

/// Notes the end of a task, then wakes its joiner or drops its output.
fn end(id: TaskId) {
    if let Some(ended) = with(|tasks| tasks.end(id)) {
        tell(ended);
    }
}

/// Tells who waits for the end of a task, and drops what nobody takes.
#[inline]
fn tell(ended: Ended) {
    let Ended { joiner, watcher, unwanted, extra } = ended;
    if let Some(extra) = extra {
        drop_extra(extra);
    }
    if joiner != TaskId::NOBODY {
        scheduler::wake(joiner);
    }
    if let Some(watcher) = watcher {
        watcher.wake();
    }
    if let Some(unwanted) = unwanted {
        drop_output(unwanted);
    }
}

/// Drops what the task did not clean up, likewise contained, and says what there is to say.
#[cold]
#[inline(never)]
fn drop_extra(mut extra: Box<Extra>) {
    let (notice, joiner) = (extra.notice.take(), extra.joiner.take());
    let _reported = catch_unwind(AssertUnwindSafe(|| drop(extra)));
    if let Some(joiner) = joiner {
        joiner.wake();
    }
    if let Some(notice) = notice {
        notice.give();
    }
}

/// Drops a future whose destructor may panic: the panic was reported by the hook and goes no
/// further, for the task has ended already.
fn drop_contained(task: &mut Lent) {
    let _reported = catch_unwind(AssertUnwindSafe(|| task.as_mut().drop_future()));
}

/// Drops an output that nobody will take, likewise.
pub(super) fn drop_output(task: BoxedTask) {
    let _reported = catch_unwind(AssertUnwindSafe(|| drop(task)));
}

/// As [`drop_output`], of a task whose end nobody was told.
pub(super) fn drop_unwanted(unwanted: Unwanted) {
    if let Some(notice) = unwanted.notice {
        notice.give();
    }
    drop_output(unwanted.output);
}

/// Asks every task of this thread's loop to end, with its clean-up.
pub(crate) fn cancel_all() -> Ending {
    let alive = with(|tasks| tasks.alive()).unwrap_or_default();
    alive.iter().for_each(|&id| request(id, Stop::Cancel));
    Ending(alive)
}

/// The tasks that were asked to end with their loop. What they spawn meanwhile runs, but is not
/// waited for.
pub(crate) struct Ending(Vec<TaskId>);

impl Ending {
    /// Whether one of them has not ended.
    pub(crate) fn is_pending(&mut self) -> bool {
        let Ending(left) = self;
        let pending = with(|tasks| {
            left.truncate(left.iter().rposition(|&id| !tasks.is_finished(id)).map_or(0, |n| n + 1));
            !left.is_empty()
        });
        pending.unwrap_or(false)
    }
}

/// Asks a task of this thread's loop to end.
pub(super) fn request(id: TaskId, stop: Stop) {
    let Some(Some(wakers)) = with(|tasks| tasks.stop(id, stop)) else { return };
    scheduler::wake(id);
    wakers.into_iter().for_each(Waker::wake);
}

/// Ends every task that is left: futures are dropped where they are, nothing cleans up any more.
pub(crate) fn close() {
    with(|tasks| tasks.set_closing());
    loop {
        let alive = with(|tasks| tasks.alive()).unwrap_or_default();
        if alive.is_empty() {
            break;
        }
        for id in alive {
            let is_watched = with(|tasks| tasks.watch().is_some()) == Some(true);
            let _watched = is_watched.then(|| watch_poll(id));
            if let Some(Some(taken)) = with(|tasks| tasks.begin_rare(id)) {
                stop(id, Taken { stop: Stop::Abort, ..taken });
            }
        }
    }
    for ended in with(|tasks| tasks.take_ended()).unwrap_or_default() {
        drop_unwanted(ended);
    }
}

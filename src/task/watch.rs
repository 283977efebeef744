//! What a loop watches of its tasks where it was asked to: hooks, the time of polls, ages.
//!
//! A loop that was asked for nothing has no [`Watch`], and each place that would tell it something
//! costs one branch. What is the user's (a hook, a subscriber of `tracing`) is called when the
//! table of tasks is not borrowed, so it may do anything, spawn for instance.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::Id;
use super::table::{State, Tasks, with};
use crate::histogram::Histogram;
use crate::report::heard;
use crate::scheduler::TaskId;
use crate::sys::clock;

/// A closure that is told about a task.
#[derive(Clone)]
pub(crate) struct Hook(Rc<dyn Fn(&TaskMeta<'_>)>);

impl Hook {
    pub(crate) fn new(hook: impl Fn(&TaskMeta<'_>) + 'static) -> Self {
        Hook(Rc::new(hook))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").finish_non_exhaustive()
    }
}

/// What a hook is told about a task; see [`Builder::on_task_spawn`](crate::Builder::on_task_spawn).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TaskMeta<'a> {
    id: Id,
    name: Option<&'a str>,
    spawned_at: &'static Location<'static>,
}

impl TaskMeta<'_> {
    /// The task's name among the tasks of this process.
    pub fn id(&self) -> Id {
        self.id
    }

    /// What the task is called, if it was given a name.
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// Where the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }
}

/// The hooks of a loop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) spawn: Option<Hook>,
    pub(crate) terminate: Option<Hook>,
    pub(crate) before_poll: Option<Hook>,
    pub(crate) after_poll: Option<Hook>,
}

impl Hooks {
    /// Whether there is any.
    pub(crate) fn are_set(&self) -> bool {
        let Hooks { spawn, terminate, before_poll, after_poll } = self;
        [spawn, terminate, before_poll, after_poll].iter().any(|hook| hook.is_some())
    }
}

/// A task as reports name it, for longer than a borrow.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) id: TaskId,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) spawned_at: &'static Location<'static>,
}

impl Subject {
    /// The task's name as users see it.
    pub(crate) fn display_id(&self) -> Id {
        Id(self.id)
    }

    /// Calls a hook, which may do anything: no part of the loop is borrowed.
    pub(super) fn tell(&self, hook: Option<Hook>) {
        let Some(hook) = hook else { return };
        let name = self.name.as_deref();
        let meta = TaskMeta { id: Id(self.id), name, spawned_at: self.spawned_at };
        // A hook that panics has been reported by the panic hook and costs nobody else.
        if catch_unwind(AssertUnwindSafe(|| (hook.0)(&meta))).is_err() {
            tracing::error!(task = %Id(self.id), "a hook of the loop panicked");
        }
    }
}

/// What a loop polls now, for who looks from another thread.
#[derive(Debug, Default)]
pub(crate) struct Beat(Mutex<Option<Current>>);

/// A poll that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) subject: Subject,
    pub(crate) since_ns: u64,
}

impl Beat {
    /// The poll that the loop is in.
    pub(crate) fn current(&self) -> Option<Current> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, current: Option<Current>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = current;
    }
}

/// What is kept of the tasks of a loop that is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) hooks: Hooks,
    /// From which length on a poll is reported.
    pub(crate) slow_ns: Option<u64>,
    pub(crate) times: Option<Histogram>,
    pub(crate) beat: Option<Arc<Beat>>,
}

/// One task that is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    pub(crate) spawned_ns: u64,
    pub(crate) polls: u64,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let hooks = Hooks::default();
        Watch { hooks, slow_ns: None, times: None, beat: None }
    }

    /// Whether the length of polls is of any use.
    fn times_polls(&self) -> bool {
        self.slow_ns.is_some() || self.times.is_some()
    }
}

impl Tasks {
    /// Names a task for reports.
    pub(super) fn subject(&mut self, id: TaskId) -> Option<Subject> {
        let slot = self.slot(id)?;
        let name = slot.extra.as_ref().and_then(|extra| extra.name.as_deref());
        Some(Subject { id, name: name.map(Arc::from), spawned_at: slot.site })
    }

    /// A task, or the root future, begins.
    pub(super) fn begin_record(&mut self, id: TaskId) {
        let record = Record { spawned_ns: clock::monotonic_ns(), polls: 0 };
        if let Some(extra) = self.extra(id) {
            extra.record = Some(record);
        }
    }

    /// What there is to do before a poll, if the task will be polled.
    fn before_poll(&mut self, id: TaskId) -> Option<(Poll, Option<Hook>)> {
        let slot = self.slot(id)?;
        if slot.state == State::Ended {
            return None;
        }
        let is_root = slot.task.is_empty();
        let subject = self.subject(id)?;
        let watch = self.watch.as_mut()?;
        let hook = watch.hooks.before_poll.clone().filter(|_| !is_root);
        let mut poll = Poll { subject, is_root, since_ns: None };
        if watch.times_polls() {
            let since_ns = clock::monotonic_ns();
            poll.since_ns = Some(since_ns);
            if let Some(beat) = &watch.beat {
                beat.set(Some(Current { subject: poll.subject.clone(), since_ns }));
            }
        }
        Some((poll, hook))
    }

    /// Counts a poll that has ended: the hook for it, and from which length on it is slow.
    fn after_poll(&mut self, poll: &Poll, took_ns: Option<u64>) -> (Option<Hook>, Option<u64>) {
        let extra = self.slot(poll.subject.id).and_then(|slot| slot.extra.as_mut());
        if let Some(record) = extra.and_then(|extra| extra.record.as_mut()) {
            record.polls += 1;
        }
        let Some(watch) = self.watch.as_mut() else { return (None, None) };
        if poll.is_root {
            return (None, watch.slow_ns);
        }
        if let (Some(times), Some(took_ns)) = (&mut watch.times, took_ns) {
            times.record(took_ns);
        }
        (watch.hooks.after_poll.clone(), watch.slow_ns)
    }

    fn end_beat(&self) {
        if let Some(beat) = self.watch.as_ref().and_then(|watch| watch.beat.as_ref()) {
            beat.set(None);
        }
    }
}

/// One poll of a task that is watched; it ends when this is dropped, also by a panic.
#[derive(Debug)]
#[must_use = "the poll lasts as long as this"]
pub(crate) struct Poll {
    subject: Subject,
    /// The future given to `block_on`: no task of its own for hooks and histograms.
    is_root: bool,
    /// Where anybody wants to know how long it takes.
    since_ns: Option<u64>,
}

/// Watches the poll that is about to begin; `None` when the name's task has ended meanwhile.
#[cold]
#[inline(never)]
pub(crate) fn watch_poll(id: TaskId) -> Option<Poll> {
    let (mut poll, hook) = with(|tasks| tasks.before_poll(id)).flatten()?;
    if hook.is_some() {
        poll.subject.tell(hook);
        poll.since_ns = poll.since_ns.map(|_| clock::monotonic_ns());
    }
    Some(poll)
}

impl Drop for Poll {
    fn drop(&mut self) {
        let took_ns = self.since_ns.map(|since| clock::monotonic_ns().saturating_sub(since));
        let Some((hook, slow_ns)) = with(|tasks| tasks.after_poll(self, took_ns)) else { return };
        self.subject.tell(hook);
        with(|tasks| tasks.end_beat());
        if let (Some(took_ns), Some(slow_ns)) = (took_ns, slow_ns) {
            if took_ns >= slow_ns {
                report_slow(&self.subject, took_ns, slow_ns);
            }
        }
    }
}

fn report_slow(subject: &Subject, took_ns: u64, slow_ns: u64) {
    heard(|| {
        tracing::warn!(
            task = %Id(subject.id),
            name = subject.name.as_deref(),
            spawned_at = %subject.spawned_at,
            took_ms = milliseconds(took_ns),
            threshold_ms = milliseconds(slow_ns),
            "a task held the loop: work that takes long belongs into `spawn_blocking`",
        );
    });
}

/// For reports.
pub(crate) fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// A task was spawned.
#[cold]
#[inline(never)]
pub(super) fn spawned(id: TaskId) {
    let told = with(|tasks| {
        tasks.begin_record(id);
        let hook = tasks.watch.as_ref()?.hooks.spawn.clone()?;
        Some((tasks.subject(id)?, hook))
    });
    if let Some((subject, hook)) = told.flatten() {
        subject.tell(Some(hook));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::task::end::Unwanted;

    /// The name of a task in each of the reports about it.
    #[test]
    #[cfg_attr(miri, ignore = "it needs a ring")]
    fn a_name_is_in_every_report() {
        let told = Rc::new(RefCell::new(Vec::new()));
        let names = Rc::clone(&told);
        let hook = move |task: &TaskMeta<'_>| {
            names.borrow_mut().push(task.name().map(String::from));
        };
        let runtime = crate::Builder::new().debug(true).on_task_terminate(hook).build();
        runtime.expect("a loop").block_on(async {
            let task = crate::spawn(async { panic!("on purpose") });
            let id = task.id().0;
            with(|tasks| tasks.extra(id).expect("a task").name = Some("named".into()));
            let poll = watch_poll(id).expect("a task to be polled");
            let beat = with(|tasks| tasks.watch().and_then(|watch| watch.beat.clone()));
            let current = beat.flatten().expect("debug mode").current().expect("a poll");
            assert_eq!(current.subject.name.as_deref(), Some("named"));
            drop(poll);
            crate::yield_now().await;
            let unwanted = with(|tasks| tasks.detach(id, &mut None)).flatten();
            let Unwanted { notice, .. } = unwanted.expect("it has ended");
            let notice = format!("{:?}", notice.expect("an unread panic"));
            assert!(notice.contains("named") && notice.contains("on purpose"), "{notice}");
            drop(task);
        });
        assert_eq!(*told.borrow(), [Some(String::from("named"))]);
    }
}

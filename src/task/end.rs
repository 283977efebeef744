//! The end of a task as its table sees it: who takes the output, and what is said when nobody does.
//!
//! A panic that no join handle was asked for is reported, whether the handle was dropped before the
//! task panicked, afterwards, or not at all before the loop ended.

use std::sync::Arc;
use std::task::Waker;

use super::Id;
use super::crew::Link;
use super::extra::Extra;
use super::memory::BoxedTask;
use super::table::{State, Tasks, with};
use super::watch::{Hook, Subject};
use crate::report::heard;
use crate::scheduler::TaskId;

/// What the end of a task leaves to be done outside the table's borrow.
pub(super) struct Ended {
    /// The task that awaits its end, or [`TaskId::NOBODY`]; who awaits it by another kind of waker
    /// stands in `extra`.
    pub(super) joiner: TaskId,
    /// Who awaits the end of its group, or of any task of its set.
    pub(super) watcher: Option<Waker>,
    /// The output, when nobody will take it.
    pub(super) unwanted: Option<BoxedTask>,
    pub(super) extra: Option<Box<Extra>>,
}

/// An output that nobody will take.
pub(super) struct Unwanted {
    pub(super) output: BoxedTask,
    pub(super) notice: Option<Box<Notice>>,
}

/// What is to be said about the end of a task, outside every borrow.
#[derive(Debug)]
pub(super) struct Notice {
    subject: Subject,
    hook: Option<Hook>,
    /// What the task panicked with, when nobody will ever be told.
    unread_panic: Option<Box<str>>,
}

impl Notice {
    /// Calls the hook and reports the panic.
    pub(super) fn give(self) {
        let Notice { subject, hook, unread_panic } = self;
        subject.tell(hook);
        if let Some(message) = unread_panic {
            let report = || {
                tracing::error!(
                    task = %Id(subject.id),
                    name = subject.name.as_deref(),
                    spawned_at = %subject.spawned_at,
                    panic = &*message,
                    "a task panicked, and its join handle was dropped without being awaited",
                );
            };
            // The panic itself has been printed when it happened.
            let is_debug = with(|tasks| tasks.watch().is_some_and(|watch| watch.slow_ns.is_some()));
            if is_debug == Some(true) { heard(report) } else { report() }
        }
    }
}

impl Tasks {
    /// The future has panicked; with which message, unless the panic went to the task's group.
    #[cold]
    pub(super) fn note_panic(&mut self, id: TaskId, message: Option<&str>) {
        self.counters.panicked += 1;
        let Some(message) = message else { return };
        if let Some(extra) = self.extra(id) {
            extra.panic = Some(message.into());
        }
    }

    /// The task has ended, and who awaits it takes the output: nothing else is to be done. The one to
    /// wake, or [`TaskId::NOBODY`]; `None` where it is otherwise.
    #[inline]
    pub(super) fn end_plainly(&mut self, id: TaskId) -> Option<TaskId> {
        let slot = self.slots.get_mut(id.index() as usize)?;
        debug_assert_eq!(slot.generation, id.generation(), "a task that is polled keeps its slot");
        let is_alone = slot.extra.is_none() && slot.link == Link::NONE;
        if !(slot.is_plain() && slot.is_joinable && is_alone) {
            return None;
        }
        slot.state = State::Ended;
        self.counters.finished += 1;
        Some(std::mem::replace(&mut slot.joiner, TaskId::NOBODY))
    }

    /// The task has ended.
    pub(super) fn end(&mut self, id: TaskId) -> Ended {
        self.counters.finished += 1;
        self.current = None;
        let slot = self.slot(id).expect("a task that is polled keeps its slot");
        slot.state = State::Ended;
        let extra = slot.extra.take();
        let link = std::mem::replace(&mut slot.link, Link::NONE);
        let joiner = std::mem::replace(&mut slot.joiner, TaskId::NOBODY);
        let mut ended = Ended { joiner, watcher: None, unwanted: None, extra };
        let is_joinable = slot.is_joinable;
        if !is_joinable {
            ended.unwanted = slot.task.take();
        }
        if let Some(extra) = &mut ended.extra {
            self.note_end(id, extra);
        }
        if !is_joinable {
            self.free(id);
        }
        ended.watcher = self.crews.ended(link);
        ended
    }

    /// Finds what is to be said about a task's end; a panic that may yet be taken stays with the
    /// slot.
    #[cold]
    #[inline(never)]
    fn note_end(&mut self, id: TaskId, extra: &mut Extra) {
        let hook = self.watch.as_ref().and_then(|watch| watch.hooks.terminate.clone());
        let Some(slot) = self.slot(id) else { return };
        let mut unread_panic = extra.panic.take();
        let name = extra.name.as_deref();
        if slot.is_joinable && unread_panic.is_some() {
            slot.extra = Some(Extra::of_panic(name.map(Box::from), unread_panic.take()));
        }
        if hook.is_some() || unread_panic.is_some() {
            let subject = Subject { id, name: name.map(Arc::from), spawned_at: slot.site };
            extra.notice = Some(Notice { subject, hook, unread_panic });
        }
    }

    /// The join handle is gone; an output that nobody will take comes back to be dropped, and so
    /// does, in `joiner`, the waker of who awaited it.
    pub(super) fn detach(&mut self, id: TaskId, joiner: &mut Option<Waker>) -> Option<Unwanted> {
        let slot = self.slot(id)?;
        slot.is_joinable = false;
        *joiner = slot.forget_joiner();
        if slot.state != State::Ended {
            return None;
        }
        let unwanted = self.take_unwanted(id);
        self.free(id);
        unwanted
    }

    /// The output of a task that has ended, and what is to be said of it.
    fn take_unwanted(&mut self, id: TaskId) -> Option<Unwanted> {
        let slot = self.slot(id)?;
        let output = slot.task.take()?;
        let notice = slot.extra.take().map(|extra| {
            let name = extra.name.as_deref().map(Arc::from);
            let subject = Subject { id, name, spawned_at: slot.site };
            Box::new(Notice { subject, hook: None, unread_panic: extra.panic })
        });
        Some(Unwanted { output, notice })
    }

    /// Outputs that nobody took.
    pub(super) fn take_ended(&mut self) -> Vec<Unwanted> {
        let ended = self.slots.iter().enumerate().filter(|(_, slot)| slot.state == State::Ended);
        let ids: Vec<TaskId> = ended
            .map(|(index, slot)| TaskId::named(self.runtime(), slot.generation, index as u32))
            .collect();
        ids.into_iter().filter_map(|id| self.take_unwanted(id)).collect()
    }
}

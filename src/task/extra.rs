//! What few tasks have: a name, deferred clean-up, wakers for a cancel.

use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

use super::end::Notice;
use super::watch::Record;

/// A deferred clean-up.
pub(super) type Cleanup = Pin<Box<dyn Future<Output = ()>>>;

/// The rare part of a task, made when it is first needed.
#[derive(Default)]
pub(super) struct Extra {
    pub(super) name: Option<Box<str>>,
    /// What the task panicked with, in words.
    pub(super) panic: Option<Box<str>>,
    /// Of every task of a loop that is watched.
    pub(super) record: Option<Record>,
    /// What is to be said when the task has ended.
    pub(super) notice: Option<Notice>,
    /// Clean-ups in the order in which they were deferred, each with its key.
    deferred: Vec<(u64, Cleanup)>,
    next_key: u64,
    /// Who wants to know that a cancel was asked for.
    pub(super) cancel_wakers: Vec<Waker>,
    /// Who awaits the end by a waker that is not a task's name.
    pub(super) joiner: Option<Waker>,
}

impl Extra {
    /// What is left of a task that has panicked.
    pub(super) fn of_panic(name: Option<Box<str>>, panic: Option<Box<str>>) -> Box<Self> {
        Box::new(Extra { name, panic, ..Extra::default() })
    }

    pub(super) fn defer(&mut self, cleanup: Cleanup) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.deferred.push((key, cleanup));
        key
    }

    /// Takes one clean-up out.
    pub(super) fn take_deferred(&mut self, key: u64) -> Option<Cleanup> {
        let index = self.deferred.iter().rposition(|(known, _)| *known == key)?;
        Some(self.deferred.remove(index).1)
    }

    /// Takes the clean-up that was deferred last.
    pub(super) fn pop_deferred(&mut self) -> Option<Cleanup> {
        self.deferred.pop().map(|(_, cleanup)| cleanup)
    }

    pub(super) fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }
}

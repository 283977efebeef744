//! What the loop's table knows of a group.

use std::any::Any;
use std::task::Waker;

use super::Failure;
use crate::scheduler::TaskId;
use crate::task::crew::{Closed, CrewId};
use crate::task::table::Tasks;

/// What a group has beside its tasks.
pub(in crate::task) struct GroupState {
    /// The task that polls the scope.
    owner: Option<TaskId>,
    /// The group in whose body the scope is, when both are of one task.
    outer: Option<CrewId>,
    /// How many shields in the body hold its end back.
    shields: i32,
    /// Something has failed, or the group was told to stop: nothing is spawned any more.
    is_closing: bool,
    /// A `Vec<Failure<E>>`.
    failures: Box<dyn Any>,
}

/// How a group stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) is_closing: bool,
    /// Children that have not ended.
    pub(super) alive: usize,
    pub(super) is_shielded: bool,
}

impl GroupState {
    #[cfg(test)]
    pub(in crate::task) fn for_test() -> Self {
        let (owner, outer) = (None, None);
        GroupState { owner, outer, shields: 0, is_closing: false, failures: Box::new(()) }
    }
}

impl Tasks {
    /// Opens a group whose scope the current task polls.
    pub(super) fn open_group(&mut self, failures: Box<dyn Any>) -> CrewId {
        let (owner, outer) = (self.current, self.region);
        let state = GroupState { owner, outer, shields: 0, is_closing: false, failures };
        self.crews.open(Some(Box::new(state)))
    }

    fn group(&mut self, id: CrewId) -> Option<&mut GroupState> {
        self.crews.get(id)?.group.as_deref_mut()
    }

    /// Whether a task may be spawned into a crew.
    pub(in crate::task) fn admits(&mut self, id: CrewId) -> bool {
        match self.crews.get(id) {
            Some(crew) => crew.group.as_ref().is_none_or(|group| !group.is_closing),
            None => false,
        }
    }

    /// How a group stands; `None` when its scope has ended.
    pub(super) fn standing(&mut self, id: CrewId) -> Option<Standing> {
        let crew = self.crews.get(id)?;
        let alive = crew.alive();
        let group = crew.group.as_deref()?;
        let (is_closing, is_shielded) = (group.is_closing, group.shields > 0);
        Some(Standing { is_closing, alive, is_shielded })
    }

    /// Leaves the waker of the task that polls a scope; an outdated one comes back to be dropped.
    pub(super) fn attend(&mut self, id: CrewId, waker: &mut Option<Waker>) {
        let owner = self.current;
        let Some(crew) = self.crews.get(id) else { return };
        if let Some(group) = &mut crew.group {
            group.owner = owner;
        }
        std::mem::swap(&mut crew.waiter, waker);
    }

    /// Nothing is spawned into the group any more.
    pub(super) fn set_group_closing(&mut self, id: CrewId) {
        if let Some(group) = self.group(id) {
            group.is_closing = true;
        }
    }

    /// Takes `failure`, unless the group has ended; who has to be woken for it.
    pub(super) fn fail_group<E: 'static>(
        &mut self,
        id: CrewId,
        failure: &mut Option<Failure<E>>,
    ) -> Option<Waker> {
        let crew = self.crews.get(id)?;
        let group = crew.group.as_deref_mut()?;
        let failures = group.failures.downcast_mut::<Vec<Failure<E>>>();
        failures.expect("a group's children have its error type").extend(failure.take());
        group.is_closing = true;
        crew.waiter.take()
    }

    /// The failures of a group, when it is over.
    pub(super) fn take_failures<E: 'static>(&mut self, id: CrewId) -> Vec<Failure<E>> {
        let Some(group) = self.group(id) else { return Vec::new() };
        let failures = group.failures.downcast_mut::<Vec<Failure<E>>>();
        std::mem::take(failures.expect("a group's scope has its error type"))
    }

    /// The body of this group is polled from now on; what was polled before comes back.
    pub(super) fn enter_region(&mut self, region: Option<CrewId>) -> Option<CrewId> {
        std::mem::replace(&mut self.region, region)
    }

    /// A scope was dropped before its end: its children, which were cancelled, go to the group
    /// around it, which awaits them then. Whether there is one.
    pub(super) fn hand_to_outer(&mut self, id: CrewId) -> bool {
        let Some(outer) = self.group(id).and_then(|group| group.outer) else { return false };
        if self.crews.get(outer).is_none() {
            return false;
        }
        self.crews.hand_over(id, outer);
        true
    }

    /// Who polled the scope last, if that task has not ended.
    pub(super) fn owner(&mut self, id: CrewId) -> Option<TaskId> {
        let owner = self.group(id)?.owner?;
        (!self.is_finished(owner)).then_some(owner)
    }

    /// Ends a group; what is left of it is to be dropped, and who is due to be woken, outside of
    /// the borrow.
    pub(super) fn close_group(&mut self, id: CrewId) -> Option<(Closed, Vec<Waker>)> {
        let (outer, shields) = self.group(id).map(|group| (group.outer, group.shields))?;
        let closed = self.dissolve(id)?;
        // Shields that outlive their scope protect nothing any more.
        let due = self.shield_groups(outer, -shields);
        Some((closed, due))
    }

    /// A shield in the body of a group begins or ends: it holds that group's end back and that of
    /// all around it. Who has to be woken for an end that is due now.
    pub(in crate::task) fn shield_groups(
        &mut self,
        innermost: Option<CrewId>,
        change: i32,
    ) -> Vec<Waker> {
        let mut due = Vec::new();
        let mut next = innermost;
        while let Some(crew) = next.and_then(|id| self.crews.get(id)) {
            let Some(group) = crew.group.as_deref_mut() else { break };
            group.shields += change;
            next = group.outer;
            if change < 0 && group.is_closing && group.shields == 0 {
                due.extend(crew.waiter.take());
            }
        }
        due
    }
}

//! What a table says of its tasks, for dumps.

use std::panic::Location;

use super::table::{State, Stop, Tasks};
use crate::scheduler::TaskId;

/// What there is to say of a task.
#[derive(Debug)]
pub(crate) struct TaskInfo {
    pub(crate) id: TaskId,
    pub(crate) name: Option<String>,
    pub(crate) site: &'static Location<'static>,
    pub(crate) is_stopping: bool,
    pub(crate) is_cleaning_up: bool,
    /// Who awaits its end.
    pub(crate) joiner: Option<TaskId>,
    /// When it was spawned and how often it was polled, where the loop is watched.
    pub(crate) record: Option<super::watch::Record>,
}

impl Tasks {
    /// The task that is being polled.
    pub(crate) fn current(&self) -> Option<TaskId> {
        self.current
    }

    /// What there is to say of every task that has not ended, the root included.
    pub(crate) fn describe(&self) -> Vec<TaskInfo> {
        let slots = self.slots.iter().enumerate();
        let alive =
            slots.filter(|(_, slot)| matches!(slot.state, State::Alive | State::CleaningUp));
        alive
            .map(|(index, slot)| TaskInfo {
                id: TaskId::named(self.runtime(), slot.generation, index as u32),
                name: slot.extra.as_ref().and_then(|extra| extra.name.as_deref().map(String::from)),
                site: slot.site,
                is_stopping: slot.stop != Stop::No,
                is_cleaning_up: slot.state == State::CleaningUp,
                joiner: (slot.joiner != TaskId::NOBODY).then_some(slot.joiner),
                record: slot.extra.as_ref().and_then(|extra| extra.record),
            })
            .collect()
    }
}

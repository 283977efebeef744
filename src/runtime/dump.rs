//! What every task of a loop waits for, and every operation in flight.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::driver::{self, OpInfo};
use crate::scheduler::{self, TaskId, task_of};
use crate::sys::clock;
use crate::task::{self, TaskInfo};
use crate::time::timers;

/// A picture of a loop: its tasks and its operations in flight.
///
/// Printed, it has a line for each.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Dump {
    /// The loop's number.
    pub id: u32,
    /// Tasks that have not ended, the future given to `run` or `block_on` first.
    pub tasks: Vec<TaskDump>,
    /// Operations in flight that no task of this loop waits for: abandoned ones, and those awaited
    /// by another executor.
    pub others: Vec<OpDump>,
}

/// One task.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskDump {
    /// The task's name in the process.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// Whether it was asked to end.
    pub is_cancelled: bool,
    /// Whether its future is gone and its deferred clean-up runs.
    pub is_cleaning_up: bool,
    /// What it does now.
    pub state: TaskState,
    /// How long ago it was spawned; known only of loops that are watched: in
    /// [debug mode](crate::Builder::debug), with histograms or hooks.
    pub age: Option<Duration>,
    /// How often it was polled; known likewise.
    pub polls: Option<u64>,
    /// The operations that will wake it.
    pub waits_for: Vec<OpDump>,
    /// How long until the first of its timers is due, zero when it is overdue.
    pub timer: Option<Duration>,
    /// The tasks whose end it awaits.
    pub joins: Vec<String>,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled: it is the task that asked for the dump.
    Running,
    /// It was woken and will be polled.
    Ready,
    /// It waits to be woken. When neither an operation nor a timer nor another task will do it,
    /// somebody else must: a lock, a channel, a blocking job.
    Waiting,
}

/// One operation in flight.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpDump {
    /// What it does.
    pub operation: &'static str,
    /// The descriptor it works on.
    pub descriptor: Option<i32>,
    /// How long it has been in flight, to the kernel's tick of some milliseconds.
    pub in_flight: Duration,
    /// Whether it was dropped, and the kernel has not let go of it yet.
    pub is_abandoned: bool,
}

impl Dump {
    /// Takes the picture of this thread's loop; `None` without one.
    pub(super) fn take() -> Option<Dump> {
        let (id, ops) = driver::with(|driver| (driver.runtime(), driver.ops()))?;
        let (infos, running) = task::with(|tasks| (tasks.describe(), tasks.current()))?;
        let now_ns = clock::monotonic_ns();
        let places: HashMap<TaskId, usize> =
            infos.iter().enumerate().map(|(place, info)| (info.id, place)).collect();
        let mut dump = Dump { id, ..Dump::default() };
        dump.tasks = infos.iter().map(|info| TaskDump::of(info, running, now_ns)).collect();
        for info in &infos {
            if let Some(&joiner) = info.joiner.and_then(|joiner| places.get(&joiner)) {
                dump.tasks[joiner].joins.push(name_of(info.id));
            }
        }
        for (owner, deadline_ns) in timers::standing(|at, task| Some((task?, at))) {
            if let Some(&place) = places.get(&owner) {
                let left = Duration::from_nanos(deadline_ns.saturating_sub(now_ns));
                let timer = &mut dump.tasks[place].timer;
                *timer = Some(timer.map_or(left, |known| known.min(left)));
            }
        }
        for op in ops {
            let owner = op.waker.as_ref().and_then(task_of).and_then(|task| places.get(&task));
            match owner {
                Some(&place) => dump.tasks[place].waits_for.push(OpDump::from(op)),
                None => dump.others.push(OpDump::from(op)),
            }
        }
        Some(dump)
    }
}

impl TaskDump {
    fn of(info: &TaskInfo, running: Option<TaskId>, now_ns: u64) -> Self {
        let is_ready = scheduler::with(|scheduler| scheduler.is_queued(info.id)) == Some(true);
        let state = match is_ready {
            _ if running == Some(info.id) => TaskState::Running,
            true => TaskState::Ready,
            false => TaskState::Waiting,
        };
        let age_ns = info.record.map(|record| now_ns.saturating_sub(record.spawned_ns));
        TaskDump {
            id: name_of(info.id),
            name: info.name.clone(),
            spawned_at: info.site,
            is_cancelled: info.is_stopping,
            is_cleaning_up: info.is_cleaning_up,
            state,
            age: age_ns.map(Duration::from_nanos),
            polls: info.record.map(|record| record.polls),
            waits_for: Vec::new(),
            timer: None,
            joins: Vec::new(),
        }
    }
}

fn name_of(task: TaskId) -> String {
    format!("{task:?}")
}

impl From<OpInfo> for OpDump {
    fn from(op: OpInfo) -> Self {
        OpDump {
            operation: op.name,
            descriptor: op.descriptor,
            in_flight: Duration::from_nanos(op.age_ns),
            is_abandoned: op.is_abandoned,
        }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "loop {}: {} tasks", self.id, self.tasks.len())?;
        for task in &self.tasks {
            writeln!(f, "{task}")?;
        }
        for op in &self.others {
            writeln!(f, "nobody waits for {op}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TaskDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " \"{name}\"")?;
        }
        write!(f, " spawned at {}", self.spawned_at)?;
        if let Some(age) = self.age {
            write!(f, ", aged {age:?}")?;
        }
        if let Some(polls) = self.polls {
            write!(f, ", polled {polls} times")?;
        }
        if self.is_cancelled {
            write!(f, ", cancelled")?;
        }
        if self.is_cleaning_up {
            write!(f, ", cleaning up")?;
        }
        match self.state {
            TaskState::Running => write!(f, ", running"),
            TaskState::Ready => write!(f, ", ready to run"),
            TaskState::Waiting => self.fmt_waits(f),
        }
    }
}

impl TaskDump {
    fn fmt_waits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = ", waits for ";
        for op in &self.waits_for {
            write!(f, "{before}{op}")?;
            before = " and ";
        }
        if let Some(timer) = self.timer {
            write!(f, "{before}a timer due in {timer:?}")?;
            before = " and ";
        }
        for task in &self.joins {
            write!(f, "{before}the end of task {task}")?;
            before = " and ";
        }
        if before != " and " {
            write!(f, ", waits for no operation, timer or task")?;
        }
        Ok(())
    }
}

impl fmt::Display for OpDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        if let Some(descriptor) = self.descriptor {
            write!(f, " on descriptor {descriptor}")?;
        }
        write!(f, " for {:?}", self.in_flight)?;
        if self.is_abandoned {
            write!(f, " (abandoned)")?;
        }
        Ok(())
    }
}

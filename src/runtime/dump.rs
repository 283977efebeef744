//! What every task of a loop waits for, and every operation in flight.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::driver::{self, OpInfo};
use crate::scheduler::{TaskId, task_of};
use crate::task;

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
    /// The operations that will wake it. Empty when it waits for a timer, a channel, another task
    /// or a blocking job.
    pub waits_for: Vec<OpDump>,
}

/// One operation in flight.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpDump {
    /// What it does.
    pub operation: &'static str,
    /// The descriptor it works on.
    pub descriptor: Option<i32>,
    /// How long it has been in flight.
    pub in_flight: Duration,
    /// Whether it was dropped, and the kernel has not let go of it yet.
    pub is_abandoned: bool,
}

impl Dump {
    /// Takes the picture of this thread's loop; `None` without one.
    pub(super) fn take() -> Option<Dump> {
        let (id, ops) = driver::with(|driver| (driver.runtime(), driver.ops()))?;
        let tasks = task::with(|tasks| tasks.describe()).unwrap_or_default();
        let mut dump = Dump { id, ..Dump::default() };
        let mut owners: Vec<TaskId> = Vec::new();
        for info in tasks {
            owners.push(info.id);
            dump.tasks.push(TaskDump {
                id: format!("{:?}", info.id),
                name: info.name,
                spawned_at: info.site,
                is_cancelled: info.is_stopping,
                waits_for: Vec::new(),
            });
        }
        for op in ops {
            let task = op.waker.as_ref().and_then(task_of);
            let owner = task.and_then(|task| owners.iter().position(|&id| id == task));
            match owner {
                Some(index) => dump.tasks[index].waits_for.push(OpDump::from(op)),
                None => dump.others.push(OpDump::from(op)),
            }
        }
        Some(dump)
    }
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
        if self.is_cancelled {
            write!(f, ", cancelled")?;
        }
        match self.waits_for.split_first() {
            None => write!(f, ", waits for no operation"),
            Some((first, rest)) => {
                write!(f, ", waits for {first}")?;
                rest.iter().try_for_each(|op| write!(f, " and {op}"))
            }
        }
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

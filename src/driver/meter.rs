//! How long the system calls of a loop take, beyond what they wait for.
//!
//! An enter submits, lets the kernel run what it had put off, and waits, all in one call, so only
//! some of its time is the kernel's work. What counts here, and is compared with the threshold:
//!
//! - of an enter that does not wait, all of it: whatever takes long there keeps the loop from its
//!   tasks, work of the kernel or a submission that blocks;
//! - of an enter that waits, the processor time of the thread in it, which stands still while the
//!   thread sleeps; and if it was to wait until some time, how much later it came back, if that is
//!   more.
//!
//! A submission that blocks in an enter that waits cannot be told from the wait, and nothing was
//! ready to run then. Metering costs a reading of the clock for each enter, and for one that waits
//! two system calls more.

use super::Driver;
use crate::histogram::Histogram;
use crate::sys::clock::{monotonic_ns, thread_cpu_ns};
use crate::sys::{Entered, Wait};

/// Where somebody asked for it, what enters took.
#[derive(Debug)]
pub(crate) struct Meter {
    /// From which length on an enter is reported.
    slow_ns: Option<u64>,
    times: Option<Histogram>,
    /// To be reported when the driver is not borrowed.
    slow: Vec<SlowEnter>,
}

/// An enter that took longer than it should.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowEnter {
    pub(crate) took_ns: u64,
    pub(crate) threshold_ns: u64,
    /// Entries in the submission queue when it began.
    pub(crate) submitted: u32,
    pub(crate) waited: bool,
}

impl Meter {
    pub(crate) fn new(slow_ns: Option<u64>, keeps_times: bool) -> Self {
        Meter { slow_ns, times: keeps_times.then(Histogram::new), slow: Vec::new() }
    }

    fn record(&mut self, took_ns: u64, submitted: u32, wait: Wait) {
        if let Some(times) = &mut self.times {
            times.record(took_ns);
        }
        if let Some(threshold_ns) = self.slow_ns.filter(|&slow_ns| took_ns >= slow_ns) {
            let waited = waits(wait);
            self.slow.push(SlowEnter { took_ns, threshold_ns, submitted, waited });
        }
    }
}

impl Driver {
    /// Meters the enters from now on.
    pub(crate) fn set_meter(&mut self, meter: Meter) {
        self.meter = Some(Box::new(meter));
    }

    /// How long enters took, where that is kept.
    pub(crate) fn enter_times(&self) -> Option<&Histogram> {
        self.meter.as_ref()?.times.as_ref()
    }

    /// The slow enters since the last call.
    pub(crate) fn take_slow_enters(&mut self) -> Vec<SlowEnter> {
        self.meter.as_mut().map(|meter| std::mem::take(&mut meter.slow)).unwrap_or_default()
    }

    /// As [`Ring::enter`](crate::sys::Ring::enter), metered.
    #[cold]
    pub(super) fn metered_enter(&mut self, wait: Wait) -> std::io::Result<Entered> {
        let submitted = self.ring.unsubmitted();
        let began_ns = monotonic_ns();
        let ran_ns = if waits(wait) { thread_cpu_ns() } else { 0 };
        let entered = self.ring.enter(wait);
        let ended_ns = monotonic_ns();
        let took_ns = match wait {
            Wait::Zero => ended_ns - began_ns,
            Wait::Forever => thread_cpu_ns() - ran_ns,
            Wait::Until(deadline_ns) => {
                let late_ns = ended_ns.saturating_sub(deadline_ns.max(began_ns));
                late_ns.max(thread_cpu_ns() - ran_ns)
            }
        };
        if let Some(meter) = &mut self.meter {
            meter.record(took_ns, submitted, wait);
        }
        entered
    }
}

/// Whether an enter may sleep.
fn waits(wait: Wait) -> bool {
    match wait {
        Wait::Zero => false,
        Wait::Until(_) | Wait::Forever => true,
    }
}

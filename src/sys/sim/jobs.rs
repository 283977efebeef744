//! Blocking jobs: run on the loop's own thread, at a time that the simulator chooses.
//!
//! A pool of threads would bring the machine's own timing in. So a job is handed over to the
//! simulator, becomes due after a while of virtual time, and the loop runs it between two turns,
//! when none of its parts is borrowed.

use std::collections::VecDeque;

use super::HostId;
use super::events::Due;
use super::faults::Fault;
use super::machine::Machine;

/// What a blocking pool hands over.
pub(crate) type Job = Box<dyn FnOnce()>;

/// The jobs that wait.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: VecDeque<(HostId, Job)>,
    ready: VecDeque<(HostId, Job)>,
}

impl Jobs {
    /// The oldest job of a host is due.
    pub(super) fn ready(&mut self, host: HostId) {
        if let Some(at) = self.waiting.iter().position(|(owner, _)| *owner == host) {
            self.ready.extend(self.waiting.remove(at));
        }
    }

    pub(super) fn has_ready(&self, host: HostId) -> bool {
        self.ready.iter().any(|(owner, _)| *owner == host)
    }

    pub(super) fn take_ready(&mut self, host: HostId) -> Option<Job> {
        let at = self.ready.iter().position(|(owner, _)| *owner == host)?;
        self.ready.remove(at).map(|(_, job)| job)
    }

    /// Forgets a host's jobs, as a crash does.
    pub(super) fn forget(&mut self, host: HostId) -> Vec<Job> {
        let mut forgotten = Vec::new();
        for queue in [&mut self.waiting, &mut self.ready] {
            for (owner, job) in std::mem::take(queue) {
                if owner == host { forgotten.push(job) } else { queue.push_back((owner, job)) }
            }
        }
        forgotten
    }
}

impl Machine {
    /// Takes a job over; it becomes due after some time.
    pub(super) fn defer_job(&mut self, job: Job) {
        let host = self.current;
        let mean_ns = 20_000 + u64::from(self.faults.get(Fault::Latency)) * 1000;
        let at_ns = self.now_ns + 1 + self.rng.spread(mean_ns);
        self.jobs.waiting.push_back((host, job));
        self.events.push(at_ns, Due::Job(host));
        self.note("job", u64::from(host.0), 0);
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs")
            .field("waiting", &self.waiting.len())
            .field("ready", &self.ready.len())
            .finish()
    }
}

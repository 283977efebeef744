//! What the world of a simulation does to the kernel: hosts, links, crashes, time.

use std::net::IpAddr;

use super::host::Host;
use super::jobs::Job;
use super::machine::Machine;
use super::ops::{Op, OpId, Stage};
use super::{HostId, files::FileId};

impl Machine {
    pub(super) fn add_host(&mut self, name: &str, ip: IpAddr) -> HostId {
        let id = HostId(self.hosts.len() as u16);
        self.hosts.push(Host::new(name, ip));
        self.note("host", u64::from(id.0), 0);
        id
    }

    /// The address of a host by its name, or by its address in words.
    pub(super) fn resolve(&self, name: &str) -> Option<IpAddr> {
        let by_name = self.hosts.iter().find(|host| host.name == name).map(|host| host.ip);
        by_name.or_else(|| name.parse().ok())
    }

    /// Whether the host's loop has a reason to run that is not its own.
    pub(super) fn has_work(&self, host: HostId) -> bool {
        let rings = self.rings.iter().filter(|ring| ring.host == host);
        rings.into_iter().any(super::ring::SimRing::has_work) || self.jobs.has_ready(host)
    }

    pub(super) fn heal(&mut self, one: HostId, other: HostId) {
        self.change_link(one, other, |link| link.is_cut = false);
        self.note("heal", u64::from(one.0), i64::from(other.0));
        self.deliver_held();
    }

    pub(super) fn partition(&mut self, one: HostId, other: HostId) {
        self.change_link(one, other, |link| link.is_cut = true);
        self.note("partition", u64::from(one.0), i64::from(other.0));
    }

    /// A host stops in the middle of what it does. Its ops end as cancelled, so that its loop can be
    /// taken down, or with what they have done, for that may hold a buffer or a descriptor; its sockets vanish, and their peers learn of it by a reset or not at all. Its
    /// jobs come back, to be dropped where nothing is borrowed.
    pub(super) fn crash(&mut self, host: HostId) -> Vec<Job> {
        self.note("crash", u64::from(host.0), 0);
        mark!("host crashed");
        self.hosts[host.index()].is_up = false;
        let of_host = |op: &Op| self.rings[op.ring].host == host;
        let mut ops: Vec<(u64, OpId)> =
            self.ops.iter().filter(|(_, op)| of_host(op)).map(|(id, op)| (op.serial, id)).collect();
        ops.sort_unstable();
        for (_, id) in ops {
            let (res, flags) = match self.ops.get(id).map(|op| op.stage) {
                Some(Stage::Done { res, flags }) => (res, flags),
                _ => (-libc::ECANCELED, 0),
            };
            self.complete(id, res, flags);
        }
        self.lose_files(host);
        let disk = &mut self.hosts[host.index()].disk;
        disk.crash(&mut self.rng);
        self.jobs.forget(host)
    }

    /// Takes every file of a host away; its numbers name nothing any more.
    fn lose_files(&mut self, host: HostId) {
        let mut files: Vec<(u64, FileId)> = self
            .files
            .iter()
            .filter(|(_, file)| file.host == host)
            .map(|(id, file)| (file.serial, id))
            .collect();
        files.sort_unstable();
        for (_, id) in files {
            if let Some(lost) = self.files.remove(id) {
                // Whether the peers hear of it: the host may come back and refuse what it gets.
                let is_silent = self.rng.chance(500);
                self.lose_file(lost, is_silent);
            }
        }
    }

    /// A host is there again, without any socket or ring.
    pub(super) fn restart(&mut self, host: HostId) {
        self.note("restart", u64::from(host.0), 0);
        self.hosts[host.index()].is_up = true;
    }

    /// The next thing that happens by itself.
    pub(super) fn next_event_ns(&self) -> Option<u64> {
        self.events.next_ns()
    }

    pub(super) fn open_descriptors(&self, host: HostId) -> usize {
        let of_host = |file| self.files.get(file).is_some_and(|file| file.host == host);
        self.files.table.values().filter(|descriptor| of_host(descriptor.file)).count()
    }

    pub(super) fn describe_descriptors(&self, host: HostId) -> Vec<String> {
        let mut found: Vec<(u64, String)> = self
            .files
            .iter()
            .filter(|(_, file)| file.host == host)
            .map(|(_, file)| (file.serial, format!("file #{}: {:?}", file.serial, file.kind)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, words)| words).collect()
    }

    pub(super) fn ops_in_flight(&self, host: HostId) -> usize {
        self.ops.iter().filter(|(_, op)| self.rings[op.ring].host == host).count()
    }
}

//! The simulated kernel: everything that it has, in one value.
//!
//! The parts that do something are in files of their own, each an `impl Machine`: `enter` and
//! `submit` take entries in, `attempt` tries an op, `complete` ends it, `cancel` and `timeouts`
//! end it early; `tcp`, `connect`, `network` and the like are what ops act on.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::check::Lent;
use super::datagrams::Datagrams;
use super::events::{Due, Events};
use super::faults::{Fault, Faults};
use super::files::Files;
use super::host::Host;
use super::memory::Memory;
use super::network::{Connections, Link};
use super::ops::{OpId, Ops};
use super::pipes::Pipes;
use super::ring::SimRing;
use super::rng::Rng;
use super::trace::Trace;
use super::{HostId, jobs::Jobs};

/// When virtual time begins: not at zero, so that "a second ago" can be said.
const BEGIN_NS: u64 = 1_000_000_000;

/// The simulated kernel of one thread.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    /// Draws for whoever builds on the simulator, so that they do not disturb its own.
    pub(super) world_rng: Rng,
    pub(super) now_ns: u64,
    pub(super) events: Events,
    pub(super) faults: Faults,
    pub(super) hosts: Vec<Host>,
    pub(super) current: HostId,
    pub(super) rings: Vec<SimRing>,
    pub(super) ops: Ops,
    pub(super) files: Files,
    pub(super) connections: Connections,
    pub(super) datagrams: Datagrams,
    pub(super) pipes: Pipes,
    /// Registered buffers, by their ring.
    pub(super) fixed: BTreeMap<usize, Vec<Memory>>,
    /// The link between two hosts, the lower first; those that are not here are perfect.
    pub(super) links: Vec<((HostId, HostId), Link)>,
    pub(super) jobs: Jobs,
    pub(super) lent: Lent,
    pub(super) trace: Trace,
    /// Whether a wait in an enter lets time pass; else the enter returns.
    pub(super) is_blocking: bool,
    pub(super) violations: Vec<String>,
    pub(super) panics: bool,
    /// Whether entries may break the rules of a well-behaved driver, as tests of the simulator do.
    pub(super) is_lenient: bool,
    /// Whether the program may have closed a descriptor since the simulator last looked: it has
    /// run since. A look may be a system call, so there is none where the answer is known.
    pub(super) has_run: bool,
    /// Whether a loop has ended without its ops.
    pub(super) leaks: bool,
    /// How often it has looked.
    pub(super) looks: u32,
    /// Enters so far, and how many a run may make: one that makes more goes in a circle.
    pub(super) enters: u64,
    pub(super) enters_max: u64,
    pub(super) ops_made: u64,
    pub(super) ops_done: u64,
}

impl Machine {
    pub(super) fn new(seed: u64, faults: Faults) -> io::Result<Machine> {
        let localhost = Host::new("localhost", IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(Machine {
            seed,
            rng: Rng::new(seed),
            world_rng: Rng::new(seed.rotate_left(17) ^ 0x0077_0a1d),
            now_ns: BEGIN_NS,
            events: Events::default(),
            faults,
            hosts: vec![localhost],
            current: HostId(0),
            rings: Vec::new(),
            ops: Ops::default(),
            files: Files::new(),
            connections: Connections::default(),
            datagrams: Datagrams::default(),
            pipes: Pipes::default(),
            fixed: BTreeMap::new(),
            links: Vec::new(),
            jobs: Jobs::default(),
            lent: Lent::default(),
            trace: Trace::new(seed),
            is_blocking: true,
            violations: Vec::new(),
            panics: true,
            is_lenient: false,
            has_run: true,
            leaks: false,
            looks: 0,
            enters: 0,
            enters_max: u64::MAX,
            ops_made: 0,
            ops_done: 0,
        })
    }

    #[inline]
    pub(super) fn note(&mut self, what: &'static str, subject: u64, value: i64) {
        self.trace.note(self.now_ns, what, subject, value);
    }

    /// Whether a fault of so many per mille comes now.
    #[inline]
    pub(super) fn chance(&mut self, fault: Fault) -> bool {
        self.rng.chance(self.faults.get(fault))
    }

    /// The place of a host's link to another.
    pub(super) fn link(&self, one: HostId, other: HostId) -> Link {
        let pair = (one.min(other), one.max(other));
        let found = self.links.iter().find(|(known, _)| *known == pair);
        found.map_or(Link::default(), |(_, link)| *link)
    }

    /// Changes the link between two hosts.
    pub(super) fn change_link(&mut self, one: HostId, other: HostId, change: impl Fn(&mut Link)) {
        let pair = (one.min(other), one.max(other));
        let index = match self.links.iter().position(|(known, _)| *known == pair) {
            Some(index) => index,
            None => {
                self.links.push((pair, Link::default()));
                self.links.len() - 1
            }
        };
        change(&mut self.links[index].1);
    }

    /// Does everything whose time has come.
    pub(super) fn do_due(&mut self) {
        while let Some(due) = self.events.pop_due(self.now_ns) {
            self.happen(due);
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Attempt(op) => self.attempt_on_worker(op),
            Due::Complete(op) => self.hand_over(op),
            Due::Timeout(op) => self.hand_over(op),
            Due::Arrival(connection, side) => self.arrive(connection, side),
            Due::Datagram(number) => self.arrive_datagram(number),
            Due::Connect(op) => self.attempt_on_worker(op),
            Due::Notification(op) => self.hand_over(op),
            Due::GiveUp(op) => self.give_up(op),
            Due::Job(host) => self.jobs.ready(host),
        }
    }

    /// Lets the op's ring finish it in its deferred work.
    fn hand_over(&mut self, op: OpId) {
        if let Some(found) = self.ops.get(op) {
            let ring = found.ring;
            self.rings[ring].add_work(op);
        }
    }

    /// Moves the clock to `at_ns` and does everything on the way, in order.
    pub(super) fn advance_to(&mut self, at_ns: u64) {
        while let Some(next_ns) = self.events.next_ns().filter(|next_ns| *next_ns <= at_ns) {
            self.now_ns = self.now_ns.max(next_ns);
            self.do_due();
        }
        self.now_ns = self.now_ns.max(at_ns);
    }
}

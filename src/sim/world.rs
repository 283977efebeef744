//! The world as its user sees it.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::failure;
use super::faults::Faults;
use super::host::{Ending, Host};
use super::nemesis::Nemesis;
use super::rng::Rng;
use super::round::Phase;
use crate::runtime::Builder;
use crate::sys::sim::{self as kernel, HostId};

/// How long faults last unless [`World::fault_phase`] says otherwise.
const FAULT_PHASE: Duration = Duration::from_secs(30);
/// How long a run may take without faults unless [`World::time_limit`] says otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// What packets take between two hosts unless [`World::link`] says otherwise.
const LATENCY: Duration = Duration::from_micros(200);

/// Hosts, a network between them, a clock, and what goes wrong: all from one seed.
///
/// There is one at a time on a thread; other threads may have theirs. See [the module](super) for
/// an example.
#[derive(Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) hosts: Vec<Host>,
    pub(super) faults: Faults,
    /// Faults that shall stay off, whatever the test asks for.
    pub(super) left_out: Vec<&'static str>,
    /// What shall go wrong, whatever the test asks for.
    pub(super) replaced: Option<Faults>,
    pub(super) phase: Phase,
    pub(super) fault_phase: Duration,
    pub(super) time_limit: Duration,
    pub(super) nemesis: Nemesis,
    pub(super) steps: u64,
    pub(super) began_ns: u64,
}

/// What a run was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// One number for all that has happened: the same seed and program give the same.
    pub trace_hash: u64,
    /// Operations that the kernel has completed.
    pub operations: u64,
    /// How long it took on the world's clock.
    pub time: Duration,
    /// How often a host's loop had its turn.
    pub steps: u64,
}

impl World {
    /// A world without hosts, in which nothing goes wrong.
    ///
    /// # Panics
    ///
    /// When this thread has one already, or is in a loop.
    pub fn new(seed: u64) -> World {
        assert!(!kernel::is_installed(), "there is one `sim::World` at a time on a thread");
        kernel::install(seed, kernel::Faults::none());
        kernel::set_blocking(false);
        World {
            seed,
            rng: Rng::new(seed),
            hosts: Vec::new(),
            faults: Faults::none(),
            left_out: Vec::new(),
            replaced: None,
            phase: Phase::Plain,
            fault_phase: FAULT_PHASE,
            time_limit: TIME_LIMIT,
            nemesis: Nemesis::default(),
            steps: 0,
            began_ns: kernel::now_ns(),
        }
    }

    /// The seed that the world was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds a host and begins its program: a server, say, which need not end. The host's name
    /// resolves to the address that is returned.
    ///
    /// `make` makes the program's future, now and again whenever the host restarts. When it ends
    /// with an error or panics, the run has failed.
    ///
    /// # Panics
    ///
    /// When a host has this name already.
    pub fn host<M, F>(&mut self, name: &str, make: M) -> IpAddr
    where
        M: Fn() -> F + 'static,
        F: Future<Output: Ending> + 'static,
    {
        self.host_with(name, Builder::new(), make)
    }

    /// As [`host`](Self::host), with settings for the loop.
    ///
    /// # Panics
    ///
    /// As [`host`](Self::host).
    pub fn host_with<M, F>(&mut self, name: &str, settings: Builder, make: M) -> IpAddr
    where
        M: Fn() -> F + 'static,
        F: Future<Output: Ending> + 'static,
    {
        let is_known = self.hosts.iter().any(|host| host.name == name);
        assert!(!is_known, "a host of the name \"{name}\" is there already");
        let number = self.hosts.len() as u16 + 1;
        let [high, low] = number.to_be_bytes();
        let ip = IpAddr::from(Ipv4Addr::new(10, 0, high, low));
        let id = kernel::add_host(name, ip);
        for other in &self.hosts {
            let latency_ns = nanoseconds(LATENCY);
            kernel::set_link(id, other.id, latency_ns, latency_ns);
        }
        let mut host = Host::new(id, name, settings.raise_nofile_limit(false), make);
        host.start();
        self.hosts.push(host);
        ip
    }

    /// Adds a host whose program has to end before [`run`](Self::run) does. It is never made to
    /// crash by [`Faults`]. Else as [`host`](Self::host).
    ///
    /// # Panics
    ///
    /// As [`host`](Self::host).
    pub fn client<M, F>(&mut self, name: &str, make: M) -> IpAddr
    where
        M: Fn() -> F + 'static,
        F: Future<Output: Ending> + 'static,
    {
        let ip = self.host(name, make);
        if let Some(host) = self.hosts.last_mut() {
            host.is_client = true;
        }
        ip
    }

    /// What goes wrong from now on, for the time of the [fault phase](Self::fault_phase). After it
    /// comes the calm: no faults, links mended, crashed hosts restarted; and in it everything must
    /// end.
    pub fn faults(&mut self, faults: Faults) {
        let mut faults = self.replaced.clone().unwrap_or(faults);
        self.left_out.iter().for_each(|name| faults.turn_off(name));
        kernel::set_faults(faults.kernel.clone());
        self.faults = faults;
        self.phase = Phase::Faults { until_ns: self.after_ns(self.fault_phase) };
        self.nemesis = Nemesis::begin(kernel::now_ns());
    }

    /// How long faults last, on the world's clock; to be called before [`faults`](Self::faults).
    /// 30 seconds by default.
    pub fn fault_phase(&mut self, time: Duration) {
        self.fault_phase = time;
    }

    /// How long a run may take once nothing goes wrong any more, on the world's clock. A day by
    /// default.
    pub fn time_limit(&mut self, time: Duration) {
        self.time_limit = time;
    }

    /// How long packets take between two hosts: `latency`, and up to `jitter` more. 200 µs and as
    /// much again by default.
    ///
    /// # Panics
    ///
    /// When there is no such host.
    pub fn link(&mut self, one: &str, other: &str, latency: Duration, jitter: Duration) {
        let (one, other) = (self.id(one), self.id(other));
        kernel::set_link(one, other, nanoseconds(latency), nanoseconds(jitter));
    }

    /// Cuts the link between two hosts. What they send each other over connections is held back, and
    /// datagrams are lost; who connects gets no answer.
    ///
    /// # Panics
    ///
    /// When there is no such host.
    pub fn partition(&mut self, one: &str, other: &str) {
        kernel::partition(self.id(one), self.id(other));
    }

    /// Mends the link between two hosts; what was held back arrives.
    ///
    /// # Panics
    ///
    /// When there is no such host.
    pub fn heal(&mut self, one: &str, other: &str) {
        kernel::heal(self.id(one), self.id(other));
    }

    /// Stops a host in the middle of what it does. Its tasks are dropped where they stand, without
    /// the clean-up that they have deferred; its connections are gone, and their peers learn of it
    /// by a reset, or not before they send something; of its files only what was synced is left.
    ///
    /// # Panics
    ///
    /// When there is no such host.
    pub fn crash(&mut self, name: &str) {
        let index = self.index(name);
        self.hosts[index].crash();
    }

    /// Begins the program of a host that has crashed anew.
    ///
    /// # Panics
    ///
    /// When there is no such host, or when it is up.
    pub fn restart(&mut self, name: &str) {
        let index = self.index(name);
        assert!(!self.hosts[index].is_up(), "the host \"{name}\" is up");
        self.hosts[index].restart();
    }

    /// How long the world has been there, on its clock.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(kernel::now_ns() - self.began_ns)
    }

    /// Whether the program of a host has ended.
    ///
    /// # Panics
    ///
    /// When there is no such host.
    pub fn is_finished(&self, name: &str) -> bool {
        self.hosts[self.index(name)].is_finished()
    }

    /// What has happened so far.
    pub fn report(&self) -> Report {
        let time = self.elapsed();
        let operations = kernel::ops_done();
        Report { trace_hash: kernel::trace_hash(), operations, time, steps: self.steps }
    }

    pub(super) fn after_ns(&self, time: Duration) -> u64 {
        kernel::now_ns().saturating_add(nanoseconds(time))
    }

    fn index(&self, name: &str) -> usize {
        let found = self.hosts.iter().position(|host| host.name == name);
        found.unwrap_or_else(|| panic!("there is no host of the name \"{name}\""))
    }

    fn id(&self, name: &str) -> HostId {
        self.hosts[self.index(name)].id
    }

    /// Ends the run with all that is known of it.
    pub(super) fn fail(&self, what: &str) -> ! {
        let hosts: Vec<String> = self.hosts.iter().map(Host::dump).collect();
        panic!("{}", failure::describe(what, self.seed, &self.faults, &hosts));
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

//! A simulated kernel behind the doors: the same entries, queues in memory, virtual time.
//!
//! It runs on the thread that [`install`]s it and answers every door of `sys` there, once for each
//! call and never for each op. Everything above the doors is the crate as it is. All that happens
//! follows from the seed, the faults and the program, so the same three give the same run, which
//! [`trace_hash`] shows.
//!
//! The story of an op: `submit` takes its entry and makes an op of it; `attempt` tries it against its
//! file, at once or as a kernel worker would; it waits on its file, or is done; `complete` posts its
//! completion, in this call or through the ring's deferred work. `cancel` and `timeouts` end it
//! early. `enter` lets time pass where the loop waits.
//!
//! Broken rules panic with the seed, the knobs and the last events (`check`).

#![expect(unsafe_code, reason = "reads and writes what entries lend")]
#![allow(dead_code, reason = "part of it is for the world that is built on it")]

mod address;
mod attempt;
mod attributes;
mod buffers;
mod cancel;
mod check;
mod codes;
mod complete;
mod connect;
mod contents;
mod datagrams;
mod disk;
mod disk_names;
mod disk_ops;
mod doors;
mod enter;
mod events;
mod faults;
mod files;
mod fixed;
mod garbage;
mod host;
mod jobs;
mod machine;
mod memory;
mod network;
mod numbers;
mod ops;
mod owned;
mod pipes;
mod placeholder;
mod queues;
mod register;
mod ring;
mod rng;
mod shared;
mod sockets;
mod splice;
mod submit;
mod tcp;
#[cfg(test)]
mod tests;
mod timeouts;
mod trace;
mod tree;
mod udp;
mod world;
mod zero_copy;

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::net::IpAddr;

pub(super) use self::doors::*;
pub(crate) use self::faults::{Fault, Faults};
pub(crate) use self::jobs::Job;
use self::machine::Machine;
pub(crate) use self::owned::Owned;
pub(super) use self::queues::{Submission, UserQueues};
pub(super) use self::tree::*;

/// Names a host; the first, which is always there, is `HostId(0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HostId(pub(crate) u16);

impl HostId {
    fn index(self) -> usize {
        usize::from(self.0)
    }
}

thread_local! {
    static INSTALLED: Cell<bool> = const { Cell::new(false) };
    // Without a destructor, so that it is there as long as its thread.
    static MACHINE: RefCell<ManuallyDrop<Option<Box<Machine>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// How many CPUs a simulated host has, as far as its loop asks.
pub(in crate::sys) const CORES: usize = 4;

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) trace_hash: u64,
    pub(crate) ops_done: u64,
    pub(crate) now_ns: u64,
    pub(crate) violations: Vec<String>,
}

/// Puts a simulated kernel behind the doors of this thread.
///
/// # Panics
///
/// When one is there already, or the process has no descriptor left for it.
pub(crate) fn install(seed: u64, faults: Faults) {
    let machine = Machine::new(seed, faults).expect("a descriptor for the simulator");
    MACHINE.with(|place| {
        let before = place.borrow_mut().replace(Box::new(machine));
        assert!(before.is_none(), "a simulator is installed on this thread already");
    });
    INSTALLED.set(true);
}

/// Takes the simulated kernel away; the doors lead to the real one again.
///
/// # Panics
///
/// When there is none.
pub(crate) fn uninstall() -> Report {
    INSTALLED.set(false);
    let machine = MACHINE.with(|place| place.borrow_mut().take());
    let machine = machine.expect("a simulator is installed on this thread");
    Report {
        trace_hash: machine.trace.hash(),
        ops_done: machine.ops_done,
        now_ns: machine.now_ns,
        violations: machine.violations.clone(),
    }
}

/// Whether this thread has a simulated kernel.
#[inline]
pub(crate) fn is_installed() -> bool {
    INSTALLED.get()
}

fn with<R>(f: impl FnOnce(&mut Machine) -> R) -> R {
    let done = MACHINE.with(|place| place.borrow_mut().as_deref_mut().map(f));
    done.expect("a simulator is installed on this thread")
}

/// Adds a host.
pub(crate) fn add_host(name: &str, ip: IpAddr) -> HostId {
    with(|machine| machine.add_host(name, ip))
}

/// Sets for which host the doors act, and answers for which they did.
pub(crate) fn set_current(host: HostId) -> HostId {
    with(|machine| std::mem::replace(&mut machine.current, host))
}

/// The address of a host.
pub(crate) fn resolve(name: &str) -> Option<IpAddr> {
    with(|machine| machine.resolve(name))
}

/// Whether a wait lets virtual time pass; else it ends at once, and whoever steps the loops moves
/// the clock.
pub(crate) fn set_blocking(on: bool) {
    with(|machine| machine.is_blocking = on);
}

/// The virtual time.
pub(crate) fn now_ns() -> u64 {
    with(|machine| machine.now_ns)
}

/// The time of the next thing that the kernel does by itself.
pub(crate) fn next_event_ns() -> Option<u64> {
    with(|machine| machine.next_event_ns())
}

/// Moves the clock and does everything on the way.
pub(crate) fn advance_to(at_ns: u64) {
    with(|machine| machine.advance_to(at_ns));
}

/// Says that the program runs other than after an enter, and may close descriptors there.
pub(crate) fn has_run() {
    with(|machine| machine.has_run = true);
}

/// Looks whether another thread has kicked a loop.
pub(crate) fn look_for_kicks() {
    with(|machine| {
        machine.look_for_kicks();
    });
}

/// Whether a host's loop has something to do: completions, deferred work, jobs.
pub(crate) fn has_work(host: HostId) -> bool {
    with(|machine| {
        machine.look_if_run();
        machine.has_work(host)
    })
}

/// Sets how long packets take between two hosts, with up to `jitter_ns` more.
pub(crate) fn set_link(one: HostId, other: HostId, latency_ns: u64, jitter_ns: u64) {
    with(|machine| {
        machine.change_link(one, other, |link| {
            (link.latency_ns, link.jitter_ns) = (latency_ns, jitter_ns);
        });
    });
}

/// Cuts the link between two hosts: what is sent waits.
pub(crate) fn partition(one: HostId, other: HostId) {
    with(|machine| machine.partition(one, other));
}

/// Mends a link; what waited arrives.
pub(crate) fn heal(one: HostId, other: HostId) {
    with(|machine| machine.heal(one, other));
}

/// Stops a host in the middle of what it does.
pub(crate) fn crash(host: HostId) {
    drop(with(|machine| machine.crash(host)));
}

/// Lets a host be there again.
pub(crate) fn restart(host: HostId) {
    with(|machine| machine.restart(host));
}

/// Changes what goes wrong from here on.
pub(crate) fn set_faults(faults: Faults) {
    with(|machine| machine.faults = faults);
}

/// What goes wrong.
pub(crate) fn faults() -> Faults {
    with(|machine| machine.faults.clone())
}

/// One number for all that has happened.
pub(crate) fn trace_hash() -> u64 {
    with(|machine| machine.trace.hash())
}

/// The last events, in words.
pub(crate) fn last_events(count: usize) -> Vec<String> {
    with(|machine| machine.trace.last(count))
}

/// Notes an event of the program's own.
pub(crate) fn note(subject: u64, value: u64) {
    with(|machine| machine.note("program", subject, value as i64));
}

/// How many ops have ended.
pub(crate) fn ops_done() -> u64 {
    with(|machine| machine.ops_done)
}

/// A number of the program's own stream, which disturbs none of the kernel's choices.
pub(crate) fn random_u64() -> u64 {
    with(|machine| machine.world_rng.next())
}

/// How many descriptors of a host are open.
pub(crate) fn open_descriptors(host: HostId) -> usize {
    with(|machine| {
        machine.look_around();
        machine.open_descriptors(host)
    })
}

/// The open files of a host, in words.
pub(crate) fn describe_descriptors(host: HostId) -> Vec<String> {
    with(|machine| machine.describe_descriptors(host))
}

/// How many ops of a host are in flight.
pub(crate) fn ops_in_flight(host: HostId) -> usize {
    with(|machine| machine.ops_in_flight(host))
}

/// How many buffers are lent to ops in flight, on all hosts.
pub(crate) fn buffers_lent() -> usize {
    with(|machine| machine.lent.len())
}

/// Whether a violation panics at once, which it does unless this says otherwise.
pub(crate) fn set_panic(on: bool) {
    with(|machine| machine.panics = on);
}

/// How many enters the run may make before it counts as one that never ends.
pub(crate) fn set_enters_max(most: u64) {
    with(|machine| machine.enters_max = machine.enters.saturating_add(most));
}

/// A pipe, of the real kernel without a simulator: the end that is read from, and the one that is
/// written to.
pub(crate) fn pipe() -> std::io::Result<[std::os::fd::OwnedFd; 2]> {
    if is_installed() { with(Machine::pipe) } else { pipes::real(0) }
}

/// Notes that the crate has found one of its own rules broken.
pub(crate) fn complain(what: &str) {
    if is_installed() {
        with(|machine| machine.violation(what.to_owned()));
    }
}

/// A loop ends without its operations: that they lose their descriptors is then no news.
pub(crate) fn leaks() {
    if is_installed() {
        with(|machine| machine.leaks = true);
    }
}

/// Checks that a loop which ends has given back every buffer of its pool that nobody holds.
pub(crate) fn check_buffers(count: u16, held: u32) {
    if is_installed() {
        with(|machine| machine.check_buffers(count, held));
    }
}

/// Allows entries that a well-behaved driver does not submit.
pub(crate) fn set_lenient(on: bool) {
    with(|machine| machine.is_lenient = on);
}

/// The rules that were broken.
pub(crate) fn violations() -> Vec<String> {
    with(|machine| machine.violations.clone())
}

/// The report of a run that has gone wrong: seed, knobs, ops in flight, last events.
pub(crate) fn report(what: &str) -> String {
    with(|machine| machine.report(what))
}

/// A blocking job of the current host that is due; to be run when no part of the loop is borrowed.
pub(crate) fn take_job() -> Option<Job> {
    with(|machine| machine.jobs.take_ready(machine.current))
}

/// A turn of a loop is over, perhaps without an enter: a little time passes.
pub(crate) fn pass_turn() {
    with(|machine| {
        machine.now_ns += enter::ENTER_NS;
        machine.do_due();
    });
}

/// Hands a blocking job over.
pub(crate) fn defer_job(job: Job) {
    with(|machine| machine.defer_job(job));
}

//! How a run ends, and what must hold then.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure;
use super::host::Host;
use super::world::{Report, World};
use crate::sys::sim as kernel;

impl World {
    /// Goes on until the program of every [`client`](Self::client) has ended (without clients: of
    /// every host), ends the other hosts in an orderly way, and checks that nothing is left: no
    /// operation in flight, no descriptor open.
    ///
    /// # Panics
    ///
    /// When a program panics or ends with an error, when a rule of the kernel is broken or something
    /// is left, when nothing will ever happen any more, and when there is no end within the
    /// [time limit](Self::time_limit). The panic says what every task of every host waits for, what
    /// happened last, and how to run it again.
    pub fn run(&mut self) -> Report {
        let mut limit_ns = self.limit_ns();
        while !self.is_over() {
            limit_ns = self.checked_round(limit_ns);
        }
        self.calm_down();
        let wakes = self.hosts.iter().map(Host::wakes).sum();
        kernel::note(self.steps, wakes);
        while let Some(index) = self.next_to_end() {
            let host = &mut self.hosts[index];
            let ended = catch_unwind(AssertUnwindSafe(|| host.end()));
            let leaked = match ended {
                Ok(leaked) => leaked,
                Err(payload) => self.fail(&failure::message(&*payload)),
            };
            if leaked > 0 {
                let name = &self.hosts[index].name;
                self.fail(&format!("the loop of {name} ended with {leaked} operations in flight"));
            }
        }
        self.check_ledger();
        self.report()
    }

    fn is_over(&self) -> bool {
        let has_clients = self.hosts.iter().any(|host| host.is_client);
        self.hosts.iter().filter(|host| !has_clients || host.is_client).all(Host::is_finished)
    }

    /// Hosts end in an order that the seed chooses.
    fn next_to_end(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.hosts.len()).filter(|index| self.hosts[*index].is_up()).collect();
        if up.is_empty() {
            return None;
        }
        Some(up[self.rng.below(up.len() as u64) as usize])
    }

    fn check_ledger(&self) {
        for host in &self.hosts {
            let open = kernel::open_descriptors(host.id);
            if open > 0 {
                let which = kernel::describe_descriptors(host.id).join(", ");
                self.fail(&format!("{} has left {open} descriptors open: {which}", host.name));
            }
        }
        let lent = kernel::buffers_lent();
        if lent > 0 {
            self.fail(&format!("{lent} buffers are lent to operations that are over"));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What is broken now has been told, or was left in the middle on purpose.
        kernel::set_panic(false);
        for host in &mut self.hosts {
            let _said = catch_unwind(AssertUnwindSafe(|| host.crash()));
        }
        self.hosts.clear();
        kernel::uninstall();
    }
}

//! The whole crate on the simulated kernel.

mod broken_memory;
mod conformance;
mod datagrams;
mod files;
mod knobs;
mod loops;
mod opcodes;
mod pipes;
mod rare;
mod sweep;

use super::{Faults, Report, install, uninstall};

/// Runs a program on a loop of a simulated kernel.
fn run<F: Future>(seed: u64, faults: Faults, program: F) -> (F::Output, Report) {
    struct Installed;
    impl Drop for Installed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                uninstall();
            }
        }
    }
    install(seed, faults);
    super::set_enters_max(1_000_000);
    let installed = Installed;
    let output = crate::run(program).expect("a loop");
    drop(installed);
    (output, uninstall())
}

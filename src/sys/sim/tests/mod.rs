//! The whole crate on the simulated kernel.

mod loops;

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
    let installed = Installed;
    let output = crate::run(program).expect("a loop");
    drop(installed);
    (output, uninstall())
}

//! How a run that went wrong is told.

use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::sync::Once;

use super::faults::Faults;
use crate::sys::sim as kernel;

/// The variable that names the seed to run again.
pub(super) const SEED: &str = "ANNULUS_SIM_SEED";
/// The variable that names the faults to run it with.
pub(super) const FAULTS: &str = "ANNULUS_SIM_FAULTS";

/// How many of the last events are printed.
const EVENTS: usize = 60;

/// All that is known of a run that has gone wrong.
pub(super) fn describe(what: &str, seed: u64, faults: &Faults, hosts: &[String]) -> String {
    format!(
        "simulation: {what}\n{}\nfaults: {faults}\nlast events:\n{}\n{}",
        hosts.join("\n"),
        kernel::last_events(EVENTS).join("\n"),
        again(seed, faults),
    )
}

/// How to run it again.
pub(super) fn again(seed: u64, faults: &Faults) -> String {
    format!("run it again with: {SEED}={seed} {FAULTS}='{faults}' cargo test")
}

/// The text of a panic.
pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a value that is not text").to_owned()
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`; what panics in it on this thread is not printed.
pub(super) fn quietly<R>(f: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                before(info);
            }
        }));
    });
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_QUIET.set(self.0);
        }
    }
    let _before = Before(IS_QUIET.replace(true));
    f()
}

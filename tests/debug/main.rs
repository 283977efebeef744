//! Debug mode, hooks, histograms, dumps: what a loop says of itself.

#[path = "../common/mod.rs"]
mod common;

mod dump;
mod forwarding;
mod histograms;
mod hooks;
mod late;
mod names;
mod panics;
mod prometheus;
mod settings;
mod sigquit;
mod slow;
mod unheard;
mod unpolled;
mod watchdog;

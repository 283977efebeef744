//! The examples, started as users start them and driven from outside.

mod bad_input;
mod bodies;
mod client;
mod command_lines;
mod conversation;
mod echo;
mod files;
mod limits;
mod metrics;
mod process;
#[path = "../common/prometheus.rs"]
mod prometheus;
mod shutdown;
mod tools;

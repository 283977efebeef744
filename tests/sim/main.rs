//! Worlds of several hosts on a simulated kernel (feature `sim`).

mod datagrams;
mod hosts;
mod outages;
mod plants;
mod programs;
mod runs;

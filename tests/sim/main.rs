//! Worlds of several hosts on a simulated kernel (feature `sim`).

/// Worlds are made and ended by the thousand, and much of that is memory: this allocator keeps the
/// pages that it has. Sanitizers have one of their own.
#[cfg(not(any(address_sanitizer, miri)))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod datagrams;
mod hosts;
mod outages;
mod plants;
mod programs;
mod runs;

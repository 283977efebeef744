//! The load generator: one thread, one ring, any number of connections.

mod closed;
mod connections;
mod exchange;
mod open;
mod storm;

pub use closed::{Load, Window, closed_loop, counted};
pub use connections::{connect, connect_only, verify};
pub use exchange::Exchange;
pub use open::{Arrivals, open_loop};
pub use storm::storm;

#[cfg(test)]
mod tests;

//! The load generator: one thread, one ring, any number of connections.

mod closed;
mod connections;
mod exchange;

pub use closed::{Load, Window, closed_loop};
pub use connections::connect;
pub use exchange::Exchange;

//! Channels whose ends may live on different threads.
//!
//! The rest of `sync` is for the tasks of one loop and takes no locks. These are for what comes in
//! from elsewhere: another loop, a worker thread, a thread that knows nothing of loops. Their ends
//! are `Send` when the messages are. They wake the loop through the standard waker, which any
//! runtime can provide, and offer `blocking_send` and `blocking_recv` to plain threads.
//!
//! They keep the rules of their local namesakes, being the same machines behind a lock: fair,
//! cancel-safe, and never calling a waker or dropping a message under the lock.

pub mod mpsc;
pub mod oneshot;

mod cell;
#[cfg(all(test, any(loom, miri)))]
mod models;
mod thread;

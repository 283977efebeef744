//! The behaviour of the primitives, one file for each.
//!
//! What is tested follows the suites of asyncio, trio and tokio, which users' habits come from;
//! each group names the suite whose promises it holds us to.

mod barrier;
mod broadcast;
mod condvar;
mod cross;
mod event;
mod leaving;
mod mpsc;
mod mpsc_end;
mod mutex;
mod notify;
mod once_cell;
mod oneshot;
mod queue;
mod queue_order;
mod reentry;
mod rw_lock;
mod semaphore;
mod storm;
mod wait_list;
mod watch;

//! Primitives between the tasks of one loop.
//!
//! - bounding and excluding: [`Semaphore`], [`Mutex`], [`RwLock`];
//! - telling and gathering: [`Notify`], [`Event`], [`Condvar`], [`Barrier`], [`OnceCell`];
//! - handing over: [`Queue`] with [`PriorityQueue`] and [`LifoQueue`], [`mpsc`], [`oneshot`],
//!   [`watch`], [`broadcast`];
//! - between threads: [`cross`].
//!
//! All but `cross` are local: they take no locks, touch no atomics, and are shared by reference or
//! in an [`Rc`](std::rc::Rc). They know nothing of the loop that runs them and wake tasks through
//! the standard waker.
//!
//! What holds of all of them:
//!
//! - **Fair.** Who waits first is served first, and what is granted is granted to the waiter: a
//!   task that comes later cannot take it, also not with a `try_` method.
//! - **Cancel-safe.** A future that is dropped leaves the line in O(1). If it was granted something
//!   that it did not take, the next waiter gets that. Where more is to be said, the method says it.
//! - **Re-entrant.** Wakers are called and values dropped when no borrow is held, so both may use
//!   the same primitive again. A panic in either leaves it in order. (What runs under a borrow says
//!   so: the closures that a watched value is given to, and the `Ord` of a priority queue's items.)
//! - **Quiet.** Waiting allocates nothing once the line has been as long before.
//!
//! The named futures of the methods are in [`futures`], and beside the channels.
//!
//! That a primitive is local is the compiler's business, not a rule to remember:
//!
//! ```compile_fail
//! let (sender, receiver) = annulus::sync::mpsc::channel(1);
//! std::thread::spawn(move || sender.try_send(1)); // `Rc<…>` cannot be sent between threads
//! # let _: annulus::sync::mpsc::Receiver<i32> = receiver;
//! ```

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use event::Event;
pub use mutex::{Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
#[doc(inline)]
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use rw_lock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};

pub mod broadcast;
pub mod cross;
pub mod futures;
pub mod mpsc;
pub mod oneshot;
pub mod queue;
pub mod watch;

mod barrier;
mod channel;
mod condvar;
mod event;
mod handover;
mod mutex;
mod notify;
mod once_cell;
mod permits;
mod rw_lock;
mod semaphore;
mod wait_list;
mod waking;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

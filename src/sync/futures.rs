//! The futures that the primitives return, for those who have to name them.

pub use super::barrier::BarrierWait;
pub use super::event::EventWait;
pub use super::mutex::{Lock, LockOwned};
pub use super::notify::Notified;
pub use super::queue::{Get, Join, Put};
pub use super::rw_lock::{Read, ReadOwned, Write, WriteOwned};
pub use super::semaphore::{Acquire, AcquireOwned};

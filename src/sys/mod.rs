//! Speaks the kernel's ABI in types that cannot be misread.

pub(crate) mod abi;
pub(crate) mod clock;
mod diagnosis;
pub(crate) mod door;
mod environment;
mod error;
pub(crate) mod eventfd;
pub(crate) mod limits;

pub use error::{SetupCause, SetupError};

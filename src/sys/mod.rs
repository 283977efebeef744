//! Speaks the kernel's ABI in types that cannot be misread.

pub(crate) mod abi;
pub(crate) mod address;
pub(crate) mod clock;
mod diagnosis;
pub(crate) mod door;
mod environment;
mod error;
pub(crate) mod eventfd;
mod feature_table;
mod features;
pub(crate) mod file;
pub(crate) mod ladder;
pub(crate) mod limits;
mod opcode;
mod option;
#[cfg(test)]
mod seccomp;
pub(crate) mod socket;
pub(crate) mod socket_options;
pub(crate) mod tcp_options;

pub use error::{SetupCause, SetupError};
pub use features::Features;
pub use opcode::Opcode;

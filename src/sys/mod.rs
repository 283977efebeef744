//! Speaks the kernel's ABI in types that cannot be misread.
//!
//! The only room that names `libc` or `io_uring`, and the only one that opens or closes a
//! descriptor. What leaves it is typed: an [`Sqe`] borrows from its op and says what its
//! completion means, a [`Cqe`]'s outcome is read as that meaning once, a [`Descriptor`] is a
//! number that owns nothing.
//!
//! The kernel is entered by the [`door`]s only, so that another kernel can stand behind them.

pub(crate) mod abi;
pub(crate) mod address;
pub(crate) mod affinity;
mod buf_ring;
pub(crate) mod clock;
mod cqe;
mod descriptor;
mod diagnosis;
pub(crate) mod door;
mod environment;
mod errno;
mod error;
pub(crate) mod eventfd;
mod feature_table;
mod features;
mod file_options;
pub(crate) mod fork;
pub(crate) mod ladder;
pub(crate) mod limits;
pub(crate) mod lock;
mod message;
mod opcode;
mod option;
mod owned;
mod path;
mod place;
mod queues;
pub(crate) mod quit;
pub(crate) mod resolve;
mod restrict;
mod ring;
mod ring_index;
#[cfg(test)]
mod seccomp;
mod signal;
#[cfg(feature = "sim")]
pub(crate) mod sim;
pub(crate) mod socket;
pub(crate) mod socket_options;
mod sqe;
pub(crate) mod stack;
mod stat;
pub(crate) mod symbols;
pub(crate) mod tcp_options;
pub(crate) mod thread;
pub(crate) mod tree;
mod tuning;
pub(crate) mod udp_options;
pub(crate) mod xattr;

pub(crate) use address::SocketAddress;
pub(crate) use buf_ring::{BufRing, Mapping};
#[cfg(test)]
pub(crate) use cqe::F_MORE;
pub(crate) use cqe::FromCqe;
pub(crate) use cqe::{Cqe, Filled, FilledFromGroup, Number, Outcome, Taken};
pub(crate) use descriptor::Descriptor;
pub(crate) use errno::{
    cancelled, closed, is_answer_to_datagram, is_cancelled, is_connection_error,
    is_end_of_connection, is_not_connected, is_out_of_buffers, is_unsupported, out_of_buffers,
    shutting_down, timed_out,
};
pub use error::{SetupCause, SetupError};
pub use file_options::Advice;
pub(crate) use file_options::{
    Alignment, Allocation, OpenFlags, direct_alignment, is_without_reader,
};
pub(crate) use message::MessageHeader;
pub(crate) use owned::Owned;
pub(crate) use owned::{disown, own};
pub(crate) use path::KernelPath;
pub(crate) use ring::{Entered, Ring, RingConfig, Wait};
pub(crate) use sqe::{Prepared, Sqe};
pub(crate) use stat::StatBuf;
pub use stat::{FileType, Metadata};
pub(crate) use tuning::NapiConfig;

/// A time in nanoseconds as `struct __kernel_timespec` has it: seconds, nanoseconds.
pub(crate) fn timespec(ns: u64) -> [i64; 2] {
    [(ns / 1_000_000_000) as i64, (ns % 1_000_000_000) as i64]
}
pub use features::Features;
pub use opcode::Opcode;

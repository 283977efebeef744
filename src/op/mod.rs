//! Says what each opcode asks for and gives back.
//!
//! One small file per opcode: no unsafe, no driver internals. Every I/O method of the crate
//! returns the [`Submit`] future of one of these.

mod accept;
mod accept_multishot;
mod cancel_fd;
mod close;
mod connect;
mod connect_datagram;
mod fadvise;
mod fallocate;
mod fsync;
mod ftruncate;
mod get_xattr;
mod hard_link;
mod mkdir;
mod nop;
mod open;
mod peek;
mod poll;
mod position;
mod read_at;
mod read_fixed_at;
mod read_next;
mod read_vectored_at;
mod recv;
mod recv_datagram;
mod recv_multishot;
mod recv_pooled;
mod recv_vectored;
mod rename;
mod send;
mod send_to;
mod send_vectored;
mod send_zero_copy;
mod set_xattr;
mod shutdown;
mod splice;
mod statx;
mod symlink;
mod tee;
mod unlink;
mod write_at;
mod write_fixed_at;
mod write_next;
mod write_vectored_at;

pub use self::accept::Accept;
pub(crate) use self::accept::accept;
pub use self::accept_multishot::AcceptMultishot;
pub(crate) use self::accept_multishot::accept_multishot;
pub use self::cancel_fd::cancel_fd;
pub use self::close::Close;
pub(crate) use self::close::close;
pub use self::connect::Connect;
pub(crate) use self::connect::connect;
pub use self::connect_datagram::ConnectDatagram;
pub(crate) use self::connect_datagram::connect_datagram;
pub use self::fadvise::Fadvise;
pub(crate) use self::fadvise::fadvise;
pub use self::fallocate::Fallocate;
pub(crate) use self::fallocate::fallocate;
pub use self::fsync::Fsync;
pub(crate) use self::fsync::fsync;
pub use self::ftruncate::Ftruncate;
pub(crate) use self::ftruncate::ftruncate;
pub use self::get_xattr::GetXattr;
pub(crate) use self::get_xattr::get_xattr;
pub use self::hard_link::HardLink;
pub(crate) use self::hard_link::hard_link;
pub use self::mkdir::Mkdir;
pub(crate) use self::mkdir::mkdir;
pub use self::nop::{Nop, nop};
pub use self::open::Open;
pub(crate) use self::open::open;
pub use self::peek::Peek;
pub(crate) use self::peek::peek;
pub use self::poll::{Readable, Writable};
pub(crate) use self::poll::{readable, writable};
pub use self::read_at::ReadAt;
pub(crate) use self::read_at::read_at;
pub use self::read_fixed_at::ReadFixedAt;
pub(crate) use self::read_fixed_at::read_fixed_at;
pub use self::read_next::ReadNext;
pub(crate) use self::read_next::read_next;
pub use self::read_vectored_at::ReadVectoredAt;
pub(crate) use self::read_vectored_at::read_vectored_at;
pub use self::recv::Recv;
pub(crate) use self::recv::recv;
pub use self::recv_datagram::{RecvDatagram, RecvFrom};
pub(crate) use self::recv_datagram::{peek_datagram, peek_from, recv_datagram, recv_from};
pub use self::recv_multishot::RecvMultishot;
pub(crate) use self::recv_multishot::recv_multishot;
pub use self::recv_pooled::RecvPooled;
pub(crate) use self::recv_pooled::recv_pooled;
pub use self::recv_vectored::RecvVectored;
pub(crate) use self::recv_vectored::recv_vectored;
pub use self::rename::Rename;
pub(crate) use self::rename::rename;
pub use self::send::{Send, SendAll};
pub(crate) use self::send::{send, send_all};
pub use self::send_to::SendTo;
pub(crate) use self::send_to::send_to;
pub use self::send_vectored::SendVectored;
pub(crate) use self::send_vectored::{send_rest_vectored, send_vectored};
pub use self::send_zero_copy::SendZeroCopy;
pub(crate) use self::send_zero_copy::send_zero_copy;
pub use self::set_xattr::SetXattr;
pub(crate) use self::set_xattr::set_xattr;
pub use self::shutdown::Shutdown;
pub(crate) use self::shutdown::shutdown;
pub use self::splice::Splice;
pub(crate) use self::splice::splice;
pub use self::statx::Statx;
pub(crate) use self::statx::{statx, statx_of};
pub use self::symlink::Symlink;
pub(crate) use self::symlink::symlink;
pub use self::tee::Tee;
pub(crate) use self::tee::tee;
pub use self::unlink::Unlink;
pub(crate) use self::unlink::unlink;
pub use self::write_at::WriteAt;
pub(crate) use self::write_at::write_at;
pub use self::write_fixed_at::WriteFixedAt;
pub(crate) use self::write_fixed_at::write_fixed_at;
pub use self::write_next::WriteNext;
pub(crate) use self::write_next::write_next;
pub use self::write_vectored_at::WriteVectoredAt;
pub(crate) use self::write_vectored_at::write_vectored_at;
pub use crate::driver::{Cancel, CancelOn, Chain, Links, Multishot, NextItem, Submit, chain};

/// Whether an operation failed because it was cancelled.
///
/// ```
/// # annulus::run(async {
/// let outcome = annulus::op::nop().cancel().await;
/// assert!(annulus::op::is_cancelled(&outcome.unwrap_err()));
/// # }).unwrap();
/// ```
pub fn is_cancelled(error: &std::io::Error) -> bool {
    crate::sys::is_cancelled(error)
}

//! Sockets, presented the way std does.
//!
//! - [`TcpListener`], [`TcpStream`]: servers and connections; [`TcpSocket`] for what has to be set
//!   before either; the halves of a connection in [`tcp`].
//! - [`UdpSocket`] for datagrams.
//! - [`ToSocketAddrs`], [`lookup_host`]: addresses and names.
//!
//! # Handles
//!
//! A socket belongs to the loop that it was made in; its handle may be sent to another thread and
//! dropped there, no more. `from_std` takes a socket into a loop and `into_std` takes it out.
//!
//! # Cancellation
//!
//! Every wait here may be given up at any moment, by `select!`, by a timeout or by dropping its
//! future, and nothing that the kernel had done by then is lost: a connection goes to the next
//! `accept`, bytes go to the next `read`, a datagram to the next `recv`. The methods say what that means for each.

mod addresses;
mod into_std;
mod lookup;
mod recv_stream;
pub mod tcp;
mod udp;

pub use self::addresses::{SocketAddrs, ToSocketAddrs};
pub use self::into_std::IntoStdError;
pub use self::lookup::lookup_host;
pub use self::recv_stream::RecvStream;
#[doc(inline)]
pub use self::tcp::{Incoming, TcpListener, TcpSocket, TcpStream};
#[doc(inline)]
pub use self::udp::UdpSocket;

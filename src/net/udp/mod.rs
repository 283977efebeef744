//! UDP: sockets that send and receive datagrams.

mod convert;
mod options;
mod socket;

pub use self::socket::UdpSocket;

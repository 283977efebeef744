//! Sockets, presented the way std does.

mod incoming;
mod recv_stream;
mod tcp_listener;
mod tcp_stream;

pub use self::incoming::Incoming;
pub use self::recv_stream::RecvStream;
pub use self::tcp_listener::TcpListener;
pub use self::tcp_stream::TcpStream;

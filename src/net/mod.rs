//! Sockets, presented the way std does.

mod tcp_listener;
mod tcp_stream;

pub use self::tcp_listener::TcpListener;
pub use self::tcp_stream::TcpStream;

//! TCP: listeners, connections and their halves.

mod convert;
mod incoming;
mod io;
mod listener;
mod socket;
mod socket_options;
mod split;
mod split_owned;
mod stream;
mod stream_options;

pub use self::incoming::Incoming;
pub use self::listener::TcpListener;
pub use self::socket::TcpSocket;
pub use self::split::{ReadHalf, WriteHalf};
pub use self::split_owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use self::stream::TcpStream;

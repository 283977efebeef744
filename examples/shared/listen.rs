//! Listening, with errors that say what to do.

use std::io;
use std::net::SocketAddr;

use annulus::net::TcpListener;

/// Listens at an address that a command line named.
pub(crate) fn at(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind_addr(address).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program listens there, choose a port with --addr"
            }
            io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
            io::ErrorKind::PermissionDenied => "; ports below 1024 belong to the system",
            _ => "",
        };
        io::Error::new(error.kind(), format!("cannot listen at {address}: {error}{advice}"))
    })
}

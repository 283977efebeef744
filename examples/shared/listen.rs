//! Listening, with errors that say what to do.

use std::io;

use annulus::net::TcpListener;

/// Listens at an address that a command line named.
pub(crate) async fn at(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
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

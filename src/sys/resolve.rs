//! The door to name look-ups.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// The addresses of a host, as the system gives them; may take seconds.
///
/// # Errors
///
/// What the system says of a name that it does not know.
pub(crate) fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    #[cfg(feature = "sim")]
    if super::sim::is_installed() {
        let unknown = || io::Error::other("no host of the simulation has this name");
        let ip = super::sim::resolve(host).ok_or_else(unknown)?;
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    (host, port).to_socket_addrs().map(Vec::from_iter)
}

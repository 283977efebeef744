//! Names of hosts become addresses.

use std::io;
use std::net::SocketAddr;

use super::addresses::sealed::Target;
use super::{SocketAddrs, ToSocketAddrs};
use crate::sys;

/// Looks up a host's addresses.
///
/// Names are asked of the system, in the order that it gives (`getaddrinfo`), on the blocking
/// pool; literal addresses are given back at once. The answer may be used in place of the name.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a text that is no `host:port`; what the
/// system says of a name that it does not know, with the name.
///
/// # Cancellation
///
/// A look-up that is given up goes on in the pool and its answer is dropped.
///
/// ```
/// # annulus::run(async {
/// let mut addresses = annulus::net::lookup_host("127.0.0.1:80").await?;
/// assert_eq!(addresses.next(), Some("127.0.0.1:80".parse().unwrap()));
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub async fn lookup_host(host: impl ToSocketAddrs) -> io::Result<SocketAddrs> {
    resolve(host.to_target()?).await
}

/// Calls `attempt` with each address until one succeeds; the last error if none does.
pub(super) async fn try_each<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl AsyncFnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in resolve(addresses.to_target()?).await? {
        match attempt(address).await {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no address to try: the list is empty")
    }))
}

async fn resolve(target: Target) -> io::Result<SocketAddrs> {
    match target {
        Target::Literal(addresses) => Ok(addresses),
        Target::Name(host, port) => look_up(host, port).await,
    }
}

/// Asks the system for a host's addresses, which may take seconds.
async fn look_up(host: String, port: u16) -> io::Result<SocketAddrs> {
    let place = crate::blocking_ready().await;
    let answer = place.spawn(move || {
        let found = sys::resolve::look_up(&host, port);
        found.map_err(|error| unknown(&host, &error))
    });
    answer.await?.map(SocketAddrs::many)
}

fn unknown(host: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("no address was found for the host \"{host}\": {error}"))
}

//! What an address may be written as.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use self::sealed::{Sealed, Target};

/// What can be taken for one or more socket addresses.
///
/// As std's trait of the name, for the same types, and without blocking: names are looked up on
/// the blocking pool, literal addresses are read in place. It is implemented for
///
/// - [`SocketAddr`], [`SocketAddrV4`], [`SocketAddrV6`];
/// - pairs of a host and a port, where the host is an [`IpAddr`], an [`Ipv4Addr`], an
///   [`Ipv6Addr`], a `&str` or a `String`;
/// - `str` and `String` of the form `host:port`, where the host is a name, an IPv4 address, or an
///   IPv6 address in brackets;
/// - `&[SocketAddr]`, and references to any of these.
///
/// Sealed: it is there to be used as a bound.
pub trait ToSocketAddrs: Sealed {}

impl<T: Sealed + ?Sized> ToSocketAddrs for T {}

/// Addresses to try one after another; made by [`lookup_host`](super::lookup_host).
#[derive(Debug, Clone)]
pub struct SocketAddrs {
    first: Option<SocketAddr>,
    others: std::vec::IntoIter<SocketAddr>,
}

impl SocketAddrs {
    fn one(address: SocketAddr) -> Self {
        SocketAddrs { first: Some(address), others: Vec::new().into_iter() }
    }

    pub(super) fn many(addresses: Vec<SocketAddr>) -> Self {
        SocketAddrs { first: None, others: addresses.into_iter() }
    }
}

impl Iterator for SocketAddrs {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        self.first.take().or_else(|| self.others.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = usize::from(self.first.is_some()) + self.others.len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for SocketAddrs {}

pub(super) mod sealed {
    use std::io;

    use super::SocketAddrs;

    /// What there is to be looked up.
    #[derive(Debug)]
    pub enum Target {
        /// Nothing: these are addresses.
        Literal(SocketAddrs),
        /// A host by its name, and the port.
        Name(String, u16),
    }

    pub trait Sealed {
        fn to_target(&self) -> io::Result<Target>;
    }
}

impl<T: Sealed + ?Sized> Sealed for &T {
    fn to_target(&self) -> io::Result<Target> {
        (**self).to_target()
    }
}

macro_rules! literal {
    ($($type:ty),* $(,)?) => {$(
        impl Sealed for $type {
            fn to_target(&self) -> io::Result<Target> {
                Ok(Target::Literal(SocketAddrs::one((*self).into())))
            }
        }
    )*};
}

literal! {
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
}

impl Sealed for [SocketAddr] {
    fn to_target(&self) -> io::Result<Target> {
        Ok(Target::Literal(SocketAddrs::many(self.to_vec())))
    }
}

impl Sealed for (&str, u16) {
    fn to_target(&self) -> io::Result<Target> {
        let (host, port) = *self;
        Ok(host_and_port(host, port))
    }
}

impl Sealed for (String, u16) {
    fn to_target(&self) -> io::Result<Target> {
        Ok(host_and_port(&self.0, self.1))
    }
}

impl Sealed for str {
    fn to_target(&self) -> io::Result<Target> {
        if let Ok(address) = self.parse() {
            return Ok(Target::Literal(SocketAddrs::one(address)));
        }
        let Some((host, port)) = self.rsplit_once(':') else {
            return Err(invalid(self, "has no port; write it as `host:port`"));
        };
        match port.parse() {
            Ok(port) => Ok(host_and_port(host, port)),
            Err(_) => Err(invalid(self, "does not end in a port, a number up to 65535")),
        }
    }
}

impl Sealed for String {
    fn to_target(&self) -> io::Result<Target> {
        self.as_str().to_target()
    }
}

fn host_and_port(host: &str, port: u16) -> Target {
    match host.parse::<IpAddr>() {
        Ok(ip) => Target::Literal(SocketAddrs::one((ip, port).into())),
        Err(_) => Target::Name(host.to_owned(), port),
    }
}

fn invalid(address: &str, wrong: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the address \"{address}\" {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(target: impl ToSocketAddrs) -> Vec<String> {
        match target.to_target().unwrap() {
            Target::Literal(addresses) => addresses.map(|address| address.to_string()).collect(),
            Target::Name(host, port) => panic!("{host}, {port} is to be looked up"),
        }
    }

    fn name(target: impl ToSocketAddrs) -> (String, u16) {
        match target.to_target().unwrap() {
            Target::Literal(addresses) => panic!("{addresses:?} are literal"),
            Target::Name(host, port) => (host, port),
        }
    }

    #[test]
    fn literal_addresses_need_no_look_up() {
        let v4 = SocketAddr::from(([1, 2, 3, 4], 5));
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 5));
        assert_eq!(literal(v4), ["1.2.3.4:5"]);
        assert_eq!(literal(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5)), ["127.0.0.1:5"]);
        assert_eq!(literal(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 5, 0, 0)), ["[::1]:5"]);
        assert_eq!(literal((v4.ip(), 6)), ["1.2.3.4:6"]);
        assert_eq!(literal((Ipv4Addr::LOCALHOST, 6)), ["127.0.0.1:6"]);
        assert_eq!(literal((Ipv6Addr::LOCALHOST, 6)), ["[::1]:6"]);
        assert_eq!(literal(&[v4, v6][..]), ["1.2.3.4:5", "[::1]:5"]);
        assert_eq!(literal("[fe80::1%3]:7"), ["[fe80::1%3]:7"]);
        assert_eq!(literal(String::from("1.2.3.4:5")), ["1.2.3.4:5"]);
        assert_eq!(literal(("::1", 5)), ["[::1]:5"]);
        assert_eq!(literal(&(String::from("1.2.3.4"), 5)), ["1.2.3.4:5"]);
        assert!(literal(&[][..]).is_empty());
    }

    #[test]
    fn what_is_no_address_is_a_name() {
        assert_eq!(name("localhost:80"), ("localhost".to_owned(), 80));
        assert_eq!(name(("localhost", 80)), ("localhost".to_owned(), 80));
        assert_eq!(name(("fe80::1%eth0", 80)), ("fe80::1%eth0".to_owned(), 80));
    }

    #[test]
    fn a_text_without_a_usable_port_is_refused_with_its_words() {
        for text in ["localhost", "localhost:", "localhost:http", "localhost:65536", ""] {
            let error = text.to_target().expect_err(text);
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!("\"{text}\"")), "{error}");
        }
    }

    #[test]
    fn addresses_are_counted_and_given_in_order() {
        let addresses = [SocketAddr::from(([1, 1, 1, 1], 1)), SocketAddr::from(([2, 2, 2, 2], 2))];
        let mut many = SocketAddrs::many(addresses.to_vec());
        assert_eq!(many.len(), 2);
        assert_eq!(many.next(), Some(addresses[0]));
        assert_eq!(many.len(), 1);
        assert_eq!(SocketAddrs::one(addresses[1]).collect::<Vec<_>>(), addresses[1..]);
    }
}

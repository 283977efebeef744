//! Socket addresses, in std's form and in the kernel's.
//!
//! [`SocketAddress`] is the kernel's form: storage of a size for any family, and the length in
//! use. An op keeps one in its cell and lends it to the kernel, to read from (connect, bind, send)
//! or to write to (accept, receive), so the kernel's pointers to it come from here only.

#![expect(unsafe_code, reason = "a sockaddr_storage is read as the sockaddr of its family")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{fmt, io, ptr};

/// An address in the kernel's form.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct SocketAddress {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

/// The bytes of `sockaddr_storage`, which no address exceeds.
const STORAGE_LEN: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

impl SocketAddress {
    /// Storage for the kernel to write an address of any family to: no address yet, and all of the
    /// storage offered.
    pub(crate) fn empty() -> SocketAddress {
        // SAFETY: a sockaddr_storage is integers and arrays of them, for which zero is a value.
        let storage = unsafe { std::mem::zeroed() };
        SocketAddress { storage, len: STORAGE_LEN }
    }

    /// The address of nobody (`AF_UNSPEC`), a connect to which ends a datagram socket's connection.
    pub(crate) fn nobody() -> SocketAddress {
        let mut address = SocketAddress::empty();
        address.len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        address
    }

    /// The address, for the kernel to read [`len`](Self::len) bytes from.
    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// The bytes in use: those of the address, or all if the kernel has not written one yet.
    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }

    /// Where the kernel reads how much storage there is, and writes how long the address is.
    ///
    /// The pointers of an op that writes an address are taken together, so that both come from one
    /// borrow and neither makes the other stale.
    pub(crate) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        let address: *mut SocketAddress = self;
        // SAFETY: `address` comes from a live borrow; only the place of a field is taken.
        let storage = unsafe { &raw mut (*address).storage };
        // SAFETY: as above.
        let len = unsafe { &raw mut (*address).len };
        (storage.cast(), len)
    }

    /// Says how long the address is, where the kernel answers that elsewhere (`msg_namelen`).
    pub(crate) fn set_len(&mut self, len: libc::socklen_t) {
        self.len = len.min(STORAGE_LEN);
    }

    /// The address in std's form.
    ///
    /// # Errors
    ///
    /// `InvalidData` if there is no address, or one of another family than IPv4 and IPv6.
    pub(crate) fn to_socket_addr(self) -> io::Result<SocketAddr> {
        // The kernel says how long the address *was*, which may be more than it had room for.
        let len = self.len.min(STORAGE_LEN) as usize;
        let has = |size: usize| len >= size;
        match libc::c_int::from(self.storage.ss_family) {
            libc::AF_INET if has(size_of::<libc::sockaddr_in>()) => Ok(from_v4(&self.storage)),
            libc::AF_INET6 if has(size_of::<libc::sockaddr_in6>()) => Ok(from_v6(&self.storage)),
            family => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{len} bytes of address family {family} are no IPv4 or IPv6 address"),
            )),
        }
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        match address {
            SocketAddr::V4(address) => SocketAddress::holding(to_v4(address)),
            SocketAddr::V6(address) => SocketAddress::holding(to_v6(address)),
        }
    }
}

impl fmt::Debug for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_socket_addr() {
            Ok(address) => write!(f, "SocketAddress({address})"),
            Err(_) => write!(f, "SocketAddress(family {})", self.storage.ss_family),
        }
    }
}

/// The records that may be laid over the start of a `sockaddr_storage`.
///
/// # Safety
///
/// `Self` is a record of integers, no longer and no more aligned than `sockaddr_storage`.
unsafe trait Address: Copy {}

// SAFETY: sockaddr_in is 16 bytes of integers, aligned to 4; the storage is 128, aligned to 8.
unsafe impl Address for libc::sockaddr_in {}
// SAFETY: sockaddr_in6 is 28 bytes of integers, aligned to 4.
unsafe impl Address for libc::sockaddr_in6 {}

impl SocketAddress {
    fn holding<A: Address>(address: A) -> SocketAddress {
        let mut holder = SocketAddress::empty();
        // SAFETY: by `Address` the storage is large and aligned enough, and it is borrowed
        // exclusively.
        unsafe { ptr::write((&raw mut holder.storage).cast::<A>(), address) };
        holder.len = size_of::<A>() as libc::socklen_t;
        holder
    }
}

fn read<A: Address>(storage: &libc::sockaddr_storage) -> A {
    // SAFETY: by `Address` the storage is large and aligned enough, its bytes are initialized (at
    // first with zeros), and any bytes are a value of `A`.
    unsafe { ptr::read(ptr::from_ref(storage).cast::<A>()) }
}

fn to_v4(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        // The octets are in network order already, so they are kept as they lie in memory.
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

fn from_v4(storage: &libc::sockaddr_storage) -> SocketAddr {
    let address: libc::sockaddr_in = read(storage);
    let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
    SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into()
}

fn to_v6(address: SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: address.port().to_be(),
        // As std has it: the flow information is handed over in the order that it is given.
        sin6_flowinfo: address.flowinfo(),
        sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
        sin6_scope_id: address.scope_id(),
    }
}

fn from_v6(storage: &libc::sockaddr_storage) -> SocketAddr {
    let address: libc::sockaddr_in6 = read(storage);
    let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
    let port = u16::from_be(address.sin6_port);
    SocketAddrV6::new(ip, port, address.sin6_flowinfo, address.sin6_scope_id).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(address: SocketAddr) -> SocketAddress {
        let kernel = SocketAddress::from(address);
        assert_eq!(kernel.to_socket_addr().expect("an address"), address);
        kernel
    }

    #[test]
    fn an_ipv4_address_lies_in_network_order() {
        let kernel = there_and_back(SocketAddr::from(([192, 168, 1, 2], 0x1234)));
        assert_eq!(kernel.len() as usize, size_of::<libc::sockaddr_in>());
        // SAFETY: the storage is 128 initialized bytes.
        let bytes = unsafe { std::slice::from_raw_parts(kernel.as_ptr().cast::<u8>(), 8) };
        assert_eq!(&bytes[2..], [0x12, 0x34, 192, 168, 1, 2]);
    }

    #[test]
    fn an_ipv6_address_keeps_its_flow_and_scope() {
        let ip: Ipv6Addr = "fe80::1:2".parse().unwrap();
        let kernel = there_and_back(SocketAddrV6::new(ip, 443, 0xabcde, 7).into());
        assert_eq!(kernel.len() as usize, size_of::<libc::sockaddr_in6>());
        there_and_back("[::1]:1".parse().unwrap());
    }

    #[test]
    fn storage_without_an_address_is_an_error_that_says_so() {
        let error = SocketAddress::empty().to_socket_addr().expect_err("no address");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("address family 0"), "{error}");
    }

    #[test]
    fn an_address_cut_short_is_an_error() {
        let mut cut = SocketAddress::from(SocketAddr::from(([127, 0, 0, 1], 1)));
        cut.set_len(cut.len() - 1);
        assert!(cut.to_socket_addr().is_err());
    }

    #[test]
    fn an_address_of_another_family_is_an_error() {
        let mut other = SocketAddress::empty();
        other.storage.ss_family = libc::AF_UNIX as libc::sa_family_t;
        assert!(other.to_socket_addr().is_err());
        assert_eq!(format!("{other:?}"), "SocketAddress(family 1)");
    }

    #[test]
    fn the_kernels_pointers_lead_to_storage_and_length() {
        let mut address = SocketAddress::empty();
        let (storage, len) = address.as_mut_ptrs();
        let loopback = to_v4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
        // SAFETY: `storage` has room for any address and is not otherwise borrowed.
        unsafe { storage.cast::<libc::sockaddr_in>().write(loopback) };
        // SAFETY: `len` is writable and not otherwise borrowed.
        unsafe { len.write(size_of::<libc::sockaddr_in>() as libc::socklen_t) };
        assert_eq!(address.to_socket_addr().unwrap(), "127.0.0.1:80".parse().unwrap());
        assert_eq!(format!("{address:?}"), "SocketAddress(127.0.0.1:80)");
    }
}

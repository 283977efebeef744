//! The options of datagram sockets, each read and written by a function of its name.

#![expect(unsafe_code, reason = "setsockopt with the record of a group")]

use std::ffi::c_int;
use std::io;
#[cfg(feature = "sim")]
use std::net::IpAddr;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::option::{get, get_bool, get_u32, set, set_bool, set_u32};

/// Whether datagrams may be sent to everybody on a network.
pub(crate) fn broadcast(socket: BorrowedFd<'_>) -> io::Result<bool> {
    get_bool(socket, libc::SOL_SOCKET, libc::SO_BROADCAST)
}

pub(crate) fn set_broadcast(socket: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set_bool(socket, libc::SOL_SOCKET, libc::SO_BROADCAST, on)
}

/// Whether this host hears what the socket sends to groups.
pub(crate) fn multicast_loop(socket: BorrowedFd<'_>, v6: bool) -> io::Result<bool> {
    let (level, name) = loop_option(v6);
    get_bool(socket, level, name)
}

pub(crate) fn set_multicast_loop(socket: BorrowedFd<'_>, v6: bool, on: bool) -> io::Result<()> {
    let (level, name) = loop_option(v6);
    set_bool(socket, level, name, on)
}

fn loop_option(v6: bool) -> (c_int, c_int) {
    match v6 {
        false => (libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        true => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP),
    }
}

/// How many routers a datagram to a group may pass.
pub(crate) fn multicast_ttl(socket: BorrowedFd<'_>, v6: bool) -> io::Result<u32> {
    let (level, name) = ttl_option(v6);
    get_u32(socket, level, name)
}

/// Sets it; `EINVAL` past 255.
pub(crate) fn set_multicast_ttl(socket: BorrowedFd<'_>, v6: bool, ttl: u32) -> io::Result<()> {
    let (level, name) = ttl_option(v6);
    set_u32(socket, level, name, ttl)
}

fn ttl_option(v6: bool) -> (c_int, c_int) {
    match v6 {
        false => (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
        true => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
    }
}

/// The interface, by one of its addresses, through which datagrams to groups go.
pub(crate) fn multicast_interface_v4(socket: BorrowedFd<'_>) -> io::Result<Ipv4Addr> {
    let address: c_int = get(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF)?;
    Ok(Ipv4Addr::from(address.to_ne_bytes()))
}

pub(crate) fn set_multicast_interface_v4(
    socket: BorrowedFd<'_>,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let address = c_int::from_ne_bytes(interface.octets());
    set(socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, address)
}

/// The interface, by its index, through which datagrams to groups go; zero for any.
pub(crate) fn multicast_interface_v6(socket: BorrowedFd<'_>) -> io::Result<u32> {
    get_u32(socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF)
}

pub(crate) fn set_multicast_interface_v6(socket: BorrowedFd<'_>, interface: u32) -> io::Result<()> {
    set_u32(socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, interface)
}

/// Joins a group, or leaves it, on the interface with this address; unspecified for any.
pub(crate) fn set_membership_v4(
    socket: BorrowedFd<'_>,
    group: Ipv4Addr,
    interface: Ipv4Addr,
    joins: bool,
) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::set_membership(socket, IpAddr::V4(group), joins) {
        return answer;
    }
    let address = |ip: Ipv4Addr| libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
    let request =
        libc::ip_mreq { imr_multiaddr: address(group), imr_interface: address(interface) };
    let name = if joins { libc::IP_ADD_MEMBERSHIP } else { libc::IP_DROP_MEMBERSHIP };
    set_record(socket, libc::IPPROTO_IP, name, &request)
}

/// Joins a group, or leaves it, on the interface of this index; zero for any.
pub(crate) fn set_membership_v6(
    socket: BorrowedFd<'_>,
    group: Ipv6Addr,
    interface: u32,
    joins: bool,
) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::set_membership(socket, IpAddr::V6(group), joins) {
        return answer;
    }
    let request = libc::ipv6_mreq {
        ipv6mr_multiaddr: libc::in6_addr { s6_addr: group.octets() },
        ipv6mr_interface: interface,
    };
    let name = if joins { libc::IPV6_ADD_MEMBERSHIP } else { libc::IPV6_DROP_MEMBERSHIP };
    set_record(socket, libc::IPPROTO_IPV6, name, &request)
}

fn set_record<T>(socket: BorrowedFd<'_>, level: c_int, name: c_int, record: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    let place: *const T = record;
    // SAFETY: `place` has `len` readable bytes for the time of the call.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, place.cast(), len) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

//! The options of a UDP socket.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use super::UdpSocket;
use crate::sys::{socket_options, udp_options};

/// Options. They fail only where it is said.
impl UdpSocket {
    /// Whether datagrams may be sent to everybody on a network (`SO_BROADCAST`).
    pub fn broadcast(&self) -> io::Result<bool> {
        udp_options::broadcast(self.as_fd())
    }

    /// Allows to send to everybody on a network, or forbids it, as by default:
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) is what a send to a broadcast address
    /// then fails with.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        udp_options::set_broadcast(self.as_fd(), on)
    }

    /// The hop limit of datagrams (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    pub fn ttl(&self) -> io::Result<u32> {
        socket_options::ttl(self.as_fd())
    }

    /// Sets the hop limit of datagrams to a single receiver, 1 to 255.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        socket_options::set_ttl(self.as_fd(), ttl)
    }

    /// Whether another socket may have the same address, if it allows that, too (`SO_REUSEADDR`).
    pub fn reuseaddr(&self) -> io::Result<bool> {
        socket_options::reuse_addr(self.as_fd())
    }

    /// Lets another socket have the same address, before either is bound; off by default.
    ///
    /// Each of them hears what is sent to a group that it has joined. What is sent to one receiver
    /// only reaches the socket that was bound last.
    pub fn set_reuseaddr(&self, on: bool) -> io::Result<()> {
        socket_options::set_reuse_addr(self.as_fd(), on)
    }

    /// Whether several sockets may have one address and share what is sent to it (`SO_REUSEPORT`).
    pub fn reuseport(&self) -> io::Result<bool> {
        socket_options::reuse_port(self.as_fd())
    }

    /// Lets several sockets have one address, before they are bound: all that one sender sends from
    /// one port reaches the same one of them.
    pub fn set_reuseport(&self, on: bool) -> io::Result<()> {
        socket_options::set_reuse_port(self.as_fd(), on)
    }

    /// Whether an IPv6 socket refuses IPv4 (`IPV6_V6ONLY`).
    pub fn only_v6(&self) -> io::Result<bool> {
        socket_options::only_v6(self.as_fd())
    }

    /// Refuses IPv4 on an IPv6 socket, or takes it as mapped addresses; before it is bound.
    ///
    /// # Errors
    ///
    /// On an IPv4 socket, and on one that is bound.
    pub fn set_only_v6(&self, on: bool) -> io::Result<()> {
        socket_options::set_only_v6(self.as_fd(), on)
    }

    /// The bytes that may wait to be sent, in the kernel's accounting (`SO_SNDBUF`).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        socket_options::send_buffer_size(self.as_fd())
    }

    /// Sets the bytes that may wait to be sent. The kernel doubles the number for its own needs and
    /// cuts it to `net.core.wmem_max`.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        socket_options::set_send_buffer_size(self.as_fd(), bytes)
    }

    /// The bytes that may wait to be received, in the kernel's accounting (`SO_RCVBUF`).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        socket_options::recv_buffer_size(self.as_fd())
    }

    /// Sets the bytes that may wait to be received: what arrives past them is dropped, and nobody is
    /// told. The kernel doubles the number for its own needs and cuts it to `net.core.rmem_max`;
    /// also an empty datagram takes some hundred bytes of it.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        socket_options::set_recv_buffer_size(self.as_fd(), bytes)
    }

    /// The processor that took in the socket's last packet (`SO_INCOMING_CPU`); `None` before
    /// there was one.
    pub fn incoming_cpu(&self) -> io::Result<Option<u32>> {
        socket_options::incoming_cpu(self.as_fd())
    }

    /// Takes the error that waits on the socket, if one does.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        socket_options::take_error(self.as_fd())
    }
}

/// Groups of receivers (multicast).
impl UdpSocket {
    /// Joins a group: the socket receives what is sent to it, if it is bound to that port.
    ///
    /// `interface` is an address of the network's interface;
    /// [`UNSPECIFIED`](Ipv4Addr::UNSPECIFIED) leaves the choice to the system.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for an address that is no group's,
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) when it has joined it already, `ENODEV` (raw error 19)
    /// where there is no such interface, or none that leads to groups.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use annulus::net::UdpSocket;
    ///
    /// # annulus::run(async {
    /// let group = Ipv4Addr::new(239, 255, 7, 42);
    /// let member = UdpSocket::bind("0.0.0.0:0").await?;
    /// member.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    ///
    /// let sender = UdpSocket::bind("127.0.0.1:0").await?;
    /// sender.set_multicast_interface_v4(&Ipv4Addr::LOCALHOST)?;
    /// let port = member.local_addr()?.port();
    /// sender.send_to("to all", (group, port)).await.into_result()?;
    /// let (len, buf) = member.recv(vec![0; 64]).await.into_result()?;
    /// assert_eq!(&buf[..len], b"to all");
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        udp_options::set_membership_v4(self.as_fd(), *group, *interface, true)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when it has not joined it.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        udp_options::set_membership_v4(self.as_fd(), *group, *interface, false)
    }

    /// Joins a group, as [`join_multicast_v4`](Self::join_multicast_v4) does, on the interface with
    /// this index; zero leaves the choice to the system.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        udp_options::set_membership_v6(self.as_fd(), *group, interface, true)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when it has not joined it.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        udp_options::set_membership_v6(self.as_fd(), *group, interface, false)
    }

    /// Whether members on this host hear what the socket sends to their group
    /// (`IP_MULTICAST_LOOP`).
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        udp_options::multicast_loop(self.as_fd(), false)
    }

    /// Lets members on this host hear what the socket sends to their group, or not; on by default.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        udp_options::set_multicast_loop(self.as_fd(), false, on)
    }

    /// Whether members on this host hear what the socket sends to their group
    /// (`IPV6_MULTICAST_LOOP`).
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        udp_options::multicast_loop(self.as_fd(), true)
    }

    /// Lets members on this host hear what the socket sends to their group, or not; on by default.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        udp_options::set_multicast_loop(self.as_fd(), true, on)
    }

    /// The hop limit of datagrams to groups (`IP_MULTICAST_TTL`).
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        udp_options::multicast_ttl(self.as_fd(), false)
    }

    /// Sets the hop limit of datagrams to groups, up to 255; 1 by default, which is the own network.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        udp_options::set_multicast_ttl(self.as_fd(), false, ttl)
    }

    /// The hop limit of datagrams to groups (`IPV6_MULTICAST_HOPS`).
    pub fn multicast_hops_v6(&self) -> io::Result<u32> {
        udp_options::multicast_ttl(self.as_fd(), true)
    }

    /// Sets the hop limit of datagrams to groups, up to 255; 1 by default, which is the own network.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_multicast_hops_v6(&self, hops: u32) -> io::Result<()> {
        udp_options::set_multicast_ttl(self.as_fd(), true, hops)
    }

    /// The interface, by its address, through which datagrams to groups go (`IP_MULTICAST_IF`);
    /// unspecified where the system chooses.
    pub fn multicast_interface_v4(&self) -> io::Result<Ipv4Addr> {
        udp_options::multicast_interface_v4(self.as_fd())
    }

    /// Chooses the interface, by its address, through which datagrams to groups go.
    ///
    /// # Errors
    ///
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when no interface has it.
    pub fn set_multicast_interface_v4(&self, interface: &Ipv4Addr) -> io::Result<()> {
        udp_options::set_multicast_interface_v4(self.as_fd(), *interface)
    }

    /// The interface, by its index, through which datagrams to groups go (`IPV6_MULTICAST_IF`);
    /// zero where the system chooses.
    pub fn multicast_interface_v6(&self) -> io::Result<u32> {
        udp_options::multicast_interface_v6(self.as_fd())
    }

    /// Chooses the interface, by its index, through which datagrams to groups go.
    ///
    /// # Errors
    ///
    /// `ENODEV` (raw error 19) when there is none of this index.
    pub fn set_multicast_interface_v6(&self, interface: u32) -> io::Result<()> {
        udp_options::set_multicast_interface_v6(self.as_fd(), interface)
    }
}

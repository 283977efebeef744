//! The options of a socket before it listens or is connected.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::TcpSocket;
use crate::sys::{socket_options, tcp_options};

/// Options. They fail only where it is said.
impl TcpSocket {
    /// Whether an address that old connections still linger on can be bound (`SO_REUSEADDR`).
    pub fn reuseaddr(&self) -> io::Result<bool> {
        socket_options::reuse_addr(self.shared().as_fd())
    }

    /// Binds an address that old connections still linger on, or does not; off by default, and on
    /// in what [`TcpListener::bind`](super::TcpListener::bind) makes.
    pub fn set_reuseaddr(&self, on: bool) -> io::Result<()> {
        socket_options::set_reuse_addr(self.shared().as_fd(), on)
    }

    /// Whether several sockets may listen at one address and share its connections
    /// (`SO_REUSEPORT`).
    pub fn reuseport(&self) -> io::Result<bool> {
        socket_options::reuse_port(self.shared().as_fd())
    }

    /// Lets several sockets listen at one address and share its connections; each must ask for it
    /// before it is bound.
    pub fn set_reuseport(&self, on: bool) -> io::Result<()> {
        socket_options::set_reuse_port(self.shared().as_fd(), on)
    }

    /// Whether an IPv6 socket refuses IPv4 (`IPV6_V6ONLY`).
    pub fn only_v6(&self) -> io::Result<bool> {
        socket_options::only_v6(self.shared().as_fd())
    }

    /// Refuses IPv4 on an IPv6 socket, or accepts it as mapped addresses; before it is bound.
    ///
    /// # Errors
    ///
    /// On an IPv4 socket, and on one that is bound.
    pub fn set_only_v6(&self, on: bool) -> io::Result<()> {
        socket_options::set_only_v6(self.shared().as_fd(), on)
    }

    /// Whether small writes go out at once instead of waiting for more (`TCP_NODELAY`).
    pub fn nodelay(&self) -> io::Result<bool> {
        tcp_options::nodelay(self.shared().as_fd())
    }

    /// Sends small writes at once, or lets them wait for more; off by default.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        tcp_options::set_nodelay(self.shared().as_fd(), on)
    }

    /// Whether what arrives is acknowledged at once (`TCP_QUICKACK`).
    pub fn quickack(&self) -> io::Result<bool> {
        tcp_options::quickack(self.shared().as_fd())
    }

    /// Acknowledges what arrives at once, or lets it wait a little for data to go along. The kernel
    /// takes the setting back by its own judgement.
    pub fn set_quickack(&self, on: bool) -> io::Result<()> {
        tcp_options::set_quickack(self.shared().as_fd(), on)
    }

    /// Whether a silent peer is asked if it is still there (`SO_KEEPALIVE`).
    pub fn keepalive(&self) -> io::Result<bool> {
        socket_options::keepalive(self.shared().as_fd())
    }

    /// Asks a silent peer if it is still there, or does not; off by default.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        socket_options::set_keepalive(self.shared().as_fd(), on)
    }

    /// How long a peer is silent before it is asked (`TCP_KEEPIDLE`).
    pub fn keepalive_idle(&self) -> io::Result<Duration> {
        tcp_options::keepalive_idle(self.shared().as_fd())
    }

    /// Sets how long a peer is silent before it is asked: 1 to 32767 whole seconds, rounded up.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a time out of range.
    pub fn set_keepalive_idle(&self, idle: Duration) -> io::Result<()> {
        tcp_options::set_keepalive_idle(self.shared().as_fd(), idle)
    }

    /// The time from one question to a silent peer to the next (`TCP_KEEPINTVL`).
    pub fn keepalive_interval(&self) -> io::Result<Duration> {
        tcp_options::keepalive_interval(self.shared().as_fd())
    }

    /// Sets the time from one question to the next: 1 to 32767 whole seconds, rounded up.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a time out of range.
    pub fn set_keepalive_interval(&self, interval: Duration) -> io::Result<()> {
        tcp_options::set_keepalive_interval(self.shared().as_fd(), interval)
    }

    /// How many questions a peer may leave unanswered before the connection ends
    /// (`TCP_KEEPCNT`).
    pub fn keepalive_count(&self) -> io::Result<u32> {
        tcp_options::keepalive_count(self.shared().as_fd())
    }

    /// Sets how many questions a peer may leave unanswered: 1 to 127.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_keepalive_count(&self, count: u32) -> io::Result<()> {
        tcp_options::set_keepalive_count(self.shared().as_fd(), count)
    }

    /// How long a close waits for what is unsent to be sent (`SO_LINGER`); `None` leaves that to
    /// the background.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        socket_options::linger(self.shared().as_fd())
    }

    /// Sets how long a close waits for what is unsent to be sent, in whole seconds, rounded up.
    ///
    /// Zero drops it and resets the connection, which the peer sees as an error. `None`, the
    /// default, sends it in the background, and the peer reads all of it. So does any other time in
    /// a loop, which never waits in a close; the time is kept for who takes the socket out.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        socket_options::set_linger(self.shared().as_fd(), linger)?;
        self.shared().set_lingers(linger.is_some_and(|time| !time.is_zero()));
        Ok(())
    }

    /// The hop limit of packets (`IP_TTL`).
    pub fn ttl(&self) -> io::Result<u32> {
        socket_options::ttl(self.shared().as_fd())
    }

    /// Sets the hop limit of packets, 1 to 255.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a number out of range.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        socket_options::set_ttl(self.shared().as_fd(), ttl)
    }

    /// The bytes that may wait to be sent, in the kernel's accounting (`SO_SNDBUF`).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        socket_options::send_buffer_size(self.shared().as_fd())
    }

    /// Sets the bytes that may wait to be sent. The kernel doubles the number for its own needs,
    /// cuts it to `net.core.wmem_max`, and no longer adapts it to the connection.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        socket_options::set_send_buffer_size(self.shared().as_fd(), bytes)
    }

    /// The bytes that may wait to be read, in the kernel's accounting (`SO_RCVBUF`).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        socket_options::recv_buffer_size(self.shared().as_fd())
    }

    /// Sets the bytes that may wait to be read. The kernel doubles the number for its own needs,
    /// cuts it to `net.core.rmem_max`, and no longer adapts it to the connection.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        socket_options::set_recv_buffer_size(self.shared().as_fd(), bytes)
    }

    /// How many connections that carry data in their first packet may wait to be accepted
    /// (`TCP_FASTOPEN`).
    pub fn fastopen(&self) -> io::Result<u32> {
        tcp_options::tcp_fastopen(self.shared().as_fd())
    }

    /// Sets how many connections that carry data in their first packet may wait to be accepted; 0
    /// is off. The sysctl `net.ipv4.tcp_fastopen` must allow it.
    pub fn set_fastopen(&self, queue: u32) -> io::Result<()> {
        tcp_options::set_tcp_fastopen(self.shared().as_fd(), queue)
    }

    /// The processor that took in the socket's last packet (`SO_INCOMING_CPU`); `None` before
    /// there was one.
    pub fn incoming_cpu(&self) -> io::Result<Option<u32>> {
        socket_options::incoming_cpu(self.shared().as_fd())
    }

    /// Of the listeners that share a port, prefers this one for what processor `cpu` takes in.
    pub fn set_incoming_cpu(&self, cpu: u32) -> io::Result<()> {
        socket_options::set_incoming_cpu(self.shared().as_fd(), cpu)
    }
}

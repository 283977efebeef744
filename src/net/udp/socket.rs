//! A UDP socket.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use crate::buf::{IoBuf, IoBufMut};
use crate::driver::{SharedFd, Submit};
use crate::net::lookup::try_each;
use crate::net::{IntoStdError, ToSocketAddrs, into_std};
use crate::op::{self, Readable, RecvDatagram, RecvFrom, Send, SendTo, Writable};
use crate::sys::socket;

/// A UDP socket: it sends and receives datagrams, each whole and with its sender.
///
/// All of it takes a shared reference, so any number of tasks may send and receive at the same time,
/// also through handles made by [`try_clone`](Self::try_clone). A datagram goes to one of the
/// receives that wait, and which one is not known.
///
/// The network may lose datagrams, double them and change their order; this crate does none of it.
/// What is longer than the buffer it is received into is cut off, as std has it, and not said: give
/// a buffer room for the longest that may come, at most 65 507 bytes over IPv4. An empty datagram is
/// one like any other, and no end: there is none.
///
/// ```
/// use annulus::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// annulus::run(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(server.local_addr()?).await?;
///
///     client.send("ping").await.into_result()?;
///     let ((len, peer), buf) = server.recv_from(vec![0; 1500]).await.into_result()?;
///     assert_eq!(&buf[..len], b"ping");
///     server.send_to("pong", peer).await.into_result()?;
///     let (len, buf) = client.recv(buf).await.into_result()?;
///     assert_eq!(&buf[..len], b"pong");
///     Ok(())
/// })?
/// # }
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    fd: SharedFd,
}

impl UdpSocket {
    /// A socket at an address, or at the first of several that it can have.
    ///
    /// Port 0 takes any free one; [`local_addr`](Self::local_addr) says which. For options that have
    /// to be set before, see [`new_v4`](Self::new_v4).
    ///
    /// # Errors
    ///
    /// What [`lookup_host`](crate::net::lookup_host) says; of the last address,
    /// [`AddrInUse`](io::ErrorKind::AddrInUse),
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when it is none of this host's,
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for a port below 1024.
    ///
    /// # Cancellation
    ///
    /// Only the look-up of a name waits; see there.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        try_each(address, async |address| UdpSocket::bind_addr(address)).await
    }

    /// As [`bind`](Self::bind) at one literal address, without waiting for anything.
    ///
    /// # Errors
    ///
    /// As of [`bind`](Self::bind).
    pub fn bind_addr(address: SocketAddr) -> io::Result<UdpSocket> {
        let made = if address.is_ipv6() { UdpSocket::new_v6() } else { UdpSocket::new_v4() };
        let socket = made?;
        socket.bind_to(address)?;
        Ok(socket)
    }

    /// A socket for IPv4 that has no address yet: for options that have to be set before. It gets one
    /// by [`bind_to`](Self::bind_to), or by its first send.
    ///
    /// # Errors
    ///
    /// `EMFILE` and `ENFILE` for want of descriptors; outside a loop.
    ///
    /// ```
    /// use annulus::net::UdpSocket;
    ///
    /// # annulus::run(async {
    /// let one = UdpSocket::new_v4()?;
    /// one.set_reuseport(true)?;
    /// one.bind_to("127.0.0.1:0".parse().unwrap())?;
    /// let other = UdpSocket::new_v4()?;
    /// other.set_reuseport(true)?;
    /// other.bind_to(one.local_addr()?)?; // both have it, and share what comes
    /// # std::io::Result::Ok(())
    /// # }).unwrap().unwrap();
    /// ```
    pub fn new_v4() -> io::Result<UdpSocket> {
        SharedFd::adopt(socket::udp_socket(false)?).map(UdpSocket::new)
    }

    /// As [`new_v4`](Self::new_v4) for IPv6, and for IPv4 unless [`set_only_v6`](Self::set_only_v6)
    /// says no.
    ///
    /// # Errors
    ///
    /// As for [`new_v4`](Self::new_v4); where IPv6 is off.
    pub fn new_v6() -> io::Result<UdpSocket> {
        SharedFd::adopt(socket::udp_socket(true)?).map(UdpSocket::new)
    }

    /// Gives a socket that has none an address; port 0 takes any free one.
    ///
    /// # Errors
    ///
    /// As of [`bind`](Self::bind); [`InvalidInput`](io::ErrorKind::InvalidInput) when it has one.
    pub fn bind_to(&self, address: SocketAddr) -> io::Result<()> {
        socket::bind(self.fd.as_fd(), address)
    }

    pub(super) fn new(fd: SharedFd) -> Self {
        UdpSocket { fd }
    }

    /// Says whom the socket talks to: [`send`](Self::send) goes there, and only what comes from there
    /// is received, apart from what had come before. Of several addresses it is the first that the
    /// kernel takes. Nothing is sent. Since kernel 5.5.
    ///
    /// A connected socket also hears that nobody receives at the other end: a send or receive then
    /// fails with [`ConnectionRefused`](io::ErrorKind::ConnectionRefused), once, some time after the
    /// send that has met nobody.
    ///
    /// # Errors
    ///
    /// What [`lookup_host`](crate::net::lookup_host) says; of the last address,
    /// [`NetworkUnreachable`](io::ErrorKind::NetworkUnreachable) and its like.
    ///
    /// # Cancellation
    ///
    /// Whether the socket is connected is not known then, and can be asked:
    /// [`peer_addr`](Self::peer_addr).
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let connect = async |address| op::connect_datagram(&self.fd, Some(address)).await;
        try_each(address, connect).await
    }

    /// Ends what [`connect`](Self::connect) has begun: the socket talks to everybody again.
    ///
    /// A port that the kernel has chosen, for port 0, is given back; the socket gets another by its
    /// next send or [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// When the socket has been closed.
    ///
    /// # Cancellation
    ///
    /// As of [`connect`](Self::connect).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn disconnect(&self) -> Submit<op::ConnectDatagram> {
        op::connect_datagram(&self.fd, None)
    }

    /// Sends the bytes of `buf` as one datagram to whom the socket is connected to, and says how many
    /// they are: all. Since kernel 5.6.
    ///
    /// It waits only for room among what is to be sent.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE` (raw error 90) when they are more than a datagram takes, and nothing is sent;
    /// `EDESTADDRREQ` (raw error 89) when it is not connected;
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when nobody received an earlier one:
    /// then this one is not sent.
    ///
    /// # Cancellation
    ///
    /// The datagram is sent whole or not at all; which of the two is not known, unless by
    /// [`cancel`](Submit::cancel). Sends that are begun later follow it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send<B: IoBuf>(&self, buf: B) -> Submit<Send<B>> {
        op::send(&self.fd, buf)
    }

    /// Sends the bytes of `buf` as one datagram to `target`, and says how many they are. A socket
    /// that has no address gets one. Since kernel 5.3.
    ///
    /// For a name, ask [`lookup_host`](crate::net::lookup_host) first, once for many sends.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send); [`PermissionDenied`](io::ErrorKind::PermissionDenied) for a
    /// broadcast address unless [`set_broadcast`](Self::set_broadcast) allows it; what the network
    /// says of the address.
    ///
    /// # Cancellation
    ///
    /// As of [`send`](Self::send).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn send_to<B: IoBuf>(&self, buf: B, target: impl Into<SocketAddr>) -> Submit<SendTo<B>> {
        op::send_to(&self.fd, buf, target.into())
    }

    /// Receives a datagram into the front of `buf`, waiting for one, and says how long it is, or how
    /// much of it `buf` had room for: the rest is cut off. Since kernel 5.3.
    ///
    /// Zero is the length of an empty datagram, and no end.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) and its like: what the network has
    /// answered to a send of a connected socket, once. The socket goes on after it.
    ///
    /// # Cancellation
    ///
    /// A datagram that arrives for a receive that was given up goes to the next one, with its
    /// sender, in its place before those that follow it; no longer than the buffer that it was received into. So
    /// does an error. The buffer is freed, or given back by [`cancel`](Submit::cancel).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv<B: IoBufMut>(&self, buf: B) -> Submit<RecvDatagram<B>> {
        op::recv_datagram(&self.fd, buf)
    }

    /// As [`recv`](Self::recv), and says who has sent it. Since kernel 5.3.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn recv_from<B: IoBufMut>(&self, buf: B) -> Submit<RecvFrom<B>> {
        op::recv_from(&self.fd, buf)
    }

    /// Copies the datagram that the next receive will give, waiting for one, and leaves it. Since
    /// kernel 5.3. Otherwise as [`recv`](Self::recv).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek<B: IoBufMut>(&self, buf: B) -> Submit<RecvDatagram<B>> {
        op::peek_datagram(&self.fd, buf)
    }

    /// As [`peek`](Self::peek), and says who has sent it. Since kernel 5.3.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn peek_from<B: IoBufMut>(&self, buf: B) -> Submit<RecvFrom<B>> {
        op::peek_from(&self.fd, buf)
    }

    /// Waits until there is something to receive, a datagram or an error, without lending a buffer
    /// meanwhile. Since kernel 5.1.
    ///
    /// What a receive that was given up has left counts as well. Nothing is taken, so nothing is lost
    /// when it is dropped. It fails when the socket has been closed.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn readable(&self) -> Submit<Readable> {
        op::readable(&self.fd)
    }

    /// Waits until there is room to send, or an error. Since kernel 5.1. Otherwise as
    /// [`readable`](Self::readable).
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn writable(&self) -> Submit<Writable> {
        op::writable(&self.fd)
    }

    /// The address that the socket is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.fd.as_fd())
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_addr(self.fd.as_fd())
    }

    /// Another handle on the same socket of the same loop: what a receive that was given up has got
    /// goes to the receives of any of them.
    ///
    /// # Errors
    ///
    /// On another thread than the loop's.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        self.fd.clone_here().map(UdpSocket::new)
    }

    /// Closes the socket and says when it is closed.
    ///
    /// Receives in flight end with an error; datagrams that nobody has received are dropped. With
    /// another handle on the socket, only this one is dropped.
    ///
    /// # Errors
    ///
    /// What the kernel says of the close; the socket is closed all the same.
    ///
    /// # Cancellation
    ///
    /// The socket is closed in any case.
    pub async fn close(self) -> io::Result<()> {
        op::close(self.fd).await
    }

    /// Takes a socket of std into this thread's loop, blocking or not.
    ///
    /// # Errors
    ///
    /// Outside a loop; the socket is closed.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        SharedFd::adopt_std(socket.into()).map(UdpSocket::new)
    }

    /// Takes the socket out of the loop, as a blocking one unless it came as another.
    ///
    /// # Errors
    ///
    /// The socket itself, when an operation is in flight or a datagram is kept for the next receive:
    /// see [`IntoStdError`].
    pub fn into_std(self) -> Result<std::net::UdpSocket, IntoStdError<UdpSocket>> {
        into_std::take_out(self.fd, UdpSocket::new).map(Into::into)
    }

    pub(super) fn shared(&self) -> &SharedFd {
        &self.fd
    }
}

//! Pins `uring-sys-notes/sockets.md`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{cqueue, opcode};

use crate::memory::{self, Lent, leak};
use crate::ring::{TestRing, only};
use crate::sockets;
use crate::syscall;

const OP: u64 = 1;
const RECVSEND_POLL_FIRST: u16 = 1;

fn recv(fd: &impl AsRawFd, buf: Lent, flags: i32) -> Entry {
    let recv = opcode::Recv::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len());
    recv.flags(flags).build().user_data(OP)
}

fn send(fd: &impl AsRawFd, bytes: Lent, flags: i32) -> Entry {
    let send = opcode::Send::new(Fd(fd.as_raw_fd()), bytes.as_ptr(), bytes.len());
    send.flags(flags).build().user_data(OP)
}

/// An IPv4 address on loopback as the kernel reads it.
fn lent_address(port: u16) -> *mut libc::sockaddr_in {
    let address = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
    leak(libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: address },
        sin_zero: [0; 8],
    })
}

const ADDRESS_LEN: u32 = size_of::<libc::sockaddr_in>() as u32;

fn tcp_socket(ring: &mut TestRing) -> OwnedFd {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    ring.push(opcode::Socket::new(libc::AF_INET, kind, 0).build().user_data(OP));
    syscall::adopt(ring.one().res)
}

#[test]
fn a_socket_is_made_and_connected_through_the_ring() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let socket = tcp_socket(&mut ring);
    assert_ne!(syscall::descriptor_flags(socket.as_raw_fd()).expect("open") & libc::FD_CLOEXEC, 0);
    let address = lent_address(port);
    let connect = |fd: &OwnedFd, address: *mut libc::sockaddr_in| {
        opcode::Connect::new(Fd(fd.as_raw_fd()), address.cast(), ADDRESS_LEN).build().user_data(OP)
    };
    ring.push(connect(&socket, address));
    assert_eq!(ring.one().res, 0);
    let (mut server, peer) = listener.accept().expect("accept");
    assert!(peer.ip().is_loopback());
    ring.push(send(&socket, Lent::from(*b"hello"), 0));
    assert_eq!(ring.one().res, 5);
    let mut got = [0; 5];
    server.read_exact(&mut got).expect("read");
    assert_eq!(&got, b"hello");
    drop(listener);
    let refused = tcp_socket(&mut ring);
    ring.push(connect(&refused, address));
    assert_eq!(ring.one().res, -libc::ECONNREFUSED);
}

#[test]
fn a_connects_address_is_copied_at_submit() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = lent_address(listener.local_addr().expect("its address").port());
    let socket = tcp_socket(&mut ring);
    let connect = opcode::Connect::new(Fd(socket.as_raw_fd()), address.cast(), ADDRESS_LEN);
    ring.push(connect.build().user_data(OP).flags(io_uring::squeue::Flags::ASYNC));
    ring.submit();
    // SAFETY: a zeroed address is a valid one, of no family.
    memory::overwrite(address, unsafe { std::mem::zeroed() });
    assert_eq!(ring.one().res, 0);
    listener.accept().expect("it connected where it was told first");
}

#[test]
fn a_listener_is_bound_and_opened_through_the_ring() {
    let mut ring = TestRing::new();
    if !ring.supports(opcode::Bind::CODE) || !ring.supports(opcode::Listen::CODE) {
        println!("skipped: this kernel has no BIND and LISTEN (6.11)");
        return;
    }
    let socket = tcp_socket(&mut ring);
    let address = lent_address(0);
    let fd = Fd(socket.as_raw_fd());
    ring.push(opcode::Bind::new(fd, address.cast(), ADDRESS_LEN).build().user_data(OP));
    assert_eq!(ring.one().res, 0);
    ring.push(opcode::Listen::new(fd, 8).build().user_data(OP));
    assert_eq!(ring.one().res, 0);
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("a port of the kernel's choice");
    let _client = std::net::TcpStream::connect(address).expect("connect");
    listener.accept().expect("accept");
}

#[test]
fn an_accept_writes_the_peers_address_when_it_completes() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = leak(libc::sockaddr_in { sin_port: 0, ..memory::peek(lent_address(0)) });
    let len = leak(ADDRESS_LEN);
    let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), address.cast(), len);
    ring.push(accept.flags(libc::SOCK_CLOEXEC).build().user_data(OP));
    ring.submit();
    let client = std::net::TcpStream::connect(listener.local_addr().expect("its address"));
    let client = client.expect("connect");
    let server = syscall::adopt(ring.one().res);
    assert_ne!(syscall::descriptor_flags(server.as_raw_fd()).expect("open") & libc::FD_CLOEXEC, 0);
    let port = u16::from_be(memory::peek(address).sin_port);
    assert_eq!(port, client.local_addr().expect("its address").port());
    assert_eq!(memory::peek(len), ADDRESS_LEN);
}

#[test]
fn a_recv_or_an_accept_or_a_read_on_a_nonblocking_descriptor_waits_all_the_same() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    syscall::set_nonblocking(&ours);
    ring.push(recv(&ours, Lent::zeroed(8), 0));
    ring.assert_quiet();
    theirs.write_all(b"abc").expect("write");
    assert_eq!(ring.one().res, 3);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    syscall::set_nonblocking(&listener);
    let none = std::ptr::null_mut();
    let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), none, none.cast()).build();
    ring.push(accept.user_data(OP));
    ring.assert_quiet();
    let address = listener.local_addr().expect("its address");
    let _client = std::net::TcpStream::connect(address).expect("connect");
    drop(syscall::adopt(ring.one().res));
    let (reader, writer) = syscall::pipe(libc::O_NONBLOCK);
    let buf = Lent::zeroed(8);
    let read = opcode::Read::new(Fd(reader.as_raw_fd()), buf.as_ptr(), 8).build();
    ring.push(read.user_data(OP));
    ring.assert_quiet();
    syscall::write(&writer, b"abcd").expect("write");
    assert_eq!(ring.one().res, 4);
}

#[test]
fn a_recv_told_not_to_wait_answers_eagain() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv(&ours, Lent::zeroed(8), libc::MSG_DONTWAIT));
    assert_eq!(ring.one().res, -libc::EAGAIN);
    theirs.write_all(b"abc").expect("write");
    ring.push(recv(&ours, Lent::zeroed(8), libc::MSG_DONTWAIT));
    assert_eq!(ring.one().res, 3);
}

#[test]
fn poll_first_only_skips_the_first_try() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::unix_pair();
    let recv = || {
        let buf = Lent::zeroed(8);
        let recv = opcode::Recv::new(Fd(ours.as_raw_fd()), buf.as_ptr(), buf.len());
        recv.ioprio(RECVSEND_POLL_FIRST).build().user_data(OP)
    };
    theirs.write_all(b"abc").expect("write");
    ring.push(recv());
    assert_eq!(ring.one().res, 3, "data that is there already is found by the poll");
    ring.push(recv());
    ring.assert_quiet();
    theirs.write_all(b"abcd").expect("write");
    assert_eq!(ring.one().res, 4);
}

#[test]
fn a_recv_that_leaves_bytes_says_that_the_socket_is_not_empty() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    theirs.write_all(b"abcdef").expect("write");
    assert_ne!(syscall::poll(&ours, libc::POLLIN, 5_000), 0);
    ring.push(recv(&ours, Lent::zeroed(2), 0));
    let done = ring.one();
    assert!(cqueue::sock_nonempty(done.flags), "{done:?}");
    ring.push(recv(&ours, Lent::zeroed(4), 0));
    let done = ring.one();
    assert!(done.res == 4 && !cqueue::sock_nonempty(done.flags), "{done:?}");
}

#[test]
fn a_send_to_a_closed_peer_is_epipe_without_a_signal() {
    let mut ring = TestRing::new();
    for flags in [0, libc::MSG_NOSIGNAL] {
        let (ours, theirs) = sockets::unix_pair();
        drop(theirs);
        syscall::block(libc::SIGPIPE);
        ring.push(send(&ours, Lent::from(*b"x"), flags));
        assert_eq!(ring.one().res, -libc::EPIPE);
        assert!(!syscall::take_pending(libc::SIGPIPE), "flags {flags:#x}");
    }
}

#[test]
fn a_write_to_a_closed_peer_is_epipe_and_raises_sigpipe() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    drop(theirs);
    let (reader, writer) = syscall::pipe(0);
    drop(reader);
    syscall::block(libc::SIGPIPE);
    for fd in [ours.as_raw_fd(), writer.as_raw_fd()] {
        let byte = Lent::from(*b"x");
        ring.push(opcode::Write::new(Fd(fd), byte.as_ptr(), 1).build().user_data(OP));
        assert_eq!(ring.one().res, -libc::EPIPE);
        assert!(syscall::take_pending(libc::SIGPIPE), "use SEND for sockets");
    }
}

#[test]
fn a_send_that_does_not_fit_waits_for_room_and_with_waitall_sends_all() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::unix_pair();
    let big = Lent::from(vec![7_u8; 1 << 20]);
    ring.push(send(&ours, big, libc::MSG_WAITALL));
    ring.submit();
    assert!(ring.poll().is_empty(), "a mebibyte does not fit");
    let mut got = vec![0; 1 << 20];
    let reader = std::thread::spawn(move || theirs.read_exact(&mut got).map(|()| got));
    assert_eq!(ring.one().res, 1 << 20);
    let got = reader.join().expect("the reader").expect("all of it");
    assert!(got.iter().all(|byte| *byte == 7));
}

#[test]
fn a_send_without_waitall_may_be_short() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let big = Lent::from(vec![7_u8; 4 << 20]);
    ring.push(send(&ours, big, 0));
    let sent = ring.one().res;
    println!("a short send: {sent} of {}", 4 << 20);
    assert!(sent > 0 && sent < 4 << 20);
}

#[test]
fn a_recv_of_no_bytes_may_wait_for_bytes() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::tcp_pair();
    ring.push(recv(&ours, Lent::zeroed(0), 0));
    ring.submit();
    let at_once = ring.poll();
    println!("a recv of no bytes: {at_once:?} (std's read would return 0)");
    drop(theirs);
    let done = if at_once.is_empty() { ring.one() } else { at_once[0] };
    assert_eq!(done.res, 0);
}

#[test]
fn a_datagram_keeps_its_borders_and_its_sender() {
    let mut ring = TestRing::new();
    let ours = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let theirs = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (buf, name) = (Lent::zeroed(4), lent_address(0));
    let iovec = leak(libc::iovec { iov_base: buf.as_ptr().cast(), iov_len: 4 });
    // SAFETY: a zeroed msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (iovec, 1);
    (header.msg_name, header.msg_namelen) = (name.cast(), ADDRESS_LEN);
    let header = leak(header);
    ring.push(opcode::RecvMsg::new(Fd(ours.as_raw_fd()), header).build().user_data(OP));
    ring.submit();
    let to: SocketAddr = ours.local_addr().expect("its address");
    theirs.send_to(b"too long", to).expect("send");
    theirs.send_to(b"next", to).expect("send");
    let done = only(&ring.collect(1), OP);
    assert_eq!((done.res, buf.bytes()), (4, b"too ".to_vec()));
    assert_ne!(memory::peek(header).msg_flags & libc::MSG_TRUNC, 0, "the rest is gone and said so");
    let port = u16::from_be(memory::peek(name).sin_port);
    assert_eq!(port, theirs.local_addr().expect("its address").port());
    ring.push(recv(&ours, buf, 0));
    assert_eq!((ring.one().res, buf.bytes()), (4, b"next".to_vec()));
}

#[test]
fn a_connect_to_nobody_ends_a_datagram_sockets_connection() {
    let mut ring = TestRing::new();
    let ours = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let theirs = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = theirs.local_addr().expect("its address").port();
    let connect = |address, len| {
        opcode::Connect::new(Fd(ours.as_raw_fd()), address, len).build().user_data(OP)
    };
    ring.push(connect(lent_address(port).cast(), ADDRESS_LEN));
    assert_eq!(ring.one().res, 0);
    assert_eq!(ours.peer_addr().expect("a peer").port(), port);
    // SAFETY: zeroes are an address of no family.
    let nobody: libc::sockaddr = unsafe { std::mem::zeroed() };
    ring.push(connect(leak(nobody), ADDRESS_LEN));
    assert_eq!(ring.one().res, 0);
    assert!(ours.peer_addr().is_err());
    assert_eq!(ours.local_addr().expect("its address").port(), 0, "it was the kernel's choice");
}

#[test]
fn a_shutdown_goes_to_a_worker_and_sends_and_recvs_do_not() {
    let workers = std::thread::spawn(|| {
        let mut ring = TestRing::new();
        let (ours, theirs) = sockets::unix_pair();
        ring.push_all(&[recv(&ours, Lent::zeroed(4), 0), send(&theirs, Lent::from(*b"abcd"), 0)]);
        assert!(ring.collect(2).iter().all(|done| done.res == 4));
        let before = syscall::workers_of_this_thread();
        let shutdown = opcode::Shutdown::new(Fd(ours.as_raw_fd()), libc::SHUT_RDWR).build();
        ring.push(shutdown.user_data(OP));
        assert_eq!(ring.one().res, 0);
        (before, syscall::workers_of_this_thread())
    });
    let (before, after) = workers.join().expect("a thread without workers");
    assert_eq!((before, after), (0, 1));
}

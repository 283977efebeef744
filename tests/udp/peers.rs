//! Sockets that are connected, and those whose peer is not there.

use std::io::{Error, ErrorKind};

use annulus::net::UdpSocket;

use crate::common::net::own_loopback;
use crate::support::{loopback, pair, poll_once, recv, run, settle, socket};

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    run(async {
        let (one, other) = pair().await;
        let address = one.local_addr().unwrap();
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        let (stranger, _) = socket().await;
        // A socket of the loopback says nothing of who is connected to another.
        stranger.send_to("from a stranger", address).await.into_result().unwrap();
        other.send("from the peer").await.into_result().unwrap();
        stranger.send_to("from a stranger", address).await.into_result().unwrap();
        other.send("again").await.into_result().unwrap();
        assert_eq!(recv(&one).await, b"from the peer");
        assert_eq!(recv(&one).await, b"again");
    });
}

#[test]
fn what_came_before_a_connect_is_received_after_it() {
    run(async {
        let (server, address) = socket().await;
        let ((peer, own), (stranger, strange)) = (socket().await, socket().await);
        stranger.send_to("before", address).await.into_result().unwrap();
        server.connect(own).await.unwrap();
        stranger.send_to("after", address).await.into_result().unwrap();
        peer.send_to("from the peer", address).await.into_result().unwrap();
        let ((len, from), buf) = server.recv_from(vec![0; 64]).await.into_result().unwrap();
        assert_eq!((&buf[..len], from), (&b"before"[..], strange));
        assert_eq!(recv(&server).await, b"from the peer");
    });
}

#[test]
fn a_socket_that_is_connected_no_more_hears_everybody() {
    run(async {
        // A port of its own choice; one that the kernel chose is given back, see below.
        let (one, address) = own_socket().await;
        let (other, second) = socket().await;
        one.connect(second).await.unwrap();
        one.disconnect().await.unwrap();
        assert_eq!(one.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
        let error: Error = one.send("to whom?").await.into_result().unwrap_err().into();
        assert_eq!(error.raw_os_error(), Some(89), "EDESTADDRREQ");
        let (stranger, _) = socket().await;
        stranger.send_to("from a stranger", address).await.into_result().unwrap();
        assert_eq!(recv(&one).await, b"from a stranger");
        one.connect(stranger.local_addr().unwrap()).await.unwrap();
        one.send("to the stranger").await.into_result().unwrap();
        assert_eq!(recv(&stranger).await, b"to the stranger");
        drop(other);
    });
}

/// A socket at a port that it has asked for by its number.
async fn own_socket() -> (UdpSocket, std::net::SocketAddr) {
    for _ in 0..100 {
        let free = UdpSocket::bind(own_loopback()).await.unwrap();
        let address = free.local_addr().unwrap();
        free.close().await.unwrap();
        if let Ok(socket) = UdpSocket::bind(address).await {
            return (socket, address);
        }
    }
    panic!("no port stays free");
}

#[test]
fn a_port_that_the_kernel_chose_is_given_back_with_the_peer() {
    run(async {
        let (one, other) = pair().await;
        assert_ne!(one.local_addr().unwrap().port(), 0);
        one.disconnect().await.unwrap();
        assert_eq!(one.local_addr().unwrap().port(), 0);
        one.send_to("by another port", other.local_addr().unwrap()).await.into_result().unwrap();
        assert_ne!(one.local_addr().unwrap().port(), 0);
    });
}

#[test]
fn a_connected_socket_also_sends_to_others() {
    run(async {
        let (one, _other) = pair().await;
        let (third, address) = socket().await;
        one.send_to("aside", address).await.into_result().unwrap();
        let ((_, from), buf) = third.recv_from(Vec::with_capacity(9)).await.into_result().unwrap();
        assert_eq!((from, &buf[..]), (one.local_addr().unwrap(), &b"aside"[..]));
    });
}

/// An address that nobody receives at.
async fn nobody() -> std::net::SocketAddr {
    let (socket, address) = socket().await;
    socket.close().await.unwrap();
    address
}

#[test]
fn a_connected_socket_is_told_once_that_nobody_receives() {
    run(async {
        let (socket, _) = socket().await;
        socket.connect(nobody().await).await.unwrap();
        socket.send("anybody?").await.into_result().unwrap();
        let error: Error = socket.recv(vec![0; 8]).await.into_result().unwrap_err().into();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let mut recv = socket.recv(vec![0; 8]);
        assert!(poll_once(&mut recv).await.is_none(), "it is said once");
        drop(recv);
        settle().await;
        socket.send("anybody?").await.into_result().unwrap();
        settle().await;
        let error: Error = socket.send("anybody?").await.into_result().unwrap_err().into();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "a send hears of it, too");
    });
}

#[test]
fn a_socket_without_a_peer_is_not_told_that_nobody_receives() {
    run(async {
        let (socket, address) = socket().await;
        let nobody = nobody().await;
        for _ in 0..3 {
            socket.send_to("anybody?", nobody).await.into_result().unwrap();
        }
        socket.send_to("me", address).await.into_result().unwrap();
        assert_eq!(recv(&socket).await, b"me");
    });
}

#[test]
fn a_refusal_comes_to_the_next_receive_when_its_own_was_given_up() {
    run(async {
        let (socket, _) = socket().await;
        socket.connect(nobody().await).await.unwrap();
        for round in 0..20 {
            let mut given_up = socket.recv(vec![0; 8]);
            assert!(poll_once(&mut given_up).await.is_none());
            settle().await;
            let mut send = socket.send("anybody?");
            assert!(poll_once(&mut send).await.is_none());
            // The cancel comes in one turn with the send, or behind the answer to it.
            if round % 2 == 0 {
                settle().await;
            }
            drop(given_up);
            send.await.into_result().unwrap();
            let error: Error = socket.recv(vec![0; 8]).await.into_result().unwrap_err().into();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn an_address_in_use_is_refused_unless_it_is_shared() {
    run(async {
        let (_first, address) = socket().await;
        let error = UdpSocket::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let sharing = || {
            let socket = UdpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            assert!(socket.reuseport().unwrap());
            socket
        };
        let (one, other) = (sharing(), sharing());
        one.bind_to(loopback()).unwrap();
        other.bind_to(one.local_addr().unwrap()).unwrap();
        let again = one.bind_to(loopback()).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_send_gives_a_socket_without_an_address_one() {
    run(async {
        let (server, address) = socket().await;
        let client = UdpSocket::new_v4().unwrap();
        client.send_to("here", address).await.into_result().unwrap();
        let ((_, from), _) = server.recv_from(vec![0; 8]).await.into_result().unwrap();
        assert_eq!(from.port(), client.local_addr().unwrap().port());
        assert_ne!(from.port(), 0);
        server.send_to("and back", from).await.into_result().unwrap();
        assert_eq!(recv(&client).await, b"and back");
    });
}

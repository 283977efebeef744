//! Into a loop and out of it, from std and to it.

use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use annulus::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::{loopback, pair, poll_once, recv, run_really, settle, socket};

#[test]
fn sockets_of_std_work_blocking_or_not() {
    run_really(async {
        for nonblocking in [false, true] {
            let (theirs, ours) = std_pair();
            ours.set_nonblocking(nonblocking).unwrap();
            let ours = UdpSocket::from_std(ours).unwrap();
            let mut waits = ours.recv(vec![0; 9]);
            assert!(poll_once(&mut waits).await.is_none());
            settle().await;
            theirs.send(b"word").unwrap();
            assert_eq!(waits.await.into_result().unwrap().0, 4);
            ours.send("back").await.into_result().unwrap();
            assert_eq!(theirs.recv(&mut [0; 9]).unwrap(), 4);
            let back = ours.into_std().unwrap();
            theirs.send(b"again").unwrap();
            assert_eq!(back.recv(&mut [0; 9]).unwrap(), 5);
        }
    });
}

fn std_pair() -> (std::net::UdpSocket, std::net::UdpSocket) {
    let bind = || std::net::UdpSocket::bind(loopback()).unwrap();
    let (one, other) = (bind(), bind());
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

#[test]
fn a_socket_with_something_kept_stays_until_that_is_received() {
    run_really(async {
        let (one, other) = pair().await;
        let mut given_up = other.recv(vec![0; 9]);
        assert!(poll_once(&mut given_up).await.is_none());
        settle().await;
        let mut send = one.send("");
        assert!(poll_once(&mut send).await.is_none());
        let error = other.into_std().unwrap_err();
        assert!(error.to_string().contains("in flight"), "{error}");
        let other = error.into_inner();
        send.await.into_result().unwrap();
        settle().await;
        drop(given_up);
        let error = other.into_std().unwrap_err();
        assert!(error.to_string().contains("datagram"), "{error}");
        assert_eq!(error.error().kind(), ErrorKind::ResourceBusy);
        let other = error.into_inner();
        assert_eq!(recv(&other).await, b"");
        let _out: std::net::UdpSocket = other.try_into().unwrap();
    });
}

#[test]
fn only_udp_sockets_are_taken_in() {
    run_really(async {
        let (one, _) = socket().await;
        let number = one.as_raw_fd();
        assert_eq!(one.as_fd().as_raw_fd(), number);
        let fd = OwnedFd::try_from(one).unwrap();
        assert_eq!(fd.as_raw_fd(), number);
        let one = UdpSocket::try_from(fd).unwrap();
        let error = TcpStream::try_from(OwnedFd::try_from(one).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let listener = std::net::TcpListener::bind(loopback()).unwrap();
        let error = UdpSocket::try_from(OwnedFd::from(listener)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("no UDP socket"), "{error}");
        let pipe = annulus::net::TcpSocket::new_v4().unwrap();
        let fd = OwnedFd::try_from(pipe).unwrap();
        assert!(UdpSocket::try_from(fd).is_err());
        let udp = std::net::UdpSocket::bind(loopback()).unwrap();
        assert!(TcpListener::try_from(OwnedFd::from(udp)).is_err());
    });
}

#[test]
fn outside_a_loop_there_is_no_socket() {
    let error = UdpSocket::bind_addr(loopback()).unwrap_err();
    assert!(error.to_string().contains("no annulus loop"), "{error}");
    let socket = std::net::UdpSocket::bind(loopback()).unwrap();
    assert!(UdpSocket::from_std(socket).is_err());
}

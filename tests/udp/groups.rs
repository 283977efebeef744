//! Options, and groups of receivers on the loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use annulus::net::UdpSocket;

use crate::support::{poll_once, recv, run, run_really, settle, socket};

#[test]
fn options_are_kept() {
    run(async {
        let (socket, _) = socket().await;
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        assert_eq!(socket.ttl().unwrap(), 64);
        socket.set_ttl(7).unwrap();
        assert_eq!(socket.ttl().unwrap(), 7);
        assert_eq!(socket.set_ttl(256).unwrap_err().kind(), ErrorKind::InvalidInput);
        socket.set_send_buffer_size(10_000).unwrap();
        assert_eq!(socket.send_buffer_size().unwrap(), 20_000);
        socket.set_recv_buffer_size(12_000).unwrap();
        assert_eq!(socket.recv_buffer_size().unwrap(), 24_000);
        socket.set_reuseaddr(true).unwrap();
        assert!(socket.reuseaddr().unwrap());
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(9).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 9);
        assert_eq!(socket.multicast_interface_v4().unwrap(), Ipv4Addr::UNSPECIFIED);
        assert!(socket.take_error().unwrap().is_none());
    });
}

#[test]
fn options_of_ipv6_are_kept() {
    run(async {
        let Ok(socket) = UdpSocket::new_v6() else { return eprintln!("skipped: IPv6 is off") };
        assert!(socket.multicast_loop_v6().unwrap());
        socket.set_multicast_loop_v6(false).unwrap();
        assert!(!socket.multicast_loop_v6().unwrap());
        socket.set_multicast_hops_v6(5).unwrap();
        assert_eq!(socket.multicast_hops_v6().unwrap(), 5);
        socket.set_only_v6(true).unwrap();
        assert!(socket.only_v6().unwrap());
        assert_eq!(socket.multicast_interface_v6().unwrap(), 0);
    });
}

#[test]
fn a_broadcast_has_to_be_allowed() {
    run_really(async {
        let (socket, _) = socket().await;
        let everybody = SocketAddr::from(([127, 255, 255, 255], 9));
        let error: std::io::Error =
            socket.send_to("x", everybody).await.into_result().unwrap_err().into();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        socket.set_broadcast(true).unwrap();
        socket.send_to("x", everybody).await.into_result().unwrap();
    });
}

/// A group of this process alone.
fn group() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(239, high, middle, low)
}

#[test]
fn a_group_hears_what_is_sent_to_it_until_it_is_left() {
    run(async {
        let member = || {
            let member = UdpSocket::new_v4().unwrap();
            member.set_reuseaddr(true).unwrap();
            member
        };
        let (one, other) = (member(), member());
        one.bind_to((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = one.local_addr().unwrap().port();
        other.bind_to((Ipv4Addr::UNSPECIFIED, port).into()).unwrap();
        let group = group();
        for socket in [&one, &other] {
            socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        }
        let twice = one.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::AddrInUse);
        let (sender, _) = socket().await;
        sender.set_multicast_interface_v4(&Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to("to both", (group, port)).await.into_result().unwrap();
        assert_eq!(recv(&one).await, b"to both");
        assert_eq!(recv(&other).await, b"to both");

        other.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        let gone = other.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::AddrNotAvailable);
        // Where nobody says otherwise, Linux hands what comes for a group to sockets that have not
        // joined it as well, as long as another of the host has.
        one.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to("to nobody", (group, port)).await.into_result().unwrap();
        settle().await;
        for socket in [&one, &other] {
            let mut recv = socket.recv(vec![0; 9]);
            assert!(poll_once(&mut recv).await.is_none());
        }
        let none = one.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_group_of_ipv6_hears_what_is_sent_to_it() {
    run_really(async {
        let Ok(member) = UdpSocket::bind("[::]:0").await else {
            return eprintln!("skipped: IPv6 is off");
        };
        let group = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, std::process::id() as u16, 7);
        // The loopback is the first of all interfaces.
        if let Err(error) = member.join_multicast_v6(&group, 1) {
            return eprintln!("skipped: {error}");
        }
        let sender = UdpSocket::bind("[::]:0").await.unwrap();
        sender.set_multicast_interface_v6(1).unwrap();
        let port = member.local_addr().unwrap().port();
        match sender.send_to("to all", (group, port)).await.into_result() {
            Ok(_) => assert_eq!(recv(&member).await, b"to all"),
            Err(error) => eprintln!("skipped: {error}"),
        }
        member.leave_multicast_v6(&group, 1).unwrap();
        assert!(member.leave_multicast_v6(&group, 1).is_err());
    });
}

//! Options, set before and after, and inherited.

use std::io::ErrorKind;
use std::time::Duration;

use annulus::net::{TcpListener, TcpSocket};

use crate::support::{listen, loopback, pair, run, run_really};

#[test]
fn switches_of_a_socket_turn_on_and_off() {
    run_really(async {
        let socket = TcpSocket::new_v4().unwrap();
        for on in [true, false, true] {
            socket.set_reuseaddr(on).unwrap();
            socket.set_reuseport(on).unwrap();
            socket.set_nodelay(on).unwrap();
            socket.set_keepalive(on).unwrap();
            socket.set_quickack(on).unwrap();
            assert_eq!(socket.reuseaddr().unwrap(), on);
            assert_eq!(socket.reuseport().unwrap(), on);
            assert_eq!(socket.nodelay().unwrap(), on);
            assert_eq!(socket.keepalive().unwrap(), on);
            assert_eq!(socket.quickack().unwrap(), on);
        }
        assert!(socket.set_only_v6(true).is_err());
        assert_eq!(socket.incoming_cpu().unwrap(), None);
        socket.set_incoming_cpu(0).unwrap();
        assert!(socket.take_error().unwrap().is_none());
    });
}

#[test]
fn numbers_and_times_of_a_socket_are_kept() {
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_keepalive_idle(Duration::from_millis(6_001)).unwrap();
        socket.set_keepalive_interval(Duration::from_secs(3)).unwrap();
        socket.set_keepalive_count(4).unwrap();
        socket.set_ttl(33).unwrap();
        socket.set_linger(Some(Duration::from_secs(2))).unwrap();
        socket.set_fastopen(16).unwrap();
        socket.set_send_buffer_size(20_000).unwrap();
        socket.set_recv_buffer_size(30_000).unwrap();
        assert_eq!(socket.keepalive_idle().unwrap(), Duration::from_secs(7));
        assert_eq!(socket.keepalive_interval().unwrap(), Duration::from_secs(3));
        assert_eq!(socket.keepalive_count().unwrap(), 4);
        assert_eq!(socket.ttl().unwrap(), 33);
        assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(2)));
        assert_eq!(socket.fastopen().unwrap(), 16);
        assert_eq!(socket.send_buffer_size().unwrap(), 40_000);
        assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
        socket.set_linger(None).unwrap();
        assert_eq!(socket.linger().unwrap(), None);
    });
}

#[test]
fn values_out_of_range_are_refused() {
    run(async {
        let (stream, _peer) = pair().await;
        for refused in [
            stream.set_ttl(0),
            stream.set_ttl(256),
            stream.set_keepalive_idle(Duration::ZERO),
            stream.set_keepalive_interval(Duration::MAX),
            stream.set_keepalive_count(0),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn a_connection_has_options_of_its_own() {
    run_really(async {
        let (one, other) = pair().await;
        one.set_nodelay(true).unwrap();
        assert!(one.nodelay().unwrap() && !other.nodelay().unwrap());
        one.set_quickack(false).unwrap();
        one.set_keepalive(true).unwrap();
        one.set_keepalive_idle(Duration::from_secs(5)).unwrap();
        one.set_keepalive_interval(Duration::from_secs(6)).unwrap();
        one.set_keepalive_count(7).unwrap();
        one.set_ttl(8).unwrap();
        one.set_linger(Some(Duration::ZERO)).unwrap();
        one.set_send_buffer_size(10_000).unwrap();
        one.set_recv_buffer_size(10_000).unwrap();
        assert!(one.keepalive().unwrap());
        assert_eq!(one.keepalive_idle().unwrap(), Duration::from_secs(5));
        assert_eq!(one.keepalive_interval().unwrap(), Duration::from_secs(6));
        assert_eq!(one.keepalive_count().unwrap(), 7);
        assert_eq!(one.ttl().unwrap(), 8);
        assert_eq!(one.linger().unwrap(), Some(Duration::ZERO));
        assert_eq!(one.send_buffer_size().unwrap(), 20_000);
        assert_eq!(one.recv_buffer_size().unwrap(), 20_000);
        assert_ne!(other.keepalive_count().unwrap(), 7);
        assert!(other.incoming_cpu().unwrap().is_some());
        assert!(one.take_error().unwrap().is_none());
    });
}

#[test]
fn accepted_connections_inherit_what_was_set_before() {
    run(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_keepalive(true).unwrap();
        socket.bind(loopback()).unwrap();
        let listener = socket.listen(8).unwrap();
        listener.set_ttl(44).unwrap();
        assert_eq!(listener.ttl().unwrap(), 44);
        assert!(listener.take_error().unwrap().is_none());
        let client = TcpSocket::new_v4().unwrap();
        let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(server.nodelay().unwrap() && server.keepalive().unwrap());
        assert_eq!(server.ttl().unwrap(), 44);
        assert!(!client.nodelay().unwrap());
    });
}

#[test]
fn a_port_is_shared_by_those_that_ask_for_it() {
    run(async {
        let shared = |address| {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseport(true)?;
            socket.bind(address)?;
            socket.listen(16)
        };
        let first = shared(loopback()).unwrap();
        let address = first.local_addr().unwrap();
        let second = shared(address).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        let taken = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn an_address_in_use_is_said_at_the_bind() {
    run(async {
        let (_listener, address) = listen().await;
        let error = TcpListener::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = TcpSocket::new_v4().unwrap().bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let error = TcpListener::bind("192.0.2.1:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn an_ipv6_socket_says_whether_it_takes_ipv4() {
    run(async {
        let Ok(socket) = TcpSocket::new_v6() else { return eprintln!("skipped: IPv6 is off") };
        for on in [true, false] {
            socket.set_only_v6(on).unwrap();
            assert_eq!(socket.only_v6().unwrap(), on);
        }
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
    });
}

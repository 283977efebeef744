//! Making connections: by address, by name, in time or not.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use annulus::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use annulus::op;

use crate::support::{listen, loopback, poll_once, read_to_end, run, settle};

/// An address of this host at which nobody listens.
async fn refused() -> SocketAddr {
    let (listener, address) = listen().await;
    listener.close().await.unwrap();
    address
}

#[test]
fn a_connection_is_made_to_an_address_of_any_form() {
    run(async {
        let (listener, address) = listen().await;
        let port = address.port();
        TcpStream::connect(address).await.unwrap();
        TcpStream::connect(&address).await.unwrap();
        TcpStream::connect(address.to_string()).await.unwrap();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        TcpStream::connect(&[address][..]).await.unwrap();
        TcpStream::connect(lookup_host(address).await.unwrap().next().unwrap()).await.unwrap();
        TcpStream::connect_addr(address).unwrap().await.unwrap();
        for _ in 0..8 {
            listener.accept().await.unwrap();
        }
    });
}

#[test]
fn a_name_is_looked_up() {
    run(async {
        let (listener, address) = listen().await;
        // It has an IPv6 address as well, maybe, where nobody listens.
        TcpStream::connect(("localhost", address.port())).await.unwrap();
        TcpStream::connect(format!("localhost:{}", address.port())).await.unwrap();
        listener.accept().await.unwrap();
        let found: Vec<_> = lookup_host("localhost:7").await.unwrap().collect();
        assert!(found.contains(&SocketAddr::from(([127, 0, 0, 1], 7))), "{found:?}");
        let bound = TcpListener::bind("localhost:0").await.unwrap();
        assert!(bound.local_addr().unwrap().ip().is_loopback());
    });
}

#[test]
fn a_name_that_is_not_known_is_in_the_error() {
    // A label of more than 63 letters is no name, so nobody is asked for it.
    let name = format!("{}.invalid", "x".repeat(70));
    run(async {
        let error = TcpStream::connect((name.as_str(), 80)).await.unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
        let error = TcpListener::bind((name.clone(), 80)).await.unwrap_err();
        assert!(error.to_string().contains(&name), "{error}");
    });
}

#[test]
fn a_look_up_that_is_given_up_leaves_nothing_behind() {
    run(async {
        let mut connect = Box::pin(TcpStream::connect("localhost:1"));
        assert!(poll_once(&mut connect).await.is_none());
        drop(connect);
    });
}

#[test]
fn each_address_is_tried_and_the_first_that_answers_is_taken() {
    run(async {
        let (listener, address) = listen().await;
        let addresses = [refused().await, refused().await, address];
        let stream = TcpStream::connect(&addresses[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!(accepted.local_addr().unwrap(), address);
    });
}

#[test]
fn when_no_address_answers_the_last_error_is_told() {
    run(async {
        let refused = refused().await;
        // A broadcast address is none to connect to.
        let broadcast = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
        let error = TcpStream::connect(&[broadcast, refused][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect(&[refused, broadcast][..]).await.unwrap_err();
        assert_ne!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let (listener, _) = listen().await;
        let taken = listener.local_addr().unwrap();
        let bound = TcpListener::bind(&[taken, loopback()][..]).await.unwrap();
        assert_ne!(bound.local_addr().unwrap(), taken);
    });
}

/// A listener that answers no more connections, for its queue is full, and those that fill it.
async fn full() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(loopback()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    loop {
        let limit = Duration::from_millis(50);
        match TcpStream::connect_addr(address).unwrap().timeout(limit).await {
            Ok(stream) => fill.push(stream),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                return (listener, address, fill);
            }
        }
    }
}

#[test]
fn a_connect_that_is_not_answered_ends_in_time() {
    run(async {
        let (_listener, address, _fill) = full().await;
        let limit = Duration::from_millis(20);
        let error = TcpStream::connect_timeout(address, limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // The limit is for all of the addresses together.
        let error = TcpStream::connect_timeout(&vec![address; 5000][..], limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let (_listener, good) = listen().await;
        TcpStream::connect_timeout(good, Duration::from_secs(60)).await.unwrap();
        let refused = TcpStream::connect_timeout(refused().await, Duration::from_secs(60)).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_connect_can_be_cancelled() {
    run(async {
        let (_listener, address, _fill) = full().await;
        let mut connect = TcpStream::connect_addr(address).unwrap();
        assert!(poll_once(&mut connect).await.is_none());
        settle().await;
        assert!(op::is_cancelled(&connect.cancel().await.unwrap_err()));
        let never_begun = TcpStream::connect_addr(address).unwrap();
        assert!(op::is_cancelled(&never_begun.cancel().await.unwrap_err()));
    });
}

#[test]
fn a_connection_that_was_given_up_is_closed() {
    run(async {
        let (listener, address) = listen().await;
        let mut connect = TcpStream::connect_addr(address).unwrap();
        assert!(poll_once(&mut connect).await.is_none());
        // It is submitted with its cancel, and made in that moment or not at all.
        drop(connect);
        settle().await;
        let mut accept = listener.accept();
        if let Some(accepted) = poll_once(&mut accept).await {
            assert_eq!(read_to_end(&accepted.unwrap().0).await.unwrap(), b"");
        }
        // Made, and not asked for.
        drop(accept);
        let mut connect = TcpStream::connect_addr(address).unwrap();
        assert!(poll_once(&mut connect).await.is_none());
        settle().await;
        drop(connect);
        let (accepted, _) = listener.accept().await.unwrap();
        assert_eq!(read_to_end(&accepted).await.unwrap(), b"");
    });
}

#[test]
fn a_socket_that_was_bound_connects_from_there() {
    run(async {
        let (listener, address) = listen().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(loopback()).unwrap();
        let own = socket.local_addr().unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), own);
        assert_eq!(listener.accept().await.unwrap().1, own);
    });
}

#[test]
fn ipv6_works_where_the_host_has_it() {
    run(async {
        let listener = match TcpListener::bind("[::1]:0").await {
            Ok(listener) => listener,
            Err(error) => return eprintln!("skipped: there is no IPv6 here: {error}"),
        };
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, stream.local_addr().unwrap());
        assert_eq!(accepted.peer_addr().unwrap(), peer);
        assert!(peer.is_ipv6());
    });
}

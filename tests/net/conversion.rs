//! Into a loop and out of it, from std and to it.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use annulus::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{
    foreign_end, half_foreign_pair, listen, loopback, pair, poll_once, read_exact, run, run_really,
    settle,
};

#[test]
fn sockets_of_std_work_blocking_or_not() {
    run_really(async {
        for nonblocking in [false, true] {
            let listener = std::net::TcpListener::bind(loopback()).unwrap();
            listener.set_nonblocking(nonblocking).unwrap();
            let address = listener.local_addr().unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let mut accept = listener.accept();
            assert!(poll_once(&mut accept).await.is_none(), "it waits for a connection");
            settle().await;

            let client = std::net::TcpStream::connect(address).unwrap();
            client.set_nonblocking(nonblocking).unwrap();
            let client = TcpStream::from_std(client).unwrap();
            let (server, _) = accept.await.unwrap();

            let mut read = client.read(vec![0; 4]);
            assert!(poll_once(&mut read).await.is_none(), "it waits for bytes");
            settle().await;
            server.write_all("word").await.into_result().unwrap();
            assert_eq!(read.await.unwrap(), (4, b"word".to_vec()));

            let sent = vec![1; 4_000_000];
            let len = sent.len();
            let writer = annulus::spawn(async move {
                client.write_all(sent).await.into_result().unwrap();
            });
            assert!(read_exact(&server, len).await.iter().all(|&byte| byte == 1));
            writer.await.unwrap();
        }
    });
}

#[test]
fn a_stream_that_is_taken_out_goes_on() {
    run_really(async {
        let (stream, peer) = pair().await;
        stream.set_nodelay(true).unwrap();
        let mut stream: std::net::TcpStream = stream.into_std().unwrap();
        assert!(stream.nodelay().unwrap());
        stream.write_all(b"from std").unwrap();
        assert_eq!(read_exact(&peer, 8).await, b"from std");
        peer.write_all("to std").await.into_result().unwrap();
        let mut buf = [0; 6];
        stream.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"to std");
        let back = TcpStream::try_from(stream).unwrap();
        back.write_all("and back").await.into_result().unwrap();
        assert_eq!(read_exact(&peer, 8).await, b"and back");
    });
}

#[test]
fn a_stream_is_not_taken_out_under_an_operation() {
    run_really(async {
        let (stream, mut foreign) = half_foreign_pair().await;
        let mut read = stream.read(vec![0; 4]);
        assert!(poll_once(&mut read).await.is_none());
        let error = std::net::TcpStream::try_from(stream).unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("in flight"), "{error}");
        let stream = error.into_inner();
        // Also when it was given up, until it is over.
        drop(read);
        let stream = stream.into_std().unwrap_err().into_inner();
        settle().await;
        let mut stream = stream.into_std().unwrap();
        foreign.write_all(b"late").unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
    });
}

#[test]
fn a_stream_is_not_taken_out_from_its_kept_bytes() {
    run(async {
        let (stream, peer) = pair().await;
        let mut read = stream.read(vec![0; 16]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        peer.write_all("kept").await.into_result().unwrap();
        settle().await;
        drop(read);
        settle().await;
        let (error, stream) = stream.into_std().unwrap_err().into_parts();
        assert!(error.to_string().starts_with("4 received bytes"), "{error}");
        assert_eq!(read_exact(&stream, 2).await, b"ke");
        let error = std::io::Error::from(stream.into_std().unwrap_err());
        assert!(error.to_string().starts_with("2 received bytes"), "{error}");
    });
}

#[test]
fn a_stream_whose_kept_bytes_were_read_is_taken_out() {
    run_really(async {
        let (stream, peer) = pair().await;
        let mut read = stream.read(vec![0; 16]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        peer.write_all("kept").await.into_result().unwrap();
        peer.shutdown(std::net::Shutdown::Write).await.unwrap();
        settle().await;
        drop(read);
        assert_eq!(read_exact(&stream, 4).await, b"kept");
        // That the stream has ended is kept too, and the kernel says it again.
        let mut read = stream.read(vec![0; 16]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        drop(read);
        settle().await;
        let mut stream = stream.into_std().unwrap();
        assert_eq!(stream.read(&mut [0; 4]).unwrap(), 0);
    });
}

#[test]
fn a_listener_is_not_taken_out_from_its_kept_connections() {
    run_really(async {
        let (listener, address) = listen().await;
        let mut accept = listener.accept();
        assert!(poll_once(&mut accept).await.is_none());
        settle().await;
        let client = std::net::TcpStream::connect(address).unwrap();
        settle().await;
        drop(accept);
        let error = listener.into_std().unwrap_err();
        assert!(error.to_string().contains("connection"), "{error}");
        let listener = error.into_inner();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let listener = listener.into_std().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        listener.accept().unwrap();
    });
}

#[test]
fn descriptors_are_taken_for_what_they_are() {
    run_really(async {
        let (listener, _) = listen().await;
        let (stream, peer) = pair().await;
        let listener = OwnedFd::try_from(listener).unwrap();
        let stream = OwnedFd::try_from(stream).unwrap();
        let copy = |fd: &OwnedFd| fd.try_clone().unwrap();
        for (wrong, says) in [
            (TcpListener::try_from(copy(&stream)).map(drop), "does not listen"),
            (TcpStream::try_from(copy(&listener)).map(drop), "listens"),
            (TcpSocket::try_from(copy(&listener)).map(drop), "listens"),
            (TcpStream::try_from(udp()).map(drop), "no TCP socket"),
            (TcpListener::try_from(unix()).map(drop), "no TCP socket"),
        ] {
            let error = wrong.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(says), "{error}");
        }
        let file: OwnedFd = std::fs::File::open("/dev/null").unwrap().into();
        assert!(TcpStream::try_from(file).is_err());
        let listener = TcpListener::try_from(listener).unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        TcpStream::try_from(stream).unwrap().write_all("x").await.into_result().unwrap();
        assert_eq!(read_exact(&peer, 1).await, b"x");
    });
}

fn udp() -> OwnedFd {
    std::net::UdpSocket::bind(loopback()).unwrap().into()
}

fn unix() -> OwnedFd {
    std::os::unix::net::UnixStream::pair().unwrap().0.into()
}

#[test]
fn a_socket_goes_in_and_out_before_it_is_connected() {
    run(async {
        let (_listener, address) = listen().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(loopback()).unwrap();
        let own = socket.local_addr().unwrap();
        let socket = OwnedFd::try_from(socket).unwrap();
        let socket = TcpSocket::try_from(socket).unwrap();
        let stream = socket.connect(address).await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), own);
        assert_eq!(stream.as_fd().as_raw_fd(), stream.as_raw_fd());
    });
}

#[test]
fn outside_a_loop_there_is_nothing_to_go_into() {
    let listener = std::net::TcpListener::bind(loopback()).unwrap();
    let foreign = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let error = TcpStream::from_std(listener.accept().unwrap().0).unwrap_err();
    assert!(error.to_string().contains("no annulus loop on this thread"), "{error}");
    // It was closed.
    foreign.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!((&foreign).read(&mut [0; 4]).unwrap(), 0);
    for outside in [
        TcpListener::from_std(listener).map(drop),
        TcpListener::bind_addr(loopback()).map(drop),
        TcpStream::connect_addr(loopback()).map(drop),
        TcpSocket::new_v4().map(drop),
    ] {
        let error = outside.unwrap_err();
        assert!(error.to_string().contains("no annulus loop on this thread"), "{error}");
    }
}

#[test]
fn a_handle_on_another_thread_can_be_dropped_and_no_more() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let thread = std::thread::spawn(move || {
            let error = stream.into_std().unwrap_err();
            assert!(error.to_string().contains("loop of another thread"), "{error}");
            drop(error);
        });
        thread.join().unwrap();
        assert_eq!(foreign_end(foreign).await, b"");
        let (listener, _) = listen().await;
        let thread = std::thread::spawn(move || listener.try_clone().map(drop).unwrap_err());
        assert!(thread.join().unwrap().to_string().contains("own loop"));
    });
}

#[test]
fn a_stream_may_outlive_its_loop() {
    let (stream, foreign) = run_really(half_foreign_pair());
    (&foreign).write_all(b"x").unwrap();
    assert_eq!(stream.peer_addr().unwrap(), foreign.local_addr().unwrap());
    let (reader, _writer) = run_really(async { pair().await.0.into_split() });
    assert!(reader.local_addr().is_ok());
    drop(stream);
    let mut rest = Vec::new();
    foreign.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let end = (&foreign).read_to_end(&mut rest);
    assert!(end.is_ok() || end.unwrap_err().kind() == ErrorKind::ConnectionReset);
}

#[test]
fn handles_and_their_futures_may_be_sent() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    run(async {
        let listener = sent(TcpListener::bind(loopback()).await.unwrap());
        let address = listener.local_addr().unwrap();
        drop(sent(TcpListener::bind("localhost:0")));
        let stream = sent(TcpStream::connect(address)).await.unwrap();
        drop(sent(TcpStream::connect_timeout("localhost:1", Duration::from_secs(1))));
        drop(sent(annulus::net::lookup_host(("localhost", 1))));
        drop(sent(TcpSocket::new_v4().unwrap()));
        let _peer = sent(listener.accept()).await.unwrap();
        drop(sent(listener.incoming()));
        sent(stream.write_all("x")).await.into_result().unwrap();
        sent(stream.write_vectored_all(["x"])).await.into_result().unwrap();
        drop(sent(stream.readv([vec![0; 1]])));
        drop(sent(stream.recv_stream()));
        let (reader, writer) = sent(stream).into_split();
        drop(sent(sent(reader).read(vec![0; 1])));
        sent(sent(writer).shutdown()).await.unwrap();
        drop(sent(listener.close()));
    });
}

//! Operations in flight while the clock stands still.

use std::io::{Read, Write};
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::time::{Instant, pause, resume, sleep, timeout};
use annulus::{Builder, Runtime, spawn};

const HOUR: Duration = Duration::from_secs(3600);

fn paused() -> Runtime {
    Builder::new().start_paused(true).build().expect("a loop")
}

/// Two ends of a connection, and its listener.
async fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let client = TcpStream::connect(address).await.expect("a connection");
    let (server, _peer) = listener.accept().await.expect("a peer");
    (listener, client, server)
}

#[test]
fn bytes_that_are_on_their_way_come_before_a_timeout() {
    paused().block_on(async {
        let (_listener, client, server) = connection().await;
        let started = Instant::now();
        for _ in 0..100 {
            let echo = timeout(Duration::from_nanos(1), async {
                client.write_all("ping").await.into_result()?;
                let bytes = server.recv().await?;
                server.write_all(bytes).await.into_result()?;
                client.recv().await
            });
            assert_eq!(&*echo.await.expect("in time").expect("an echo"), b"ping");
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    });
}

#[test]
fn an_answer_from_another_thread_is_waited_for_a_little() {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = peer.local_addr().expect("an address");
    let thread = std::thread::spawn(move || {
        let (mut stream, _peer) = peer.accept().expect("a connection");
        let mut request = [0; 4];
        while stream.read_exact(&mut request).is_ok() {
            // Not at once, but well within what the loop waits.
            let started = std::time::Instant::now();
            while started.elapsed() < Duration::from_micros(200) {}
            stream.write_all(&request).expect("a reader");
        }
    });
    let in_time = paused().block_on(async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let mut in_time = 0;
        // How soon the thread runs is the machine's affair; that it never does in time is not.
        for _ in 0..200 {
            stream.write_all("ping").await.into_result().expect("a write");
            match timeout(Duration::from_nanos(1), stream.recv()).await {
                Ok(echo) => in_time += usize::from(&*echo.expect("an echo") == b"ping"),
                Err(_late) => drop(stream.recv().await.expect("an echo")),
            }
        }
        in_time
    });
    thread.join().expect("a peer");
    assert!(in_time > 0);
}

#[test]
fn a_server_that_waits_for_connections_does_not_hold_the_time_up() {
    paused().block_on(async {
        let (listener, client, server) = connection().await;
        let accepting = spawn(async move { listener.accept().await.map(drop) });
        let reading = spawn(async move { server.recv().await.map(|bytes| bytes.len()) });
        let started = Instant::now();
        sleep(HOUR).await;
        assert_eq!(started.elapsed(), HOUR);
        client.write_all("late").await.into_result().expect("a write");
        assert_eq!(reading.await.expect("a reader").expect("bytes"), 4);
        accepting.cancel();
    });
}

#[test]
fn an_operations_own_timeout_follows_the_loops_clock() {
    paused().block_on(async {
        let (listener, client, server) = connection().await;
        let started = Instant::now();
        let error = listener.accept().timeout(HOUR).await.expect_err("nobody comes");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed(), HOUR);
        let error = server.recv().deadline(Instant::now() + HOUR).await.expect_err("no bytes");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed(), HOUR * 2);
        // The stream lost nothing by it.
        client.write_all("still here").await.into_result().expect("a write");
        assert_eq!(&*server.recv().timeout(HOUR).await.expect("bytes"), b"still here");
        assert_eq!(started.elapsed(), HOUR * 2);
    });
}

#[test]
fn an_operations_own_timeout_works_with_a_clock_that_is_ahead() {
    Runtime::new().expect("a loop").block_on(async {
        pause();
        sleep(HOUR * 1000).await;
        resume();
        let (listener, _client, _server) = connection().await;
        let started = (Instant::now(), std::time::Instant::now());
        let limit = Duration::from_millis(3);
        let error = listener.accept().timeout(limit).await.expect_err("nobody comes");
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert!(started.0.elapsed() >= limit && started.1.elapsed() >= limit);
        assert!(started.1.elapsed() < Duration::from_secs(1000));
    });
}

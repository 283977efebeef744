//! Ending one direction, again and again, and after everything else has ended.

use std::io::ErrorKind;
use std::net::Shutdown;

use annulus::BufResult;
use annulus::net::TcpStream;

use crate::support::{
    half_foreign_pair, pair, poll_once, read_exact, read_to_end, run, run_really,
};

#[test]
fn a_second_shutdown_is_no_error() {
    run(async {
        let (client, server) = pair().await;
        for _ in 0..3 {
            client.shutdown(Shutdown::Write).await.unwrap();
        }
        assert_eq!(read_to_end(&server).await.unwrap(), b"");
        for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both, Shutdown::Both] {
            server.shutdown(how).await.unwrap();
            client.shutdown(how).await.unwrap();
        }
    });
}

#[test]
fn a_shutdown_after_a_reset_is_no_error() {
    run(async {
        let (client, server) = pair().await;
        reset(server);
        let BufResult(read, _) = client.read(vec![0; 4]).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
        for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
            client.shutdown(how).await.unwrap();
        }
    });
}

/// Ends a connection with a reset.
fn reset(stream: TcpStream) {
    stream.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn the_end_comes_after_all_the_data() {
    run(async {
        let (client, server) = pair().await;
        let sent = vec![3; 1 << 20];
        let expected = sent.clone();
        let writer = annulus::spawn(async move {
            client.write_all(sent).await.into_result().unwrap();
            client.shutdown(Shutdown::Write).await.unwrap();
            client
        });
        assert!(read_to_end(&server).await.unwrap() == expected);
        // The other direction is open as before.
        server.write_all("still here").await.into_result().unwrap();
        let client = writer.await.unwrap();
        assert_eq!(read_exact(&client, 10).await, b"still here");
    });
}

#[test]
fn both_ends_may_shut_down_at_the_same_time_and_both_see_the_end_after_the_data() {
    run(async {
        let (client, server) = pair().await;
        let end = async |stream: TcpStream, word: &'static str| {
            stream.write_all(word).await.into_result().unwrap();
            stream.shutdown(Shutdown::Write).await.unwrap();
            read_to_end(&stream).await.unwrap()
        };
        let other = annulus::spawn(async move { end(client, "ping").await });
        assert_eq!(end(server, "pong").await, b"ping");
        assert_eq!(other.await.unwrap(), b"pong");
    });
}

#[test]
fn nothing_is_writable_after_a_shutdown() {
    run(async {
        let (client, _server) = pair().await;
        client.shutdown(Shutdown::Write).await.unwrap();
        let BufResult(result, buf) = client.write("late").await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(buf, "late");
        let BufResult(result, _) = client.write_all("late").await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let BufResult(result, _) = client.write_vectored_all(vec!["la", "te"]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_shutdown_of_reading_ends_a_read_in_flight() {
    run(async {
        let (client, _server) = pair().await;
        let mut read = client.read(vec![0; 4]);
        assert!(poll_once(&mut read).await.is_none());
        annulus::op::nop().await.unwrap();
        client.shutdown(Shutdown::Read).await.unwrap();
        assert_eq!(read.await.0.unwrap(), 0);
        assert_eq!(client.read(vec![0; 4]).await.0.unwrap(), 0);
    });
}

#[test]
fn a_shutdown_needs_no_thread() {
    run_really(async {
        let threads = || {
            std::fs::read_dir("/proc/self/task").unwrap().map(|task| {
                let task = task.unwrap().path();
                std::fs::read_to_string(task.join("comm")).unwrap_or_default()
            })
        };
        let (stream, _foreign) = half_foreign_pair().await;
        stream.shutdown(Shutdown::Write).await.unwrap();
        let own = format!("iou-wrk-{}", this_thread());
        assert!(threads().all(|name| name.trim() != own), "a worker was started");
    });
}

/// The number of this thread, as procfs has it.
fn this_thread() -> String {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_string_lossy().into_owned()
}

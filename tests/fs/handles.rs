//! Handles on files: cloned, sent, taken out, closed.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use annulus::BufResult;
use annulus::fs::{self, File, OpenOptions};

use crate::poll::{poll_once, turn_until};
use crate::temp::TempDir;

/// A file of this loop and the other end of it, which sees when it is closed.
fn file_and_peer() -> (File, UnixStream) {
    let (here, peer) = UnixStream::pair().unwrap();
    peer.set_nonblocking(true).unwrap();
    let file = File::from_std(std::fs::File::from(OwnedFd::from(here))).unwrap();
    (file, peer)
}

fn is_closed(mut peer: &UnixStream) -> bool {
    match peer.read(&mut [0; 8]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            false
        }
    }
}

#[test]
fn handles_and_operations_can_be_sent_and_shared() {
    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>(future: T) -> T {
        future
    }
    send_and_sync::<File>();
    send_and_sync::<OpenOptions>();
    send_and_sync::<fs::Metadata>();
    // Never run: that it compiles is the test.
    fn operations(file: &'static File) -> [Box<dyn Future<Output = ()> + Send>; 3] {
        let one = send(async {
            let _ = File::open("x").await;
            let _ = send(file.read_at(vec![0], 0)).await;
            let _ = send(file.write_at("x", 0)).await;
            let _ = send(file.readv_at([vec![0]], 0)).await;
            let _ = send(file.writev_at(["x"], 0)).await;
            let _ = send(file.sync_all()).await;
            let _ = send(file.metadata()).await;
        });
        let two = send(async {
            let _ = send(file.read_exact_at(vec![0], 0)).await;
            let _ = send(file.write_all_at("x", 0)).await;
            let _ = send(file.set_len(0)).await;
            let _ = send(file.lock()).await;
            let _ = send(file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)))
                .await;
        });
        let three = send(async {
            let _ = send(fs::read("x")).await;
            let _ = send(fs::write("x", "x")).await;
            let _ = send(fs::write_atomic("x", "x")).await;
            let _ = send(fs::rename("x", "y")).await;
            let _ = send(fs::create_dir_all("x")).await;
            let _ = send(fs::copy("x", "y")).await;
            let _ = send(fs::canonicalize("x")).await;
            let mut entries = send(fs::read_dir("x")).await.unwrap();
            let entry = send(entries.next_entry()).await.unwrap().unwrap();
            let _ = send(entry.file_type()).await;
        });
        [Box::new(one), Box::new(two), Box::new(three)]
    }
    let _compiled = operations;
}

#[test]
fn a_file_is_closed_with_its_last_handle() {
    annulus::run(async {
        let (file, peer) = file_and_peer();
        let clone = file.try_clone().unwrap();
        assert_eq!(clone.as_raw_fd(), file.as_raw_fd());
        drop(file);
        annulus::op::nop().await.unwrap();
        assert!(!is_closed(&peer));
        clone.write_all_at("x", 0).await.unwrap();
        drop(clone);
        turn_until(|| is_closed(&peer)).await;
    })
    .unwrap();
}

#[test]
fn a_file_stays_open_under_an_operation_in_flight() {
    annulus::run(async {
        let (file, mut peer) = file_and_peer();
        let mut read = file.read_at(Vec::with_capacity(8), 0);
        assert!(poll_once(&mut read).await.is_none());
        drop(file);
        annulus::op::nop().await.unwrap();
        peer.write_all(b"late").unwrap();
        assert_eq!(read.await.unwrap().1, b"late");
        turn_until(|| is_closed(&peer)).await;
    })
    .unwrap();
}

#[test]
fn an_operation_that_starts_after_the_file_is_gone_says_so_and_gives_the_buffer_back() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let read = file.read_at(vec![7; 2], 0);
        drop(file);
        // The next file may have the same number: it is not read instead.
        let _other = File::open(&path).await.unwrap();
        let BufResult(result, buf) = read.await;
        assert!(result.unwrap_err().to_string().contains("closed or dropped"));
        assert_eq!(buf, [7; 2]);
    })
    .unwrap();
}

#[test]
fn closing_closes_now_and_leaves_others_their_file() {
    annulus::run(async {
        let (file, peer) = file_and_peer();
        file.close().await.unwrap();
        assert!(is_closed(&peer));
        let (file, peer) = file_and_peer();
        let clone = file.try_clone().unwrap();
        file.close().await.unwrap();
        assert!(!is_closed(&peer));
        clone.close().await.unwrap();
        assert!(is_closed(&peer));
    })
    .unwrap();
}

#[test]
fn a_file_goes_out_to_std_and_comes_back() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let number = file.as_raw_fd();
        let mut std = file.into_std().unwrap();
        assert_eq!(std.as_raw_fd(), number, "the only handle gives up its descriptor");
        let mut content = String::new();
        std.read_to_string(&mut content).unwrap();
        assert_eq!(content, "0123");
        let file = File::from_std(std).unwrap();
        assert_eq!(file.read_at(vec![0; 4], 0).await.unwrap().1, b"0123");
        assert_eq!(file.as_fd().as_raw_fd(), number);
    })
    .unwrap();
}

#[test]
fn a_file_that_others_use_goes_out_as_a_duplicate() {
    annulus::run(async {
        let (file, mut peer) = file_and_peer();
        let mut read = file.read_at(Vec::with_capacity(8), 0);
        assert!(poll_once(&mut read).await.is_none());
        let number = file.as_raw_fd();
        let mut std = file.into_std().unwrap();
        assert_ne!(std.as_raw_fd(), number);
        std.write_all(b"out").unwrap();
        peer.write_all(b"in").unwrap();
        assert_eq!(read.await.unwrap().1, b"in");
        annulus::op::nop().await.unwrap();
        let mut room = [0; 8];
        assert_eq!(peer.read(&mut room).unwrap(), 3);
        assert!(!is_closed(&peer), "the duplicate is open");
        drop(std);
        turn_until(|| is_closed(&peer)).await;
    })
    .unwrap();
}

#[test]
fn a_handle_dropped_on_another_thread_closes_its_file() {
    annulus::run(async {
        let (file, peer) = file_and_peer();
        std::thread::spawn(move || drop(file)).join().unwrap();
        turn_until(|| is_closed(&peer)).await;
    })
    .unwrap();
}

#[test]
fn a_handle_on_another_thread_goes_out_but_is_not_cloned() {
    annulus::run(async {
        let (file, peer) = file_and_peer();
        let elsewhere = std::thread::spawn(move || {
            assert!(file.try_clone().is_err());
            file.into_std().unwrap()
        });
        let mut std = elsewhere.join().unwrap();
        std.write_all(b"out").unwrap();
        assert!(!is_closed(&peer));
        drop(std);
        turn_until(|| is_closed(&peer)).await;
    })
    .unwrap();
}

#[test]
fn a_handle_that_outlives_its_loop_keeps_the_file_open() {
    let (file, peer) = annulus::run(async { file_and_peer() }).unwrap();
    assert!(!is_closed(&peer));
    let mut std = std::thread::spawn(move || file.into_std().unwrap()).join().unwrap();
    std.write_all(b"out").unwrap();
    let mut room = [0; 8];
    assert_eq!((&peer).read(&mut room).unwrap(), 3);
    drop(std);
    assert!(is_closed(&peer));
}

#[test]
fn a_file_comes_into_a_loop_only() {
    let dir = TempDir::new();
    let std = std::fs::File::open(dir.path()).unwrap();
    let error = File::from_std(std).unwrap_err();
    assert!(error.to_string().contains("no annulus loop"), "{error}");
}

#[test]
fn a_close_that_is_dropped_before_the_kernel_has_seen_it_closes_all_the_same() {
    let runtime = annulus::Builder::new().entries(4).build().unwrap();
    runtime.block_on(async {
        let (file, peer) = file_and_peer();
        // More than the submission queue holds: the close waits behind them.
        let mut before: Vec<_> = (0..64).map(|_| annulus::op::nop()).collect();
        for nop in &mut before {
            assert!(poll_once(nop).await.is_none());
        }
        let mut closing = Box::pin(file.close());
        assert!(poll_once(&mut closing).await.is_none());
        drop(closing);
        turn_until(|| is_closed(&peer)).await;
    });
}

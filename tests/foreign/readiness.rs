//! Waiting until something is ready for calls of its owner.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use annulus::io::AsyncFd;

use crate::common::bound::run;
use crate::common::metrics;
use crate::common::poll::poll_once;

fn pair() -> (AsyncFd<UnixStream>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (AsyncFd::new(near).unwrap(), far)
}

#[test]
fn what_is_ready_is_ready_at_once_and_again() {
    run(async {
        let (near, mut far) = pair();
        near.writable().await.unwrap();
        let error = near.readable().timeout(Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let mut wait = near.readable();
        assert!(poll_once(&mut wait).await.is_none());
        far.write_all(b"x").unwrap();
        wait.await.unwrap();
        near.readable().await.unwrap();
        let mut byte = [0];
        near.get_ref().read_exact(&mut byte).unwrap();
        assert!(poll_once(&mut near.readable()).await.is_none());
        drop(far);
        near.readable().await.unwrap();
        assert_eq!(near.get_ref().read(&mut byte).unwrap(), 0);
    });
}

#[test]
fn calls_are_made_again_until_they_would_not_block() {
    const TOTAL: usize = 3 << 20;
    run(async {
        let (near, far) = pair();
        far.set_nonblocking(true).unwrap();
        let far = AsyncFd::new(far).unwrap();
        let reader = annulus::spawn(async move {
            let mut all = Vec::new();
            let mut buf = [0; 10_000];
            loop {
                match far.read_with(|mut far| far.read(&mut buf)).await.unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&buf[..count]),
                }
            }
        });
        let bytes: Vec<u8> = (0..TOTAL).map(|at| (at % 251) as u8).collect();
        let mut sent = 0;
        while sent < TOTAL {
            sent += near.write_with(|mut near| near.write(&bytes[sent..])).await.unwrap();
        }
        drop(near);
        assert!(reader.await.unwrap() == bytes);
    });
}

#[test]
fn errors_of_the_call_come_through_and_what_was_taken_in_is_given_back() {
    run(async {
        let (near, _far) = pair();
        let refused: std::io::Result<()> =
            near.read_with(|_| Err(ErrorKind::PermissionDenied.into())).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
        let mut wait = near.readable();
        assert!(poll_once(&mut wait).await.is_none());
        let mut inner = near.into_inner();
        let error = wait.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected, "its handle is gone");
        assert_eq!(inner.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        metrics::settle().await;
        assert_eq!(metrics::here().descriptors_open, 0);
    });
}

#[test]
fn a_file_is_always_ready_and_a_duplicate_is_made_in_a_loop_only() {
    run(async {
        let file = AsyncFd::new(std::fs::File::open("/proc/self/exe").unwrap()).unwrap();
        let ready = file.readable().await;
        assert!(ready.is_ok() || ready.unwrap_err().kind() == ErrorKind::PermissionDenied);
    });
    let outside = AsyncFd::new(std::fs::File::open("/dev/null").unwrap());
    assert!(outside.unwrap_err().to_string().contains("no annulus loop"));
}

//! Locks between open files.

use std::io::ErrorKind;

use annulus::fs::{File, TryLockError};

use crate::poll::{Dropped, poll_once, poll_times};
use crate::temp::TempDir;

async fn two(dir: &TempDir) -> (File, File) {
    let path = dir.file("a", "");
    (File::open(&path).await.unwrap(), File::open(&path).await.unwrap())
}

fn is_refused(lock: Result<(), TryLockError>) -> bool {
    match lock {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => panic!("{error}"),
    }
}

#[test]
fn one_has_the_lock_and_the_others_are_refused_until_it_is_given_back() {
    let dir = TempDir::new();
    annulus::run(async {
        let (one, two) = two(&dir).await;
        one.try_lock().unwrap();
        assert!(is_refused(two.try_lock()));
        assert!(is_refused(two.try_lock_shared()));
        let error = std::io::Error::from(two.try_lock().unwrap_err());
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        one.unlock().unwrap();
        two.try_lock().unwrap();
        assert!(is_refused(one.try_lock()));
    })
    .unwrap();
}

#[test]
fn several_share_a_lock_and_none_has_it_alone() {
    let dir = TempDir::new();
    annulus::run(async {
        let (one, two) = two(&dir).await;
        one.lock_shared().await.unwrap();
        two.try_lock_shared().unwrap();
        assert!(is_refused(two.try_lock()));
        one.unlock().unwrap();
        // Changed to the lock of one alone.
        two.try_lock().unwrap();
        assert!(is_refused(one.try_lock_shared()));
    })
    .unwrap();
}

#[test]
fn who_waits_gets_the_lock_when_it_is_given_back() {
    let dir = TempDir::new();
    annulus::run(async {
        let (one, two) = two(&dir).await;
        one.lock().await.unwrap();
        let waiting = annulus::spawn(async move {
            two.lock().await.unwrap();
            two
        });
        annulus::yield_now().await;
        annulus::yield_now().await;
        assert!(!waiting.is_finished());
        one.unlock().unwrap();
        let two = waiting.await.unwrap();
        assert!(is_refused(one.try_lock()));
        drop(two);
    })
    .unwrap();
}

#[test]
fn who_gave_up_waiting_has_no_lock() {
    let dir = TempDir::new();
    annulus::run(async {
        let (one, two) = two(&dir).await;
        one.lock().await.unwrap();
        assert!(poll_times(two.lock(), 1, Dropped::AtOnce).await.is_none());
        one.unlock().unwrap();
        let mut lock = Box::pin(one.lock());
        assert!(poll_once(&mut lock).await.expect("free at once").is_ok());
    })
    .unwrap();
}

#[test]
fn clones_share_their_lock_and_the_last_gives_it_back() {
    let dir = TempDir::new();
    annulus::run(async {
        let (one, two) = two(&dir).await;
        let clone = one.try_clone().unwrap();
        one.try_lock().unwrap();
        clone.try_lock().unwrap();
        drop(one);
        assert!(is_refused(two.try_lock()));
        clone.close().await.unwrap();
        two.try_lock().unwrap();
    })
    .unwrap();
}

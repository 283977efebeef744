//! The end of all that is in flight on a descriptor.

use annulus::{BufResult, op, spawn};

use crate::common::bound::run_really;
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::{half_pair, pair};
use crate::common::poll::poll_once;

#[test]
fn every_op_on_the_descriptor_ends_and_no_other_does() {
    run_really(async {
        let count = Count::default();
        let (near, far) = pair();
        let (other, _far) = half_pair();
        let mut read = near.read(count.buf(8));
        let mut recv = near.recv();
        let mut readable = near.readable();
        let mut untouched = other.read(count.buf(8));
        assert!(poll_once(&mut read).await.is_none());
        assert!(poll_once(&mut recv).await.is_none());
        assert!(poll_once(&mut readable).await.is_none());
        assert!(poll_once(&mut untouched).await.is_none());
        op::nop().await.unwrap();
        assert_eq!(op::cancel_fd(&near), 3);
        let BufResult(ended, buf) = read.await;
        assert!(op::is_cancelled(&ended.unwrap_err()));
        drop(buf);
        assert!(op::is_cancelled(&recv.await.unwrap_err()));
        assert!(op::is_cancelled(&readable.await.unwrap_err()));
        assert!(poll_once(&mut untouched).await.is_none());
        assert_eq!(op::cancel_fd(&near), 0);
        // The handle is as good as before.
        far.write_all("hello").await.0.unwrap();
        assert_eq!(&*near.recv().await.unwrap(), b"hello");
        drop(untouched);
        metrics::settle().await;
        assert_eq!(count.alive(), 0);
    });
}

#[test]
fn an_op_that_was_not_submitted_yet_is_never_submitted() {
    run_really(async {
        let (near, far) = pair();
        let task = spawn({
            let read = near.read(vec![0; 8]);
            async move { read.await.0 }
        });
        annulus::yield_now().await;
        assert_eq!(op::cancel_fd(&near), 1);
        assert!(op::is_cancelled(&task.await.unwrap().unwrap_err()));
        far.write_all("x").await.0.unwrap();
        assert_eq!(&*near.recv().await.unwrap(), b"x");
    });
}

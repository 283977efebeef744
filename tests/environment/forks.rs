//! A child that was forked from a process with a loop: it has copies of everything, and shares the
//! parent's ring, descriptors and connections.

#![expect(unsafe_code, reason = "fork is a libc call")]

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annulus::fs::File;
use annulus::io::AsyncFd;
use annulus::{Runtime, spawn};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::common::metrics;
use crate::common::net::half_pair;
use crate::common::poll::poll_once;

/// Runs `body` in a forked process, which ends with the number of what went wrong, and waits for
/// it.
fn forked(body: impl FnOnce() -> Result<(), i32>) -> i32 {
    // SAFETY: the C library makes its own locks usable in the child, and no other thread of this
    // process holds one of Rust's: they all sleep.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let outcome = catch_unwind(AssertUnwindSafe(body));
        let status = outcome.map_or(99, |done| done.err().unwrap_or(0));
        // SAFETY: ends the child at once, without what the parent has to do at its own end.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: the status is ours and outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child, "{}", std::io::Error::last_os_error());
    assert!(libc::WIFEXITED(status), "the child ended by {status:#x}");
    libc::WEXITSTATUS(status)
}

/// An error with this number unless `holds`.
fn claim(number: i32, holds: bool) -> Result<(), i32> {
    if holds { Ok(()) } else { Err(number) }
}

fn panics_with(sentence: &str, body: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(body)) else { return false };
    panic.downcast_ref::<&str>().is_some_and(|said| said.contains(sentence))
}

#[test]
fn a_forked_child_is_told_and_does_not_disturb_its_parents_loop() {
    Child::of(concat!(
        module_path!(),
        "::a_forked_child_is_told_and_does_not_disturb_its_parents_loop"
    ))
    .run(|| {
        let runtime = Runtime::new().unwrap();
        let _bound = bound_loop(&runtime);
        runtime.block_on(async {
            let (near, mut far) = half_pair();
            let (other, mut other_far) = half_pair();
            let mut read = near.read(vec![0; 5]);
            assert!(poll_once(&mut read).await.is_none());
            let task = spawn(async move { other.recv().await.map(|bytes| bytes.to_vec()) });
            let foreign = AsyncFd::new(far.try_clone().unwrap()).unwrap();
            annulus::op::nop().await.unwrap();
            let mut kept = (Some(read), Some(near), Some(foreign));
            let status = forked(|| {
                let waker = std::task::Waker::noop();
                let mut cx = std::task::Context::from_waker(waker);
                let mut write = kept.1.as_ref().unwrap().write("from the child");
                let refused = panics_with("forked", || {
                    let _polled = std::pin::Pin::new(&mut write).poll(&mut cx);
                });
                claim(1, refused)?;
                // The copies of what is in flight, and of the handles: the connection lives on.
                drop((write, kept.0.take(), kept.1.take(), kept.2.take()));
                // A thread of its own has a loop of its own.
                let own = std::thread::spawn(|| {
                    annulus::run(async {
                        let file = File::open("/proc/self/stat").await?;
                        file.read_at(vec![0; 8], 0).await.0
                    })
                });
                claim(2, matches!(own.join(), Ok(Ok(Ok(1..)))))
            });
            assert_eq!(status, 0, "the child");
            let (read, near, _foreign) = kept;
            far.write_all(b"after").unwrap();
            assert_eq!(read.unwrap().await.unwrap(), (5, b"after".to_vec()));
            let near = near.unwrap();
            near.write_all("still there").await.unwrap();
            let mut said = [0; 11];
            std::io::Read::read_exact(&mut far, &mut said).unwrap();
            assert_eq!(&said, b"still there");
            other_far.write_all(b"too").unwrap();
            assert_eq!(task.await.unwrap().unwrap(), b"too");
            metrics::assert_conserved(&metrics::here());
        });
        assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
    });
}

#[test]
fn a_runtime_that_a_forked_child_drops_goes_on_in_its_parent() {
    Child::of(concat!(
        module_path!(),
        "::a_runtime_that_a_forked_child_drops_goes_on_in_its_parent"
    ))
    .run(|| {
        let runtime = Runtime::new().unwrap();
        let _bound = bound_loop(&runtime);
        let (near, mut far) = runtime.block_on(async {
            let (near, far) = half_pair();
            let mut read = Box::pin(async move { near.recv().await.map(|bytes| bytes.to_vec()) });
            assert!(poll_once(&mut read).await.is_none());
            annulus::op::nop().await.unwrap();
            (read, far)
        });
        let mut kept = Some((runtime, near));
        let status = forked(|| {
            let (runtime, near) = kept.take().ok_or(1)?;
            let begun = || runtime.block_on(annulus::op::nop()).map_or((), |()| ());
            claim(2, panics_with("forked", begun))?;
            drop(near);
            // It waits for nothing: what is in flight is the parent's.
            let _the_parents = runtime.shutdown_timeout(std::time::Duration::from_secs(3600));
            Ok(())
        });
        assert_eq!(status, 0, "the child");
        let (runtime, near) = kept.unwrap();
        far.write_all(b"after").unwrap();
        assert_eq!(runtime.block_on(near).unwrap(), b"after");
        assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
    });
}

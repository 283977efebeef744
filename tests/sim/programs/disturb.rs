//! What ends a future before its time.

use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use annulus::spawn;
use annulus::task::{JoinError, JoinHandle};
use annulus::time::timeout;

/// What the panics of these programs say; any other panic is a finding.
const ON_PURPOSE: &str = "on purpose";

/// Polls a future so often at most, and for 50 ms, then drops it: `None`.
pub(crate) async fn polled<F: IntoFuture>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future.into_future());
    let mut left = times;
    let polls = poll_fn(|cx| {
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    timeout(Duration::from_millis(50), polls).await.ok().flatten()
}

/// Spawns a task that may panic at one of its polls, or be dropped there.
pub(crate) fn task<F: Future<Output = ()> + 'static>(
    rng: &mut fastrand::Rng,
    future: F,
) -> JoinHandle<()> {
    let at = rng.usize(1..30);
    match rng.u8(..8) {
        0 => spawn(panics_at(future, at)),
        1 => spawn(async move {
            let _end = timeout(Duration::from_micros(at as u64 * 300), future).await;
        }),
        _ => spawn(future),
    }
}

async fn panics_at<F: Future<Output = ()>>(future: F, at: usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        assert!(polls != at, "{ON_PURPOSE}");
        Pin::as_mut(&mut future).poll(cx)
    })
    .await;
}

/// A task may end in any way but by a panic that was not meant.
pub(crate) fn check_end(end: Result<(), JoinError>) {
    if let Err(error) = end {
        let message = error.panic_message().unwrap_or(ON_PURPOSE).to_owned();
        assert_eq!(message, ON_PURPOSE, "a task panicked");
    }
}

//! Timers.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use annulus::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::{Cost, costs, on_a_loop};

const STANDING: usize = 100_000;

/// A deadline between a minute and an hour ahead of `now`.
fn deadline(random: &mut fastrand::Rng, now: Instant) -> Instant {
    now + Duration::from_nanos(random.u64(60_000_000_000..3_600_000_000_000))
}

/// A sleep that is armed.
fn armed(deadline: Instant, cx: &mut Context<'_>) -> Sleep {
    let mut sleep = sleep_until(deadline);
    assert!(Pin::new(&mut sleep).poll(cx).is_pending());
    sleep
}

pub(crate) fn arms_and_drops(rounds: u64) -> Cost {
    on_a_loop(async move {
        let mut random = fastrand::Rng::with_seed(4);
        let now = Instant::now();
        let mut context = Context::from_waker(Waker::noop());
        let standing: Vec<Sleep> =
            (0..STANDING).map(|_| armed(deadline(&mut random, now), &mut context)).collect();
        let took = costs(poll_fn(|cx| {
            for _ in 0..rounds {
                drop(armed(deadline(&mut random, now), cx));
            }
            Poll::Ready(())
        }))
        .await;
        drop(standing);
        took
    })
}

/// A sleep of a nanosecond is armed, and due when the loop has turned.
pub(crate) fn fires(rounds: u64) -> Cost {
    const TASKS: u64 = 64;
    on_a_loop(costs(async move {
        let task = || {
            annulus::spawn(async move {
                for _ in 0..rounds / TASKS {
                    sleep(Duration::from_nanos(1)).await;
                }
            })
        };
        let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
        for task in tasks {
            task.await.expect("the task");
        }
    }))
}

pub(crate) fn timeouts(rounds: u64) -> Cost {
    on_a_loop(costs(async move {
        for round in 0..rounds {
            let ready = timeout(Duration::from_secs(60), std::future::ready(round)).await;
            std::hint::black_box(ready.expect("no timeout"));
        }
    }))
}

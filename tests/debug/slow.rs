//! Polls and system calls that take long.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use annulus::{Builder, Handle, Runtime};
use tracing::Level;

use super::common::bound::bound;
use crate::common::capture::{Said, listening, said_by};

const SLOW: &str = "a task held the loop";
const SLOW_ENTER: &str = "a system call of the loop was slow";

/// Keeps the thread for a time.
fn hold(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn debugging(slow_poll: Duration, slow_enter: Duration) -> Runtime {
    let builder = Builder::new().debug(true).slow_poll_threshold(slow_poll);
    builder.slow_enter_threshold(slow_enter).build().expect("a loop")
}

fn about(said: &[Said], what: &str) -> Vec<Said> {
    said.iter().filter(|said| said.message().starts_with(what)).cloned().collect()
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_slow_poll_is_reported_with_its_task() {
    let _bound = bound();
    let mut known = None;
    let said = said_by(|| {
        let runtime = debugging(Duration::from_millis(5), LONG);
        runtime.block_on(async {
            let (site, task) = (
                Location::caller(),
                annulus::spawn(async {
                    annulus::yield_now().await;
                    hold(Duration::from_millis(6));
                }),
            );
            known = Some((task.id().to_string(), site.line()));
            task.await.expect("the task");
        });
    });
    let (id, line) = known.expect("it ran");
    let slow: Vec<Said> =
        about(&said, SLOW).into_iter().filter(|said| said.field("task") == id).collect();
    let said = slow.iter().find(|said| said.number("took_ms") >= 6.0).expect("the slow poll");
    assert_eq!(said.level, Level::WARN);
    assert_eq!(said.number("threshold_ms"), 5.0);
    let site = said.field("spawned_at");
    assert!(site.contains("slow.rs:"), "{said:?}");
    let spawned: u32 = site.split(':').nth(1).and_then(|n| n.parse().ok()).expect("a line");
    assert!((line..line + 3).contains(&spawned), "{site} for line {line}");
    assert_eq!(said.field("name"), "", "the task has none");
    assert!(slow.iter().all(|said| said.number("took_ms") >= 5.0), "{slow:?}");
}

#[test]
fn the_future_given_to_block_on_is_watched_too() {
    let _bound = bound();
    let mut id = String::new();
    let said = said_by(|| {
        debugging(Duration::from_millis(2), LONG).block_on(async {
            id = annulus::task::id().to_string();
            hold(Duration::from_millis(3));
        });
    });
    let slow = about(&said, SLOW);
    assert!(slow.iter().any(|said| said.field("task") == id), "{said:?}");
}

#[test]
fn a_poll_that_ends_in_a_panic_or_a_cancel_is_timed_too() {
    let _bound = bound();
    struct SlowDrop;
    impl Drop for SlowDrop {
        fn drop(&mut self) {
            hold(Duration::from_millis(3));
        }
    }
    let mut ids = Vec::new();
    let said = said_by(|| {
        debugging(Duration::from_millis(2), LONG).block_on(async {
            let panics = annulus::spawn(async {
                hold(Duration::from_millis(3));
                panic!("on purpose");
            });
            let cancelled = annulus::spawn(async {
                let _kept = SlowDrop;
                std::future::pending::<()>().await;
            });
            ids = [panics.id().to_string(), cancelled.id().to_string()].into();
            annulus::yield_now().await;
            cancelled.cancel();
            assert!(cancelled.await.expect_err("cancelled").is_cancelled());
            assert!(panics.await.expect_err("panicked").is_panic());
        });
    });
    let slow = about(&said, SLOW);
    for id in ids {
        assert!(slow.iter().any(|said| said.field("task") == id), "{id}: {said:?}");
    }
}

#[test]
fn nothing_is_reported_when_debug_mode_is_off() {
    let _bound = bound();
    let said = said_by(|| {
        let builder = Builder::new().debug(false).slow_poll_threshold(Duration::ZERO);
        let runtime = builder.slow_enter_threshold(Duration::ZERO).histograms(true).build();
        runtime.expect("a loop").block_on(async {
            annulus::op::nop().await.expect("a nop");
            annulus::spawn(hold_a_little()).await.expect("the task");
        });
    });
    assert!(said.is_empty(), "{said:?}");
}

async fn hold_a_little() {
    hold(Duration::from_micros(10));
}

#[test]
fn a_system_call_beyond_the_threshold_is_reported() {
    let _bound = bound();
    let mut enters = 0;
    let said = said_by(|| {
        debugging(LONG, Duration::ZERO).block_on(async {
            annulus::spawn(async {
                for _ in 0..200 {
                    annulus::yield_now().await;
                }
            })
            .detach();
            // The first is submitted without a wait, for the task is ready; the last is waited for.
            for _ in 0..3 {
                annulus::op::nop().await.expect("a nop");
            }
            annulus::time::sleep(Duration::from_millis(1)).await;
            enters = Handle::current().metrics().expect("a loop").enters;
            annulus::yield_now().await;
        });
    });
    let slow = about(&said, SLOW_ENTER);
    assert!(slow.len() as u64 >= enters, "{enters} enters, {} reported", slow.len());
    for waited in ["false", "true"] {
        assert!(slow.iter().any(|said| said.field("waited") == waited), "{slow:?}");
    }
    assert!(slow.iter().any(|said| said.number("submitted") >= 1.0), "{slow:?}");
    assert!(slow.iter().all(|said| said.number("took_ms") >= 0.0), "{slow:?}");
    assert!(slow.iter().all(|said| said.level == Level::WARN));
}

#[test]
fn a_system_call_that_waits_is_not_slow_for_it() {
    let _bound = bound();
    let mut waited = Duration::ZERO;
    listening(|said| {
        let runtime = debugging(LONG, Duration::from_secs(1));
        runtime.block_on(async {
            let (sender, receiver) = annulus::sync::cross::oneshot::channel();
            let begin = Instant::now();
            let other = thread::spawn(move || {
                hold(Duration::from_millis(1_200));
                sender.send(()).expect("somebody waits");
            });
            receiver.await.expect("the other thread sends");
            waited = begin.elapsed();
            other.join().expect("the thread");
            annulus::yield_now().await;
        });
        drop(runtime);
        assert!(waited > Duration::from_secs(1));
        let said: Vec<Said> = said.try_iter().collect();
        assert!(about(&said, SLOW_ENTER).is_empty(), "{said:?}");
    });
}

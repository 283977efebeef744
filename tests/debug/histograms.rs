//! How long polls and system calls took.

use std::time::{Duration, Instant};

use annulus::runtime::{Histogram, Metrics};
use annulus::{Builder, Handle};

use super::common::bound::bound;

async fn some_work() -> Metrics {
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            annulus::spawn(async move {
                annulus::op::nop().await.expect("a nop");
                if n % 5 == 0 {
                    annulus::time::sleep(Duration::from_millis(1)).await;
                }
                assert_ne!(n, 7, "one panics");
            })
        })
        .collect();
    tasks[3].cancel();
    tasks[4].abort();
    for task in tasks {
        drop(task.await);
    }
    Handle::current().metrics().expect("a loop")
}

fn metrics_with(builder: Builder) -> Metrics {
    let _bound = bound();
    builder.build().expect("a loop").block_on(some_work())
}

#[track_caller]
fn assert_kept(metrics: &Metrics) {
    let [polls, enters] =
        [&metrics.poll_times, &metrics.enter_times].map(|times| times.as_ref().expect("kept"));
    assert!(metrics.task_polls > 20 && metrics.enters > 0);
    assert_eq!(polls.count(), metrics.task_polls, "one for each poll: {metrics:?}");
    assert_eq!(enters.count(), metrics.enters, "one for each enter: {metrics:?}");
    for times in [polls, enters] {
        let sum: u64 = times.buckets().map(|(_, count)| count).sum();
        assert_eq!(sum, times.count());
    }
}

#[test]
fn every_poll_and_every_enter_is_counted_once() {
    assert_kept(&metrics_with(Builder::new().histograms(true)));
    assert_kept(&metrics_with(Builder::new().debug(true)));
}

#[test]
fn they_are_off_unless_asked_for() {
    let metrics = metrics_with(Builder::new().debug(false));
    assert_eq!((metrics.poll_times, metrics.enter_times), (None, None));
}

#[test]
fn a_poll_is_in_the_bucket_of_its_length() {
    let _bound = bound();
    let runtime = Builder::new().histograms(true).build().expect("a loop");
    let (took, polls): (Duration, Histogram) = runtime.block_on(async {
        let took = annulus::spawn(async {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(3) {
                std::hint::spin_loop();
            }
            begin.elapsed()
        });
        let took = took.await.expect("the task");
        (took, Handle::current().metrics().expect("a loop").poll_times.expect("kept"))
    });
    assert_eq!(polls.count(), 1);
    assert!(polls.sum() >= took, "{polls:?}");
    let bound = polls.quantile(1.0).expect("one poll");
    assert!(bound >= polls.sum() && bound < polls.sum() * 2, "{polls:?}");
    assert!(format!("{polls:?}").contains("count: 1"));
}

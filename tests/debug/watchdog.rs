//! A loop that is stuck in one poll, seen from outside while it is.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use annulus::Builder;
use tracing::Level;

use super::common::bound::bound;
use crate::common::capture::{Said, listening};

const STUCK: &str = "a loop is stuck in one poll";

fn watched(threshold: Duration) -> Builder {
    Builder::new().debug(true).slow_poll_threshold(threshold)
}

/// Blocks the thread until the watchdog has said so for the `count`th time.
#[inline(never)]
fn block_until_reported(said: &Receiver<Said>, count: usize) -> Vec<Said> {
    let mut stuck = Vec::new();
    while stuck.len() < count {
        let next = said.recv().expect("the subscriber is there");
        if next.message().starts_with(STUCK) {
            stuck.push(next);
        }
    }
    stuck
}

/// Blocks a task of a loop until that was reported `count` times.
fn stuck_in_a_task(builder: Builder, count: usize) -> (String, Vec<Said>) {
    let _bound = bound();
    listening(|said| {
        let runtime = builder.build().expect("a loop");
        let future = async {
            annulus::yield_now().await;
            (annulus::task::id().to_string(), block_until_reported(&said, count))
        };
        runtime.block_on(future)
    })
}

#[test]
fn a_stuck_poll_is_reported_while_it_is_stuck() {
    let (id, stuck) = stuck_in_a_task(watched(Duration::from_millis(20)), 1);
    let said = &stuck[0];
    assert_eq!(said.level, Level::WARN);
    assert_eq!(said.field("task"), id);
    assert!(said.field("spawned_at").contains("watchdog.rs:"), "{said:?}");
    assert!(said.number("stuck_ms") >= 20.0, "{said:?}");
    assert_eq!(said.number("threshold_ms"), 20.0);
    let state = said.field("thread_state");
    assert!(state.starts_with("waiting in futex") || state == "running", "{state}");
}

#[test]
#[cfg(all(target_env = "gnu", target_arch = "x86_64"))]
fn the_report_says_where_in_the_code_the_loop_is() {
    let (_, stuck) = stuck_in_a_task(watched(Duration::from_millis(5)), 1);
    let stack = stuck[0].field("stack");
    assert!(stack.contains("block_until_reported+0x"), "{stack}");
    assert!(stack.contains("annulus::runtime::Runtime::block_on"), "{stack}");
    assert!(stack.lines().count() > 5, "{stack}");
}

#[test]
fn a_poll_that_stays_stuck_is_reported_again_each_time_it_has_taken_twice_as_long() {
    let (_, stuck) = stuck_in_a_task(watched(Duration::from_millis(4)), 4);
    for pair in stuck.windows(2) {
        let (first, second) = (pair[0].number("stuck_ms"), pair[1].number("stuck_ms"));
        assert!(second >= 2.0 * first, "{first} ms, then {second} ms");
    }
}

#[test]
fn a_thread_that_must_not_be_interrupted_is_reported_without_its_stack() {
    let builder = watched(Duration::from_millis(5)).watchdog_interrupts(false);
    let (_, stuck) = stuck_in_a_task(builder, 1);
    assert_eq!(stuck[0].field("stack"), "unknown: the thread is not interrupted");
    assert_ne!(stuck[0].field("thread_state"), "");
}

/// Blocks the loop's thread when it is dropped.
struct BlocksAtTheEnd(Rc<Receiver<Said>>, Rc<RefCell<Vec<Said>>>);

impl Drop for BlocksAtTheEnd {
    fn drop(&mut self) {
        self.1.replace(block_until_reported(&self.0, 1));
    }
}

#[test]
fn a_destructor_that_blocks_the_end_of_the_loop_is_reported_too() {
    let _bound = bound();
    let stuck = Rc::new(RefCell::new(Vec::new()));
    let id = listening(|said| {
        let runtime = watched(Duration::from_millis(5)).build().expect("a loop");
        let blocks = BlocksAtTheEnd(Rc::new(said), Rc::clone(&stuck));
        let task = runtime.spawn(async move {
            let _blocks = blocks;
            std::future::pending::<()>().await;
        });
        let id = task.id().to_string();
        task.detach();
        runtime.block_on(annulus::yield_now());
        id
    });
    assert_eq!(stuck.borrow()[0].field("task"), id);
}

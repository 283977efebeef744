//! A panic of a task that nobody took is reported, in debug mode or not.

use annulus::runtime::Runtime;
use annulus::task::{Failure, TaskGroup};
use tracing::Level;

use super::common::bound::bound;
use crate::common::capture::{Said, said_by};

const UNREAD: &str = "a task panicked, and its join handle was dropped without being awaited";

fn reports_of(body: impl FnOnce(&Runtime)) -> Vec<Said> {
    let _bound = bound();
    let said = said_by(|| body(&Runtime::new().expect("a loop")));
    said.into_iter().filter(|said| said.message() == UNREAD).collect()
}

#[track_caller]
fn assert_reported(said: &[Said], id: &str, panic: &str) {
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].level, Level::ERROR);
    assert_eq!(said[0].field("task"), id);
    assert_eq!(said[0].field("panic"), panic);
    assert!(said[0].field("spawned_at").contains("tests/debug/panics.rs:"), "{said:?}");
}

#[test]
fn of_a_task_that_was_detached_before() {
    let mut id = String::new();
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let task = annulus::spawn(async { panic!("number {}", 7) });
            id = task.id().to_string();
            task.detach();
            annulus::yield_now().await;
        });
    });
    assert_reported(&said, &id, "number 7");
}

#[test]
fn of_a_task_whose_handle_is_dropped_afterwards() {
    let mut id = String::new();
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let task = annulus::spawn(async { panic!("plain") });
            id = task.id().to_string();
            annulus::yield_now().await;
            assert!(task.is_finished());
            drop(task);
        });
    });
    assert_reported(&said, &id, "plain");
}

#[test]
fn of_a_task_whose_handle_outlives_the_loop() {
    let mut task = None;
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            task = Some(annulus::spawn(async { panic!("late") }));
            annulus::yield_now().await;
        });
    });
    let id = task.expect("it was spawned").id().to_string();
    assert_reported(&said, &id, "late");
}

#[test]
fn of_a_task_that_cleans_up_afterwards() {
    let mut id = String::new();
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let task = annulus::spawn(async {
                annulus::task::defer(annulus::yield_now());
                panic!("before the clean-up");
            });
            id = task.id().to_string();
            drop(task);
            for _ in 0..4 {
                annulus::yield_now().await;
            }
        });
    });
    assert_reported(&said, &id, "before the clean-up");
}

#[test]
fn also_when_it_is_no_text() {
    let mut id = String::new();
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let task = annulus::spawn(async { std::panic::panic_any(7_u8) });
            id = task.id().to_string();
            task.detach();
            annulus::yield_now().await;
        });
    });
    assert_reported(&said, &id, "a value that is not text");
}

#[test]
fn but_not_when_somebody_took_it() {
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let task = annulus::spawn(async { panic!("taken") });
            assert!(task.await.expect_err("a panic").is_panic());
            let task = annulus::spawn(async { panic!("taken late") });
            annulus::yield_now().await;
            assert!(task.await.expect_err("a panic").is_panic());
        });
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn nor_when_it_went_to_the_tasks_group() {
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            let error = TaskGroup::scope(async |group| {
                drop(group.spawn(async { if true { panic!("of the group") } else { Ok(()) } }));
                std::future::pending::<Result<(), ()>>().await
            });
            let error = error.await.expect_err("a child panicked");
            assert!(matches!(error.first, Failure::Panic(_)));
        });
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn nor_of_tasks_that_ended_well_or_were_cancelled() {
    let said = reports_of(|runtime| {
        runtime.block_on(async {
            annulus::spawn(async { 1 }).detach();
            let task = annulus::spawn(std::future::pending::<()>());
            annulus::yield_now().await;
            task.cancel();
            drop(task);
            annulus::yield_now().await;
        });
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn of_a_task_that_another_thread_spawned_and_forgot() {
    let _bound = bound();
    let said = said_by(|| {
        let runtime = Runtime::new().expect("a loop");
        let handle = runtime.handle();
        drop(handle.spawn(|| async { panic!("forgotten before") }));
        let forgotten = handle.spawn(|| async { panic!("forgotten after") });
        let taken = handle.spawn(|| async { panic!("taken") });
        let site = runtime.block_on(async {
            assert!(taken.await.expect_err("a panic").is_panic());
            drop(forgotten);
            let pending = handle.spawn(std::future::pending::<()>);
            annulus::yield_now().await;
            annulus::yield_now().await;
            let dump = handle.dump().expect("the loop's own thread");
            drop(pending);
            dump.tasks.last().expect("the pending one").spawned_at
        });
        assert_eq!(site.file(), file!());
    });
    let panics: Vec<&str> = said.iter().map(|said| said.field("panic")).collect();
    assert_eq!(panics, ["forgotten before", "forgotten after"], "{said:?}");
}

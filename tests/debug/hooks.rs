//! Closures that are told about tasks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use annulus::runtime::TaskMeta;
use annulus::{Builder, Handle};

use super::common::bound::bound;
use crate::common::capture::said_by;

type Log = Rc<RefCell<Vec<(&'static str, String)>>>;

fn noting(log: &Log, what: &'static str) -> impl Fn(&TaskMeta<'_>) + 'static {
    let log = Rc::clone(log);
    move |task| log.borrow_mut().push((what, task.id().to_string()))
}

fn hooked(log: &Log) -> Builder {
    Builder::new()
        .on_task_spawn(noting(log, "spawn"))
        .on_task_terminate(noting(log, "terminate"))
        .on_before_task_poll(noting(log, "before"))
        .on_after_task_poll(noting(log, "after"))
}

fn of_task(log: &Log, id: &str) -> Vec<&'static str> {
    log.borrow().iter().filter(|(_, task)| task == id).map(|(what, _)| *what).collect()
}

#[test]
fn hooks_come_in_the_order_of_a_tasks_life() {
    let _bound = bound();
    let log = Log::default();
    let id = hooked(&log).build().expect("a loop").block_on(async {
        let task = annulus::spawn(async {
            annulus::yield_now().await;
        });
        assert_eq!(of_task(&log, &task.id().to_string()), ["spawn"], "in `spawn` itself");
        let id = task.id().to_string();
        task.await.expect("the task");
        id
    });
    let told = of_task(&log, &id);
    assert_eq!(told, ["spawn", "before", "after", "before", "terminate", "after"]);
    assert_eq!(log.borrow().len(), told.len(), "the future given to block_on is no task");
}

#[test]
fn every_poll_and_every_end_is_told_whatever_it_is() {
    let _bound = bound();
    let log = Log::default();
    let runtime = hooked(&log).build().expect("a loop");
    let polls = runtime.block_on(async {
        let ends = annulus::spawn(async {});
        let panics = annulus::spawn(async { panic!("on purpose") });
        let cleans_up = annulus::spawn(async {
            annulus::task::defer(annulus::yield_now());
            std::future::pending::<()>().await;
        });
        let aborted = annulus::spawn(std::future::pending::<()>());
        annulus::yield_now().await;
        cleans_up.cancel();
        aborted.abort();
        ends.await.expect("the task");
        assert!(panics.await.expect_err("a panic").is_panic());
        assert!(cleans_up.await.expect_err("cancelled").is_cancelled());
        assert!(aborted.await.expect_err("aborted").is_cancelled());
        annulus::spawn(std::future::pending::<()>()).detach();
        annulus::yield_now().await;
        Handle::current().metrics().expect("a loop").task_polls
    });
    let count = |what| log.borrow().iter().filter(|(told, _)| *told == what).count() as u64;
    assert_eq!((count("before"), count("after")), (polls, polls));
    assert_eq!((count("spawn"), count("terminate")), (5, 4));
    drop(runtime);
    assert_eq!((count("spawn"), count("terminate")), (5, 5), "the end of the loop ends the last");
    assert_eq!(count("before"), count("after"));
    let mut lives: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (what, task) in log.borrow().iter() {
        lives.entry(task.clone()).or_default().push(what);
    }
    for life in lives.values() {
        assert_eq!(life[..2], ["spawn", "before"]);
        assert_eq!(life[life.len() - 2..], ["terminate", "after"]);
    }
}

#[test]
fn a_hook_may_do_what_a_task_may() {
    let _bound = bound();
    let spawned = Rc::new(RefCell::new(0));
    let count = Rc::clone(&spawned);
    let everything = |_: &TaskMeta<'_>| {
        let handle = Handle::current();
        let dump = handle.dump().expect("a loop");
        let metrics = handle.metrics().expect("a loop");
        assert!(dump.tasks.len() as u64 > metrics.tasks_alive.min(1));
        drop(annulus::op::nop());
    };
    let builder = Builder::new()
        .on_task_spawn(move |_| {
            // The hook is told about what it spawns, too.
            *count.borrow_mut() += 1;
            if *count.borrow() == 1 {
                annulus::spawn(annulus::yield_now()).detach();
            }
        })
        .on_task_terminate(everything)
        .on_before_task_poll(everything)
        .on_after_task_poll(everything);
    builder.build().expect("a loop").block_on(async {
        annulus::spawn(annulus::yield_now()).await.expect("the task");
        annulus::yield_now().await;
    });
    assert_eq!(*spawned.borrow(), 2);
}

#[test]
fn a_hook_that_panics_is_reported_and_changes_nothing() {
    let _bound = bound();
    let said = said_by(|| {
        let panics = |_: &TaskMeta<'_>| panic!("a hook panics on purpose");
        let builder = Builder::new().on_task_spawn(panics).on_task_terminate(panics);
        let builder = builder.on_before_task_poll(panics).on_after_task_poll(panics);
        let answer = builder
            .build()
            .expect("a loop")
            .block_on(async { annulus::spawn(async { 6 * 7 }).await.expect("the task") });
        assert_eq!(answer, 42);
    });
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.iter().all(|said| said.message() == "a hook of the loop panicked"));
}

#[test]
fn a_hook_knows_where_its_task_was_spawned() {
    let _bound = bound();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let places = Rc::clone(&seen);
    let builder = Builder::new().on_before_task_poll(move |task| {
        assert_eq!(task.name(), None);
        places.borrow_mut().push(task.spawned_at());
    });
    let line = builder.build().expect("a loop").block_on(async {
        annulus::spawn(async {}).await.expect("the task");
        line!() - 1
    });
    assert_eq!(seen.borrow().len(), 1);
    assert_eq!((seen.borrow()[0].file(), seen.borrow()[0].line()), (file!(), line));
}

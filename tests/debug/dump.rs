//! What a dump says of tasks.

use std::time::Duration;

use annulus::runtime::{Dump, TaskDump, TaskState};
use annulus::{Builder, Handle};

use super::common::bound::bound;

fn dump_of(debug: bool, body: impl AsyncFnOnce() -> Dump) -> Dump {
    let _bound = bound();
    Builder::new().debug(debug).build().expect("a loop").block_on(body())
}

fn here() -> Dump {
    Handle::current().dump().expect("a loop")
}

fn task<'a>(dump: &'a Dump, id: &str) -> &'a TaskDump {
    dump.tasks.iter().find(|task| task.id == id).unwrap_or_else(|| panic!("no {id}: {dump}"))
}

#[test]
fn tasks_say_what_they_wait_for() {
    let mut ids = Vec::new();
    let dump = dump_of(true, async || {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let listener = annulus::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let accepts = annulus::spawn(async move { drop(listener.accept().await) });
        let sleeps = annulus::spawn(annulus::time::sleep(Duration::from_secs(3600)));
        let waits = annulus::spawn(std::future::pending::<()>());
        ids = [accepts.id(), sleeps.id(), waits.id()].map(|id| id.to_string()).into();
        let joins = annulus::spawn(async move { drop(waits.await) });
        ids.push(joins.id().to_string());
        for _ in 0..4 {
            annulus::yield_now().await;
        }
        let ready = annulus::spawn(async {});
        ids.push(ready.id().to_string());
        drop((reader, writer));
        here()
    });
    let [accepts, sleeps, waits, joins, ready] =
        [0, 1, 2, 3, 4].map(|place| task(&dump, &ids[place]));
    assert_eq!(dump.tasks[0].state, TaskState::Running, "the future given to block_on: {dump}");
    assert_eq!(accepts.waits_for.len(), 1, "{dump}");
    assert_eq!(accepts.waits_for[0].operation, "accept");
    let left = sleeps.timer.expect("it sleeps");
    assert!(left > Duration::from_secs(3000) && left <= Duration::from_secs(3600), "{dump}");
    assert_eq!(joins.joins, std::slice::from_ref(&waits.id), "{dump}");
    assert_eq!(ready.state, TaskState::Ready);
    for waiting in [accepts, sleeps, waits, joins] {
        assert_eq!(waiting.state, TaskState::Waiting, "{waiting}");
        assert_eq!(waiting.polls, Some(1), "{waiting}");
        assert!(waiting.age.is_some());
        assert!(waiting.spawned_at.file().ends_with("dump.rs"));
    }
    assert_eq!(ready.polls, Some(0));
    let text = dump.to_string();
    for part in [
        "waits for accept on descriptor",
        "waits for a timer due in",
        &format!("waits for the end of task {}", waits.id),
        "waits for no operation, timer or task",
        "ready to run",
        "running",
        "polled 1 times",
    ] {
        assert!(text.contains(part), "no \"{part}\" in\n{text}");
    }
}

#[test]
fn a_cancelled_task_is_seen_to_clean_up() {
    let dump = dump_of(false, async || {
        let task = annulus::spawn(async {
            annulus::task::defer(std::future::pending());
            std::future::pending::<()>().await;
        });
        annulus::yield_now().await;
        task.cancel();
        annulus::yield_now().await;
        annulus::yield_now().await;
        let dump = here();
        task.abort();
        dump
    });
    let cleans = dump.tasks.last().expect("the task");
    assert!(cleans.is_cancelled && cleans.is_cleaning_up, "{dump}");
    assert!(dump.to_string().contains(", cancelled, cleaning up, waits for no"), "{dump}");
}

#[test]
fn ages_are_known_only_of_a_loop_that_is_watched() {
    let dump = dump_of(false, async || here());
    assert_eq!((dump.tasks[0].age, dump.tasks[0].polls), (None, None));
    let dump = dump_of(true, async || {
        annulus::yield_now().await;
        annulus::yield_now().await;
        here()
    });
    assert_eq!(dump.tasks[0].polls, Some(2), "the third has not ended: {dump}");
}

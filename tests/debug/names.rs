//! The names that tasks are given stand wherever a task is spoken of.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use annulus::task::{self, JoinSet, TaskGroup};
use annulus::{Builder, Handle};

use super::common::bound::bound;
use crate::common::capture::{listening, said_by};

fn names_in_dump() -> Vec<Option<String>> {
    let dump = Handle::current().dump().expect("a loop");
    dump.tasks.into_iter().map(|task| task.name).collect()
}

#[test]
fn in_a_dump_however_the_task_was_spawned() {
    let _bound = bound();
    let text = annulus::run(async {
        task::set_name("root");
        let plain = annulus::spawn(std::future::pending::<()>());
        let alone = task::Builder::new().name("alone").spawn(std::future::pending::<()>());
        let mut set = JoinSet::new();
        task::Builder::new().name("in a set").spawn_in_set(&mut set, std::future::pending::<()>());
        let group = TaskGroup::scope(async |group| {
            let builder = task::Builder::new().name(String::from("in a group"));
            let child = builder.spawn_in_group(&group, async { Ok::<_, ()>(task::name()) });
            Ok((names_in_dump(), child.await.expect("the child")))
        });
        let (names, own) = group.await.expect("nothing failed");
        let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        let known = [Some("root"), None, Some("alone"), Some("in a set"), Some("in a group")];
        assert_eq!(names, known);
        assert_eq!(own.as_deref(), Some("in a group"));
        assert_eq!(task::name().as_deref(), Some("root"));
        drop((plain, alone));
        Handle::current().dump().expect("a loop").to_string()
    });
    let text = text.expect("a loop");
    assert!(text.contains("alone") && text.contains("in a set"), "{text}");
}

#[test]
fn a_task_may_name_itself_and_change_its_mind() {
    let _bound = bound();
    let told = Rc::new(RefCell::new(Vec::new()));
    let names = Rc::clone(&told);
    let hook = move |task: &annulus::runtime::TaskMeta<'_>| {
        names.borrow_mut().push(task.name().map(String::from));
    };
    let builder = Builder::new().on_task_spawn(hook.clone()).on_task_terminate(hook);
    builder.build().expect("a loop").block_on(async {
        let task = task::Builder::new().name("first").spawn(async {
            task::set_name("second");
            assert_eq!(names_in_dump()[1].as_deref(), Some("second"));
        });
        task.await.expect("the task");
        assert_eq!(task::name(), None);
    });
    assert_eq!(*told.borrow(), [Some("first".to_owned()), Some("second".to_owned())]);
}

#[test]
fn nothing_has_a_name_outside_a_task() {
    assert_eq!(task::name(), None);
    let refused = std::panic::catch_unwind(|| task::set_name("nobody"));
    let refused = refused.expect_err("there is no task to name");
    let message = refused.downcast_ref::<String>().expect("text");
    assert!(message.contains("outside a task"), "{message}");
}

#[test]
fn in_reports_of_slow_polls_and_of_unread_panics() {
    let _bound = bound();
    let said = said_by(|| {
        let builder = Builder::new().debug(true).slow_poll_threshold(Duration::from_millis(2));
        builder.build().expect("a loop").block_on(async {
            let slow = task::Builder::new().name("slow").spawn(async {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_millis(3) {
                    std::hint::spin_loop();
                }
            });
            slow.await.expect("the task");
            task::Builder::new().name("lost").spawn(async { panic!("unread") }).detach();
            annulus::yield_now().await;
        });
    });
    let of = |start: &str| {
        let said = said.iter().filter(|said| said.message().starts_with(start));
        said.map(|said| said.field("name").to_owned()).collect::<Vec<_>>()
    };
    assert!(of("a task held the loop").contains(&"slow".to_owned()), "{said:?}");
    assert_eq!(of("a task panicked, and its join handle"), ["lost"], "{said:?}");
}

#[test]
fn in_the_watchdogs_report() {
    let _bound = bound();
    let name = listening(|said| {
        let builder = Builder::new().debug(true).slow_poll_threshold(Duration::from_millis(5));
        builder.build().expect("a loop").block_on(async {
            let stuck = task::Builder::new().name("stuck").spawn(async move {
                loop {
                    let next = said.recv().expect("the subscriber is there");
                    if next.message().starts_with("a loop is stuck in one poll") {
                        return next.field("name").to_owned();
                    }
                }
            });
            stuck.await.expect("the task")
        })
    });
    assert_eq!(name, "stuck");
}

#[test]
fn in_the_error_of_a_task_that_panicked() {
    let _bound = bound();
    annulus::run(async {
        let task = task::Builder::new().name("fetch").spawn(async { panic!("no network") });
        let id = task.id();
        let error = task.await.expect_err("it panicked");
        assert_eq!((error.id(), error.task_name()), (Some(id), Some("fetch")));
        assert_eq!(error.to_string(), format!("task {id} `fetch` panicked: no network"));

        let plain = annulus::spawn(async { panic!("as well") });
        let id = plain.id();
        let error = plain.await.expect_err("it panicked");
        assert_eq!(error.to_string(), format!("task {id} panicked: as well"));

        let failed: Result<(), _> = TaskGroup::<String>::scope(async |group| {
            let builder = task::Builder::new().name("child");
            builder.spawn_in_group(&group, async { if true { panic!("boom") } else { Ok(()) } });
            std::future::pending().await
        })
        .await;
        let text = failed.expect_err("the child panicked").to_string();
        assert!(text.contains("`child` panicked: boom"), "{text}");
    })
    .expect("a loop");
}

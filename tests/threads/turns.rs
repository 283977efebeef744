//! Several runtimes on one thread, and loops that are started inside loops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use annulus::{Handle, Runtime, op, spawn, yield_now};

use crate::common::bound::{bound, bound_loop};
use crate::common::net::pair;

#[test]
fn two_runtimes_take_turns_on_one_thread() {
    let [one, other] = [(); 2].map(|()| Runtime::new().unwrap());
    let _bound = bound_loop(&one);
    let (near, far) = one.block_on(async { pair() });
    let (other_near, other_far) = other.block_on(async { pair() });
    // Each has a task that the other's turns do not stop.
    let echo = one.spawn(async move {
        for _ in 0..100 {
            let bytes = far.recv().await.unwrap();
            far.write_all(bytes).await.0.unwrap();
        }
    });
    for round in 0..100_u8 {
        one.block_on(async {
            near.write_all(vec![round]).await.0.unwrap();
            assert_eq!(&*near.recv().await.unwrap(), &[round]);
            assert_eq!(Handle::current().id(), one.handle().id());
        });
        other.block_on(async {
            other_near.write_all(vec![round; 2]).await.0.unwrap();
            assert_eq!(&*other_far.recv().await.unwrap(), &[round; 2]);
            assert_eq!(Handle::current().id(), other.handle().id());
        });
    }
    one.block_on(echo).unwrap();
    assert_eq!(one.shutdown_timeout(Duration::from_secs(60)), 0);
    assert_eq!(other.shutdown_timeout(Duration::from_secs(60)), 0);
}

#[test]
fn a_task_wakes_the_task_of_a_runtime_that_rests_on_the_same_thread() {
    let [one, other] = [(); 2].map(|()| Runtime::new().unwrap());
    let _bound = bound_loop(&one);
    let (send, received) = annulus::sync::cross::oneshot::channel();
    let waits = one.spawn(async move { received.await.unwrap() });
    one.block_on(yield_now());
    other.block_on(async move { send.send(7).unwrap() });
    assert_eq!(one.block_on(waits).unwrap(), 7);
}

const SENTENCE: &str = "a loop already runs on this thread";

#[test]
fn a_loop_in_a_loop_is_refused_with_a_sentence() {
    let [one, other] = [(); 2].map(|()| Runtime::new().unwrap());
    let _bound = bound_loop(&one);
    one.block_on(async {
        let error = annulus::run(async {}).unwrap_err();
        assert!(error.to_string().contains(SENTENCE), "{error}");
        assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
        for runtime in [&one, &other] {
            let refused = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async {})));
            let said = *refused.unwrap_err().downcast::<String>().unwrap();
            assert!(said.contains(SENTENCE), "{said}");
        }
        let refused = catch_unwind(AssertUnwindSafe(|| drop(other.spawn(async {}))));
        let said = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains(SENTENCE), "{said}");
        // Its own loop goes on.
        let task = spawn(async { op::nop().await.is_ok() });
        assert!(task.await.unwrap());
        assert_eq!(one.spawn(async { 1 }).await.unwrap(), 1);
    });
    assert!(other.block_on(op::nop()).is_ok());
}

#[test]
fn a_loop_is_refused_also_in_a_blocking_job_s_answer_but_not_in_the_job() {
    let _bound = bound();
    annulus::run(async {
        let ran = annulus::spawn_blocking(|| annulus::run(async { 5 }).unwrap());
        assert_eq!(ran.await.unwrap(), 5);
    })
    .unwrap();
}

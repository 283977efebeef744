//! A kernel that refuses every enter from some moment on, as when a sandbox closes late.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annulus::task::defer;
use annulus::{Runtime, op, spawn};

use crate::common::child::Child;
use crate::common::counted::Count;
use crate::common::net::half_pair;
use crate::common::seccomp::{ENTER, refuse};

const EPERM: i32 = 1;

fn message(payload: Box<dyn std::any::Any + Send>) -> String {
    *payload.downcast::<String>().expect("a sentence")
}

/// Ends only when the loop turns.
fn clean_up_that_waits() {
    spawn(async {
        defer(async { op::nop().await.unwrap() });
        pending::<()>().await;
    })
    .detach();
}

#[test]
fn a_loop_that_cannot_enter_any_more_says_so_and_its_runtime_leaks_what_is_lent() {
    let path = concat!(
        module_path!(),
        "::a_loop_that_cannot_enter_any_more_says_so_and_its_runtime_leaks_what_is_lent"
    );
    Child::of(path).run(|| {
        let count = Count::default();
        let runtime = Runtime::new().unwrap();
        let _far = runtime.block_on(async {
            let (near, far) = half_pair();
            let read = near.read(count.buf(100));
            spawn(async move { drop(read.await) }).detach();
            clean_up_that_waits();
            op::nop().await.unwrap();
            far
        });
        refuse(&[ENTER], EPERM);
        let ran = catch_unwind(AssertUnwindSafe(|| runtime.block_on(op::nop())));
        let said = message(ran.unwrap_err());
        assert!(said.contains("io_uring_enter failed"), "{said}");
        assert!(runtime.shutdown_timeout(super::LONG) > 0, "what the kernel has is leaked");
        assert_eq!(count.alive(), 1, "the kernel may still write there");
    });
}

#[test]
fn a_runtime_whose_loop_panics_so_ends_while_its_thread_unwinds() {
    let path =
        concat!(module_path!(), "::a_runtime_whose_loop_panics_so_ends_while_its_thread_unwinds");
    Child::of(path).run(|| {
        let unwound = catch_unwind(|| {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async { clean_up_that_waits() });
            refuse(&[ENTER], EPERM);
            runtime.block_on(op::nop())
        });
        let said = message(unwound.unwrap_err());
        assert!(said.contains("io_uring_enter failed"), "{said}");
    });
}

//! How much time a runtime is given to end.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use annulus::task::defer;
use annulus::time::sleep;
use annulus::{Runtime, op, spawn, yield_now};

use crate::common::bound::on_either_kernel;
use crate::common::net::own_pair;

#[test]
fn without_any_time_ops_are_ended_and_clean_ups_are_not_begun() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let cleaned = Rc::new(Cell::new(false));
        let inner = Rc::clone(&cleaned);
        let _far = runtime.block_on(async {
            let (near, far) = own_pair().await;
            for _ in 0..100 {
                let read = near.read(vec![0; 10]);
                spawn(async move { drop(read.await) }).detach();
            }
            spawn(async move {
                defer(async move { inner.set(true) });
                pending::<()>().await;
            })
            .detach();
            op::nop().await.unwrap();
            far
        });
        assert_eq!(runtime.shutdown_timeout(Duration::ZERO), 0);
        assert!(!cleaned.get());
    });
}

#[test]
fn more_time_than_the_clock_has_is_a_long_time() {
    on_either_kernel(|| {
        // 584 years are 2^64 nanoseconds and a little more.
        for grace in
            [Duration::MAX, Duration::from_secs(18_446_744_074), Duration::from_secs(1 << 40)]
        {
            let runtime = Runtime::new().unwrap();
            let cleaned = Rc::new(Cell::new(false));
            let inner = Rc::clone(&cleaned);
            runtime
                .spawn(async move {
                    defer(async move {
                        sleep(Duration::from_millis(400)).await;
                        inner.set(true);
                    });
                    pending::<()>().await;
                })
                .detach();
            runtime.block_on(yield_now());
            assert_eq!(runtime.shutdown_timeout(grace), 0);
            assert!(cleaned.get(), "{grace:?}");
        }
    });
}

#[test]
fn a_runtime_that_never_ran_ends() {
    on_either_kernel(|| {
        drop(Runtime::new().unwrap());
        let runtime = Runtime::new().unwrap();
        let task = runtime.spawn(async { 1 });
        drop(runtime);
        drop(task);
    });
}

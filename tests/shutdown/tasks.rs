//! What tasks do while their runtime ends.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use annulus::task::{defer, shield};
use annulus::time::sleep;
use annulus::{Runtime, op, spawn, yield_now};

use super::{LONG, ends_clean};
use crate::common::bound::on_either_kernel;
use crate::common::child::Child;
use crate::common::net::{half_pair, own_pair};
use crate::common::poll::poll_once;

/// Runs something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn every_future_is_dropped_once_and_with_the_loop_around_it() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let dropped = Rc::new(Cell::new(0));
        for _ in 0..100 {
            let dropped = Rc::clone(&dropped);
            runtime
                .spawn(async move {
                    let _guard = OnDrop(move || {
                        assert!(annulus::Handle::try_current().is_some());
                        dropped.set(dropped.get() + 1);
                    });
                    pending::<()>().await;
                })
                .detach();
        }
        runtime.block_on(yield_now());
        ends_clean(runtime);
        assert_eq!(dropped.get(), 100);
    });
}

#[test]
fn destructors_may_spawn_await_nothing_and_start_ops() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        let inner = Rc::clone(&log);
        let pair = runtime.block_on(own_pair());
        runtime
            .spawn(async move {
                let (near, _far) = pair;
                let mut read = near.read(vec![0; 10]);
                assert!(poll_once(&mut read).await.is_none());
                let _guard = OnDrop(move || {
                    let late = Rc::clone(&inner);
                    spawn(async move {
                        let _guard = OnDrop(move || late.borrow_mut().push("the late task"));
                        pending::<()>().await;
                    })
                    .detach();
                    drop(op::nop());
                    inner.borrow_mut().push("the guard");
                });
                let _read = read.await;
            })
            .detach();
        runtime.block_on(op::nop()).unwrap();
        ends_clean(runtime);
        log.borrow_mut().sort_unstable();
        assert_eq!(*log.borrow(), ["the guard", "the late task"]);
    });
}

#[test]
fn a_task_that_is_spawned_by_a_clean_up_is_not_waited_for() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let done = Rc::new(Cell::new(false));
        let inner = Rc::clone(&done);
        runtime
            .spawn(async move {
                defer(async move {
                    spawn(pending::<()>()).detach();
                    sleep(Duration::from_millis(1)).await;
                    inner.set(true);
                });
                pending::<()>().await;
            })
            .detach();
        runtime.block_on(yield_now());
        // A minute of grace; the bound says so if it is used up.
        assert_eq!(runtime.shutdown_timeout(LONG * 60), 0);
        assert!(done.get());
    });
}

#[test]
fn a_clean_up_may_spawn_tasks_and_await_them() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let sum = Rc::new(Cell::new(0));
        let inner = Rc::clone(&sum);
        runtime
            .spawn(async move {
                defer(async move {
                    let helpers: Vec<_> = (1..=3).map(|n| spawn(async move { n })).collect();
                    for helper in helpers {
                        inner.set(inner.get() + helper.await.unwrap());
                    }
                });
                pending::<()>().await;
            })
            .detach();
        runtime.block_on(yield_now());
        ends_clean(runtime);
        assert_eq!(sum.get(), 6);
    });
}

#[test]
fn a_clean_up_that_panics_keeps_no_other_from_running() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let count = Rc::new(Cell::new(0));
        for n in 0..10 {
            let count = Rc::clone(&count);
            runtime
                .spawn(async move {
                    defer(async move { count.set(count.get() + 1) });
                    defer(async move { assert!(n % 2 == 0, "on purpose") });
                    let _guard = OnDrop(move || assert!(n % 3 != 0, "on purpose"));
                    pending::<()>().await;
                })
                .detach();
        }
        runtime.block_on(yield_now());
        ends_clean(runtime);
        assert_eq!(count.get(), 10);
    });
}

#[test]
fn a_shielded_write_is_done_before_the_connection_ends() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let far = runtime.block_on(async {
            let (near, far) = own_pair().await;
            spawn(async move {
                shield(async {
                    for _ in 0..10 {
                        yield_now().await;
                        near.write_all("x").await.0.unwrap();
                    }
                })
                .await;
            })
            .detach();
            yield_now().await;
            far.into_std().unwrap()
        });
        ends_clean(runtime);
        // By another loop: the first is over.
        let all = annulus::run(async {
            let far = annulus::net::TcpStream::from_std(far).unwrap();
            let mut all = Vec::new();
            loop {
                let (count, buf) = far.read(vec![0; 32]).await.unwrap();
                if count == 0 {
                    return all;
                }
                all.extend_from_slice(&buf[..count]);
            }
        });
        assert_eq!(all.unwrap(), b"xxxxxxxxxx");
    });
}

#[test]
fn a_clean_up_that_never_ends_is_ended_by_the_grace_time() {
    on_either_kernel(|| {
        let runtime = Runtime::new().unwrap();
        let dropped = Rc::new(Cell::new(0));
        let guard = |dropped: &Rc<Cell<i32>>| {
            let dropped = Rc::clone(dropped);
            OnDrop(move || dropped.set(dropped.get() + 1))
        };
        let (a, b) = (guard(&dropped), guard(&dropped));
        runtime
            .spawn(async move {
                defer(async move {
                    let _guard = a;
                    pending::<()>().await;
                });
                pending::<()>().await;
            })
            .detach();
        runtime
            .spawn(async move {
                let _guard = b;
                shield(pending::<()>()).await;
            })
            .detach();
        runtime.block_on(yield_now());
        assert_eq!(runtime.shutdown_timeout(Duration::from_millis(5)), 0);
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn a_buffer_that_panics_when_an_abandoned_op_drops_it_ends_nobody_else() {
    let path = concat!(
        module_path!(),
        "::a_buffer_that_panics_when_an_abandoned_op_drops_it_ends_nobody_else"
    );
    Child::of(path).run(|| {
        let runtime = Runtime::new().unwrap();
        let mut far = runtime.block_on(async {
            let (near, far) = half_pair();
            for _ in 0..10 {
                let read = near.read(crate::common::counted::Panics::new());
                spawn(async move { drop(read.await) }).detach();
            }
            op::nop().await.unwrap();
            far
        });
        ends_clean(runtime);
        assert_eq!(std::io::Read::read(&mut far, &mut [0]).unwrap(), 0);
    });
}

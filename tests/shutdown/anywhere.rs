//! A runtime that is dropped in an unusual place.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use annulus::task::defer;
use annulus::{Runtime, op, spawn, yield_now};

use super::ends_clean;
use crate::common::bound::on_either_kernel;
use crate::common::child::Child;
use crate::common::net::own_pair;
use crate::common::poll::poll_once;

/// A runtime with something of everything in flight.
fn busy() -> Runtime {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (near, far) = own_pair().await;
        let read = near.read(vec![0; 64]);
        spawn(async move {
            let _far = far;
            drop(read.await);
        })
        .detach();
        spawn(async {
            defer(async { yield_now().await });
            pending::<()>().await;
        })
        .detach();
        spawn(annulus::time::sleep(std::time::Duration::from_secs(3600))).detach();
        op::nop().await.unwrap();
    });
    runtime
}

#[test]
fn a_runtime_ends_while_its_thread_unwinds() {
    on_either_kernel(|| {
        let unwound = catch_unwind(|| {
            let runtime = busy();
            runtime.block_on(async {
                let (near, _far) = own_pair().await;
                let mut read = near.read(vec![0; 64]);
                assert!(poll_once(&mut read).await.is_none());
                panic!("on purpose");
            })
        });
        assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"on purpose"));
    });
}

#[test]
fn a_runtime_goes_on_after_a_panic_in_its_root() {
    on_either_kernel(|| {
        let runtime = busy();
        for round in 0..3 {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    op::nop().await.unwrap();
                    panic!("on purpose");
                })
            }));
            assert!(unwound.is_err());
            assert_eq!(runtime.block_on(async { round }), round);
        }
        ends_clean(runtime);
    });
}

thread_local! {
    static HELD: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

#[test]
fn a_runtime_in_a_thread_local_ends_with_its_thread() {
    let path = concat!(module_path!(), "::a_runtime_in_a_thread_local_ends_with_its_thread");
    Child::of(path).run(|| {
        for is_used in [true, false] {
            for runs_first in [true, false] {
                let thread = std::thread::spawn(move || {
                    // The destructors of a thread run in the reverse order of the first uses.
                    if runs_first {
                        let runtime = busy();
                        HELD.with(|held| held.replace(Some(runtime)));
                    } else {
                        HELD.with(|held| drop(held.replace(None)));
                        HELD.with(|held| held.replace(Some(Runtime::new().unwrap())));
                    }
                    if is_used {
                        HELD.with_borrow(|held| held.as_ref().unwrap().block_on(op::nop()))
                            .unwrap();
                    }
                });
                thread.join().unwrap();
            }
        }
    });
}

/// What a task holds that is dropped when its thread's values are.
struct Late(Rc<Cell<bool>>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.set(annulus::Handle::try_current().is_some());
        drop(op::nop());
        spawn(async {}).detach();
    }
}

#[test]
fn tasks_of_a_runtime_in_a_thread_local_end_in_its_loop() {
    let path = concat!(module_path!(), "::tasks_of_a_runtime_in_a_thread_local_end_in_its_loop");
    Child::of(path).run(|| {
        let thread = std::thread::spawn(|| {
            HELD.with(|held| drop(held.replace(None)));
            let runtime = Runtime::new().unwrap();
            let had_loop = Rc::new(Cell::new(false));
            let late = Late(Rc::clone(&had_loop));
            runtime
                .spawn(async move {
                    let _late = late;
                    pending::<()>().await;
                })
                .detach();
            runtime.block_on(yield_now());
            HELD.with(|held| held.replace(Some(runtime)));
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_runtime_ends_inside_the_loop_of_another() {
    on_either_kernel(|| {
        let outer = Runtime::new().unwrap();
        // A runtime cannot run in there, but it can be made before and dropped there.
        let inner = busy();
        outer.block_on(async {
            let (near, far) = own_pair().await;
            let mut read = near.read(vec![0; 5]);
            assert!(poll_once(&mut read).await.is_none());
            drop(inner);
            far.write_all("hello").await.0.unwrap();
            assert_eq!(read.await.unwrap().1, b"hello");
        });
        ends_clean(outer);
    });
}

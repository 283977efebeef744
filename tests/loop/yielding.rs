//! A task that yields lets everything else happen.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use annulus::{Handle, op, spawn, time, yield_now};

#[test]
fn each_yield_lets_completions_and_timers_in() {
    annulus::run(async {
        let (completed, fired) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let (done, rang) = (completed.clone(), fired.clone());
        spawn(async move {
            op::nop().await.unwrap();
            done.set(true);
        });
        spawn(async move {
            time::sleep(Duration::from_nanos(1)).await;
            rang.set(true);
        });
        let mut yields = 0;
        while !(completed.get() && fired.get()) {
            yield_now().await;
            yields += 1;
        }
        assert!(yields <= 4, "{yields} yields before a completion and a timer came in");
    })
    .unwrap();
}

#[test]
fn a_task_that_only_yields_does_not_keep_the_ring_from_turning() {
    annulus::run(async {
        let spinner = spawn(async {
            loop {
                yield_now().await;
            }
        });
        let before = Handle::current().metrics().unwrap();
        for _ in 0..10 {
            op::nop().await.unwrap();
        }
        let after = Handle::current().metrics().unwrap();
        let polls = after.task_polls - before.task_polls;
        assert!(polls <= 60, "{polls} polls of a spinning task during ten operations");
        spinner.abort();
    })
    .unwrap();
}

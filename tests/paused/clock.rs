//! How the clock of a loop is stopped, moved and let go.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use annulus::time::{
    Instant, MissedTickBehavior, advance, interval, pause, resume, sleep, sleep_until, timeout,
};
use annulus::{Builder, Runtime, spawn};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn paused() -> Runtime {
    Builder::new().start_paused(true).build().expect("a loop")
}

/// What an hour of sleeps takes, on the real clock; far more than any machine is slow.
fn takes_no_time(f: impl FnOnce()) {
    let started = std::time::Instant::now();
    f();
    assert!(started.elapsed() < Duration::from_secs(1000));
}

#[test]
fn years_of_sleeps_take_no_time_and_end_to_the_nanosecond() {
    takes_no_time(|| {
        paused().block_on(async {
            let started = Instant::now();
            for hours in 1..=1000 {
                sleep(HOUR * hours).await;
            }
            assert_eq!(started.elapsed(), HOUR * 500_500);
        });
    });
}

#[test]
fn the_present_stands_still_while_tasks_run() {
    paused().block_on(async {
        let now = Instant::now();
        let real = std::time::Instant::now();
        while real.elapsed() < Duration::from_millis(2) {
            annulus::yield_now().await;
        }
        assert_eq!(Instant::now(), now);
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines_each_at_its_own_time() {
    paused().block_on(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let started = Instant::now();
        let tasks: Vec<_> = [5, 1, 3, 1, 4]
            .into_iter()
            .enumerate()
            .map(|(name, seconds)| {
                let log = Rc::clone(&log);
                spawn(async move {
                    sleep(SECOND * seconds).await;
                    log.borrow_mut().push((name, started.elapsed().as_secs()));
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a sleeper");
        }
        assert_eq!(*log.borrow(), [(1, 1), (3, 1), (2, 3), (4, 4), (0, 5)]);
    });
}

#[test]
fn advance_stops_at_each_deadline_on_the_way_and_not_beyond_its_end() {
    paused().block_on(async {
        let started = Instant::now();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let ticker = spawn(async move {
            // What a tick arms is on the way, too.
            loop {
                sleep(SECOND * 7).await;
                log.borrow_mut().push(started.elapsed().as_secs());
            }
        });
        advance(SECOND * 30).await;
        assert_eq!(started.elapsed(), SECOND * 30);
        assert_eq!(*seen.borrow(), [7, 14, 21, 28]);
        advance(SECOND * 5).await;
        assert_eq!(*seen.borrow(), [7, 14, 21, 28, 35]);
        ticker.cancel();
    });
}

#[test]
fn an_advance_by_nothing_lets_the_others_run() {
    paused().block_on(async {
        let started = Instant::now();
        let task = spawn(async {});
        advance(Duration::ZERO).await;
        assert!(task.is_finished());
        assert_eq!(started.elapsed(), Duration::ZERO);
    });
}

#[test]
fn an_advance_that_is_dropped_leaves_the_clock_where_it_stood() {
    paused().block_on(async {
        let started = Instant::now();
        assert!(timeout(SECOND, advance(HOUR)).await.is_err());
        assert_eq!(started.elapsed(), SECOND);
        // The hurry is over, too: nothing but what is awaited moves the clock.
        annulus::yield_now().await;
        assert_eq!(started.elapsed(), SECOND);
    });
}

#[test]
fn a_timeout_comes_when_nothing_else_does() {
    paused().block_on(async {
        let started = Instant::now();
        let outcome = timeout(HOUR, std::future::pending::<()>()).await;
        assert!(outcome.is_err());
        assert_eq!(started.elapsed(), HOUR);
        // A value at the same nanosecond wins.
        assert_eq!(timeout(HOUR, async { sleep(HOUR).await }).await, Ok(()));
    });
}

#[test]
fn an_interval_misses_no_tick_and_skips_those_that_were_jumped_over() {
    paused().block_on(async {
        let started = Instant::now();
        let mut interval = interval(SECOND);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for second in 0..5 {
            assert_eq!(interval.tick().await - started, SECOND * second);
            assert_eq!(started.elapsed(), SECOND * second);
        }
        advance(Duration::from_millis(2500)).await;
        assert_eq!((interval.tick().await - started).as_secs(), 5);
        assert_eq!((interval.tick().await - started).as_secs(), 7);
    });
}

#[test]
fn a_clock_that_is_resumed_goes_on_from_where_it_stood() {
    let runtime = paused();
    runtime.block_on(async {
        let started = Instant::now();
        sleep(HOUR).await;
        resume();
        assert!(started.elapsed() >= HOUR);
        // The kernel's wait counts by the real clock, which is an hour behind.
        takes_no_time(|| {});
        let before = (Instant::now(), std::time::Instant::now());
        sleep(Duration::from_millis(3)).await;
        assert!(before.0.elapsed() >= Duration::from_millis(3));
        assert!(before.1.elapsed() >= Duration::from_millis(3));
        assert!(before.1.elapsed() < Duration::from_secs(1000));
        pause();
        let now = Instant::now();
        sleep_until(now + HOUR).await;
        assert_eq!(now.elapsed(), HOUR);
    });
    // The clock is the loop's, from one `block_on` to the next.
    runtime.block_on(async { assert_eq!(Instant::now(), Instant::now()) });
}

#[test]
fn each_loop_has_its_own_clock() {
    let (stands, runs) = (paused(), Runtime::new().expect("a loop"));
    let ahead = stands.block_on(async {
        sleep(HOUR * 1000).await;
        Instant::now()
    });
    runs.block_on(async { assert!(Instant::now() < ahead) });
    assert!(Instant::now() < ahead, "outside a loop it is the real time");
    stands.block_on(async { assert_eq!(Instant::now(), ahead) });
}

#[test]
fn misuse_says_what_to_do() {
    let said = |f: &dyn Fn()| {
        let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .expect("a text")
    };
    assert!(said(&pause).contains("outside an annulus loop"));
    assert!(said(&resume).contains("outside an annulus loop"));
    let runtime = Runtime::new().expect("a loop");
    assert!(said(&|| runtime.block_on(async { resume() })).contains("call `time::pause` before"));
    let advancing = || runtime.block_on(advance(SECOND));
    assert!(said(&advancing).contains("call `time::pause` before"));
    let twice = || {
        runtime.block_on(async {
            pause();
            pause();
        });
    };
    assert!(said(&twice).contains("stands still"));
}

#[test]
fn a_clean_up_that_sleeps_at_the_end_of_the_loop_takes_no_time() {
    takes_no_time(|| {
        let runtime = paused();
        let done = Rc::new(RefCell::new(false));
        let seen = Rc::clone(&done);
        runtime.block_on(async {
            spawn(async move {
                annulus::task::defer(async move {
                    sleep(HOUR * 24).await;
                    *seen.borrow_mut() = true;
                });
                std::future::pending::<()>().await;
            })
            .detach();
            annulus::yield_now().await;
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
        assert!(*done.borrow());
    });
}

//! Sleeps on a loop that is driven by hand.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::*;
use crate::time::testing::{HOUR, HandLoop, Log, SECOND, poll, poll_with, wait_until, waker_fn};

const NANO: Duration = Duration::from_nanos(1);

#[test]
fn fires_at_its_deadline_and_not_a_nanosecond_before() {
    let hand = HandLoop::new();
    let mut sleep = sleep(HOUR);
    assert!(poll(&mut sleep).is_pending());
    assert_eq!(timers::next_deadline(), Some(sleep.deadline().as_nanos()));
    assert_eq!(hand.turn(sleep.deadline() - NANO), 0);
    assert!(poll(&mut sleep).is_pending() && !sleep.is_elapsed());
    assert_eq!(hand.turn(sleep.deadline()), 1);
    assert!(poll(&mut sleep).is_ready() && sleep.is_elapsed());
    assert_eq!(hand.turn(sleep.deadline() + HOUR), 0);
}

#[test]
fn zero_fires_at_the_next_turn_and_the_past_at_once() {
    let hand = HandLoop::new();
    let mut zero = sleep(Duration::ZERO);
    assert!(poll(&mut zero).is_pending());
    assert_eq!(hand.turn(Instant::now()), 1);
    assert!(poll(&mut zero).is_ready());
    assert!(poll(&mut sleep_until(Instant::now())).is_ready());
    assert!(poll(&mut sleep_until(Instant::from_nanos(0))).is_ready());
    assert_eq!(hand.counters().standing, 0);
}

#[test]
fn equal_deadlines_fire_in_the_order_of_the_first_poll() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let deadline = Instant::now() + HOUR;
    let mut sleeps: Vec<_> = (0..100).map(|_| sleep_until(deadline)).collect();
    for (name, sleep) in sleeps.iter_mut().enumerate().rev() {
        assert!(poll_with(sleep, &log.waker(name)).is_pending());
    }
    assert_eq!(hand.turn(deadline), 100);
    assert_eq!(log.take(), (0..100).rev().collect::<Vec<_>>());
}

#[test]
fn huge_durations_never_end() {
    let hand = HandLoop::new();
    let near_max = Duration::from_nanos(u64::MAX - Instant::now().as_nanos() - 1);
    let huge = [Duration::MAX, Duration::from_nanos(u64::MAX), near_max];
    let mut sleeps: Vec<_> = huge.into_iter().map(sleep).collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep).is_pending());
    }
    let century = Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600);
    assert_eq!(hand.turn(century), 0);
    sleeps.truncate(2);
    assert_eq!(timers::next_deadline(), None);
    sleeps[0].reset(century + HOUR);
    assert_eq!(timers::next_deadline(), Some((century + HOUR).as_nanos()));
    assert_eq!(hand.turn(century + HOUR), 1);
}

#[test]
fn polling_on_without_a_turn_gets_past_the_deadline() {
    let _hand = HandLoop::new();
    let mut sleep = sleep(Duration::from_micros(20));
    assert!(poll(&mut sleep).is_pending());
    wait_until(sleep.deadline());
    assert!(poll(&mut sleep).is_ready());
    assert_eq!(_hand.counters().standing, 0);
}

#[test]
fn only_the_last_waker_is_woken() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let mut sleep = sleep(HOUR);
    for name in 0..3 {
        assert!(poll_with(&mut sleep, &log.waker(name)).is_pending());
    }
    assert_eq!(hand.turn(sleep.deadline()), 1);
    assert_eq!(log.take(), [2]);
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let mut sleep = sleep(HOUR);
    let (waker, deadline) = (log.waker(0), sleep.deadline());
    assert!(poll_with(&mut sleep, &waker).is_pending());
    drop(sleep);
    assert_eq!(hand.turn(deadline), 0);
    let counters = hand.counters();
    assert_eq!((counters.registered, counters.cancelled, counters.standing), (1, 1, 0));
}

#[test]
fn a_reset_moves_the_wake_without_a_poll() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let mut sleep = sleep(HOUR);
    let first = sleep.deadline();
    assert!(poll_with(&mut sleep, &log.waker(7)).is_pending());
    sleep.reset(first + HOUR);
    assert_eq!(hand.turn(first + SECOND), 0);
    sleep.reset(first + 2 * SECOND);
    assert_eq!(hand.turn(first + 2 * SECOND), 1);
    assert_eq!(log.take(), [7]);
    sleep.reset(first + HOUR);
    assert!(poll_with(&mut sleep, &log.waker(8)).is_pending());
    assert_eq!(hand.turn(first + HOUR), 1);
    assert_eq!(log.take(), [8]);
}

#[test]
fn a_reset_into_the_past_before_it_fires_ends_it() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let mut sleep = sleep(HOUR);
    assert!(poll_with(&mut sleep, &log.waker(1)).is_pending());
    sleep.reset(Instant::from_nanos(1));
    assert_eq!(hand.turn(Instant::now()), 1);
    assert_eq!(log.take(), [1]);
    assert!(poll(&mut sleep).is_ready());
}

#[test]
fn one_that_fired_can_wait_again() {
    let hand = HandLoop::new();
    let mut sleep = sleep(HOUR);
    let first = sleep.deadline();
    assert!(poll(&mut sleep).is_pending());
    assert_eq!(hand.turn(first), 1);
    sleep.reset(first + HOUR);
    assert!(poll(&mut sleep).is_pending());
    assert_eq!(hand.turn(first + HOUR), 1);
    assert!(poll(&mut sleep).is_ready());
    sleep.reset(first + 2 * HOUR);
    assert!(poll(&mut sleep).is_pending());
}

#[test]
fn may_be_reset_or_dropped_in_its_own_wake() {
    let hand = HandLoop::new();
    for reset in [false, true] {
        let shared = Arc::new(Mutex::new(Some(sleep(HOUR))));
        let deadline = shared.lock().unwrap().as_ref().unwrap().deadline();
        let own = Arc::clone(&shared);
        let waker = waker_fn(move || {
            let mut slot = own.lock().unwrap();
            match slot.as_mut() {
                Some(sleep) if reset => sleep.reset(deadline + HOUR),
                _ => drop(slot.take()),
            }
        });
        let pending = poll_with(shared.lock().unwrap().as_mut().unwrap(), &waker);
        assert!(pending.is_pending());
        assert_eq!(hand.turn(deadline), 1);
        assert_eq!(shared.lock().unwrap().is_some(), reset);
    }
}

#[test]
fn a_waker_whose_drop_uses_the_timers_is_harmless() {
    struct Bomb(Mutex<Option<Sleep>>);
    impl std::task::Wake for Bomb {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            drop(self.0.lock().unwrap().take());
            assert!(poll(&mut sleep(HOUR)).is_pending());
        }
    }
    let bomb = || {
        let mut held = sleep(HOUR);
        assert!(poll(&mut held).is_pending());
        Waker::from(Arc::new(Bomb(Mutex::new(Some(held)))))
    };
    let hand = HandLoop::new();
    let mut sleep = sleep(HOUR);
    for _ in 0..3 {
        assert!(poll_with(&mut sleep, &bomb()).is_pending());
    }
    sleep.reset(sleep.deadline() + HOUR);
    drop(sleep);
    assert_eq!(hand.counters().standing, 0);
}

#[test]
fn outside_a_loop_a_poll_panics_with_the_fix_and_all_else_is_quiet() {
    fn message(mut sleep: Sleep) -> String {
        let panic = catch_unwind(AssertUnwindSafe(|| poll(&mut sleep))).unwrap_err();
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|message| message.to_string()))
            .unwrap()
    }
    let past = Instant::from_nanos(0);
    for sleep in [sleep(HOUR), sleep_until(past), sleep_until(Instant::now() + HOUR)] {
        let message = message(sleep);
        assert!(message.contains("annulus::run or Runtime::block_on"), "{message}");
    }
    let mut outside = sleep(HOUR);
    outside.reset(outside.deadline() + HOUR);
    drop(outside);
}

#[test]
fn dropped_on_another_thread_it_leaves_a_stale_entry() {
    let (hand, log) = (HandLoop::new(), Log::default());
    let mut sleep = sleep(HOUR);
    let deadline = sleep.deadline();
    assert!(poll_with(&mut sleep, &log.waker(1)).is_pending());
    std::thread::spawn(move || drop(sleep)).join().unwrap();
    assert_eq!(hand.counters().standing, 1);
    assert_eq!(hand.turn(deadline), 1);
    assert_eq!(log.take(), [1]);
}

#[test]
fn a_key_of_another_runtime_is_not_mistaken_for_one_of_ours() {
    let log = Log::default();
    let first = HandLoop::new();
    let mut stranger = sleep(HOUR);
    assert!(poll(&mut stranger).is_pending());
    drop(first);
    let hand = HandLoop::new();
    let mut ours = sleep(HOUR);
    assert!(poll_with(&mut ours, &log.waker(1)).is_pending());
    let State::Armed(registration) = stranger.state else { panic!("not armed") };
    assert!(!timers::cancel(registration));
    assert_eq!(timers::rearm(registration, Instant::NEVER), None);
    assert!(poll_with(&mut stranger, &log.waker(2)).is_pending());
    assert_eq!(hand.counters().standing, 2);
    assert_eq!(hand.turn(stranger.deadline().max(ours.deadline())), 2);
    assert_eq!(log.take(), [2, 1]);
}

#[test]
fn outlives_its_loop_and_the_thread_local_slots() {
    thread_local! {
        static HELD: RefCell<Vec<Sleep>> = const { RefCell::new(Vec::new()) };
    }
    let thread = std::thread::spawn(|| {
        // Touched first, so it is destroyed last, when the slot of the timers is gone.
        HELD.with(|held| held.borrow_mut().clear());
        let hand = HandLoop::new();
        let mut sleep = sleep(HOUR);
        assert!(poll(&mut sleep).is_pending());
        HELD.with(|held| held.borrow_mut().push(sleep));
        drop(hand);
    });
    thread.join().unwrap();
}

#[test]
fn is_plain_data_that_may_travel() {
    fn travels<T: Send + Sync + Unpin + 'static>() {}
    travels::<Sleep>();
    assert!(size_of::<Sleep>() <= 24);
}

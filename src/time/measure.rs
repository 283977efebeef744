//! What timers cost with a million of them standing. It asserts nothing about time:
//! `cargo test --release time::measure -- --ignored --nocapture --test-threads 1`.

use std::future::{Future, pending};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::testing::{HOUR, HandLoop};
use super::wheel::Wheel;
use super::{Duration, Instant, Sleep, sleep, timeout, timers};
use crate::scheduler::Wake;

const COUNT: usize = 1_000_000;

/// Runs `f` and prints what each of a million cost.
fn report<T>(what: &str, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = f();
    println!("{what:<48}{:>8.1} ns", start.elapsed().as_nanos() as f64 / COUNT as f64);
    result
}

fn durations(random: &mut fastrand::Rng) -> Vec<Duration> {
    (0..COUNT).map(|_| Duration::from_nanos(random.u64(1_000_000_000..60_000_000_000))).collect()
}

fn arm(sleep: &mut Sleep) {
    let poll = Pin::new(sleep).poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
}

fn arm_all(sleeps: &mut Vec<Sleep>, durations: &[Duration]) {
    for duration in durations {
        sleeps.push(sleep(*duration));
        arm(sleeps.last_mut().unwrap());
    }
}

#[test]
#[ignore = "prints figures; asserts nothing about time"]
fn the_wheel_alone() {
    let mut random = fastrand::Rng::with_seed(1);
    let start = Instant::now().as_nanos();
    let mut deadlines: Vec<u64> =
        durations(&mut random).iter().map(|ahead| start + ahead.as_nanos() as u64).collect();
    let mut wheel = Wheel::new(start);
    let mut keys = Vec::with_capacity(COUNT);
    for round in ["cold", "warm"] {
        report(&format!("insert, {round}"), || {
            keys.extend(deadlines.iter().map(|at| wheel.insert(*at, Wake::of(Waker::noop()))));
        });
        report("insert + cancel, a million standing", || {
            for _ in 0..COUNT {
                let at = black_box(start + 30_000_000_000);
                let key = wheel.insert(at, Wake::of(Waker::noop()));
                drop(wheel.cancel(key));
            }
        });
        report("insert + cancel within the tick", || {
            for _ in 0..COUNT {
                let key = wheel.insert(black_box(start), Wake::of(Waker::noop()));
                drop(wheel.cancel(key));
            }
        });
        report("cancel, in the order of insertion", || {
            keys.drain(..).for_each(|key| drop(wheel.cancel(key)));
        });
        keys.extend(deadlines.iter().map(|at| wheel.insert(*at, Wake::of(Waker::noop()))));
        random.shuffle(&mut keys);
        report("cancel, in random order", || {
            keys.drain(..).for_each(|key| drop(wheel.cancel(key)));
        });
        random.shuffle(&mut deadlines);
    }
    for at in &deadlines {
        wheel.insert(*at, Wake::of(Waker::noop()));
    }
    let mut wakers = Vec::with_capacity(COUNT);
    report("fire, a turn each millisecond", || {
        for at in (start..start + 60_000_000_000).step_by(1_000_000) {
            wheel.fire_due(at, &mut wakers);
        }
    });
    wakers.clear();
    for at in &deadlines {
        wheel.insert(*at, Wake::of(Waker::noop()));
    }
    report("fire, one jump", || wheel.fire_due(start + 60_000_000_000, &mut wakers));
}

#[test]
#[ignore = "prints figures; asserts nothing about time"]
fn what_parking_costs() {
    for standing in [1, 16, 63, 1000] {
        let start = Instant::now().as_nanos();
        let mut wheel = Wheel::new(start);
        let mut wakers = Vec::new();
        let mut keys: Vec<_> = (0..standing)
            .map(|n| wheel.insert(start + 30_000_000_000 + n * 1000, Wake::of(Waker::noop())))
            .collect();
        let mut at = start + 30_001_000_000;
        report(&format!("cancel the first, arm anew, turn, park; {standing} standing"), || {
            for turn in 0..COUNT {
                let oldest = turn % keys.len();
                drop(wheel.cancel(keys[oldest]));
                at += 100;
                keys[oldest] = wheel.insert(at, Wake::of(Waker::noop()));
                wheel.fire_due(black_box(start), &mut wakers);
                black_box(wheel.next_deadline());
            }
        });
    }
}

#[test]
#[ignore = "prints figures; asserts nothing about time"]
fn sleeps_and_timeouts() {
    let mut random = fastrand::Rng::with_seed(1);
    let durations = durations(&mut random);
    let hand = HandLoop::new();
    let mut sleeps = Vec::with_capacity(COUNT);
    report("read the clock", || {
        for _ in 0..COUNT {
            black_box(Instant::now());
        }
    });
    for round in ["cold", "warm"] {
        report(&format!("register, {round}"), || arm_all(&mut sleeps, &durations));
        report("arm and drop, a million standing", || {
            for _ in 0..COUNT {
                arm(&mut sleep(black_box(Duration::from_secs(30))));
            }
        });
        report("timeout around a future that suspends, dropped", || {
            for _ in 0..COUNT {
                let mut timeout =
                    pin!(timeout(black_box(Duration::from_secs(30)), pending::<()>()));
                let poll = timeout.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                assert!(poll.is_pending());
            }
        });
        report("poll again", || {
            for _ in 0..COUNT {
                arm(&mut sleeps[0]);
            }
        });
        report("cancel, in the order of arming", || sleeps.clear());
    }
    arm_all(&mut sleeps, &durations);
    let mut wakers = Vec::with_capacity(COUNT);
    let end = Instant::now() + HOUR;
    report("fire, one jump", || timers::fire_due(end.as_nanos(), &mut wakers));
    assert_eq!((wakers.len(), hand.counters().standing), (COUNT, 0));
}

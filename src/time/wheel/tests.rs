//! The wheel against a sorted map, and at its edges.

use std::collections::BTreeMap;
use std::task::Waker;

use super::{LEVELS, SCAN_MAX, SLOT_BITS, STALE_MIN, Standing, TICK_SHIFT, TimerKey, Wheel};
use crate::scheduler::{TaskId, Wake, waker_of};
use crate::time::testing::Log;

const TICK: u64 = 1 << TICK_SHIFT;
const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;

/// Fires and returns the names of those that fired, in order.
fn fire(wheel: &mut Wheel, log: &Log, now: u64) -> Vec<usize> {
    let mut wakers = Vec::new();
    wheel.fire_due(now, &mut wakers);
    wakers.into_iter().for_each(Wake::wake);
    log.take()
}

/// The edges of ticks, slots and levels as seen from zero, and the nanoseconds around them.
fn edges() -> Vec<u64> {
    let mut edges = vec![0, 1, u64::MAX - 1, u64::MAX];
    for level in 0..LEVELS as u32 {
        let shift = TICK_SHIFT + level * SLOT_BITS;
        for slots in [1_u64, 2, 63, 64, 65] {
            let edge = slots.checked_shl(shift).filter(|edge| edge >> shift == slots);
            edges.extend(edge.into_iter().flat_map(|edge| [edge - 1, edge, edge + 1]));
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

#[test]
fn every_edge_fires_at_its_nanosecond_and_not_before() {
    let edges = edges();
    for start in [0, 1, TICK - 1, 63 * TICK, 64 * TICK + 5, YEAR, u64::MAX - TICK] {
        let log = Log::default();
        let mut wheel = Wheel::new(start);
        for (name, edge) in edges.iter().enumerate().rev() {
            wheel.insert(*edge, log.wake(name));
        }
        let past = edges.iter().filter(|edge| **edge <= start).count();
        assert_eq!(fire(&mut wheel, &log, start), (0..past).collect::<Vec<_>>());
        for (name, edge) in edges.iter().enumerate().skip(past) {
            assert_eq!(fire(&mut wheel, &log, edge - 1), [], "before {edge}, from {start}");
            assert_eq!(fire(&mut wheel, &log, *edge), [name], "at {edge}, from {start}");
        }
        assert_eq!(wheel.len(), 0);
    }
}

#[test]
fn one_jump_over_everything_fires_everything_in_order() {
    let edges = edges();
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    for (name, edge) in edges.iter().enumerate().rev() {
        wheel.insert(*edge, log.wake(name));
    }
    assert_eq!(fire(&mut wheel, &log, u64::MAX), (0..edges.len()).collect::<Vec<_>>());
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn next_deadline_is_exact_when_few_stand() {
    for start in [0, 5 * TICK + 7, YEAR] {
        let log = Log::default();
        let mut wheel = Wheel::new(start);
        assert_eq!(wheel.next_deadline(), None);
        for ahead in [YEAR, 3_600_000_000_000, 70 * TICK + 3, 2 * TICK + 9, TICK / 2, 0] {
            wheel.insert(start + ahead, log.wake(0));
            assert_eq!(wheel.next_deadline(), Some(start + ahead));
        }
        for ahead in [0, TICK / 2, 2 * TICK + 9, 70 * TICK + 3, 3_600_000_000_000, YEAR] {
            assert_eq!(wheel.next_deadline(), Some(start + ahead));
            assert_eq!(fire(&mut wheel, &log, start + ahead).len(), 1);
        }
    }
}

#[test]
fn a_crowded_slot_answers_with_its_beginning_until_it_is_entered() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    let slot = 7 << (TICK_SHIFT + SLOT_BITS);
    let mut arm = |name| wheel.insert(slot + 10 + name as u64, log.wake(name));
    let first = arm(0);
    (1..=SCAN_MAX + 1).for_each(|name| _ = arm(name));
    assert_eq!(wheel.next_deadline(), Some(slot + 10));
    assert!(wheel.cancel(first).is_some());
    assert_eq!(wheel.next_deadline(), Some(slot));
    assert_eq!(fire(&mut wheel, &log, slot), []);
    assert_eq!(wheel.next_deadline(), Some(slot + 11));
}

#[test]
fn a_crowded_slot_that_was_emptied_is_not_waited_for() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    let crowd: Vec<_> = (0..100).map(|n| wheel.insert(YEAR - n, log.wake(0))).collect();
    wheel.insert(2 * YEAR, log.wake(1));
    assert!(wheel.cancel(crowd[99]).is_some());
    assert!(wheel.next_deadline().is_some_and(|next| next < YEAR - 99));
    crowd.iter().for_each(|key| drop(wheel.cancel(*key)));
    assert_eq!(wheel.next_deadline(), Some(2 * YEAR));
}

#[test]
fn cancelling_everything_leaves_nothing_to_wait_for() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    let keys: Vec<_> = (0..1000).map(|n| wheel.insert(n * TICK / 3, log.wake(0))).collect();
    wheel.next_deadline();
    for key in &keys {
        assert!(wheel.cancel(*key).is_some());
        assert!(wheel.cancel(*key).is_none());
    }
    assert_eq!((wheel.len(), wheel.next_deadline()), (0, None));
    assert_eq!(wheel.occupied, [0; LEVELS]);
    assert_eq!(fire(&mut wheel, &log, YEAR), []);
}

#[test]
fn slots_of_the_slab_and_room_in_the_heap_are_used_again() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    for n in 0..if cfg!(miri) { 100 } else { 10_000 } {
        let near = wheel.insert(n % TICK, log.wake(0));
        let far = wheel.insert(n * TICK, log.wake(0));
        assert!(wheel.cancel(near).is_some() && wheel.cancel(far).is_some());
    }
    assert_eq!(wheel.entries.room(), 2);
    assert!(wheel.heap.len() <= STALE_MIN + 1, "{} left in the heap", wheel.heap.len());
    assert_eq!(wheel.next_deadline(), None);
    assert_eq!((wheel.heap.len(), wheel.stale), (wheel.stale, wheel.stale));
}

#[test]
#[cfg_attr(miri, ignore = "Miri may give one waker's table two addresses")]
fn an_old_key_does_not_reach_the_entry_that_took_its_place() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    let old = wheel.insert(5, log.wake(1));
    assert_eq!(fire(&mut wheel, &log, 5), [1]);
    let (new, waker) = (wheel.insert(9 * TICK, log.wake(2)), log.waker(3));
    assert_eq!(new.index, old.index);
    assert_eq!(wheel.standing(old, &waker), Standing::Gone);
    assert!(wheel.cancel(old).is_none());
    assert!(wheel.set_wake(old, Wake::of(&waker)).is_of(&waker));
    assert_eq!(wheel.standing(new, &waker), Standing::Other);
    assert!(!wheel.set_wake(new, Wake::of(&waker)).is_of(&waker));
    assert_eq!(wheel.standing(new, &waker), Standing::Same);
    assert_eq!(fire(&mut wheel, &log, 9 * TICK), [3]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri may give one waker's table two addresses")]
fn an_entry_goes_from_a_task_to_another_waker_and_back() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    let tasks = [1, 2].map(|index| TaskId::named(0, 0, index));
    let wakers = tasks.map(waker_of);
    let key = wheel.insert(5, Wake::Task(tasks[0]));
    assert_eq!(wheel.standing(key, &wakers[0]), Standing::Same);
    assert_eq!(wheel.standing(key, &wakers[1]), Standing::Other);
    assert_eq!(wheel.standing_entries().collect::<Vec<_>>(), [(5, Some(tasks[0]))]);

    let foreign = log.waker(3);
    assert!(wheel.set_wake(key, Wake::of(&foreign)).is_of(&wakers[0]));
    assert_eq!(wheel.standing(key, &foreign), Standing::Same);
    assert_eq!(wheel.standing(key, &wakers[0]), Standing::Other);
    assert_eq!(wheel.standing_entries().collect::<Vec<_>>(), [(5, None)]);

    assert!(wheel.set_wake(key, Wake::of(&wakers[1])).is_of(&foreign));
    let mut due = Vec::new();
    wheel.fire_due(5, &mut due);
    assert!(due.len() == 1 && due[0].is_of(&wakers[1]));
    assert_eq!(wheel.standing_entries().count(), 0);
}

#[test]
fn a_clock_that_steps_back_fires_nothing_twice_and_loses_nothing() {
    let log = Log::default();
    let start = 1 << 60;
    let mut wheel = Wheel::new(start);
    wheel.insert(start + 3 * TICK, log.wake(1));
    assert_eq!(fire(&mut wheel, &log, start + 2 * TICK), []);
    assert_eq!(fire(&mut wheel, &log, 7), []);
    for (name, deadline) in [(3, 50 * TICK), (2, 8)] {
        wheel.insert(deadline, log.wake(name));
        assert_eq!(wheel.next_deadline(), Some(deadline));
    }
    assert_eq!(fire(&mut wheel, &log, 7), []);
    assert_eq!(fire(&mut wheel, &log, 8), [2]);
    assert_eq!(wheel.next_deadline(), Some(50 * TICK));
    assert_eq!(fire(&mut wheel, &log, 50 * TICK), [3]);
    assert_eq!(fire(&mut wheel, &log, start + 3 * TICK), [1]);
}

#[test]
#[cfg_attr(miri, ignore = "thousands of timers")]
fn entering_a_wide_slot_moves_only_what_is_due_into_the_heap() {
    let log = Log::default();
    let mut wheel = Wheel::new(0);
    for name in 0..64 * 64 {
        wheel.insert((64 * 64 + name as u64) * TICK, log.wake(name));
    }
    assert_eq!(fire(&mut wheel, &log, (64 * 64 + 99) * TICK), (0..100).collect::<Vec<_>>());
    assert_eq!((wheel.len(), wheel.heap.len()), (64 * 64 - 100, 0));
}

#[test]
fn a_million_fire_in_the_order_of_their_deadlines() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut wheel = Wheel::new(0);
    let mut deadlines: Vec<u64> = Vec::new();
    let mut keys: Vec<TimerKey> = Vec::new();
    let count = if cfg!(miri) { 100 } else { 1_000_000 };
    for _ in 0..count {
        let deadline = random.u64(0..3_600_000_000_000);
        deadlines.push(deadline);
        keys.push(wheel.insert(deadline, Wake::of(Waker::noop())));
    }
    let mut wakers = Vec::new();
    let mut last = 0;
    let mut fired = 0;
    while let Some(next) = wheel.next_deadline() {
        assert!(next >= last);
        last = next;
        wheel.fire_due(next, &mut wakers);
        fired += wakers.drain(..).count();
    }
    deadlines.sort_unstable();
    assert_eq!((fired, last), (count, deadlines[count - 1]));
    assert!(keys.iter().all(|key| wheel.standing(*key, Waker::noop()) == Standing::Gone));
}

/// A random time some way from `now`: every scale is as likely as any other.
fn near(random: &mut fastrand::Rng, now: u64) -> u64 {
    let distance = random.u64(..) >> random.u32(0..64);
    if random.u8(0..10) == 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) }
}

/// One random life of a wheel beside a sorted map. `few` keeps so few standing that
/// `next_deadline` has to be exact.
fn live(seed: u64, few: bool) {
    let mut random = fastrand::Rng::with_seed(seed);
    let log = Log::default();
    let mut now = near(&mut random, YEAR);
    let mut wheel = Wheel::new(now);
    let mut model: BTreeMap<(u64, usize), TimerKey> = BTreeMap::new();
    // `next_deadline` may not name a time that was fired already.
    let mut floor = now.saturating_add(1);
    for name in 0..if cfg!(miri) { 100 } else { 3000 } {
        let standing = model.len();
        match random.u8(0..10) {
            0..6 if !few || standing < SCAN_MAX - 1 => {
                let tie = model.keys().nth(random.usize(0..=standing)).map(|key| key.0);
                let deadline = match random.u8(0..4) {
                    0 => tie.unwrap_or(now),
                    1 => near(&mut random, now) & !(TICK - 1),
                    _ => near(&mut random, now),
                };
                model.insert((deadline, name), wheel.insert(deadline, log.wake(name)));
                floor = floor.min(deadline);
            }
            6..8 if standing > 0 => {
                let victim = *model.keys().nth(random.usize(0..standing)).unwrap();
                let waker = wheel.cancel(model.remove(&victim).unwrap()).unwrap();
                waker.wake();
                assert_eq!(log.take(), [victim.1]);
            }
            _ => {
                let first = model.keys().next().map(|key| key.0);
                now = match random.u8(0..4) {
                    0 => first.unwrap_or(now).max(now),
                    1 => first.unwrap_or(now).saturating_sub(1).max(now),
                    2 => now,
                    _ if random.u16(0..500) == 0 => near(&mut random, now).max(now),
                    _ => now.saturating_add(random.u64(..) >> random.u32(20..64)),
                };
                floor = now.saturating_add(1);
                let later = model.split_off(&(now.saturating_add(1), 0));
                let due = std::mem::replace(&mut model, later);
                let mut names: Vec<_> = due.keys().map(|key| key.1).collect();
                if now == u64::MAX {
                    names.extend(std::mem::take(&mut model).keys().map(|key| key.1));
                }
                assert_eq!(fire(&mut wheel, &log, now), names);
            }
        }
        assert_eq!(wheel.len(), model.len());
        let first = model.keys().next().map(|key| key.0);
        if random.bool() {
            let next = wheel.next_deadline();
            assert!(next.is_some() == first.is_some() && next <= first);
            assert!(next.is_none_or(|next| next >= floor));
            assert!(!few || next == first, "{next:?}, but the first is {first:?}");
        }
    }
}

#[test]
fn agrees_with_a_sorted_map() {
    let base = fastrand::u64(..);
    for seed in (0..if cfg!(miri) { 1 } else { 60 }).map(|n| base.wrapping_add(n)) {
        println!("seed {seed}");
        live(seed, false);
        live(seed, true);
    }
}

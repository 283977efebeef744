//! The line itself, against a model of it.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll, Waker};

use crate::sync::testing::{for_each_seed, hooked_waker, panic_of};
use crate::sync::wait_list::{WaitKey, WaitList};
use crate::sync::waking::{LazyWaker, Machine};

/// A list that does not mind being dropped with waiters in it.
struct Careless(WaitList<u32, char>);

impl Deref for Careless {
    type Target = WaitList<u32, char>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Careless {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Drop for Careless {
    fn drop(&mut self) {
        self.0.clear();
    }
}

fn new_list() -> Careless {
    Careless(WaitList::new())
}

fn wanting(list: &mut WaitList<u32, char>, want: u32) -> WaitKey {
    list.push_back(want, Some(Waker::noop().clone()))
}

/// Polls for a grant under `waker`.
fn poll_take(
    list: &mut WaitList<u32, char>,
    key: &mut Option<WaitKey>,
    waker: &Waker,
) -> Poll<char> {
    LazyWaker::poll(&mut Context::from_waker(waker), |waker| list.poll_take(key, waker))
}

fn count_wakes(list: &mut WaitList<u32, char>) -> usize {
    std::iter::from_fn(|| list.next_wake()).count()
}

#[test]
fn waiters_are_granted_in_the_order_in_which_they_came() {
    let mut list = new_list();
    let keys = [1, 2, 3].map(|want| wanting(&mut list, want));
    assert_eq!(list.front(), Some(&1));
    assert!(list.grant_front('a'));
    assert_eq!(list.front(), Some(&2));
    assert!(list.grant_front('b'));
    assert_eq!(keys.map(|key| list.granted(key).copied()), [Some('a'), Some('b'), None]);
    assert_eq!(list.waiting(), 1);
}

#[test]
fn a_grant_with_nobody_in_line_is_refused() {
    let mut list = new_list();
    assert!(!list.grant_front('a'));
    let key = wanting(&mut list, 1);
    assert!(list.grant_front('a'));
    assert!(!list.grant_front('b'), "who is granted is not in line any more");
    assert_eq!(list.remove(key).grant, Some('a'));
}

#[test]
fn each_position_can_leave_and_the_others_keep_their_order() {
    for leaving in 0..4 {
        let mut list = new_list();
        let mut keys: Vec<_> = (0..4).map(|want| wanting(&mut list, want)).collect();
        let removed = list.remove(keys.remove(leaving));
        assert_eq!((removed.want, removed.grant), (leaving as u32, None));
        assert!(removed.waker.is_some());
        for key in keys {
            list.grant_front('a');
            assert_eq!(list.remove(key).grant, Some('a'));
        }
        assert_eq!(list.waiting(), 0);
        assert_eq!(list.front(), None);
    }
}

#[test]
fn a_waiter_that_leaves_before_it_is_woken_is_not_woken() {
    for leaving in 0..3 {
        let mut list = new_list();
        let keys = [0, 1, 2].map(|want| wanting(&mut list, want));
        list.grant_all('a');
        let removed = list.remove(keys[leaving]);
        assert_eq!(removed.grant, Some('a'));
        assert!(removed.waker.is_some());
        assert_eq!(count_wakes(&mut list), 2);
    }
}

#[test]
fn each_waker_is_given_out_once_and_in_order() {
    let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let mut list = new_list();
    for want in 0..3 {
        let order = std::rc::Rc::clone(&order);
        list.push_back(want, Some(hooked_waker(move || order.borrow_mut().push(want))));
    }
    assert!(list.next_wake().is_none(), "nobody is woken who was not granted anything");
    list.grant_all('a');
    while let Some(waker) = list.next_wake() {
        waker.wake();
    }
    assert_eq!(*order.borrow(), [0, 1, 2]);
    assert!(list.next_wake().is_none());
}

#[test]
fn a_waiter_without_a_waker_is_granted_and_not_woken() {
    let mut list = new_list();
    let key = list.push_back(1, None);
    list.grant_front('a');
    assert!(list.next_wake().is_none());
    assert_eq!(list.granted(key), Some(&'a'));
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_called() {
    let mut list = new_list();
    let mut key = Some(list.push_back(1, None));
    let first = hooked_waker(|| panic!("an old waker was called"));
    let second = hooked_waker(|| ());
    assert!(poll_take(&mut list, &mut key, &first).is_pending());
    assert!(poll_take(&mut list, &mut key, &second).is_pending());
    list.grant_front('a');
    let woken = list.next_wake().expect("the waiter has left a waker");
    // Not `will_wake`: Miri may give one table two addresses.
    assert_eq!(woken.data(), second.data());
    woken.wake();
}

#[test]
fn taking_a_grant_gives_up_the_place() {
    let mut list = new_list();
    let mut key = Some(wanting(&mut list, 1));
    assert_eq!(poll_take(&mut list, &mut key, Waker::noop()), Poll::Pending);
    list.grant_front('a');
    assert_eq!(poll_take(&mut list, &mut key, Waker::noop()), Poll::Ready('a'));
    assert_eq!(key, None);
    assert!(list.next_wake().is_none(), "who has come for its grant needs no wake");
}

#[test]
fn a_key_that_outlived_its_waiter_is_found_out() {
    let mut list = new_list();
    let stale = wanting(&mut list, 1);
    let _ = list.remove(stale);
    let fresh = wanting(&mut list, 2);
    assert_ne!(stale, fresh, "a place in the slab is used again, a key never");
    let message = panic_of(|| list.remove(stale));
    assert!(message.contains("keeps its place"), "{message}");
    assert_eq!(list.remove(fresh).want, 2);
}

#[test]
fn a_place_that_is_not_given_up_is_found_out() {
    let mut list = WaitList::new();
    wanting(&mut list, 1);
    assert!(panic_of(|| drop(list)).contains("1 places were never given up"));
}

#[test]
fn places_are_used_again() {
    let mut list = new_list();
    for round in 0..100 {
        let keys = [round, round + 1].map(|want| wanting(&mut list, want));
        list.grant_front('a');
        for key in keys {
            let _ = list.remove(key);
        }
    }
    assert!(list.slab_capacity() <= 4, "{} places for two waiters", list.slab_capacity());
}

#[test]
fn any_order_of_calls_agrees_with_a_plain_deque() {
    for_each_seed(200, |rng| {
        let mut list = new_list();
        let mut model = Model::default();
        for step in 0..200 {
            match rng.u32(..8) {
                0..3 => {
                    let key = wanting(&mut list, step);
                    model.waiting.push_back((key, step));
                }
                3 | 4 => {
                    let grant = rng.alphabetic();
                    assert_eq!(list.grant_front(grant), model.grant_front(grant));
                }
                5 => assert_eq!(list.next_wake().is_some(), model.to_wake.pop_front().is_some()),
                6 => model.remove_granted(&mut list, rng),
                _ => model.remove_waiting(&mut list, rng),
            }
            assert_eq!(list.waiting(), model.waiting.len());
            assert_eq!(list.front(), model.waiting.front().map(|(_, want)| want));
        }
    });
}

#[derive(Default)]
struct Model {
    waiting: VecDeque<(WaitKey, u32)>,
    granted: Vec<(WaitKey, u32, char)>,
    to_wake: VecDeque<WaitKey>,
}

impl Model {
    fn grant_front(&mut self, grant: char) -> bool {
        let Some((key, want)) = self.waiting.pop_front() else { return false };
        self.granted.push((key, want, grant));
        self.to_wake.push_back(key);
        true
    }

    fn remove_granted(&mut self, list: &mut WaitList<u32, char>, rng: &mut fastrand::Rng) {
        if self.granted.is_empty() {
            return;
        }
        let (key, want, grant) = self.granted.swap_remove(rng.usize(..self.granted.len()));
        let removed = list.remove(key);
        assert_eq!((removed.want, removed.grant), (want, Some(grant)));
        assert_eq!(removed.waker.is_some(), self.to_wake.contains(&key));
        self.to_wake.retain(|&other| other != key);
    }

    fn remove_waiting(&mut self, list: &mut WaitList<u32, char>, rng: &mut fastrand::Rng) {
        if self.waiting.is_empty() {
            return;
        }
        let index = rng.usize(..self.waiting.len());
        if let Some((key, want)) = self.waiting.remove(index) {
            let removed = list.remove(key);
            assert_eq!((removed.want, removed.grant), (want, None));
        }
    }
}

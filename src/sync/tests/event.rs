//! Events.

use crate::sync::Event;
use crate::sync::testing::{Probe, at_every_await_point, poll_times, ready};

// asyncio: test_locks.py EventTests. trio: test_sync.py test_Event.

#[test]
fn waiting_for_a_set_event_is_ready_at_once() {
    let event = Event::new();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    ready(event.wait());
    ready(event.wait());
}

#[test]
fn setting_lets_everybody_pass_in_order() {
    let event = Event::new();
    let mut waiters = [0; 3].map(|_| Probe::waiting(event.wait()));
    event.set();
    waiters.iter_mut().for_each(Probe::assert_woken);
}

#[test]
fn clearing_holds_back_who_comes_after() {
    let event = Event::new();
    event.set();
    event.clear();
    assert!(!event.is_set());
    let mut waiting = Probe::waiting(event.wait());
    event.clear();
    waiting.assert_pending();
    event.set();
    waiting.assert_woken();
}

#[test]
fn who_was_let_pass_passes_though_the_event_is_cleared() {
    let event = Event::new();
    let mut waiters = [0; 2].map(|_| Probe::waiting(event.wait()));
    event.set();
    event.clear();
    waiters.iter_mut().for_each(Probe::assert_woken);
    Probe::waiting(event.wait());
}

#[test]
fn a_cancelled_waiter_disturbs_nobody() {
    let event = Event::new();
    let mut waiters: Vec<_> = (0..3).map(|_| Probe::waiting(event.wait())).collect();
    drop(waiters.remove(1));
    event.set();
    drop(waiters.remove(0));
    waiters[0].assert_woken();
    assert!(format!("{event:?}").contains("waiting: 0"));
}

#[test]
fn each_setting_wakes_once() {
    let event = Event::new();
    let mut waiting = Probe::waiting(event.wait());
    event.set();
    event.set();
    assert_eq!(waiting.wakes(), 1);
    waiting.assert_ready();
}

#[test]
fn dropped_at_any_await_point_it_leaves_no_trace() {
    at_every_await_point(|polls| {
        let event = Event::new();
        let mut subject = Probe::new(async {
            event.wait().await;
            event.clear();
            event.wait().await;
        });
        let waits = poll_times(&mut subject, polls, |_| event.set());
        drop(subject);
        assert!(format!("{event:?}").contains("waiting: 0"), "after {polls} polls");
        waits
    });
}

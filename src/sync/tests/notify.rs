//! Notifications.

use std::pin::pin;
use std::task::{Context, Waker};

use crate::sync::Notify;
use crate::sync::testing::{Probe, at_every_await_point, poll_times, ready};

// tokio: tests/sync_notify.rs, and the loom tests of Notify.

#[test]
fn one_notification_is_kept_for_the_next_to_wait() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    ready(notify.notified());
    Probe::waiting(notify.notified());
}

#[test]
fn a_future_that_was_notified_stays_so() {
    let notify = Notify::new();
    notify.notify_one();
    let mut kept = Probe::new(notify.notified());
    kept.assert_ready();
    kept.assert_ready();
    let mut waited = Probe::waiting(notify.notified());
    notify.notify_one();
    waited.assert_ready();
    waited.assert_ready();
}

#[test]
fn a_notification_wakes_the_one_that_waited_longest() {
    let notify = Notify::new();
    let mut waiters = [0; 3].map(|_| Probe::waiting(notify.notified()));
    for served in 0..3 {
        notify.notify_one();
        let woken = waiters.each_ref().map(Probe::is_woken);
        assert_eq!(woken.iter().filter(|&&woken| woken).count(), 1);
        waiters[served].assert_woken();
    }
    Probe::waiting(notify.notified());
}

#[test]
fn all_waiters_are_notified_at_once_and_nothing_is_kept() {
    let notify = Notify::new();
    let mut waiters = [0; 3].map(|_| Probe::waiting(notify.notified()));
    notify.notify_waiters();
    waiters.iter_mut().for_each(Probe::assert_woken);
    Probe::waiting(notify.notified());
}

#[test]
fn a_future_takes_part_in_notify_waiters_from_when_it_was_made() {
    let notify = Notify::new();
    let before = notify.notified();
    notify.notify_waiters();
    ready(before);
    Probe::waiting(notify.notified());
}

#[test]
fn everybodys_notification_does_not_use_up_the_one_that_is_kept() {
    let notify = Notify::new();
    let before = notify.notified();
    notify.notify_one();
    notify.notify_waiters();
    ready(before);
    ready(notify.notified());
    Probe::waiting(notify.notified());
}

#[test]
fn an_unpolled_future_is_not_reached_by_notify_one() {
    let notify = Notify::new();
    let unpolled = notify.notified();
    let mut waiting = Probe::waiting(notify.notified());
    notify.notify_one();
    waiting.assert_woken();
    drop(unpolled);
    Probe::waiting(notify.notified());
}

#[test]
fn a_notification_that_is_not_used_goes_to_the_next() {
    let notify = Notify::new();
    let first = Probe::waiting(notify.notified());
    let mut second = Probe::waiting(notify.notified());
    notify.notify_one();
    assert!(!second.is_woken());
    drop(first);
    second.assert_woken();
}

#[test]
fn a_notification_that_nobody_uses_is_kept() {
    let notify = Notify::new();
    let waiting = Probe::waiting(notify.notified());
    notify.notify_one();
    drop(waiting);
    ready(notify.notified());
}

#[test]
fn everybodys_notification_is_not_passed_on() {
    let notify = Notify::new();
    let waiting = Probe::waiting(notify.notified());
    notify.notify_waiters();
    let mut late = Probe::waiting(notify.notified());
    drop(waiting);
    assert!(!late.is_woken());
    late.assert_pending();
}

#[test]
fn dropping_all_waiters_leaves_the_next_notification_for_later() {
    let notify = Notify::new();
    drop([0; 2].map(|_| Probe::waiting(notify.notified())));
    notify.notify_one();
    ready(notify.notified());
}

#[test]
fn an_enabled_future_is_in_line_before_its_first_poll() {
    let notify = Notify::new();
    let mut enabled = pin!(notify.notified());
    assert!(!enabled.as_mut().enable());
    let mut late = Probe::waiting(notify.notified());
    notify.notify_one();
    assert!(!late.is_woken());
    assert!(enabled.as_mut().enable());
    assert!(enabled.as_mut().enable(), "once notified it stays so");
    assert!(enabled.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    late.assert_pending();
}

#[test]
fn enabling_takes_the_notification_that_was_kept() {
    let notify = Notify::new();
    notify.notify_one();
    assert!(pin!(notify.notified()).enable());
    assert!(!pin!(notify.notified()).enable());
}

#[test]
fn an_enabled_future_passes_its_notification_on() {
    let notify = Notify::new();
    {
        let mut enabled = pin!(notify.notified());
        assert!(!enabled.as_mut().enable());
        notify.notify_one();
    }
    ready(notify.notified());
}

#[test]
fn an_enabled_future_leaves_its_waker_when_polled() {
    let notify = Notify::new();
    let mut enabled = Box::pin(notify.notified());
    assert!(!enabled.as_mut().enable());
    let mut probe = Probe::waiting(enabled);
    assert!(probe.poll_elsewhere().is_pending());
    notify.notify_one();
    probe.assert_woken();
}

#[test]
fn dropped_at_any_await_point_it_loses_no_notification() {
    at_every_await_point(|polls| {
        let notify = Notify::new();
        let mut used = 0;
        let mut sent = 0;
        let mut subject = Probe::new(async {
            for _ in 0..3 {
                notify.notified().await;
                used += 1;
            }
        });
        let waits = poll_times(&mut subject, polls, |_| {
            notify.notify_one();
            sent += 1;
        });
        drop(subject);
        let kept = Probe::new(notify.notified()).poll().is_ready();
        assert_eq!(used + usize::from(kept), sent, "after {polls} polls");
        waits
    });
}

#[test]
fn debug_tells_who_waits() {
    let notify = Notify::new();
    let _waiting = Probe::waiting(notify.notified());
    assert_eq!(format!("{notify:?}"), "Notify { stored: false, waiting: 1 }");
    assert!(format!("{:?}", notify.notified()).contains("Made"));
}

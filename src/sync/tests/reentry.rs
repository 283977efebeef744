//! Wakers, destructors and clones that come back into the primitive at work, or panic.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::mpsc::TrySendError;
use crate::sync::testing::{
    OnDrop, Probe, WAKER_PANIC, hooked_waker, panic_of, panicking_waker, ready,
};
use crate::sync::{
    Barrier, Condvar, Event, Mutex, Notify, Queue, Semaphore, broadcast, mpsc, oneshot, watch,
};

// tokio: sync_notify.rs notify_in_drop_after_wake, sync_panic.rs, and the loom tests that drop in a
// wake.

#[test]
fn a_waker_may_use_the_semaphore_that_calls_it() {
    let semaphore = Rc::new(Semaphore::new(0));
    let seen = Rc::new(Cell::new(None));
    let waker = hooked_waker({
        let (semaphore, seen) = (Rc::clone(&semaphore), Rc::clone(&seen));
        move || {
            semaphore.add_permits(1);
            seen.set(Some(semaphore.available_permits()));
            let _ = semaphore.try_acquire();
        }
    });
    let mut waiting = Probe::new(semaphore.acquire());
    assert!(waiting.poll_with(&waker).is_pending());
    semaphore.add_permits(1);
    assert_eq!(seen.get(), Some(1));
    assert!(waiting.assert_ready().is_ok());
}

#[test]
fn a_waker_may_drop_those_who_are_woken_next() {
    let semaphore = Rc::new(Semaphore::new(0));
    let others = Rc::new(RefCell::new(Vec::new()));
    let waker = hooked_waker({
        let others = Rc::clone(&others);
        move || drop(std::mem::take(&mut *others.borrow_mut()))
    });
    let mut first = Probe::new(Rc::clone(&semaphore).acquire_owned());
    assert!(first.poll_with(&waker).is_pending());
    for _ in 0..3 {
        others.borrow_mut().push(Probe::waiting(Rc::clone(&semaphore).acquire_owned()));
    }
    semaphore.add_permits(4);
    assert_eq!(semaphore.available_permits(), 3);
    drop(first);
    assert_eq!(semaphore.available_permits(), 4);
}

#[test]
fn a_waker_may_wait_again_at_once() {
    let event = Rc::new(Event::new());
    let again = Rc::new(RefCell::new(None));
    let waker = hooked_waker({
        let (event, again) = (Rc::clone(&event), Rc::clone(&again));
        move || {
            event.clear();
            let event = Rc::clone(&event);
            *again.borrow_mut() = Some(Probe::waiting(async move { event.wait().await }));
        }
    });
    let mut first = Probe::new(event.wait());
    assert!(first.poll_with(&waker).is_pending());
    let mut second = Probe::waiting(event.wait());
    event.set();
    first.assert_ready();
    second.assert_woken();
    assert!(!again.borrow().as_ref().unwrap().is_woken(), "it came after the set");
    event.set();
    again.borrow_mut().as_mut().unwrap().assert_woken();
}

#[test]
fn a_panicking_waker_leaves_nobody_asleep() {
    let event = Event::new();
    let mut first = Probe::new(event.wait());
    assert!(first.poll_with(&panicking_waker()).is_pending());
    let mut second = Probe::waiting(event.wait());
    assert_eq!(panic_of(|| event.set()), WAKER_PANIC);
    second.assert_woken();
    first.assert_ready();
    assert!(event.is_set());
}

#[test]
fn a_panicking_waker_loses_no_grant() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut waiting = Probe::new(semaphore.acquire());
    assert!(waiting.poll_with(&panicking_waker()).is_pending());
    assert_eq!(panic_of(|| drop(permit)), WAKER_PANIC);
    drop(waiting.assert_ready().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
#[cfg_attr(miri, ignore = "a panic in a panic prints a trace, for half a minute")]
fn a_waker_that_panics_during_a_panic_does_not_end_the_process() {
    let mutex = Mutex::new(0);
    let mut waiting = Probe::new(mutex.lock());
    let first = panic_of(|| {
        let _guard = mutex.try_lock().unwrap();
        assert!(waiting.poll_with(&panicking_waker()).is_pending());
        panic!("the first panic");
    });
    assert_eq!(first, "the first panic");
    drop(waiting.assert_ready());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn every_primitive_survives_a_panicking_waker() {
    let bomb = panicking_waker();
    let notify = Notify::new();
    let mut notified = Probe::new(notify.notified());
    assert!(notified.poll_with(&bomb).is_pending());
    panic_of(|| notify.notify_one());
    notified.assert_ready();

    let barrier = Barrier::new(2);
    let mut waiting = Probe::new(barrier.wait());
    assert!(waiting.poll_with(&bomb).is_pending());
    panic_of(|| ready(barrier.wait()));
    assert!(!waiting.assert_ready().is_leader());

    let (condvar, mutex) = (Condvar::new(), Mutex::new(()));
    let mut waiting = Probe::new(condvar.wait(ready(mutex.lock())));
    assert!(waiting.poll_with(&bomb).is_pending());
    panic_of(|| condvar.notify_all());
    drop(waiting.assert_ready());

    let (sender, mut receiver) = mpsc::channel(1);
    let mut receiving = Probe::new(receiver.recv());
    assert!(receiving.poll_with(&bomb).is_pending());
    panic_of(|| sender.try_send(1));
    assert_eq!(receiving.assert_ready(), Some(1));

    let (sender, mut receiver) = watch::channel(0);
    let mut changed = Probe::new(receiver.changed());
    assert!(changed.poll_with(&bomb).is_pending());
    panic_of(|| sender.send(1));
    assert_eq!(changed.assert_ready(), Ok(()));

    let (sender, mut receiver) = broadcast::channel(1);
    let mut receiving = Probe::new(receiver.recv());
    assert!(receiving.poll_with(&bomb).is_pending());
    panic_of(|| sender.send(1));
    assert_eq!(receiving.assert_ready(), Ok(1));

    let (sender, receiver) = oneshot::channel();
    let mut receiving = Probe::new(receiver);
    assert!(receiving.poll_with(&bomb).is_pending());
    panic_of(|| sender.send(1));
    assert_eq!(receiving.assert_ready(), Ok(1));
}

/// A waker whose last clone runs a closure when it goes.
struct Mourned(Box<dyn Fn() + Send + Sync>);

impl Wake for Mourned {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Mourned {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    static MOURNED_SEMAPHORE: Rc<Semaphore> = Rc::new(Semaphore::new(0));
}

#[test]
fn a_waker_that_is_replaced_or_left_behind_may_use_the_primitive_as_it_goes() {
    let mourned = || {
        let run = || MOURNED_SEMAPHORE.with(|semaphore| semaphore.add_permits(1));
        Waker::from(Arc::new(Mourned(Box::new(run))))
    };
    let semaphore = MOURNED_SEMAPHORE.with(Rc::clone);
    let mut waiting = Probe::new(semaphore.acquire_many(9));
    assert!(waiting.poll_with(&mourned()).is_pending());
    assert_eq!(semaphore.available_permits(), 0, "the waker is kept");
    assert!(waiting.poll_with(&mourned()).is_pending());
    assert_eq!(semaphore.available_permits(), 1, "the first was replaced");
    drop(waiting);
    assert_eq!(semaphore.available_permits(), 2, "the second was left behind");
    let mut waiting = Probe::new(semaphore.acquire_many(3));
    assert!(waiting.poll_with(&mourned()).is_pending());
    semaphore.add_permits(1);
    assert_eq!(semaphore.available_permits(), 1, "the third was called");
    assert!(waiting.assert_ready().is_ok());
}

#[test]
fn a_message_may_use_its_channel_as_it_is_dropped() {
    struct Message(mpsc::Sender<Message>, Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Message {
        fn drop(&mut self) {
            let outcome = match self.0.try_reserve() {
                Ok(_) => "open",
                Err(TrySendError::Full(())) => "full",
                Err(TrySendError::Closed(())) => "closed",
            };
            self.1.borrow_mut().push(outcome);
        }
    }
    let outcomes = Rc::default();
    let (sender, mut receiver) = mpsc::channel(2);
    for _ in 0..2 {
        let message = Message(sender.clone(), Rc::clone(&outcomes));
        assert!(sender.try_send(message).is_ok());
    }
    drop(sender.try_send(Message(sender.clone(), Rc::clone(&outcomes))));
    drop(receiver.try_recv());
    drop(receiver);
    assert_eq!(*outcomes.borrow(), ["full", "open", "closed"]);
    assert_eq!(sender.strong_count(), 1);
}

#[test]
fn an_item_may_use_its_queue_as_it_is_dropped() {
    type Shared = Rc<Queue<Box<dyn std::any::Any>>>;
    let queue: Shared = Rc::new(Queue::bounded(1));
    let item = OnDrop({
        let queue = Rc::clone(&queue);
        move || drop(queue.try_put(Box::new(1)))
    });
    drop(Probe::new(queue.put(Box::new(item))));
    assert_eq!(queue.len(), 1, "the item of the dropped future has put another");
    let item = OnDrop({
        let queue = Rc::clone(&queue);
        move || queue.close()
    });
    drop(Probe::waiting(queue.put(Box::new(item))));
    assert!(queue.is_closed());
    assert!(queue.try_get().is_ok());
}

#[test]
fn a_value_may_use_its_oneshot_channel_as_it_is_dropped() {
    let (sender, receiver) = oneshot::channel::<Box<dyn std::any::Any>>();
    let (other, mut result) = oneshot::channel();
    let other = Cell::new(Some(other));
    let value = OnDrop(move || {
        other.take().map(|other| other.send(()));
    });
    assert!(sender.send(Box::new(value)).is_ok());
    drop(receiver);
    assert_eq!(result.try_recv(), Ok(()));
}

#[test]
fn a_watched_value_may_look_at_its_successor_as_it_is_dropped() {
    struct Value(u32, Option<watch::Receiver<Value>>, Rc<Cell<u32>>);
    impl Drop for Value {
        fn drop(&mut self) {
            if let Some(receiver) = &self.1 {
                self.2.set(receiver.borrow().0);
            }
        }
    }
    let seen = Rc::new(Cell::new(0));
    let (sender, receiver) = watch::channel(Value(1, None, Rc::clone(&seen)));
    sender.send_modify(|value| value.1 = Some(receiver.clone()));
    assert!(sender.send(Value(2, None, Rc::clone(&seen))).is_ok());
    assert_eq!(seen.get(), 2);
}

#[test]
fn a_broadcast_value_may_use_its_channel_as_it_is_cloned_and_dropped() {
    struct Value(broadcast::Sender<Value>, Rc<Cell<u32>>);
    impl Value {
        fn touch(&self) {
            self.1.set(self.1.get() + 1);
            let _ = (self.0.len(), self.0.subscribe());
        }
    }
    impl Clone for Value {
        fn clone(&self) -> Self {
            self.touch();
            Value(self.0.clone(), Rc::clone(&self.1))
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            self.touch();
        }
    }
    let touches = Rc::new(Cell::new(0));
    let (sender, mut one) = broadcast::channel(1);
    let two = sender.subscribe();
    assert!(sender.send(Value(sender.clone(), Rc::clone(&touches))).is_ok());
    drop(one.try_recv());
    assert_eq!(touches.get(), 2, "cloned, and the clone dropped");
    assert!(sender.send(Value(sender.clone(), Rc::clone(&touches))).is_ok());
    assert_eq!(touches.get(), 3, "overwritten");
    drop((one, two));
    assert_eq!(touches.get(), 4);
}

#[test]
fn a_locked_value_may_try_its_lock_as_it_is_replaced() {
    let mutex: Rc<Mutex<Box<dyn std::any::Any>>> = Rc::new(Mutex::new(Box::new(())));
    let was_locked = Rc::new(Cell::new(false));
    let value = OnDrop({
        let (mutex, was_locked) = (Rc::clone(&mutex), Rc::clone(&was_locked));
        move || was_locked.set(mutex.try_lock().is_err())
    });
    *mutex.try_lock().unwrap() = Box::new(value);
    *mutex.try_lock().unwrap() = Box::new(());
    assert!(was_locked.get());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_panic_in_a_destructor_leaves_the_channel_in_order() {
    let (sender, receiver) = mpsc::channel(3);
    let dropped = Rc::new(Cell::new(0));
    for name in 0..3 {
        let dropped = Rc::clone(&dropped);
        let message = OnDrop(move || {
            dropped.set(dropped.get() + 1);
            assert_ne!(name, 1, "this message panics");
        });
        assert!(sender.try_send(message).is_ok());
    }
    assert!(panic_of(|| drop(receiver)).contains("this message panics"));
    assert_eq!((dropped.get(), sender.capacity(), sender.is_closed()), (3, 3, true));
}

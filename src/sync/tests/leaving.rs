//! A future that is dropped leaves nothing behind: its waker is gone, and nobody calls it.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::sync::testing::Probe;
use crate::sync::{
    Barrier, Condvar, Event, Mutex, Notify, OnceCell, Queue, RwLock, Semaphore, broadcast, cross,
    mpsc, watch,
};

/// Must not be woken any more.
struct Gone;

impl Wake for Gone {
    fn wake(self: Arc<Self>) {
        panic!("a future that was dropped is woken");
    }
}

/// Polls `future`, which must wait, drops it, and has `serve` do what it waited for.
#[track_caller]
fn leaves_without_a_trace<T, R>(future: impl Future<Output = T>, serve: impl FnOnce() -> R) {
    let gone = Arc::new(Gone);
    let waker = Waker::from(Arc::clone(&gone));
    let mut probe = Probe::new(future);
    assert!(probe.poll_with(&waker).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&gone), 2, "who waits leaves one waker");
    drop(probe);
    assert_eq!(Arc::strong_count(&gone), 1, "a waker is left behind");
    serve();
}

// tokio: loom tests of dropped waiters. asyncio: test_queues.py, getters and putters left behind.

#[test]
fn who_waits_for_a_permit_or_a_lock() {
    let semaphore = Rc::new(Semaphore::new(0));
    leaves_without_a_trace(semaphore.acquire(), || semaphore.add_permits(1));
    assert_eq!(semaphore.forget_permits(1), 1);
    leaves_without_a_trace(Rc::clone(&semaphore).acquire_owned(), || semaphore.add_permits(1));
    let mutex = Rc::new(Mutex::new(()));
    let guard = mutex.try_lock().unwrap();
    leaves_without_a_trace(mutex.lock(), || ());
    leaves_without_a_trace(Rc::clone(&mutex).lock_owned(), || drop(guard));
    let lock = Rc::new(RwLock::new(()));
    let guard = lock.try_write().unwrap();
    leaves_without_a_trace(lock.read(), || ());
    leaves_without_a_trace(lock.write(), || ());
    leaves_without_a_trace(Rc::clone(&lock).read_owned(), || ());
    leaves_without_a_trace(Rc::clone(&lock).write_owned(), || drop(guard));
}

#[test]
fn who_waits_to_be_told_or_joined() {
    let notify = Notify::new();
    leaves_without_a_trace(notify.notified(), || notify.notify_waiters());
    let event = Event::new();
    leaves_without_a_trace(event.wait(), || event.set());
    let (condvar, mutex) = (Condvar::new(), Mutex::new(()));
    leaves_without_a_trace(condvar.wait(mutex.try_lock().unwrap()), || condvar.notify_all());
    let barrier = Barrier::new(2);
    leaves_without_a_trace(barrier.wait(), || drop(Probe::waiting(barrier.wait())));
    let cell = OnceCell::new();
    let maker = Probe::waiting(cell.get_or_init(std::future::pending::<u8>));
    leaves_without_a_trace(cell.get_or_init(async || 1), || drop(maker));
}

#[test]
fn who_waits_at_a_queue() {
    let queue = Queue::bounded(1);
    leaves_without_a_trace(queue.get(), || queue.try_put(1).unwrap());
    leaves_without_a_trace(queue.put(2), || queue.try_get().unwrap());
    leaves_without_a_trace(queue.join(), || queue.task_done());
}

#[test]
fn who_waits_to_send() {
    let (sender, mut receiver) = mpsc::channel(1);
    leaves_without_a_trace(sender.closed(), || ());
    sender.try_send(1).unwrap();
    leaves_without_a_trace(sender.reserve(), || ());
    leaves_without_a_trace(sender.clone().reserve_owned(), || ());
    leaves_without_a_trace(sender.send(2), || receiver.try_recv().unwrap());
    let (sender, mut receiver) = cross::mpsc::channel(1);
    leaves_without_a_trace(sender.closed(), || ());
    sender.try_send(1).unwrap();
    leaves_without_a_trace(sender.send(2), || receiver.try_recv().unwrap());
}

#[test]
fn who_waits_for_news() {
    let (sender, mut receiver) = watch::channel(0);
    leaves_without_a_trace(sender.closed(), || ());
    leaves_without_a_trace(receiver.changed(), || sender.send(1).unwrap());
    receiver.mark_unchanged();
    leaves_without_a_trace(receiver.wait_for(|value| *value > 1), || sender.send(2).unwrap());
    let (sender, mut receiver) = broadcast::channel(1);
    leaves_without_a_trace(sender.closed(), || ());
    leaves_without_a_trace(receiver.recv(), || sender.send(1).unwrap());
}

#[test]
fn an_end_that_goes_takes_its_waker_along() {
    let gone = Arc::new(Gone);
    let waker = Waker::from(Arc::clone(&gone));
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    assert!(Probe::new(receiver.recv()).poll_with(&waker).is_pending());
    drop(receiver);
    assert_eq!(Arc::strong_count(&gone), 2, "the receiver's waker is left behind");
    drop(sender);
    let (sender, receiver) = crate::sync::oneshot::channel::<u8>();
    let mut receiver = Probe::new(receiver);
    assert!(receiver.poll_with(&waker).is_pending());
    drop(receiver);
    assert_eq!(Arc::strong_count(&gone), 2, "the receiver's waker is left behind");
    drop(sender);
    let (mut sender, receiver) = crate::sync::oneshot::channel::<u8>();
    assert!(Probe::new(sender.closed()).poll_with(&waker).is_pending());
    drop(sender);
    assert_eq!(Arc::strong_count(&gone), 2, "the sender's waker is left behind");
    drop(receiver);
}

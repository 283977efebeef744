//! A flag that tasks can wait for, as `asyncio.Event`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::wait_list::{WaitKey, WaitList};
use super::waking::{LocalCell, Machine};

/// A flag that is set and cleared, and that tasks wait for.
///
/// [`set`](Event::set) lets everybody pass who waits then, even if the flag is cleared again before
/// they run, and everybody who comes later, until it is cleared.
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::Event;
///
/// let ready = Rc::new(Event::new());
/// let waiting = annulus::spawn({
///     let ready = Rc::clone(&ready);
///     async move { ready.wait().await }
/// });
/// ready.set();
/// waiting.await.unwrap();
/// ready.wait().await;
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct Event {
    flag: LocalCell<Flag>,
}

#[derive(Default)]
struct Flag {
    is_set: bool,
    waiters: WaitList<(), ()>,
}

impl Event {
    /// Makes an event that is not set.
    #[must_use]
    pub const fn new() -> Self {
        Event { flag: LocalCell::new(Flag { is_set: false, waiters: WaitList::new() }) }
    }

    /// Sets the flag and lets everybody pass who waits.
    pub fn set(&self) {
        self.flag.update(|flag| {
            flag.is_set = true;
            flag.waiters.grant_all(());
        });
    }

    /// Clears the flag: who comes from now on waits.
    pub fn clear(&self) {
        self.flag.update(|flag| flag.is_set = false);
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.flag.read(|flag| flag.is_set)
    }

    /// Waits until the flag is set; returns at once if it is.
    ///
    /// # Cancellation
    ///
    /// Dropping the future has no effect on others.
    pub fn wait(&self) -> EventWait<'_> {
        EventWait { event: self, key: None }
    }
}

impl Machine for Flag {
    fn next_wake(&mut self) -> Option<Waker> {
        self.waiters.next_wake()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is_set, waiting) = self.flag.read(|flag| (flag.is_set, flag.waiters.waiting()));
        f.debug_struct("Event").field("is_set", &is_set).field("waiting", &waiting).finish()
    }
}

/// The future of [`Event::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct EventWait<'a> {
    event: &'a Event,
    key: Option<WaitKey>,
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let EventWait { event, key } = self.get_mut();
        event.flag.poll(cx, |flag, waker| {
            if key.is_some() {
                return flag.waiters.poll_take(key, waker);
            }
            if flag.is_set {
                return Poll::Ready(());
            }
            flag.waiters.join(key, (), waker);
            Poll::Pending
        })
    }
}

impl Drop for EventWait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.event.flag.update(|flag| flag.waiters.remove(key).waker);
        }
    }
}

impl fmt::Debug for EventWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

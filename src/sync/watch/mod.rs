//! A channel that keeps one value, the latest, for any number of receivers to look at.
//!
//! Senders replace the value; each receiver sees whether it has changed since it last looked, and
//! can wait for that. Values in between may be missed, the last one never is.

use std::cell::{self, Cell, RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub use error::{RecvError, SendError};
pub use receiver::Receiver;
pub use sender::Sender;

use super::wait_list::{WaitKey, WaitList};
use super::waking::{LazyWaker, LocalCell, Machine};

mod error;
mod receiver;
mod sender;

/// Makes a channel with a first value, which its receiver counts as seen.
///
/// ```
/// # annulus::run(async {
/// use annulus::sync::watch;
///
/// let (sender, mut receiver) = watch::channel("starting");
/// annulus::spawn(async move { sender.send("serving") });
/// receiver.changed().await.unwrap();
/// assert_eq!(*receiver.borrow(), "serving");
/// assert!(receiver.changed().await.is_err(), "the sender is gone");
/// # }).unwrap();
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared::new(value));
    shared.ends.update(|ends| {
        ends.senders = 1;
        ends.receivers = 1;
    });
    (Sender::of(Rc::clone(&shared)), Receiver::of(shared, 0))
}

struct Shared<T> {
    value: RefCell<T>,
    ends: LocalCell<Ends>,
}

/// Who is there, and what they wait for.
#[derive(Default)]
struct Ends {
    /// How often the value was sent.
    version: u64,
    senders: usize,
    receivers: usize,
    /// Receivers that wait for the next version.
    changing: WaitList<(), ()>,
    /// Senders that wait for the last receiver to go.
    closing: WaitList<(), ()>,
}

impl<T> Shared<T> {
    fn new(value: T) -> Self {
        Shared { value: RefCell::new(value), ends: LocalCell::default() }
    }

    #[track_caller]
    fn borrow(&self, seen: u64) -> Ref<'_, T> {
        let Ok(value) = self.value.try_borrow() else {
            panic!("a watched value cannot be borrowed by the closure that modifies it")
        };
        Ref { value, has_changed: self.version() != seen }
    }

    #[track_caller]
    fn borrow_mut(&self) -> RefMut<'_, T> {
        let Ok(value) = self.value.try_borrow_mut() else {
            panic!("a watched value was sent while a `Ref` of it lives: hold none across an await")
        };
        value
    }

    fn version(&self) -> u64 {
        self.ends.read(|ends| ends.version)
    }
}

impl Ends {
    /// The value has changed.
    fn publish(&mut self) {
        self.version += 1;
        self.changing.grant_all(());
    }

    fn remove_sender(&mut self) {
        self.senders -= 1;
        if self.senders == 0 {
            self.changing.grant_all(());
        }
    }

    fn remove_receiver(&mut self) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.closing.grant_all(());
        }
    }

    /// Whether `seen` is out of date; fails when it is not and never will be.
    fn has_changed(&self, seen: u64) -> Option<Result<(), RecvError>> {
        if self.version != seen {
            return Some(Ok(()));
        }
        (self.senders == 0).then_some(Err(RecvError(())))
    }

    fn poll_changed(
        &mut self,
        seen: u64,
        key: &mut Option<WaitKey>,
        waker: &mut LazyWaker<'_>,
    ) -> Poll<Result<u64, RecvError>> {
        if key.is_some() && self.changing.poll_take(key, waker).is_pending() {
            return Poll::Pending;
        }
        match self.has_changed(seen) {
            Some(changed) => Poll::Ready(changed.map(|()| self.version)),
            None => {
                self.changing.join(key, (), waker);
                Poll::Pending
            }
        }
    }

    fn poll_closed(&mut self, key: &mut Option<WaitKey>, waker: &mut LazyWaker<'_>) -> Poll<()> {
        if key.is_some() && self.closing.poll_take(key, waker).is_pending() {
            return Poll::Pending;
        }
        if self.receivers == 0 {
            return Poll::Ready(());
        }
        self.closing.join(key, (), waker);
        Poll::Pending
    }
}

impl Machine for Ends {
    fn next_wake(&mut self) -> Option<Waker> {
        self.changing.next_wake().or_else(|| self.closing.next_wake())
    }
}

/// A look at the watched value.
///
/// While it lives nobody can send: it must not be held across an await.
#[must_use = "a look at a value does nothing by itself"]
pub struct Ref<'a, T> {
    value: cell::Ref<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the value was new to the receiver that borrowed it; `false` for a sender.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The future of [`Receiver::changed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Changed<'a, T> {
    shared: &'a Shared<T>,
    seen: &'a Cell<u64>,
    key: Option<WaitKey>,
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Changed { shared, seen, key } = self.get_mut();
        let changed = shared.ends.poll(cx, |ends, waker| ends.poll_changed(seen.get(), key, waker));
        changed.map(|changed| changed.map(|version| seen.set(version)))
    }
}

impl<T> Drop for Changed<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.ends.update(|ends| ends.changing.remove(key).waker);
        }
    }
}

impl<T> fmt::Debug for Changed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless awaited"]
pub struct Closed<'a, T> {
    shared: &'a Shared<T>,
    key: Option<WaitKey>,
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Closed { shared, key } = self.get_mut();
        shared.ends.poll(cx, |ends, waker| ends.poll_closed(key, waker))
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shared.ends.update(|ends| ends.closing.remove(key).waker);
        }
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

//! A notification without a value: "look again".

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::wait_list::{WaitKey, WaitList};
use super::waking::{LazyWaker, LocalCell, Machine};

/// Tells tasks that something has happened.
///
/// It behaves like a semaphore that starts with no permit and never holds more than one:
/// [`notify_one`](Notify::notify_one) wakes the task that has waited longest, or is kept for the
/// next one to come; [`notify_waiters`](Notify::notify_waiters) wakes all who wait and is kept for
/// nobody.
///
/// A task that checks a condition of its own and then waits misses nothing: tasks of one loop do
/// not run between its check and its wait unless it awaits in between, and what is notified even
/// then is not lost if the [`Notified`] was made (for `notify_waiters`) before the check.
///
/// ```
/// # annulus::run(async {
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use annulus::sync::Notify;
///
/// let work = Rc::new((Notify::new(), RefCell::new(Vec::new())));
/// let worker = annulus::spawn({
///     let work = Rc::clone(&work);
///     async move {
///         loop {
///             if let Some(job) = work.1.borrow_mut().pop() {
///                 break job;
///             }
///             work.0.notified().await;
///         }
///     }
/// });
/// annulus::yield_now().await;
/// work.1.borrow_mut().push("job");
/// work.0.notify_one();
/// assert_eq!(worker.await.unwrap(), "job");
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct Notify {
    signals: LocalCell<Signals>,
}

#[derive(Default)]
struct Signals {
    /// A `notify_one` that found nobody waiting.
    stored: bool,
    /// How often all waiters were notified: tells a [`Notified`] that it was made before.
    rounds: u64,
    waiters: WaitList<(), Grant>,
}

#[derive(Clone, Copy)]
enum Grant {
    /// Meant for one: if this one does not use it, the next has it.
    One,
    /// Meant for everybody who waited then.
    All,
}

impl Notify {
    /// Makes a `Notify` that nobody has notified.
    #[must_use]
    pub const fn new() -> Self {
        let signals = Signals { stored: false, rounds: 0, waiters: WaitList::new() };
        Notify { signals: LocalCell::new(signals) }
    }

    /// Waits for a notification.
    ///
    /// The future takes part in [`notify_waiters`](Notify::notify_waiters) from the moment it is
    /// made, and gets in line for [`notify_one`](Notify::notify_one) with its first poll or
    /// [`Notified::enable`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives up its place in line. If a `notify_one` had reached it already,
    /// that goes to the next waiter, or is kept for it.
    pub fn notified(&self) -> Notified<'_> {
        let round = self.signals.read(|signals| signals.rounds);
        Notified { notify: self, round, state: State::Made }
    }

    /// Wakes the task that has waited longest, or is kept for the next to wait.
    ///
    /// At most one notification is kept, however often this is called.
    pub fn notify_one(&self) {
        self.signals.update(Signals::notify_one);
    }

    /// Wakes everybody who waits now.
    pub fn notify_waiters(&self) {
        self.signals.update(|signals| {
            signals.rounds += 1;
            signals.waiters.grant_all(Grant::All);
        });
    }
}

impl Signals {
    fn notify_one(&mut self) {
        if !self.waiters.grant_front(Grant::One) {
            self.stored = true;
        }
    }

    /// Whether a future that was made in `round` and is in no line is notified.
    fn take_stored(&mut self, round: u64) -> bool {
        // Everybody's notification leaves the stored one for somebody else.
        self.rounds != round || std::mem::take(&mut self.stored)
    }

    fn leave(&mut self, key: WaitKey) -> Option<Waker> {
        let removed = self.waiters.remove(key);
        if let Some(Grant::One) = removed.grant {
            self.notify_one();
        }
        removed.waker
    }
}

impl Machine for Signals {
    fn next_wake(&mut self) -> Option<Waker> {
        self.waiters.next_wake()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stored, waiting) =
            self.signals.read(|signals| (signals.stored, signals.waiters.waiting()));
        f.debug_struct("Notify").field("stored", &stored).field("waiting", &waiting).finish()
    }
}

/// The future of [`Notify::notified`].
#[must_use = "futures do nothing unless awaited"]
pub struct Notified<'a> {
    notify: &'a Notify,
    round: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In no line yet.
    Made,
    /// In line, or granted.
    InLine(WaitKey),
    /// Notified; stays so.
    Done,
}

impl Notified<'_> {
    /// Gets in line without waiting, and returns whether the future is notified already.
    ///
    /// After this, a `notify_one` may reach the future although it was not polled yet. Use it to
    /// wait on a condition: make the future, enable it, check the condition, then await.
    ///
    /// ```
    /// # annulus::run(async {
    /// use std::pin::pin;
    ///
    /// let notify = annulus::sync::Notify::new();
    /// let mut notified = pin!(notify.notified());
    /// notified.as_mut().enable();
    /// // Whatever is notified from here on is not missed.
    /// notify.notify_one();
    /// notified.await;
    /// # }).unwrap();
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.get_mut();
        let state = this.state;
        let (state, waker) = this.notify.signals.update(|signals| match state {
            State::Made if signals.take_stored(this.round) => (State::Done, None),
            State::Made => (State::InLine(signals.waiters.push_back((), None)), None),
            State::InLine(key) if signals.waiters.granted(key).is_some() => {
                (State::Done, signals.waiters.remove(key).waker)
            }
            state => (state, None),
        });
        this.state = state;
        drop(waker);
        matches!(state, State::Done)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Notified { notify, round, state } = self.get_mut();
        notify.signals.poll(cx, |signals, waker| poll_state(signals, *round, state, waker))
    }
}

fn poll_state(
    signals: &mut Signals,
    round: u64,
    state: &mut State,
    waker: &mut LazyWaker<'_>,
) -> Poll<()> {
    let mut key = match *state {
        State::Done => return Poll::Ready(()),
        State::InLine(key) => Some(key),
        State::Made if signals.take_stored(round) => {
            *state = State::Done;
            return Poll::Ready(());
        }
        State::Made => {
            let mut key = None;
            signals.waiters.join(&mut key, (), waker);
            *state = key.map_or(State::Made, State::InLine);
            return Poll::Pending;
        }
    };
    let notified = signals.waiters.poll_take(&mut key, waker).map(drop);
    if notified.is_ready() {
        *state = State::Done;
    }
    notified
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        if let State::InLine(key) = self.state {
            self.notify.signals.update(|signals| signals.leave(key));
        }
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notified").field("state", &self.state).finish_non_exhaustive()
    }
}

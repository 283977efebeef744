//! Ops that complete many times: one entry, a stream of items.
//!
//! A multishot op keeps its slot while items arrive; they queue up in the slot and are taken one
//! by one. The op ends with a completion that says no more will come: because it was cancelled,
//! failed, or the kernel had to give up (a full completion queue, no buffers left). An op that
//! ended without being asked to is armed again by the next poll, so a stream of connections never
//! dries up silently.
//!
//! Backpressure: when more than [`MultishotOp::QUEUED_MAX`] items wait for a consumer that does
//! not come, the op is cancelled, and armed again once they have been taken.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::descriptor::FdRef;
use super::lifecycle::Lifecycle;
use super::marks::Marks;
use super::op::Op;
use super::slot::Salvage;
use super::submit::State;
use super::{Driver, OpKey, Start};
use crate::scheduler::Wake;
use crate::sys::Outcome;

/// An op whose every completion is an item.
///
/// As an [`Op`] it gives nothing: it is only made, prepared and dropped.
pub trait MultishotOp: Op<Output = ()> {
    /// What one completion gives.
    type Item;
    /// How many items may wait before the op is paused.
    const QUEUED_MAX: usize;

    /// Turns one completion into an item; the op itself stays lent.
    fn item(completed: Self::Completed) -> Self::Item;

    /// Keeps a completion that nobody took for the next op of the descriptor.
    fn keep(descriptor: FdRef, completed: Self::Completed);
}

/// The items of an op in flight.
pub(super) struct Stream {
    items: VecDeque<Outcome>,
    waker: Option<Wake>,
    has_ended: bool,
    is_abandoned: bool,
    is_paused: bool,
    queued_max: usize,
    keep: fn(FdRef, Outcome),
}

/// A completion that nobody took, to be kept outside the borrow.
#[derive(Debug)]
pub(crate) struct Untaken {
    keep: fn(FdRef, Outcome),
    descriptor: FdRef,
    outcome: Outcome,
}

impl Untaken {
    pub(crate) fn keep(self) {
        (self.keep)(self.descriptor, self.outcome);
    }
}

fn keep<T: MultishotOp>(descriptor: FdRef, outcome: Outcome) {
    match outcome.into_result::<T::Completed>() {
        Ok(completed) => T::keep(descriptor, completed),
        Err(error) => super::keep_failure(descriptor, &error),
    }
}

/// What a completion of a stream asks the driver to do.
pub(super) enum AfterItem {
    Wake(Option<Wake>),
    /// Wake, and ask the kernel to pause: nobody takes the items.
    Pause(Option<Wake>),
    Keep(Untaken),
}

impl Stream {
    fn new<T: MultishotOp>() -> Box<Self> {
        Box::new(Stream {
            items: VecDeque::new(),
            waker: None,
            has_ended: false,
            is_abandoned: false,
            is_paused: false,
            queued_max: T::QUEUED_MAX,
            keep: keep::<T>,
        })
    }

    /// Takes a completion in.
    pub(super) fn push(&mut self, descriptor: Option<FdRef>, outcome: Outcome) -> AfterItem {
        self.has_ended = outcome.is_final();
        if let (true, Some(descriptor)) = (self.is_abandoned, descriptor) {
            return AfterItem::Keep(Untaken { keep: self.keep, descriptor, outcome });
        }
        self.items.push_back(outcome);
        let waker = self.waker.take();
        if self.items.len() < self.queued_max || self.has_ended || self.is_paused {
            return AfterItem::Wake(waker);
        }
        mark!("stream paused");
        self.is_paused = true;
        AfterItem::Pause(waker)
    }

    /// Who waits for the next item.
    pub(super) fn waker(&self) -> Option<&Wake> {
        self.waker.as_ref()
    }

    /// Ends a stream whose entry never reached the kernel.
    pub(super) fn end_unsubmitted(&mut self) -> Option<Wake> {
        self.has_ended = true;
        self.waker.take()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn is_over(&self) -> bool {
        self.has_ended && self.is_abandoned
    }
}

/// What a poll of a stream found.
enum Next<T> {
    Item(Outcome),
    /// Every item has been taken and the op has ended.
    Ended(T),
    Pending,
}

impl Driver {
    fn start_stream<T: MultishotOp>(
        &mut self,
        state: &mut State<T>,
        waker: &Waker,
    ) -> Start<T::Completed> {
        let started = self.start(state, None, waker);
        if let State::InFlight(key) = state {
            let slot = self.table.get(*key).expect("the op was just started");
            slot.stream = Some(Stream::new::<T>());
        }
        started
    }

    fn poll_stream<T: MultishotOp>(&mut self, key: OpKey, waker: &Waker) -> Next<T> {
        let slot = self.table.get(key).expect("a stream keeps its slot until it is dropped");
        let descriptor = slot.counted;
        let stream = slot.stream.as_mut().expect("the op of a stream has one");
        if let Some(outcome) = stream.items.pop_front() {
            return Next::Item(outcome);
        }
        if !stream.has_ended {
            match &mut stream.waker {
                Some(known) => known.update(waker),
                place => *place = Some(Wake::of(waker)),
            }
            return Next::Pending;
        }
        let op = self.table.take_op(key).expect("the slot was just read");
        self.release_at(descriptor);
        Next::Ended(op)
    }

    /// Notes that the stream is gone: what it holds has to be kept, then, if the op has ended, the
    /// op has to be finished.
    pub(super) fn abandon_stream(
        &mut self,
        key: OpKey,
        untaken: &mut Vec<Untaken>,
    ) -> Option<Salvage> {
        if !self.ring.is_own() {
            return None;
        }
        let slot = self.table.get(key)?;
        let (lane, is_closed) = (slot.lane, slot.marks.has(Marks::CLOSED));
        let counted = slot.counted.and_then(|place| self.descriptors.name(place));
        // Of one that is closed nothing is kept, and what its items hold is let go of.
        let descriptor = if is_closed { Some(FdRef::NONE) } else { counted };
        let stream = slot.stream.as_mut()?;
        if std::mem::replace(&mut stream.is_abandoned, true) {
            return None;
        }
        let has_ended = stream.has_ended;
        let keep = stream.keep;
        if let Some(descriptor) = descriptor {
            let items = stream.items.drain(..);
            untaken.extend(items.map(|outcome| Untaken { keep, descriptor, outcome }));
        }
        if let (Some(fd), Some(lane)) = (counted, lane) {
            self.descriptors.note_abandoned(fd, lane);
        }
        self.counters.abandoned += 1;
        if has_ended {
            return self.take_salvage(key, Outcome::CANCELLED);
        }
        let slot = self.table.get(key)?;
        slot.lifecycle = Lifecycle::Abandoned;
        if slot.marks.has(Marks::QUEUED) {
            self.counters.completed += 1;
            return self.take_salvage(key, Outcome::CANCELLED);
        }
        self.push_cancel(key);
        None
    }
}

/// The items of a multishot op.
///
/// # Cancellation
///
/// Dropping the stream, or a `next` in the middle, loses nothing: what has arrived and was not
/// taken is kept for the next operation of the same handle.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Multishot<T: MultishotOp> {
    state: State<T>,
    runtime: u32,
}

impl<T: MultishotOp> Multishot<T> {
    pub(crate) fn new(op: T) -> Self {
        Multishot { state: State::Idle(op), runtime: 0 }
    }

    /// The next item.
    ///
    /// Dropping the future loses nothing.
    #[expect(clippy::should_implement_trait, reason = "as streams of futures call it")]
    pub fn next(&mut self) -> NextItem<'_, T> {
        NextItem { stream: self }
    }

    /// Polls for the next item. Every error is an item, after which the op is armed again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T::Item>> {
        loop {
            let polled = match self.state {
                State::InFlight(key) => self.poll_running(key, cx),
                State::Idle(_) => self.poll_idle(cx),
                State::Done => panic!("a stream was polled after a panic in its poll"),
            };
            match polled {
                Step::Again => {}
                Step::Ready(item) => return Poll::Ready(item.map(T::item)),
                Step::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Step<T> {
        let Multishot { state, runtime } = self;
        let started = super::with(|driver| {
            *runtime = driver.runtime();
            driver.start_stream(state, cx.waker())
        });
        match started.unwrap_or_else(|| super::no_loop(T::NAME)) {
            Start::InFlight => Step::Again,
            Start::Gated => Step::Pending,
            Start::Served(result) => Step::Ready(result),
            Start::Refused(error) => Step::Ready(Err(error)),
            Start::Foreign => super::foreign_handle(),
        }
    }

    fn poll_running(&mut self, key: OpKey, cx: &mut Context<'_>) -> Step<T> {
        let runtime = self.runtime;
        let next = super::with(|driver| {
            super::check_runtime(runtime, driver.runtime());
            driver.poll_stream::<T>(key, cx.waker())
        });
        match next.unwrap_or_else(|| super::no_loop(T::NAME)) {
            Next::Pending => Step::Pending,
            Next::Ended(op) => {
                self.state = State::Idle(op);
                Step::Again
            }
            // The driver's own pauses end this way; the op is armed again.
            Next::Item(outcome) if outcome.is_cancelled() || outcome.is_interrupted() => {
                Step::Again
            }
            Next::Item(outcome) => Step::Ready(outcome.into_result()),
        }
    }
}

enum Step<T: MultishotOp> {
    Again,
    Ready(io::Result<T::Completed>),
    Pending,
}

impl<T: MultishotOp> Drop for Multishot<T> {
    fn drop(&mut self) {
        if let State::InFlight(key) = self.state {
            abandon(self.runtime, key);
        }
    }
}

fn abandon(runtime: u32, key: OpKey) {
    let mut untaken = Vec::new();
    let here = super::with(|driver| {
        (driver.runtime == runtime).then(|| driver.abandon_stream(key, &mut untaken))
    });
    untaken.into_iter().for_each(Untaken::keep);
    match here.flatten() {
        Some(Some(salvage)) => super::finish_salvage(salvage),
        Some(None) => {}
        None => drop(crate::remote::send_home(runtime, move || abandon(runtime, key))),
    }
}

impl<T: MultishotOp> std::fmt::Debug for Multishot<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multishot").field("op", &T::NAME).finish_non_exhaustive()
    }
}

/// The next item of a stream; made by [`Multishot::next`].
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct NextItem<'a, T: MultishotOp> {
    stream: &'a mut Multishot<T>,
}

impl<T: MultishotOp> Future for NextItem<'_, T> {
    type Output = io::Result<T::Item>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().stream.poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;

    fn stream(queued_max: usize) -> Stream {
        Stream {
            items: VecDeque::new(),
            waker: Some(Wake::of(Waker::noop())),
            has_ended: false,
            is_abandoned: false,
            is_paused: false,
            queued_max,
            keep: |_, _| {},
        }
    }

    const MORE: Outcome = Outcome { res: 1, flags: sys::F_MORE };
    const LAST: Outcome = Outcome { res: 1, flags: 0 };

    #[test]
    fn a_stream_that_nobody_reads_is_paused_once() {
        let mut stream = stream(2);
        assert!(matches!(stream.push(None, MORE), AfterItem::Wake(Some(_))));
        assert!(matches!(stream.push(None, MORE), AfterItem::Pause(None)));
        assert!(matches!(stream.push(None, MORE), AfterItem::Wake(None)));
        assert_eq!(stream.items.len(), 3);
    }

    #[test]
    fn a_stream_is_over_when_it_has_ended_and_nobody_is_there() {
        let mut stream = stream(8);
        stream.push(None, LAST);
        assert!(!stream.is_over());
        stream.is_abandoned = true;
        assert!(stream.is_over());
    }
}

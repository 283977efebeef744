//! The end of a descriptor.
//!
//! An op keeps its descriptor open, and must not keep it open for ever: when the last handle is
//! gone, the ops that are still awaited are ended and the last of them closes it. So a peer sees
//! the end of a connection as soon as the stream is dropped, also when somebody reads from it.

use std::future::Future;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::descriptor::FdRef;
use super::lifecycle::Lifecycle;
use super::marks::Marks;
use super::table::Slot;
use super::{Driver, OpKey, SharedFd};
use crate::sys::{self, Owned};

/// Gives a handle's descriptor, to be closed, once every op on it has ended; `None` when another
/// handle keeps it open.
///
/// Ops that belong to a [`Lane`](super::Lane) are ended, others are waited for. What was kept for
/// the next op is dropped. Dropping the future leaves the close to the last op.
#[must_use = "nothing is closed unless it is awaited"]
#[derive(Debug)]
pub(crate) struct Closing {
    fd: Option<SharedFd>,
    has_begun: bool,
}

impl Closing {
    pub(crate) fn new(fd: SharedFd) -> Self {
        Closing { fd: Some(fd), has_begun: false }
    }
}

impl Future for Closing {
    type Output = Option<Owned>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let fd = self.fd.as_ref().expect("a close was polled after it had given its result").name();
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let polled = super::with(|driver| {
            super::check_runtime(fd.runtime, driver.runtime);
            driver.poll_close(fd, has_begun, cx.waker())
        });
        let polled = polled.unwrap_or_else(|| super::no_loop("close"));
        if polled.is_ready() {
            // The table has forgotten the name of what it gave away, so nothing is released twice.
            self.fd = None;
        }
        polled
    }
}

/// Leaves it to the background to send what is unsent: a close that does so itself holds its thread
/// up, the loop's or a kernel worker's, and sends no more than the background does.
pub(super) fn end_linger(fd: &Owned) {
    let _same_as_before = sys::socket_options::set_linger(fd.as_fd(), None);
}

impl Driver {
    fn poll_close(&mut self, fd: FdRef, has_begun: bool, waker: &Waker) -> Poll<Option<Owned>> {
        if !has_begun {
            if self.descriptors.handles(fd) > 1 {
                return Poll::Ready(None);
            }
            self.drop_handle(fd);
        }
        self.descriptors.discard_leftovers(fd);
        let lingers = self.descriptors.lingers(fd);
        if let Some(owned) = self.descriptors.take_sole(fd) {
            if lingers {
                end_linger(&owned);
            }
            return Poll::Ready(Some(owned));
        }
        self.descriptors.set_closer(fd, waker);
        Poll::Pending
    }

    /// One handle less: the last one ends the ops that others still await.
    pub(super) fn release_handle(&mut self, fd: FdRef) {
        self.drop_handle(fd);
        self.release(fd);
    }

    fn drop_handle(&mut self, fd: FdRef) {
        // A forked child leaves the ops to its parent.
        if !self.descriptors.drop_handle(fd) || !self.ring.is_own() {
            return;
        }
        let is_awaited = |slot: &Slot| !matches!(slot.lifecycle, Lifecycle::Abandoned);
        for key in self.ops_on(fd, is_awaited) {
            let Some(slot) = self.table.get(key) else { continue };
            slot.marks.set(Marks::CLOSED);
            if slot.lane.is_some() {
                self.stop(key, |_| {});
            }
            let Some(slot) = self.table.get(key) else { continue };
            if slot.has_ended() {
                let ended = slot.release_early();
                self.release_at(ended);
            }
        }
    }

    /// Asks for the end of the ops on the descriptor of this number whose futures live; how many.
    pub(crate) fn cancel_all_on(&mut self, number: i32) -> usize {
        let descriptors = &self.descriptors;
        let waits = |slot: &Slot| {
            let on = slot.counted.and_then(|place| descriptors.name(place));
            let is_on = on.is_some_and(|fd| fd.descriptor().number() == number);
            let lives = matches!(slot.lifecycle, Lifecycle::Waiting(_));
            is_on && lives && slot.stream.is_none()
        };
        let all = self.table.iter_mut().filter(|(_, slot)| waits(slot));
        let all: Vec<OpKey> = all.map(|(key, _)| key).collect();
        for key in &all {
            self.request_cancel(*key);
        }
        all.len()
    }

    /// The ops on a descriptor that have a slot.
    pub(super) fn ops_on(&mut self, fd: FdRef, which: impl Fn(&Slot) -> bool) -> Vec<OpKey> {
        let all = self.table.iter_mut();
        let wanted = all.filter(|(_, slot)| slot.counted == Some(fd.place()) && which(slot));
        wanted.map(|(key, _)| key).collect()
    }
}

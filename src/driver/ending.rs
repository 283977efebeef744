//! The futures of ops whose end is asked for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Submit;
use super::op::Op;

/// An operation that was asked to end; made by [`Submit::cancel`].
#[must_use = "the outcome is known only to who awaits it"]
#[derive(Debug)]
pub struct Cancel<T: Op> {
    submit: Submit<T>,
}

impl<T: Op> Cancel<T> {
    pub(super) fn new(submit: Submit<T>) -> Self {
        Cancel { submit }
    }
}

impl<T: Op> Future for Cancel<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let this = self.get_mut();
        if !this.submit.is_unwanted {
            this.submit.ask_to_cancel();
        }
        Pin::new(&mut this.submit).poll(cx)
    }
}

/// An operation that ends when a signal comes; made by [`Submit::cancel_on`].
#[must_use = "an operation does nothing unless it is awaited"]
#[derive(Debug)]
pub struct CancelOn<T: Op, S> {
    submit: Submit<T>,
    /// `None` once it has come.
    signal: Option<S>,
}

impl<T: Op, S> CancelOn<T, S> {
    pub(super) fn new(submit: Submit<T>, signal: S) -> Self {
        CancelOn { submit, signal: Some(signal) }
    }
}

impl<T: Op, S: Future<Output = ()> + Unpin> Future for CancelOn<T, S> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let this = self.get_mut();
        let came = match &mut this.signal {
            Some(signal) => Pin::new(signal).poll(cx).is_ready(),
            None => false,
        };
        if came {
            this.signal = None;
            this.submit.ask_to_cancel();
        }
        Pin::new(&mut this.submit).poll(cx)
    }
}

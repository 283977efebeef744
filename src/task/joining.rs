//! One branch of `join!`, `try_join!` and `select!`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future until it is done, then its output until that is taken.
#[doc(hidden)]
#[derive(Debug)]
pub struct Branch<'a, F: Future> {
    future: Pin<&'a mut Option<F>>,
    output: Option<F::Output>,
}

impl<'a, F: Future> Branch<'a, F> {
    /// A branch; without a future it is never done.
    pub fn new(future: Pin<&'a mut Option<F>>) -> Self {
        Branch { future, output: None }
    }

    /// Polls the future unless it is done; whether there is an output. A future that is done is
    /// dropped at once.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if self.output.is_some() {
            return true;
        }
        let Some(future) = self.future.as_mut().as_pin_mut() else { return false };
        let Poll::Ready(output) = future.poll(cx) else { return false };
        self.future.set(None);
        self.output = Some(output);
        true
    }

    /// Whether it may still be done.
    pub fn is_enabled(&self) -> bool {
        self.output.is_some() || self.future.is_some()
    }

    /// The output, without taking it.
    pub fn output(&self) -> Option<&F::Output> {
        self.output.as_ref()
    }

    /// Takes the output.
    pub fn take(&mut self) -> Option<F::Output> {
        self.output.take()
    }
}

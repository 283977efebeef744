//! A spawned future and, when it has ended, what it gave, in one allocation; and futures that lie
//! side by side in one.

#![expect(unsafe_code, reason = "pins the future inside its cell or slice")]

use std::any::Any;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::JoinError;

/// A task without its type.
pub(super) trait Run {
    /// Polls the future; when it is done, its output stays in the cell.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

    /// Drops the future, if it is there, where it is.
    fn drop_future(self: Pin<&mut Self>);

    /// Makes `error` the task's end.
    fn fail(self: Pin<&mut Self>, error: JoinError);

    /// What the task panicked with, in words, when a panic is its end.
    fn panic(&self) -> Option<&str>;

    /// Moves the end of the task into `place`, an `Option<Result<T, JoinError>>`. It runs nobody's
    /// code.
    fn take_output(self: Pin<&mut Self>, place: &mut dyn Any) -> Rest;
}

/// What is left in a task whose output was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// Something that has a destructor.
    Something,
}

/// What becomes of the end of a task's future.
pub(super) trait Kind<O>: Copy {
    /// What the join gives.
    type Value: 'static;

    /// The future returned.
    fn returned(self, output: O) -> Result<Self::Value, JoinError>;

    /// The future panicked or was dropped.
    fn failed(self, error: JoinError) -> JoinError;
}

/// The kind of a task whose join gives what its future gave.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl<O: 'static> Kind<O> for Plain {
    type Value = O;

    fn returned(self, output: O) -> Result<O, JoinError> {
        Ok(output)
    }

    fn failed(self, error: JoinError) -> JoinError {
        error
    }
}

/// The stages of a task with future `F`.
pub(super) enum Cell<F: Future, K: Kind<F::Output>> {
    Running(F, K),
    /// The future was dropped before its end.
    Dropped(K),
    Ended(Result<K::Value, JoinError>),
    /// The output was taken.
    Empty,
}

impl<F: Future, K: Kind<F::Output>> Cell<F, K> {
    /// The pinned future, while there is one, and its kind.
    fn future(self: Pin<&mut Self>) -> Option<(Pin<&mut F>, K)> {
        // SAFETY: the reference is used to project a pin and nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        match this {
            // SAFETY: the future is structurally pinned: it is never moved out of its stage, only
            // dropped in place by `Pin::set`, and `Cell` has no destructor of its own.
            Cell::Running(future, kind) => Some((unsafe { Pin::new_unchecked(future) }, *kind)),
            Cell::Dropped(_) | Cell::Ended(_) | Cell::Empty => None,
        }
    }
}

impl<F, K> Run for Cell<F, K>
where
    F: Future + 'static,
    K: Kind<F::Output>,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some((future, kind)) = self.as_mut().future() else { return Poll::Ready(()) };
        match future.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(output) => {
                self.set(Cell::Ended(kind.returned(output)));
                Poll::Ready(())
            }
        }
    }

    fn drop_future(mut self: Pin<&mut Self>) {
        if let Some((_, kind)) = self.as_mut().future() {
            self.set(Cell::Dropped(kind));
        }
    }

    fn fail(mut self: Pin<&mut Self>, error: JoinError) {
        let error = match &*self {
            Cell::Running(_, kind) | Cell::Dropped(kind) => kind.failed(error),
            Cell::Ended(_) | Cell::Empty => error,
        };
        self.set(Cell::Ended(Err(error)));
    }

    fn panic(&self) -> Option<&str> {
        let Cell::Ended(Err(error)) = self else { return None };
        error.is_panic().then(|| error.panic_message().unwrap_or("a value that is not text"))
    }

    fn take_output(mut self: Pin<&mut Self>, place: &mut dyn Any) -> Rest {
        // SAFETY: only an output, which is not pinned, is moved out; a future stays in place.
        let this = unsafe { self.as_mut().get_unchecked_mut() };
        if !matches!(this, Cell::Ended(_)) {
            return Rest::Something;
        }
        let place = place.downcast_mut::<Option<Result<K::Value, JoinError>>>();
        let place = place.expect("a join handle has the type of its task");
        let Cell::Ended(output) = std::mem::replace(this, Cell::Empty) else {
            return Rest::Something;
        };
        debug_assert!(place.is_none(), "an output is taken once");
        // Nothing was there that would have to be dropped.
        let _none = ManuallyDrop::new(place.replace(output));
        Rest::Nothing
    }
}

/// The element at `index` of what lies pinned in one piece.
pub(super) fn nth<T>(slice: Pin<&mut [T]>, index: usize) -> Pin<&mut T> {
    // SAFETY: an element of a pinned slice is pinned: it moves only with the slice, which does not,
    // and it is dropped where it is.
    unsafe { slice.map_unchecked_mut(|slice| &mut slice[index]) }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn take<T: 'static>(cell: &mut Pin<Box<dyn Run>>) -> Option<Result<T, JoinError>> {
        let mut output: Option<Result<T, JoinError>> = None;
        cell.as_mut().take_output(&mut output);
        output
    }

    #[test]
    fn an_output_is_taken_once() {
        let mut cell: Pin<Box<dyn Run>> = Box::pin(Cell::Running(async { 5 }, Plain));
        assert!(take::<i32>(&mut cell).is_none());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(cell.as_mut().poll(&mut cx).is_ready());
        assert_eq!(take::<i32>(&mut cell).expect("ended").expect("a value"), 5);
        assert!(take::<i32>(&mut cell).is_none());
    }

    #[test]
    fn a_dropped_future_ends_as_what_it_is_told() {
        let future = std::future::pending::<()>();
        let mut cell: Pin<Box<dyn Run>> = Box::pin(Cell::Running(future, Plain));
        cell.as_mut().drop_future();
        cell.as_mut().fail(JoinError::cancelled(None));
        assert!(take::<()>(&mut cell).expect("ended").expect_err("cancelled").is_cancelled());
    }
}

//! The life of a scope.
//!
//! # How a scope ends
//!
//! The scope's future polls the body and watches the children. The first failure, of a child or of
//! the body, closes the group: the scope, when it is polled next, cancels the children and drops
//! the body where it is suspended, and then waits until every child has ended, its deferred
//! clean-up included. What is ready to run at that moment still runs, so that everything that fails
//! at once is reported.
//!
//! # A scope that is dropped
//!
//! A future that is dropped cannot wait. What a scope leaves then, children that it has cancelled
//! in that moment, is handed to whoever can: to the group in whose body it was, which does not end
//! before they have ended; or else to the task that polled it, in whose deferred part they are
//! awaited, before what the task itself has deferred. So no join of a task and no scope comes back
//! while a child of a group below is alive. Only an abort does not wait: it skips all clean-up.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::state::Standing;
use super::{Failure, GroupError, TaskGroup};
use crate::task::crew::{Closed, CrewId};
use crate::task::extra::Cleanup;
use crate::task::run::request;
use crate::task::table::{Stop, with};

/// How a group ended: with its result, or by what stopped it.
type Ended<T, E, S> = Result<Result<T, GroupError<E>>, S>;

/// How a body ended.
enum Body<T, E> {
    Returned(Result<T, E>),
    Panicked(Box<dyn Any + Send>),
    /// The group closed before.
    Dropped,
}

/// The scope: `end` turns the group's result, or what `stop` gave, into what the scope gives.
pub(super) async fn run<T, E: 'static, S: Future, R>(
    stop: S,
    body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    end: fn(Ended<T, E, S::Output>) -> R,
) -> R {
    let mut scope = Scope::<E>::open();
    let mut stop = pin!(stop);
    let mut stopped = None;
    let mut body = pin!(Some(body(scope.group())));
    let mut ended = poll_fn(|cx| {
        let polled = scope.poll_body(body.as_mut(), cx);
        if polled.is_ready() || !scope.poll_stop(stop.as_mut(), &mut stopped, cx) {
            return polled;
        }
        scope.poll_body(body.as_mut(), cx)
    })
    .await;
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| body.set(None))) {
        ended = Body::Panicked(payload);
    }
    let value = match ended {
        Body::Returned(Ok(value)) => Some(Ok(value)),
        Body::Returned(Err(error)) => {
            scope.group().fail(Failure::Error(error));
            None
        }
        Body::Panicked(payload) => {
            scope.close();
            Some(Err(payload))
        }
        Body::Dropped => None,
    };
    poll_fn(|cx| {
        let polled = scope.poll_children(cx);
        if polled.is_ready() || !scope.poll_stop(stop.as_mut(), &mut stopped, cx) {
            return polled;
        }
        scope.poll_children(cx)
    })
    .await;
    let error = GroupError::collect(scope.finish());
    match (value, error, stopped) {
        (Some(Err(payload)), _, _) => resume_unwind(payload),
        (_, Some(error), _) => end(Ok(Err(error))),
        (_, None, Some(stopped)) => end(Err(stopped)),
        (Some(Ok(value)), None, None) => end(Ok(Ok(value))),
        (None, None, None) => unreachable!("a body is dropped only when something failed"),
    }
}

/// The scope's side of a group, which cancels the children when it is dropped before its end.
struct Scope<E> {
    crew: CrewId,
    is_cancelled: bool,
    is_over: bool,
    error: PhantomData<fn(E) -> E>,
}

impl<E: 'static> Scope<E> {
    fn open() -> Self {
        let failures: Box<dyn Any> = Box::new(Vec::<Failure<E>>::new());
        let crew = with(|tasks| tasks.open_group(failures)).unwrap_or_else(|| no_loop());
        Scope { crew, is_cancelled: false, is_over: false, error: PhantomData }
    }

    fn group(&self) -> TaskGroup<E> {
        TaskGroup { crew: self.crew, error: PhantomData }
    }

    /// Polls the body, unless it has to end because the group is closing.
    fn poll_body<T, F: Future<Output = Result<T, E>>>(
        &mut self,
        body: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Body<T, E>> {
        if self.body_has_to_end(cx) {
            return Poll::Ready(Body::Dropped);
        }
        let Some(body) = body.as_pin_mut() else { return Poll::Ready(Body::Dropped) };
        let region = Region::enter(self.crew);
        let polled = catch_unwind(AssertUnwindSafe(|| body.poll(cx)));
        drop(region);
        match polled {
            Ok(Poll::Ready(result)) => Poll::Ready(Body::Returned(result)),
            Err(payload) => Poll::Ready(Body::Panicked(payload)),
            // The last shield of the body may have ended in this poll.
            Ok(Poll::Pending) if self.body_has_to_end(cx) => Poll::Ready(Body::Dropped),
            Ok(Poll::Pending) => Poll::Pending,
        }
    }

    fn body_has_to_end(&mut self, cx: &mut Context<'_>) -> bool {
        let standing = self.attend(cx);
        standing.is_closing && !standing.is_shielded
    }

    /// Waits for the end of the children.
    fn poll_children(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let standing = self.attend(cx);
        if standing.alive == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Polls what may stop the group; whether it just did.
    fn poll_stop<S: Future>(
        &mut self,
        stop: Pin<&mut S>,
        stopped: &mut Option<S::Output>,
        cx: &mut Context<'_>,
    ) -> bool {
        if stopped.is_some() {
            return false;
        }
        let Poll::Ready(output) = stop.poll(cx) else { return false };
        *stopped = Some(output);
        self.close();
        true
    }

    fn close(&mut self) {
        with(|tasks| tasks.set_group_closing(self.crew));
    }

    /// Leaves the task's waker, and cancels the children of a group that has begun to close.
    fn attend(&mut self, cx: &mut Context<'_>) -> Standing {
        let mut waker = Some(cx.waker().clone());
        let standing = with(|tasks| {
            tasks.attend(self.crew, &mut waker);
            tasks.standing(self.crew)
        });
        drop(waker);
        let standing = standing.flatten().unwrap_or_else(|| no_loop());
        if standing.is_closing && !self.is_cancelled {
            self.is_cancelled = true;
            cancel_members(self.crew);
        }
        standing
    }

    /// The scope is over: every child has ended.
    fn finish(mut self) -> Vec<Failure<E>> {
        self.is_over = true;
        let over = with(|tasks| (tasks.take_failures(self.crew), tasks.close_group(self.crew)));
        let Some((failures, closed)) = over else { return Vec::new() };
        close(closed);
        failures
    }
}

impl<E> Drop for Scope<E> {
    fn drop(&mut self) {
        if !self.is_over {
            abandon(self.crew);
        }
    }
}

/// Cancels the children of a scope that was dropped, and has somebody await them.
fn abandon(crew: CrewId) {
    let here = with(|tasks| {
        let is_own = tasks.runtime() == crew.runtime;
        if is_own {
            tasks.set_group_closing(crew);
        }
        is_own
    });
    if here != Some(true) {
        // A loop that has ended has ended its tasks.
        crate::remote::send_home(crew.runtime, move || abandon(crew));
        return;
    }
    cancel_members(crew);
    let owner = with(|tasks| {
        if tasks.standing(crew).is_none_or(|standing| standing.alive == 0) {
            return None;
        }
        if tasks.hand_to_outer(crew) {
            return None;
        }
        tasks.owner(crew)
    });
    let rest = Rest(crew);
    let Some(Some(owner)) = owner else { return drop(rest) };
    let mut cleanup: Option<Cleanup> = Some(Box::pin(rest));
    with(|tasks| Some(tasks.extra(owner)?.defer(cleanup.take()?)));
}

/// What a dropped scope left, awaited in the deferred part of its owner.
struct Rest(CrewId);

impl Future for Rest {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        let standing = with(|tasks| {
            tasks.attend(self.0, &mut waker);
            tasks.standing(self.0)
        });
        match standing.flatten() {
            Some(standing) if standing.alive > 0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let crew = self.0;
        close(with(|tasks| tasks.close_group(crew)).flatten());
    }
}

/// Drops and wakes what a crew leaves at its end.
fn close(closed: Option<(Closed, Vec<Waker>)>) {
    let Some((closed, due)) = closed else { return };
    due.into_iter().for_each(Waker::wake);
    drop((closed.waiter, closed.group));
}

pub(super) fn cancel_members(crew: CrewId) {
    for task in with(|tasks| tasks.crews.alive(crew)).unwrap_or_default() {
        request(task, Stop::Cancel);
    }
}

/// The body of a group is being polled.
struct Region {
    before: Option<CrewId>,
}

impl Region {
    fn enter(crew: CrewId) -> Self {
        Region { before: with(|tasks| tasks.enter_region(Some(crew))).flatten() }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        with(|tasks| tasks.enter_region(self.before));
    }
}

#[cold]
fn no_loop() -> ! {
    panic!("a task group was polled outside of its annulus loop: await its scope in a task")
}

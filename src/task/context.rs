//! What task-locals are set where the thread is now, and how tasks take it along.
//!
//! A context is a small immutable list of the keys that are set, behind one count of references.
//! Setting a key makes another list; a spawned task keeps the one it was spawned in, and has it
//! around each of its polls. Where nothing is set, that costs a look when a task is spawned and
//! nothing when it is polled.
//!
//! Between polls the thread has no context: each poll that has one takes it along and puts back
//! what was before, also when it panics.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Cx, Poll};

use super::JoinError;
use super::cell::{Rest, Run};
use super::extra::Cleanup;
use super::memory::{Blocks, BoxedTask};

thread_local! {
    /// Without a destructor, so that it is there as long as the thread; it is empty outside of the
    /// polls and scopes that fill it.
    static CURRENT: Cell<ManuallyDrop<Option<Context>>> =
        const { Cell::new(ManuallyDrop::new(None)) };
}

/// The keys that are set and their values.
#[derive(Clone)]
pub(super) struct Context(Rc<[Entry]>);

#[derive(Clone)]
struct Entry {
    key: KeyId,
    value: Rc<dyn Any>,
}

/// Names a key: the address of the static that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId(pub(super) usize);

impl Context {
    /// The value of a key.
    pub(super) fn get(&self, key: KeyId) -> Option<&Rc<dyn Any>> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// `outer` with one key set anew.
    pub(super) fn with(outer: Option<&Context>, key: KeyId, value: Rc<dyn Any>) -> Context {
        let others = outer.map_or(&[][..], |outer| &outer.0[..]);
        let others = others.iter().filter(|entry| entry.key != key).cloned();
        Context(others.chain([Entry { key, value }]).collect())
    }
}

/// Whether both are the same list.
pub(super) fn is_same(a: Option<&Context>, b: Option<&Context>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(&a.0, &b.0),
        (None, None) => true,
        _ => false,
    }
}

#[inline]
fn replace(context: Option<Context>) -> Option<Context> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(context)))
}

/// The context that the thread is in.
#[inline]
pub(super) fn current() -> Option<Context> {
    let context = replace(None)?;
    let current = context.clone();
    // What was put there is `None`.
    let _none = replace(Some(context));
    Some(current)
}

/// Has the thread in `context` until what comes back is dropped.
pub(super) fn enter(context: Option<Context>) -> Entered {
    Entered { before: replace(context) }
}

#[must_use = "the context lasts as long as this"]
pub(crate) struct Entered {
    before: Option<Context>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The values that are let go of may have destructors that look for a context: the thread
        // is in that of before by then.
        drop(replace(self.before.take()));
    }
}

/// No task-local is set until what comes back is dropped: for a loop that is run in a scope.
pub(crate) fn leave() -> Entered {
    enter(None)
}

/// Has a task run in the context of here, if there is one.
#[inline]
pub(super) fn carry(task: BoxedTask, blocks: &mut Blocks) -> BoxedTask {
    match current() {
        None => task,
        Some(context) => BoxedTask::of(Carried { context, task }, blocks),
    }
}

/// Likewise a deferred clean-up.
pub(super) fn carry_cleanup(cleanup: Cleanup) -> Cleanup {
    match current() {
        None => cleanup,
        Some(context) => Box::pin(CarriedCleanup { context, cleanup: Some(cleanup) }),
    }
}

/// A task with the context that it was spawned in.
struct Carried {
    context: Context,
    task: BoxedTask,
}

impl Run for Carried {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<()> {
        let _entered = enter(Some(self.context.clone()));
        self.task.as_mut().poll(cx)
    }

    fn drop_future(mut self: Pin<&mut Self>) {
        let _entered = enter(Some(self.context.clone()));
        self.task.as_mut().drop_future();
    }

    fn fail(mut self: Pin<&mut Self>, error: JoinError) {
        self.task.as_mut().fail(error);
    }

    fn panic(&self) -> Option<&str> {
        self.task.panic()
    }

    fn take_output(mut self: Pin<&mut Self>, place: &mut dyn Any) -> Rest {
        self.task.as_mut().take_output(place);
        Rest::Something
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        let _entered = enter(Some(self.context.clone()));
        self.task.as_mut().drop_future();
    }
}

struct CarriedCleanup {
    context: Context,
    cleanup: Option<Cleanup>,
}

impl Future for CarriedCleanup {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<()> {
        let _entered = enter(Some(self.context.clone()));
        self.cleanup.as_mut().map_or(Poll::Ready(()), |cleanup| cleanup.as_mut().poll(cx))
    }
}

impl Drop for CarriedCleanup {
    fn drop(&mut self) {
        let _entered = enter(Some(self.context.clone()));
        drop(self.cleanup.take());
    }
}

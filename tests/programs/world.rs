//! The loop's side: workers that are tasks, and what they share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use annulus::sync::{OwnedSemaphorePermit, Queue, Semaphore};
use annulus::task::{
    AbortHandle, CancellationToken, ChildHandle, Failure, JoinError, JoinHandle, TaskGroup, defer,
    shield,
};
use annulus::time::{Elapsed, Instant, sleep, timeout};

use super::words::{Action, Command, End, Fail, Limit, Outcome, Wait, Wid, Wrap};

const HOUR: Duration = Duration::from_secs(3600);

type Value = Result<u32, u32>;

/// How a worker can be awaited.
pub(crate) enum Handle {
    Plain(JoinHandle<Value>),
    Child(ChildHandle<u32>),
}

impl Future for Handle {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        match &mut *self {
            Handle::Plain(join) => Pin::new(join).poll(cx).map(end_of),
            Handle::Child(join) => Pin::new(join).poll(cx).map(|end| end_of(end.map(Ok))),
        }
    }
}

fn end_of(joined: Result<Value, JoinError>) -> End {
    match joined {
        Ok(value) => End::Value(value),
        Err(error) if error.is_panic() => End::Panicked,
        Err(_) => End::Cancelled,
    }
}

/// What is seen of a worker from outside.
pub(crate) struct Slot {
    /// How its last command ended, and which that was, while it has none.
    pub(crate) idle: Option<(u32, Outcome)>,
    begun: u32,
    /// How many bodies, its own included, have not ended.
    pub(crate) bodies: usize,
    pub(crate) is_at_gate: bool,
    commands: UnboundedSender<Command>,
    abort: AbortHandle,
    gate: Rc<Semaphore>,
    /// Limits that are to pass.
    expired: Vec<Limit>,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn has_ended(&self) -> bool {
        self.abort.is_finished()
    }
}

pub(crate) struct World {
    pub(crate) sems: Vec<Rc<Semaphore>>,
    pub(crate) queues: Vec<Rc<Queue<u32>>>,
    pub(crate) tokens: Vec<CancellationToken>,
    pub(crate) slots: RefCell<Vec<Slot>>,
    pub(crate) handles: RefCell<HashMap<Wid, Handle>>,
    /// A connection, in programs that have one: our end, and the other.
    pub(crate) wire: Option<(TcpStream, std::net::TcpStream)>,
}

impl World {
    /// Does an action; what follows comes with the next turns of the loop.
    pub(crate) fn act(self: &Rc<Self>, action: Action) {
        match action {
            Action::Tell(worker, command) => {
                let slots = self.slots.borrow();
                slots[worker].commands.send(command).expect("the worker is there");
            }
            Action::Cancel(worker) => self.slots.borrow()[worker].abort.cancel(),
            Action::Abort(worker) => self.slots.borrow()[worker].abort.abort(),
            Action::Expire(worker, limit) => {
                let slot = &mut self.slots.borrow_mut()[worker];
                slot.expired.push(limit);
                slot.waker.take().expect("it waits").wake();
            }
            Action::OpenGate(worker) => self.slots.borrow()[worker].gate.add_permits(1),
            Action::AddPermits(sem, count) => self.sems[sem].add_permits(count),
            Action::CloseSem(sem) => self.sems[sem].close(),
            Action::CloseQueue(queue) => self.queues[queue].close(),
            Action::TaskDone(queue) => self.queues[queue].task_done(),
            Action::CancelToken(token) => self.tokens[token].cancel(),
            Action::Write(byte) => {
                let (_, far) = self.wire.as_ref().expect("a program with a connection");
                { far }.write_all(&[byte]).expect("there is room");
            }
        }
    }

    /// Spawns a worker: one of its group, or of nobody.
    pub(crate) fn add(self: &Rc<Self>, group: Option<TaskGroup<u32>>) {
        let (commands, inbox) = unbounded_channel();
        let worker = self.slots.borrow().len();
        let work = work(Rc::clone(self), worker, inbox);
        let (abort, handle) = match group {
            None => {
                let join = annulus::spawn(work);
                (join.abort_handle(), Handle::Plain(join))
            }
            Some(group) => {
                let join = group.spawn(work);
                (join.abort_handle(), Handle::Child(join))
            }
        };
        self.handles.borrow_mut().insert(worker, handle);
        let (idle, begun, bodies, gate) = (None, 0, 0, Rc::new(Semaphore::new(0)));
        let (is_at_gate, expired, waker) = (false, Vec::new(), None);
        let slot = Slot { idle, begun, bodies, is_at_gate, commands, abort, gate, expired, waker };
        self.slots.borrow_mut().push(slot);
    }

    /// Limits that passed too late count for no other wait.
    pub(crate) fn forget_expiry(&self, worker: Wid) {
        self.slots.borrow_mut()[worker].expired.clear();
    }

    fn set_idle(&self, worker: Wid, idle: (u32, Outcome)) {
        self.slots.borrow_mut()[worker].idle = Some(idle);
    }

    fn set_busy(&self, worker: Wid) {
        self.slots.borrow_mut()[worker].idle = None;
    }

    /// The number of the command that begins.
    fn begin(&self, worker: Wid) -> u32 {
        self.set_busy(worker);
        let slot = &mut self.slots.borrow_mut()[worker];
        slot.begun += 1;
        slot.begun
    }
}

async fn work(world: Rc<World>, me: Wid, mut inbox: UnboundedReceiver<Command>) -> Value {
    level(&world, me, &mut inbox, None).await
}

/// Busy again, also when the body of a scope is dropped.
struct Leaving<'a>(&'a World, Wid);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.set_busy(self.1);
        self.0.slots.borrow_mut()[self.1].bodies -= 1;
    }
}

type Level<'a> = Pin<Box<dyn Future<Output = Value> + 'a>>;

/// Does commands until one ends the scope, or the worker.
fn level<'a>(
    world: &'a Rc<World>,
    me: Wid,
    inbox: &'a mut UnboundedReceiver<Command>,
    group: Option<TaskGroup<u32>>,
) -> Level<'a> {
    Box::pin(async move {
        let mut held: Vec<OwnedSemaphorePermit> = Vec::new();
        world.slots.borrow_mut()[me].bodies += 1;
        let _leaving = Leaving(world, me);
        let mut outcome = (world.slots.borrow()[me].begun, Outcome::Started);
        loop {
            world.set_idle(me, outcome);
            let command = inbox.recv().await.expect("the program is there");
            let number = world.begin(me);
            let ended = match command {
                Command::Wait(wait, wrap) => wrapped(world, me, wait, wrap, &mut held).await,
                Command::Release => {
                    drop(held.remove(0));
                    Outcome::Done
                }
                Command::Spawn(_) => {
                    world.add(None);
                    Outcome::Done
                }
                Command::Child(_) => {
                    world.add(group);
                    Outcome::Done
                }
                Command::Open => {
                    let inbox = &mut *inbox;
                    let body = async |group| level(world, me, inbox, Some(group)).await;
                    match TaskGroup::scope(body).await {
                        Ok(value) => Outcome::Group(Ok(value)),
                        Err(error) => Outcome::Group(Err(error.iter().map(fail_of).collect())),
                    }
                }
                Command::Finish(result) => return result,
                // As `panic!`, without what the hook would print.
                Command::Panic => std::panic::resume_unwind(Box::new("on purpose")),
                Command::Defer { gated } => {
                    let world = Rc::clone(world);
                    defer(async move { clean_up(&world, me, gated).await });
                    Outcome::Done
                }
            };
            outcome = (number, ended);
        }
    })
}

fn fail_of(failure: &Failure<u32>) -> Fail {
    failure.error().map_or(Fail::Panic, |error| Fail::Error(*error))
}

async fn clean_up(world: &World, me: Wid, gated: bool) {
    if gated {
        let gate = {
            let slot = &mut world.slots.borrow_mut()[me];
            slot.is_at_gate = true;
            Rc::clone(&slot.gate)
        };
        gate.acquire().await.expect("nobody closes it").forget();
        world.slots.borrow_mut()[me].is_at_gate = false;
    }
}

/// What a wait gave, and the permits that came with it.
type Given = (Outcome, Option<OwnedSemaphorePermit>);

async fn wrapped(
    world: &Rc<World>,
    me: Wid,
    wait: Wait,
    wrap: Wrap,
    held: &mut Vec<OwnedSemaphorePermit>,
) -> Outcome {
    let waiting = plain(world, wait);
    let given = match wrap {
        Wrap::Plain => waiting.await,
        Wrap::Shielded => shield(waiting).await,
        Wrap::Until(token) => {
            let token = &world.tokens[token];
            token.run_until_cancelled(waiting).await.unwrap_or((Outcome::Stopped, None))
        }
        Wrap::Limited => {
            let given = limited(world, me, Limit::Inner, waiting).await;
            given.unwrap_or((Outcome::Expired(Limit::Inner), None))
        }
        Wrap::Nested => {
            let inner = limited(world, me, Limit::Inner, waiting);
            match limited(world, me, Limit::Outer, inner).await {
                Ok(Ok(given)) => given,
                Ok(Err(_)) => (Outcome::Expired(Limit::Inner), None),
                Err(_) => (Outcome::Expired(Limit::Outer), None),
            }
        }
    };
    held.extend(given.1);
    given.0
}

/// A timeout that passes when the program says so.
async fn limited<F: Future>(
    world: &World,
    me: Wid,
    limit: Limit,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut timeout = pin!(timeout(HOUR, future));
    poll_fn(|cx| {
        let has_passed = {
            let slot = &mut world.slots.borrow_mut()[me];
            slot.waker = Some(cx.waker().clone());
            let place = slot.expired.iter().position(|expired| *expired == limit);
            place.map(|place| slot.expired.remove(place)).is_some()
        };
        if has_passed {
            timeout.as_mut().reschedule(Instant::now() - HOUR);
        }
        timeout.as_mut().poll(cx)
    })
    .await
}

async fn plain(world: &Rc<World>, wait: Wait) -> Given {
    let outcome = match wait {
        Wait::Acquire { sem, count } => {
            match Rc::clone(&world.sems[sem]).acquire_many_owned(count).await {
                Ok(permit) => return (Outcome::Done, Some(permit)),
                Err(_) => Outcome::Closed,
            }
        }
        Wait::Put { queue, item } => match world.queues[queue].put(item).await {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Closed,
        },
        Wait::Get { queue } => match world.queues[queue].get().await {
            Ok(item) => Outcome::Got(item),
            Err(_) => Outcome::Closed,
        },
        Wait::Drain { queue } => {
            world.queues[queue].join().await;
            Outcome::Done
        }
        Wait::Read => {
            let (near, _) = world.wire.as_ref().expect("a program with a connection");
            let (count, buf) = near.read(vec![0; 1]).await.into_result().expect("a byte");
            assert_eq!(count, 1, "the other end is there");
            Outcome::Got(buf[0].into())
        }
        Wait::Token(token) => {
            world.tokens[token].cancelled().await;
            Outcome::Done
        }
        Wait::Join(worker) => {
            let handle = world.handles.borrow_mut().remove(&worker).expect("nobody else joins");
            Outcome::Joined(handle.await)
        }
        Wait::Nop => {
            annulus::op::nop().await.expect("a nop");
            Outcome::Done
        }
        Wait::Nap => {
            sleep(Duration::from_micros(20)).await;
            Outcome::Done
        }
    };
    (outcome, None)
}

//! One random program: actions that make sense, done by the loop and by the model, which have to
//! agree whenever nothing moves any more.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use annulus::sync::{Queue, Semaphore};
use annulus::task::CancellationToken;
use annulus::yield_now;

use super::common::metrics::{assert_conserved, here};
use super::common::net::half_pair;
use super::model::{Model, Phase};
use super::shared::Shared;
use super::words::{Action, Command, Wait, Wid, Wrap};
use super::world::World;

const WORKERS_MAX: usize = 14;
/// Turns until what has to happen has happened.
const TURNS_MAX: usize = 100_000;

pub(crate) struct Program {
    random: fastrand::Rng,
    world: Rc<World>,
    model: Model,
    next_item: u32,
    /// Workers whose end somebody has gone to await.
    joined: Vec<Wid>,
    log: Vec<String>,
}

impl Program {
    pub(crate) fn new(seed: u64) -> Program {
        let mut random = fastrand::Rng::with_seed(seed);
        let permits = [random.u32(0..4), random.u32(0..2)];
        let bounds = [random.usize(1..4), 1];
        let shared = Shared::new(&permits, &bounds, 2);
        let token = CancellationToken::new();
        let world = World {
            sems: permits.map(|permits| Rc::new(Semaphore::new(permits as usize))).into(),
            queues: bounds.map(|bound| Rc::new(Queue::bounded(bound))).into(),
            tokens: vec![token.clone(), token.child_token()],
            slots: RefCell::default(),
            handles: RefCell::new(HashMap::new()),
            wire: random.bool().then(half_pair),
        };
        let (model, world) = (Model::new(shared), Rc::new(world));
        let (joined, log) = (Vec::new(), vec![format!("{permits:?} {bounds:?}")]);
        Program { random, world, model, next_item: 0, joined, log }
    }

    pub(crate) async fn run(&mut self, steps: usize) {
        for _ in 0..3 {
            self.world.add(None);
            self.model.add(None);
        }
        self.settle().await;
        for _ in 0..steps {
            match self.random.u32(0..10) {
                0 => self.race().await,
                1 => self.finish_siblings().await,
                _ => {
                    let action = self.action();
                    self.step(action).await;
                }
            }
        }
        self.end().await;
    }

    async fn step(&mut self, action: Option<Action>) {
        let Some(action) = action else { return };
        self.log.push(format!("{action:?}"));
        self.world.act(action);
        self.model.act(action);
        self.settle().await;
    }

    /// Something that may end a wait, and the end of who waits, in one go.
    async fn race(&mut self) {
        let Some(victim) = self.pick(|program, worker| {
            matches!(program.model.workers[worker].phase, Phase::Waiting(..))
        }) else {
            return;
        };
        let Phase::Waiting(wait, _) = self.model.workers[victim].phase else { return };
        let Some(event) = self.event_for(victim, wait) else { return };
        let limits = self.model.workers[victim].limits();
        let end = match self.random.choice(limits) {
            Some(limit) if self.random.bool() => Action::Expire(victim, *limit),
            _ => Action::Cancel(victim),
        };
        self.log.push(format!("together {event:?} and {end:?}"));
        calm().await;
        // In the loop either may come first. A cancel wins in any case. Of a limit and a value the
        // value wins, if it is there when who waits is polled.
        let is_event_first = self.random.bool();
        let (first, second) = if is_event_first { (event, end) } else { (end, event) };
        self.world.act(first);
        self.world.act(second);
        let is_told = matches!(event, Action::Tell(..));
        match end {
            Action::Expire(..) if is_event_first || !is_told => {
                self.model.act_together(&[event, end]);
            }
            _ => {
                self.model.act(end);
                self.model.act(event);
            }
        }
        self.settle().await;
        self.world.forget_expiry(victim);
    }

    /// What may end such a wait.
    fn event_for(&mut self, victim: Wid, wait: Wait) -> Option<Action> {
        // The end of children might come before or after what another in line does with an item.
        let is_alone = self.model.workers[victim].depth() == 1;
        Some(match wait {
            Wait::Acquire { sem, .. } => Action::AddPermits(sem, self.random.usize(1..3)),
            Wait::Token(token) if !self.model.lasts_until_a_token() => Action::CancelToken(token),
            Wait::Drain { queue } if self.model.shared.queues[queue].unfinished > 0 => {
                Action::TaskDone(queue)
            }
            Wait::Get { queue } if is_alone => {
                self.next_item += 1;
                let put = Wait::Put { queue, item: self.next_item };
                Action::Tell(self.bystander()?, Command::Wait(put, Wrap::Plain))
            }
            Wait::Put { queue, .. } if is_alone => {
                let get = Wait::Get { queue };
                Action::Tell(self.bystander()?, Command::Wait(get, Wrap::Plain))
            }
            _ => return None,
        })
    }

    /// A worker that has nothing to do and that no other's end concerns.
    fn bystander(&mut self) -> Option<Wid> {
        self.pick(|program, worker| {
            let worker = &program.model.workers[worker];
            worker.phase == Phase::Idle && worker.parent().is_none()
        })
    }

    /// Several children of one group end before anybody else runs.
    async fn finish_siblings(&mut self) {
        let Some(one) = self.pick(|program, worker| {
            let worker = &program.model.workers[worker];
            worker.phase == Phase::Idle && worker.parent().is_some()
        }) else {
            return;
        };
        let group = self.model.workers[one].parent();
        let siblings = (0..self.model.workers.len()).filter(|worker| {
            let worker = &self.model.workers[*worker];
            worker.phase == Phase::Idle && worker.parent() == group && worker.depth() == 1
        });
        let siblings: Vec<Wid> = siblings.collect();
        let mut actions = Vec::new();
        for worker in siblings {
            actions.push(Action::Tell(worker, self.finish()));
        }
        self.log.push(format!("together {actions:?}"));
        calm().await;
        actions.iter().for_each(|action| self.world.act(*action));
        self.model.act_together(&actions);
        self.settle().await;
    }

    fn pick(&mut self, fits: impl Fn(&Program, Wid) -> bool) -> Option<Wid> {
        let fitting = (0..self.model.workers.len()).filter(|worker| fits(self, *worker));
        let fitting: Vec<Wid> = fitting.collect();
        self.random.choice(fitting)
    }

    fn finish(&mut self) -> Command {
        let number = self.random.u32(0..100);
        match self.random.u32(0..5) {
            0 | 1 => Command::Finish(Ok(number)),
            2 | 3 => Command::Finish(Err(number)),
            _ => Command::Panic,
        }
    }

    /// An action that makes sense now.
    fn action(&mut self) -> Option<Action> {
        let worker = self.random.usize(..self.model.workers.len());
        let shared = &self.model.shared;
        let [sem, queue] = [self.random.usize(0..2), self.random.usize(0..2)];
        let action = match self.random.u32(0..40) {
            0..=2 => Action::AddPermits(sem, self.random.usize(1..3)),
            3 if self.random.u32(0..4) == 0 => Action::CloseSem(sem),
            4 if self.random.u32(0..4) == 0 => Action::CloseQueue(queue),
            5 | 6 if shared.queues[queue].unfinished > 0 => Action::TaskDone(queue),
            7 if self.random.u32(0..3) == 0 => Action::CancelToken(self.random.usize(0..2)),
            8 | 9 if self.world.wire.is_some() => Action::Write(self.random.u8(..)),
            10 | 11 => Action::Cancel(worker),
            12 if self.random.bool() => Action::Abort(worker),
            13..=15 => {
                let waiting = self
                    .pick(|program, worker| !program.model.workers[worker].limits().is_empty())?;
                let limits = self.model.workers[waiting].limits();
                Action::Expire(waiting, *self.random.choice(limits)?)
            }
            16 | 17 => Action::OpenGate(
                self.pick(|program, worker| program.model.workers[worker].waits_at_gate())?,
            ),
            _ => {
                let idle = self
                    .pick(|program, worker| program.model.workers[worker].phase == Phase::Idle)?;
                Action::Tell(idle, self.command(idle)?)
            }
        };
        Some(action)
    }

    fn command(&mut self, worker: Wid) -> Option<Command> {
        let own = &self.model.workers[worker];
        let count = self.model.workers.len();
        let command = match self.random.u32(0..24) {
            0 | 1 if own.holds_permits() => Command::Release,
            2 if count < WORKERS_MAX => Command::Spawn(count),
            3..=5 if count < WORKERS_MAX && own.is_in_scope() => Command::Child(count),
            6 | 7 if own.depth() < 4 => Command::Open,
            8 => self.finish(),
            9 | 10 => Command::Defer { gated: self.random.bool() },
            _ => Command::Wait(self.wait()?, self.wrap()),
        };
        Some(command)
    }

    fn wait(&mut self) -> Option<Wait> {
        let shared = &self.model.shared;
        let [sem, queue] = [self.random.usize(0..2), self.random.usize(0..2)];
        Some(match self.random.u32(0..16) {
            0..=3 => Wait::Acquire { sem, count: self.random.u32(1..4) },
            4..=6 => {
                self.next_item += 1;
                Wait::Put { queue, item: self.next_item }
            }
            7..=9 => Wait::Get { queue },
            10 => Wait::Drain { queue },
            11 if self.world.wire.is_some() && shared.reader.is_none() => Wait::Read,
            12 => Wait::Token(self.random.usize(0..2)),
            13 => {
                let other = self.pick(|program, worker| !program.joined.contains(&worker))?;
                self.joined.push(other);
                Wait::Join(other)
            }
            14 => Wait::Nop,
            _ => Wait::Nap,
        })
    }

    fn wrap(&mut self) -> Wrap {
        match self.random.u32(0..8) {
            0..=2 => Wrap::Plain,
            3 | 4 => Wrap::Limited,
            5 => Wrap::Nested,
            6 => Wrap::Shielded,
            _ => Wrap::Until(self.random.usize(0..2)),
        }
    }

    /// Turns the loop until it agrees with the model, and a little longer.
    async fn settle(&mut self) {
        let mut left = TURNS_MAX;
        while let Some(difference) = self.difference() {
            assert!(left > 0, "{difference}\n{:#?}\n{}", self.model, self.log.join("\n"));
            left -= 1;
            yield_now().await;
        }
        for _ in 0..self.random.usize(0..3) {
            yield_now().await;
            let difference = self.difference();
            assert!(difference.is_none(), "later {difference:?}\n{}", self.log.join("\n"));
        }
        assert_conserved(&here());
    }

    /// What the loop and the model do not agree about.
    fn difference(&self) -> Option<String> {
        let slots = self.world.slots.borrow();
        if slots.len() != self.model.workers.len() {
            return Some(format!("{} workers of {}", slots.len(), self.model.workers.len()));
        }
        for (worker, (real, model)) in slots.iter().zip(&self.model.workers).enumerate() {
            let agree = match model.phase {
                Phase::Idle => !real.has_ended() && real.idle.as_ref() == Some(&model.outcome),
                Phase::Ended(_) => real.has_ended(),
                Phase::Cleaning => {
                    !real.has_ended()
                        && real.idle.is_none()
                        && real.is_at_gate == model.waits_at_gate()
                }
                Phase::Waiting(..) | Phase::Closing => !real.has_ended() && real.idle.is_none(),
            };
            if !agree || real.bodies != model.bodies() {
                let (idle, bodies, ended) = (&real.idle, real.bodies, real.has_ended());
                return Some(format!(
                    "worker {worker}: idle {idle:?}, {bodies} bodies, ended {ended}; the model has \
                     {model:?}"
                ));
            }
        }
        let shared = &self.model.shared;
        for (index, (real, model)) in self.world.sems.iter().zip(&shared.sems).enumerate() {
            // Those in line may have set some aside.
            if !model.is_waited_for() && real.available_permits() != model.available as usize {
                let (real, model) = (real.available_permits(), model.available);
                return Some(format!("semaphore {index}: {real} permits of {model}"));
            }
        }
        for (index, (real, model)) in self.world.queues.iter().zip(&shared.queues).enumerate() {
            if real.len() != model.items.len() {
                return Some(format!("queue {index}: {} items of {model:?}", real.len()));
            }
        }
        None
    }

    /// Ends every worker, and looks at what is left.
    async fn end(&mut self) {
        while let Some(next) = self.next_end() {
            self.step(Some(next)).await;
        }
        let ended = std::mem::take(&mut *self.world.handles.borrow_mut());
        for (worker, handle) in ended {
            let end = handle.await;
            assert_eq!(Phase::Ended(end), self.model.workers[worker].phase, "worker {worker}");
        }
        for (real, model) in self.world.queues.iter().zip(&self.model.shared.queues) {
            let left: Vec<u32> = std::iter::from_fn(|| real.try_get().ok()).collect();
            assert_eq!(left, Vec::from(model.items.clone()), "what nobody took");
        }
        assert_eq!(Rc::strong_count(&self.world), 1, "somebody is left");
        assert!(self.world.sems.iter().all(|sem| Rc::strong_count(sem) == 1));
    }

    fn next_end(&mut self) -> Option<Action> {
        let workers = 0..self.model.workers.len();
        let alive = workers.filter(|worker| !self.model.workers[*worker].has_ended());
        let alive: Vec<Wid> = alive.collect();
        let worker = self.random.choice(alive)?;
        Some(match self.model.workers[worker].phase {
            Phase::Cleaning if self.model.workers[worker].waits_at_gate() => {
                Action::OpenGate(worker)
            }
            Phase::Waiting(_, Wrap::Shielded) if self.random.bool() => Action::Abort(worker),
            _ => Action::Cancel(worker),
        })
    }
}

/// Turns the loop until no task is to be polled: what is woken then is polled in that order.
async fn calm() {
    while here().run_queue_depth > 0 {
        yield_now().await;
    }
}

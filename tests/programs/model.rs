//! The model: what every worker is in when nothing moves any more.
//!
//! It knows no tasks, wakers or polls. Each action is done at once; what follows from it stands in
//! a queue of events, first in, first out, until nothing follows any more.

mod ends;

use std::collections::VecDeque;

use super::shared::Shared;
use super::words::{Action, Command, End, Fail, Limit, Outcome, Wait, Wid, Wrap};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Waiting(Wait, Wrap),
    /// The body of the innermost scope has ended, and its children have not.
    Closing,
    Cleaning,
    Ended(End),
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) phase: Phase,
    /// How its last command ended, and which that was.
    pub(crate) outcome: (u32, Outcome),
    told: u32,
    /// When its wait began, among all.
    began: u64,
    frames: Vec<Frame>,
    /// Whose failure its own is.
    parent: Option<usize>,
    /// The group that awaits it.
    crew: Option<usize>,
    deferred: Vec<Cleanup>,
    /// Cancelled behind a shield.
    is_due: bool,
    end: Option<End>,
}

/// The worker itself, or a scope in it.
#[derive(Debug, Default)]
struct Frame {
    held: Vec<(usize, u32)>,
    group: Option<usize>,
    /// The command that opened it.
    number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cleanup {
    Quick,
    Gated,
    /// The children of a scope that was dropped.
    Rest(usize),
}

#[derive(Debug)]
struct Group {
    owner: Wid,
    members: Vec<Wid>,
    failures: Vec<Fail>,
    body: Body,
    is_open: bool,
    is_closing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Runs,
    Ended(Option<u32>),
    Panicked,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A cancel reaches a worker.
    Stop(Wid),
    /// The owner of a group sees that it closes.
    Close(usize),
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) workers: Vec<Worker>,
    pub(crate) shared: Shared,
    groups: Vec<Group>,
    events: VecDeque<Event>,
    waits: u64,
}

impl Model {
    pub(crate) fn new(shared: Shared) -> Self {
        Model { workers: Vec::new(), shared, groups: Vec::new(), events: VecDeque::new(), waits: 0 }
    }

    /// A worker without a parent, spawned by the program.
    pub(crate) fn add(&mut self, parent: Option<usize>) -> Wid {
        self.workers.push(Worker {
            phase: Phase::Idle,
            outcome: (0, Outcome::Started),
            told: 0,
            began: 0,
            frames: vec![Frame::default()],
            parent,
            crew: parent,
            deferred: Vec::new(),
            is_due: false,
            end: None,
        });
        self.workers.len() - 1
    }

    /// Does an action and all that follows from it.
    pub(crate) fn act(&mut self, action: Action) {
        self.act_first(action);
        self.follow();
    }

    /// Does several before anything follows from the first.
    pub(crate) fn act_together(&mut self, actions: &[Action]) {
        actions.iter().for_each(|action| self.act_first(*action));
        self.follow();
    }

    /// Whether somebody waits only until a token is cancelled.
    pub(crate) fn lasts_until_a_token(&self) -> bool {
        let phases = self.workers.iter().map(|worker| worker.phase);
        phases.into_iter().any(|phase| matches!(phase, Phase::Waiting(_, Wrap::Until(_))))
    }

    fn act_first(&mut self, action: Action) {
        match action {
            Action::Tell(worker, command) => self.tell(worker, command),
            Action::Cancel(worker) => self.events.push_back(Event::Stop(worker)),
            Action::Abort(worker) => self.abort(worker),
            Action::Expire(worker, limit) => self.complete(worker, Outcome::Expired(limit)),
            Action::OpenGate(worker) => {
                assert_eq!(self.workers[worker].deferred.pop(), Some(Cleanup::Gated));
                self.clean_up(worker);
            }
            shared => {
                let done = self.shared.act(shared);
                self.complete_all(done);
            }
        }
    }

    fn follow(&mut self) {
        loop {
            self.until_tokens();
            match self.events.pop_front() {
                None => return,
                Some(Event::Stop(worker)) => self.stop(worker),
                Some(Event::Close(group)) => self.close(group),
            }
        }
    }

    /// Ends the waits that lasted until a token was cancelled: those of a token before those of its
    /// child, the first that began to wait first. One that leaves a line may give the next its
    /// value, which the next then prefers.
    fn until_tokens(&mut self) {
        let stopped = |worker: &Worker| match worker.phase {
            Phase::Waiting(_, Wrap::Until(token)) => Some((token, worker.began)),
            _ => None,
        };
        loop {
            let workers = self.workers.iter().enumerate();
            let waits = workers.filter_map(|(worker, own)| Some((stopped(own)?, worker)));
            let next = waits.filter(|((token, _), _)| self.shared.tokens[*token]).min();
            let Some((_, worker)) = next else { return };
            self.complete(worker, Outcome::Stopped);
        }
    }

    fn tell(&mut self, worker: Wid, command: Command) {
        let own = &mut self.workers[worker];
        assert_eq!(own.phase, Phase::Idle, "a command for worker {worker}");
        own.told += 1;
        let number = own.told;
        let frame = own.frames.last_mut().expect("the worker's own");
        match command {
            Command::Wait(wait, wrap) => return self.wait(worker, wait, wrap),
            Command::Release => {
                let (sem, count) = frame.held.remove(0);
                let done = self.shared.release(sem, count);
                self.complete_all(done);
            }
            Command::Spawn(_) => drop(self.add(None)),
            Command::Child(_) => {
                let group = frame.group.expect("a scope");
                let child = self.add(Some(group));
                self.groups[group].members.push(child);
            }
            Command::Open => {
                let (members, failures) = (Vec::new(), Vec::new());
                let (body, is_open, is_closing) = (Body::Runs, true, false);
                let owner = worker;
                self.groups.push(Group { owner, members, failures, body, is_open, is_closing });
                let group = Some(self.groups.len() - 1);
                own.frames.push(Frame { held: Vec::new(), group, number });
                own.outcome = (number, Outcome::Started);
                return;
            }
            Command::Finish(result) => return self.finish(worker, result),
            Command::Panic => return self.panic(worker),
            Command::Defer { gated } => {
                own.deferred.push(if gated { Cleanup::Gated } else { Cleanup::Quick });
            }
        }
        self.workers[worker].outcome = (number, Outcome::Done);
    }

    fn wait(&mut self, worker: Wid, wait: Wait, wrap: Wrap) {
        self.waits += 1;
        self.workers[worker].phase = Phase::Waiting(wait, wrap);
        self.workers[worker].began = self.waits;
        if matches!(wrap, Wrap::Until(token) if self.shared.tokens[token]) {
            return self.complete(worker, Outcome::Stopped);
        }
        if let Wait::Join(other) = wait {
            if let Phase::Ended(end) = self.workers[other].phase {
                self.complete(worker, Outcome::Joined(end));
            }
            return;
        }
        let done = self.shared.wait(worker, wait);
        self.complete_all(done);
    }

    fn complete_all(&mut self, done: Vec<(Wid, Outcome)>) {
        done.into_iter().for_each(|(worker, outcome)| self.complete(worker, outcome));
    }

    /// The wait of a worker ends.
    fn complete(&mut self, worker: Wid, outcome: Outcome) {
        let own = &mut self.workers[worker];
        let Phase::Waiting(wait, wrap) = own.phase else { return };
        if let (Wait::Acquire { sem, count }, Outcome::Done) = (wait, &outcome) {
            own.frames.last_mut().expect("the worker's own").held.push((sem, count));
        }
        own.phase = Phase::Idle;
        own.outcome = (own.told, outcome);
        if wrap == Wrap::Shielded {
            // What was held back is due now: the groups around first, whose owner is running.
            let groups = own.frames.iter().filter_map(|frame| frame.group).collect::<Vec<_>>();
            let is_due = own.is_due;
            let closing = groups.into_iter().filter(|group| self.groups[*group].is_closing);
            self.events.extend(closing.map(Event::Close).collect::<Vec<_>>());
            self.events.extend(is_due.then_some(Event::Stop(worker)));
        }
        let done = self.shared.leave(worker);
        self.complete_all(done);
    }
}

/// What the generator asks.
impl Worker {
    /// Whether its next commands go to a scope's body.
    pub(crate) fn is_in_scope(&self) -> bool {
        self.frames.len() > 1
    }

    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// How many bodies, its own included, have not ended.
    pub(crate) fn bodies(&self) -> usize {
        self.frames.len() - usize::from(self.phase == Phase::Closing)
    }

    pub(crate) fn holds_permits(&self) -> bool {
        self.frames.last().is_some_and(|frame| !frame.held.is_empty())
    }

    pub(crate) fn waits_at_gate(&self) -> bool {
        self.phase == Phase::Cleaning && self.deferred.last() == Some(&Cleanup::Gated)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    pub(crate) fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// The limits that are around what it waits for.
    pub(crate) fn limits(&self) -> &'static [Limit] {
        match self.phase {
            Phase::Waiting(_, Wrap::Limited) => &[Limit::Inner],
            Phase::Waiting(_, Wrap::Nested) => &[Limit::Inner, Limit::Outer],
            _ => &[],
        }
    }
}

//! The model of what workers share: each primitive is a line of those who wait.

use std::collections::VecDeque;

use super::words::{Action, Outcome, Wait, Wid};

#[derive(Debug, Default)]
pub(crate) struct Sem {
    pub(crate) available: u32,
    pub(crate) is_closed: bool,
    line: VecDeque<(Wid, u32)>,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) bound: usize,
    pub(crate) items: VecDeque<u32>,
    pub(crate) is_closed: bool,
    pub(crate) unfinished: usize,
    getters: VecDeque<Wid>,
    putters: VecDeque<(Wid, u32)>,
    drainers: Vec<Wid>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) sems: Vec<Sem>,
    pub(crate) queues: Vec<Queue>,
    /// Whether each is cancelled; each is the child of the one before.
    pub(crate) tokens: Vec<bool>,
    token_line: Vec<(Wid, usize)>,
    pub(crate) bytes: VecDeque<u8>,
    pub(crate) reader: Option<Wid>,
}

/// Whose wait ended, and how.
type Done = Vec<(Wid, Outcome)>;

impl Sem {
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.line.is_empty()
    }

    fn grant(&mut self) -> Done {
        let mut done = Vec::new();
        while let Some(&(worker, count)) = self.line.front() {
            if count > self.available {
                break;
            }
            self.available -= count;
            self.line.pop_front();
            done.push((worker, Outcome::Done));
        }
        done
    }
}

impl Queue {
    fn put(&mut self, worker: Wid, item: u32) -> Done {
        if self.is_closed {
            return vec![(worker, Outcome::Closed)];
        }
        if let Some(getter) = self.getters.pop_front() {
            self.unfinished += 1;
            return vec![(worker, Outcome::Done), (getter, Outcome::Got(item))];
        }
        if self.items.len() < self.bound {
            self.unfinished += 1;
            self.items.push_back(item);
            return vec![(worker, Outcome::Done)];
        }
        self.putters.push_back((worker, item));
        Vec::new()
    }

    fn get(&mut self, worker: Wid) -> Done {
        let Some(item) = self.items.pop_front() else {
            if self.is_closed {
                return vec![(worker, Outcome::Closed)];
            }
            self.getters.push_back(worker);
            return Vec::new();
        };
        let mut done = vec![(worker, Outcome::Got(item))];
        if let Some((putter, item)) = self.putters.pop_front() {
            self.unfinished += 1;
            self.items.push_back(item);
            done.push((putter, Outcome::Done));
        }
        done
    }

    fn close(&mut self) -> Done {
        self.is_closed = true;
        let putters = self.putters.drain(..).map(|(worker, _)| worker);
        putters.chain(self.getters.drain(..)).map(|worker| (worker, Outcome::Closed)).collect()
    }
}

impl Shared {
    pub(crate) fn new(permits: &[u32], bounds: &[usize], tokens: usize) -> Self {
        let sem = |available: &u32| Sem { available: *available, ..Sem::default() };
        let queue = |bound: &usize| Queue { bound: *bound, ..Queue::default() };
        Shared {
            sems: permits.iter().map(sem).collect(),
            queues: bounds.iter().map(queue).collect(),
            tokens: vec![false; tokens],
            ..Shared::default()
        }
    }

    /// Somebody begins to wait.
    pub(crate) fn wait(&mut self, worker: Wid, wait: Wait) -> Done {
        match wait {
            Wait::Acquire { sem, .. } if self.sems[sem].is_closed => {
                vec![(worker, Outcome::Closed)]
            }
            Wait::Acquire { sem, count } => {
                self.sems[sem].line.push_back((worker, count));
                self.sems[sem].grant()
            }
            Wait::Put { queue, item } => self.queues[queue].put(worker, item),
            Wait::Get { queue } => self.queues[queue].get(worker),
            Wait::Drain { queue } => {
                if self.queues[queue].unfinished == 0 {
                    return vec![(worker, Outcome::Done)];
                }
                self.queues[queue].drainers.push(worker);
                Vec::new()
            }
            Wait::Read => match self.bytes.pop_front() {
                Some(byte) => vec![(worker, Outcome::Got(byte.into()))],
                None => {
                    assert_eq!(self.reader.replace(worker), None, "one reader at a time");
                    Vec::new()
                }
            },
            Wait::Token(token) => {
                if self.tokens[token] {
                    return vec![(worker, Outcome::Done)];
                }
                self.token_line.push((worker, token));
                Vec::new()
            }
            Wait::Nop | Wait::Nap => vec![(worker, Outcome::Done)],
            Wait::Join(_) => unreachable!("the model knows ends"),
        }
    }

    /// Somebody does not wait any more, for whatever reason.
    pub(crate) fn leave(&mut self, worker: Wid) -> Done {
        self.token_line.retain(|(waits, _)| *waits != worker);
        self.reader = self.reader.filter(|reader| *reader != worker);
        let mut done = Vec::new();
        for queue in &mut self.queues {
            queue.getters.retain(|waits| *waits != worker);
            queue.putters.retain(|(waits, _)| *waits != worker);
            queue.drainers.retain(|waits| *waits != worker);
        }
        for sem in &mut self.sems {
            sem.line.retain(|(waits, _)| *waits != worker);
            // Who stood behind it may have all that it waits for.
            done.extend(sem.grant());
        }
        done
    }

    pub(crate) fn release(&mut self, sem: usize, count: u32) -> Done {
        self.sems[sem].available += count;
        self.sems[sem].grant()
    }

    pub(crate) fn act(&mut self, action: Action) -> Done {
        match action {
            Action::AddPermits(sem, count) => self.release(sem, count as u32),
            Action::CloseSem(sem) => {
                let sem = &mut self.sems[sem];
                sem.is_closed = true;
                sem.line.drain(..).map(|(worker, _)| (worker, Outcome::Closed)).collect()
            }
            Action::CloseQueue(queue) => self.queues[queue].close(),
            Action::TaskDone(queue) => {
                let queue = &mut self.queues[queue];
                queue.unfinished -= 1;
                if queue.unfinished > 0 {
                    return Vec::new();
                }
                queue.drainers.drain(..).map(|worker| (worker, Outcome::Done)).collect()
            }
            Action::CancelToken(token) => {
                self.tokens[token..].fill(true);
                let line = std::mem::take(&mut self.token_line);
                let (fired, left): (Vec<_>, Vec<_>) =
                    line.into_iter().partition(|(_, token)| self.tokens[*token]);
                self.token_line = left;
                fired.into_iter().map(|(worker, _)| (worker, Outcome::Done)).collect()
            }
            Action::Write(byte) => match self.reader.take() {
                Some(reader) => vec![(reader, Outcome::Got(byte.into()))],
                None => {
                    self.bytes.push_back(byte);
                    Vec::new()
                }
            },
            other => unreachable!("{other:?} is not about what is shared"),
        }
    }
}

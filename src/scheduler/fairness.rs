//! Whether ready tasks are polled within a bound (feature `sim`).
//!
//! The queue is first in, first out, so who is woken knows how many are polled before it: those that
//! are ahead of it. The ledger writes that down for each wake, and finds a task that is passed over,
//! one that is forgotten while others run, and one that is forgotten while the loop goes to sleep.

use std::collections::VecDeque;

use super::TaskId;

/// Turns that a task may wait for besides those in which others are polled: the one in which it was
/// woken, and the one behind which it was queued for having woken itself.
const TURNS: u64 = 2;

/// A wake whose task has not been polled since.
#[derive(Debug, Clone, Copy)]
struct Due {
    task: TaskId,
    wake: u64,
    /// The number of polls after which it is its turn, if it is in the queue.
    polls: Option<u64>,
    turns: u64,
}

/// What each waiting task is owed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The last wake of the task in each slot; zero once it has been polled.
    last: Vec<(u64, Option<u64>)>,
    waiting: VecDeque<Due>,
    polls: u64,
    turns: u64,
    broken: Option<String>,
}

impl Ledger {
    /// A task was woken, the loop's `wake`th, and so many are `ahead` of it in the queue; none yet
    /// says for whom that is known with the next turn.
    pub(super) fn woken(&mut self, task: TaskId, wake: u64, ahead: Option<usize>) {
        let slot = task.index() as usize;
        if self.last.len() <= slot {
            self.last.resize(slot + 1, (0, None));
        }
        let ahead = ahead.map(|ahead| ahead as u64);
        let polls = ahead.map(|ahead| self.polls + ahead);
        self.last[slot] = (wake, polls);
        // Each turn polls one at least.
        let turns = self.turns + ahead.unwrap_or(0) + TURNS;
        self.waiting.push_back(Due { task, wake, polls, turns });
    }

    /// A task that had woken itself has come into the queue.
    pub(super) fn queued(&mut self, task: TaskId, ahead: usize) {
        let Some((wake, _)) = self.last.get(task.index() as usize).copied() else { return };
        if wake == 0 {
            return;
        }
        if let Some(at) = self.waiting.iter().rposition(|due| due.wake == wake) {
            self.waiting.remove(at);
        }
        self.woken(task, wake, Some(ahead));
    }

    /// A task is polled.
    pub(super) fn polled(&mut self, task: TaskId) {
        if let Some(last) = self.last.get_mut(task.index() as usize) {
            let (wake, due) = std::mem::take(last);
            if wake != 0 && due.is_some_and(|due| self.polls > due) {
                let late = self.polls - due.unwrap_or(0);
                self.find(format!("a ready task was polled {late} polls after its turn"));
            }
        }
        self.polls += 1;
    }

    /// A name is nobody's any more.
    pub(super) fn released(&mut self, task: TaskId) {
        if let Some(last) = self.last.get_mut(task.index() as usize) {
            *last = (0, None);
        }
    }

    /// A turn begins: who has waited longest may not have waited too long.
    pub(super) fn turned(&mut self) {
        self.turns += 1;
        while let Some(oldest) = self.oldest() {
            let is_passed_over = oldest.polls.is_some_and(|polls| self.polls > polls);
            if !is_passed_over && self.turns <= oldest.turns {
                return;
            }
            self.waiting.pop_front();
            let turns = self.turns + TURNS - oldest.turns;
            self.find(format!("a ready task is not polled, {turns} turns after its time"));
        }
    }

    /// The loop has nothing to poll and goes to sleep.
    pub(super) fn sleeps(&mut self) {
        if self.oldest().is_some() {
            self.waiting.pop_front();
            self.find(String::from("the loop goes to sleep, and a ready task has not been polled"));
        }
    }

    /// The oldest wake whose task waits still.
    fn oldest(&mut self) -> Option<Due> {
        while let Some(oldest) = self.waiting.front().copied() {
            if self.last[oldest.task.index() as usize].0 == oldest.wake {
                return Some(oldest);
            }
            self.waiting.pop_front();
        }
        None
    }

    fn find(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    /// What was found, once.
    pub(super) fn broken(&mut self) -> Option<String> {
        self.broken.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: u32) -> TaskId {
        TaskId::new(0, 0, index)
    }

    fn ledger(tasks: usize) -> Ledger {
        let mut ledger = Ledger::default();
        (0..tasks).for_each(|at| ledger.woken(task(at as u32), at as u64 + 1, Some(at)));
        ledger
    }

    #[test]
    fn who_is_polled_in_turn_is_owed_nothing() {
        let mut ledger = ledger(3);
        for at in 0..3 {
            ledger.turned();
            ledger.polled(task(at));
        }
        ledger.sleeps();
        assert_eq!(ledger.broken(), None);
    }

    #[test]
    fn who_is_passed_over_is_found_when_it_is_polled() {
        let mut ledger = ledger(2);
        ledger.polled(task(1));
        assert_eq!(ledger.broken(), None);
        ledger.polled(task(0));
        assert!(ledger.broken().is_some_and(|what| what.contains("1 polls after")));
    }

    #[test]
    fn who_is_forgotten_is_found_by_others_that_run_and_by_turns() {
        let mut others_run = ledger(1);
        (1..3).for_each(|at| others_run.polled(task(at)));
        others_run.turned();
        assert!(others_run.broken().is_some());
        let mut nobody_runs = ledger(1);
        (0..TURNS).for_each(|_| nobody_runs.turned());
        assert_eq!(nobody_runs.broken(), None);
        nobody_runs.turned();
        assert!(nobody_runs.broken().is_some());
    }

    #[test]
    fn a_loop_that_sleeps_has_polled_everybody_but_the_dead() {
        let mut ledger = ledger(2);
        ledger.polled(task(0));
        ledger.released(task(1));
        ledger.sleeps();
        assert_eq!(ledger.broken(), None);
        ledger.woken(task(2), 9, Some(0));
        ledger.sleeps();
        assert!(ledger.broken().is_some_and(|what| what.contains("goes to sleep")));
    }

    #[test]
    fn who_wakes_itself_is_owed_its_turn_from_the_next_one_on() {
        let mut ledger = Ledger::default();
        ledger.woken(task(0), 1, None);
        (1..9).for_each(|at| ledger.polled(task(at)));
        ledger.turned();
        ledger.queued(task(0), 1);
        ledger.polled(task(9));
        ledger.polled(task(0));
        assert_eq!(ledger.broken(), None);
    }
}

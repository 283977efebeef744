//! How workers and scopes end.

use super::super::words::{End, Fail, Outcome, Wait, Wid, Wrap};
use super::{Body, Cleanup, Event, Model, Phase};

impl Model {
    pub(super) fn stop(&mut self, worker: Wid) {
        match self.workers[worker].phase {
            Phase::Ended(_) | Phase::Cleaning => {}
            Phase::Waiting(_, Wrap::Shielded) => self.workers[worker].is_due = true,
            _ => {
                self.drop_frames(worker, 0);
                self.end_future(worker, End::Cancelled);
            }
        }
    }

    pub(super) fn abort(&mut self, worker: Wid) {
        match self.workers[worker].phase {
            Phase::Ended(_) => return,
            Phase::Cleaning => {}
            _ => {
                self.drop_frames(worker, 0);
                self.workers[worker].end = Some(End::Cancelled);
            }
        }
        for skipped in std::mem::take(&mut self.workers[worker].deferred) {
            if let Cleanup::Rest(group) = skipped {
                for member in std::mem::take(&mut self.groups[group].members) {
                    self.workers[member].crew = None;
                }
            }
        }
        self.end(worker);
    }

    /// Drops what a worker does beyond `keep` frames, from the inside out.
    fn drop_frames(&mut self, worker: Wid, keep: usize) {
        if matches!(self.workers[worker].phase, Phase::Waiting(..)) {
            self.workers[worker].phase = Phase::Idle;
            let done = self.shared.leave(worker);
            self.complete_all(done);
        }
        while self.workers[worker].frames.len() > keep {
            self.let_go(worker);
            let frame = self.workers[worker].frames.pop().expect("it is there");
            if let Some(group) = frame.group {
                self.abandon(group);
            }
        }
    }

    /// Releases the permits of the innermost frame.
    fn let_go(&mut self, worker: Wid) {
        let frame = self.workers[worker].frames.last_mut().expect("the worker's own");
        for (sem, count) in std::mem::take(&mut frame.held) {
            let done = self.shared.release(sem, count);
            self.complete_all(done);
        }
    }

    /// A scope is dropped before its end.
    fn abandon(&mut self, group: usize) {
        let own = &mut self.groups[group];
        own.is_open = false;
        self.events.extend(own.members.iter().map(|member| Event::Stop(*member)));
        if own.members.is_empty() {
            return;
        }
        let owner = own.owner;
        match self.workers[owner].frames.last().and_then(|frame| frame.group) {
            Some(outer) => {
                let members = std::mem::take(&mut self.groups[group].members);
                members.iter().for_each(|member| self.workers[*member].crew = Some(outer));
                self.groups[outer].members.extend(members);
            }
            None => self.workers[owner].deferred.push(Cleanup::Rest(group)),
        }
    }

    pub(super) fn finish(&mut self, worker: Wid, result: Result<u32, u32>) {
        self.let_go(worker);
        let own = &mut self.workers[worker];
        let Some(group) = own.frames.last().and_then(|frame| frame.group) else {
            return self.end_future(worker, End::Value(result));
        };
        own.phase = Phase::Closing;
        self.groups[group].body = Body::Ended(result.ok());
        if let Err(error) = result {
            self.fail(group, Fail::Error(error));
        }
        self.look(group);
    }

    pub(super) fn panic(&mut self, worker: Wid) {
        self.let_go(worker);
        let own = &mut self.workers[worker];
        let Some(group) = own.frames.last().and_then(|frame| frame.group) else {
            return self.end_future(worker, End::Panicked);
        };
        own.phase = Phase::Closing;
        self.groups[group].body = Body::Panicked;
        self.groups[group].is_closing = true;
        self.events.push_back(Event::Close(group));
        self.look(group);
    }

    fn fail(&mut self, group: usize, failure: Fail) {
        if self.groups[group].is_open {
            self.groups[group].failures.push(failure);
            self.groups[group].is_closing = true;
            self.events.push_back(Event::Close(group));
        }
    }

    pub(super) fn close(&mut self, group: usize) {
        let own = &self.groups[group];
        if !own.is_open {
            return;
        }
        self.events.extend(own.members.iter().map(|member| Event::Stop(*member)));
        let owner = own.owner;
        if own.body != Body::Runs
            || matches!(self.workers[owner].phase, Phase::Waiting(_, Wrap::Shielded))
        {
            return;
        }
        let frames = &self.workers[owner].frames;
        let place = frames.iter().position(|frame| frame.group == Some(group)).expect("open");
        self.drop_frames(owner, place + 1);
        self.let_go(owner);
        self.groups[group].body = Body::Ended(None);
        self.workers[owner].phase = Phase::Closing;
        self.look(group);
    }

    /// Ends a scope whose body and children have ended, or lets its owner clean up further.
    fn look(&mut self, group: usize) {
        let own = &self.groups[group];
        let owner = own.owner;
        if !own.members.is_empty() {
            return;
        }
        if !own.is_open {
            if self.workers[owner].phase == Phase::Cleaning {
                self.clean_up(owner);
            }
            return;
        }
        let Body::Ended(value) = own.body else {
            if own.body == Body::Panicked {
                self.groups[group].is_open = false;
                self.workers[owner].frames.pop();
                self.panic(owner);
            }
            return;
        };
        let failures = std::mem::take(&mut self.groups[group].failures);
        self.groups[group].is_open = false;
        let own = &mut self.workers[owner];
        let number = own.frames.pop().expect("the scope's").number;
        own.phase = Phase::Idle;
        let value =
            if failures.is_empty() { Ok(value.expect("nothing failed")) } else { Err(failures) };
        own.outcome = (number, Outcome::Group(value));
    }

    /// The future of a worker is over.
    fn end_future(&mut self, worker: Wid, end: End) {
        let own = &mut self.workers[worker];
        own.phase = Phase::Cleaning;
        own.frames.clear();
        let failure = match end {
            End::Value(Err(error)) => Some(Fail::Error(error)),
            End::Panicked => Some(Fail::Panic),
            _ => None,
        };
        let told = own.parent.zip(failure);
        own.end = Some(if told.is_some() { End::Cancelled } else { end });
        if let Some((group, failure)) = told {
            self.fail(group, failure);
        }
        self.clean_up(worker);
    }

    pub(super) fn clean_up(&mut self, worker: Wid) {
        loop {
            match self.workers[worker].deferred.last() {
                None => return self.end(worker),
                Some(Cleanup::Gated) => return,
                Some(Cleanup::Rest(group)) if !self.groups[*group].members.is_empty() => return,
                Some(_) => drop(self.workers[worker].deferred.pop()),
            }
        }
    }

    fn end(&mut self, worker: Wid) {
        let own = &mut self.workers[worker];
        let end = own.end.expect("its future has ended");
        own.phase = Phase::Ended(end);
        if let Some(group) = own.crew.take() {
            self.groups[group].members.retain(|member| *member != worker);
            self.look(group);
        }
        for joiner in 0..self.workers.len() {
            if matches!(self.workers[joiner].phase, Phase::Waiting(Wait::Join(of), _) if of == worker)
            {
                self.complete(joiner, Outcome::Joined(end));
            }
        }
    }
}

//! The descriptors of a loop: who uses each number, and what abandoned ops left behind on it.
//!
//! A handle such as a stream is an index into this table, never a pointer, so it can be sent to
//! another thread while the descriptor stays with its loop. Every handle and every op in flight is
//! counted; the descriptor is closed when the last of them is gone, so a number is never reused
//! under an SQE that still names it.
//!
//! What the completion of an abandoned op brought is kept in the descriptor's [`Stash`]: bytes for
//! the next read, connections for the next accept. While an abandoned op is still in flight, new
//! ops of its [`Lane`] wait, so that nothing overtakes what it may yet receive.

use std::task::Waker;

use self::handles::Handles;
pub(super) use self::name::FdIndex;
pub(crate) use self::name::FdRef;
use super::op::Lane;
use super::stash::{Leftover, Stash};
use crate::growth;
use crate::scheduler::Wake;
use crate::sys::{Descriptor, Owned};

/// What few descriptors have.
#[derive(Debug, Default)]
struct Rare {
    stash: Stash,
    /// Abandoned ops in flight, by lane.
    abandoned: [u32; Lane::COUNT],
    /// Who waits for them to end.
    waiting: [Vec<Wake>; Lane::COUNT],
    /// Who closes the descriptor as soon as nobody else uses it.
    closer: Option<Wake>,
}

#[derive(Debug)]
struct Entry {
    fd: Option<Owned>,
    generation: u32,
    /// Handles, and ops in flight.
    users: u32,
    /// Handles alone: without one, no op is started.
    handles: Handles,
    rare: Option<Box<Rare>>,
}

/// Whether an op may be submitted now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing stands before it.
    Open,
    /// Something may be there for it in the stash.
    Stash,
    /// An abandoned op of its lane has to end first; the waker has been kept.
    Wait,
}

/// The descriptors of one loop.
#[derive(Debug)]
pub(super) struct Descriptors {
    runtime: u32,
    entries: Vec<Entry>,
    free: Vec<u32>,
}

impl Descriptors {
    pub(super) fn new(runtime: u32) -> Self {
        Descriptors { runtime, entries: Vec::new(), free: Vec::new() }
    }

    /// How many descriptors are open.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Takes a descriptor in, counted once.
    pub(super) fn adopt(&mut self, fd: Owned) -> FdRef {
        let descriptor = Descriptor::of(&fd);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let handles = Handles::default();
                let entry = Entry { fd: None, generation: 0, users: 0, handles, rare: None };
                growth::push(&mut self.entries, entry);
                (self.entries.len() - 1) as u32
            }
        };
        let entry = &mut self.entries[index as usize];
        entry.fd = Some(fd);
        (entry.users, entry.handles) = (1, Handles::ONE);
        FdRef { runtime: self.runtime, index, generation: entry.generation, descriptor }
    }

    /// The name of the descriptor in this place, if there is one.
    pub(super) fn name(&self, place: FdIndex) -> Option<FdRef> {
        let entry = self.entries.get(place.get())?;
        let descriptor = Descriptor::of(entry.fd.as_ref()?);
        let index = place.get() as u32;
        Some(FdRef { runtime: self.runtime, index, generation: entry.generation, descriptor })
    }

    fn entry(&mut self, fd: FdRef) -> Option<&mut Entry> {
        let own = fd.runtime == self.runtime;
        let entry = self.entries.get_mut(fd.index as usize);
        entry.filter(|entry| own && entry.generation == fd.generation && entry.users > 0)
    }

    /// Where an op on this descriptor is counted, if there is nothing to ask before it: as a rule
    /// there is not.
    #[inline]
    pub(super) fn admit(&mut self, fd: FdRef) -> Option<&mut u32> {
        let entry = self.entries.get_mut(fd.index as usize)?;
        let is_free = fd.runtime == self.runtime
            && entry.generation == fd.generation
            && !entry.handles.is_none()
            && entry.rare.is_none();
        is_free.then_some(&mut entry.users)
    }

    /// Counts one more op on a descriptor that has admitted it.
    #[inline]
    pub(super) fn count(&mut self, fd: FdRef) {
        self.entries[fd.index as usize].users += 1;
    }

    /// Where an op that has ended is counted, if it is one of many and nothing else is to be done when
    /// it goes. While it is counted, its descriptor is the one that it names.
    #[inline]
    pub(super) fn one_of_many(&mut self, fd: FdIndex) -> Option<&mut u32> {
        let entry = self.entries.get_mut(fd.get())?;
        (entry.users > 1 && entry.rare.is_none()).then_some(&mut entry.users)
    }

    /// Counts one user less where that changes nothing else; `false` when there may be more to do.
    #[inline]
    pub(super) fn release_one_of_many(&mut self, fd: FdRef) -> bool {
        let entry = self.entries.get_mut(fd.index as usize);
        let entry = entry.filter(|entry| {
            entry.generation == fd.generation && entry.users > 1 && entry.rare.is_none()
        });
        match entry {
            Some(entry) if fd.runtime == self.runtime => {
                entry.users -= 1;
                true
            }
            _ => false,
        }
    }

    /// Counts one more op; `false` when every handle is gone.
    #[cfg(test)]
    pub(super) fn retain(&mut self, fd: FdRef) -> bool {
        self.entry(fd).filter(|entry| !entry.handles.is_none()).is_some_and(|entry| {
            entry.users += 1;
            true
        })
    }

    /// Counts one more handle; `false` when every other is gone.
    pub(super) fn retain_handle(&mut self, fd: FdRef) -> bool {
        self.entry(fd).filter(|entry| !entry.handles.is_none()).is_some_and(|entry| {
            entry.users += 1;
            entry.handles.add();
            true
        })
    }

    /// One handle less, still counted as a user; whether it was the last one and there may be ops
    /// in flight whose futures live on.
    pub(super) fn drop_handle(&mut self, fd: FdRef) -> bool {
        let Some(entry) = self.entry(fd) else { return false };
        let was_last = entry.handles.count() == 1;
        entry.handles.drop_one();
        let abandoned = entry.rare.as_ref().map_or(0, |rare| rare.abandoned.iter().sum());
        was_last && entry.users > 1 + abandoned
    }

    /// The handles on a descriptor.
    pub(super) fn handles(&mut self, fd: FdRef) -> u32 {
        self.entry(fd).map_or(0, |entry| entry.handles.count())
    }

    /// Whether closing a descriptor would wait.
    pub(super) fn lingers(&mut self, fd: FdRef) -> bool {
        self.entry(fd).is_some_and(|entry| entry.handles.lingers())
    }

    /// Notes whether closing a descriptor would wait.
    pub(super) fn set_lingers(&mut self, fd: FdRef, lingers: bool) {
        if let Some(entry) = self.entry(fd) {
            entry.handles.set_lingers(lingers);
        }
    }

    /// Has `waker` woken when a descriptor has one user left.
    pub(super) fn set_closer(&mut self, fd: FdRef, waker: &Waker) {
        if let Some(entry) = self.entry(fd) {
            entry.rare.get_or_insert_default().closer = Some(Wake::of(waker));
        }
    }

    /// One user less; the last one gets the descriptor to close it, and what lay in its stash.
    #[inline]
    #[must_use = "the descriptor has to be closed"]
    pub(super) fn release(&mut self, fd: FdRef, wakes: &mut Vec<Wake>) -> Option<Released> {
        let index = fd.index;
        let entry = self.entry(fd)?;
        entry.users -= 1;
        let is_early = planted!("descriptor closed under its operation") && entry.handles.is_none();
        if entry.users > 0 && !is_early {
            if let (1, Some(rare)) = (entry.users, entry.rare.as_mut()) {
                wakes.extend(rare.closer.take());
            }
            return None;
        }
        entry.generation = entry.generation.wrapping_add(1);
        let (fd, lingers) = (entry.fd.take(), entry.handles.lingers());
        let released = Released { fd, lingers, rare: entry.rare.take() };
        growth::push(&mut self.free, index);
        Some(released)
    }

    /// The users of a descriptor.
    pub(super) fn users(&mut self, fd: FdRef) -> u32 {
        self.entry(fd).map_or(0, |entry| entry.users)
    }

    /// Whether an op of this lane may be submitted.
    #[inline]
    pub(super) fn gate(&mut self, fd: FdRef, lane: Lane, waker: &Waker) -> Gate {
        match self.entry(fd).and_then(|entry| entry.rare.as_mut()) {
            None => Gate::Open,
            Some(rare) => rare.gate(lane, waker),
        }
    }

    /// Whether an abandoned op of this lane has to end first; then the waker has been kept.
    pub(super) fn must_wait(&mut self, fd: FdRef, lane: Lane, waker: &Waker) -> bool {
        let rare = self.entry(fd).and_then(|entry| entry.rare.as_mut());
        rare.is_some_and(|rare| rare.must_wait(lane, waker))
    }

    /// The stash of a descriptor that has one.
    pub(crate) fn stash(&mut self, fd: FdRef) -> Option<&mut Stash> {
        self.entry(fd)?.rare.as_mut().map(|rare| &mut rare.stash)
    }

    /// Keeps something for the next op; gives it back when nobody uses the descriptor any more.
    #[expect(clippy::result_large_err, reason = "what nobody can read goes back to be dropped")]
    pub(super) fn keep<'a>(
        &mut self,
        fd: FdRef,
        leftover: Leftover<'a>,
    ) -> Result<(), Leftover<'a>> {
        let Some(entry) = self.entry(fd) else { return Err(leftover) };
        entry.rare.get_or_insert_default().stash.keep(leftover);
        Ok(())
    }

    /// Notes that an op of this lane is in flight without a future.
    pub(super) fn note_abandoned(&mut self, fd: FdRef, lane: Lane) {
        if let Some(entry) = self.entry(fd) {
            entry.rare.get_or_insert_default().abandoned[lane as usize] += 1;
        }
    }

    /// Notes that such an op has ended and its outcome is kept: who waits may go on.
    pub(super) fn note_ended(&mut self, fd: FdRef, lane: Lane, wakes: &mut Vec<Wake>) {
        let Some(entry) = self.entry(fd) else { return };
        let Some(rare) = entry.rare.as_mut() else { return };
        rare.abandoned[lane as usize] -= 1;
        if rare.abandoned[lane as usize] == 0 {
            wakes.append(&mut rare.waiting[lane as usize]);
        }
        if rare.abandoned == [0; Lane::COUNT] && rare.stash.is_empty() && rare.closer.is_none() {
            entry.rare = None;
        }
    }

    /// Whether something is kept that an op in flight does not know of.
    pub(super) fn has_leftovers(&mut self, fd: FdRef) -> bool {
        self.stash(fd).is_some_and(|stash| !stash.is_empty())
    }

    /// Whether something is kept that would be lost without its descriptor.
    pub(super) fn has_precious_leftovers(&mut self, fd: FdRef) -> bool {
        self.stash(fd).is_some_and(|stash| stash.is_precious())
    }

    /// The descriptor, for a call that needs it outside an op; `None` when every handle is gone.
    pub(super) fn get(&mut self, fd: FdRef) -> Option<&Owned> {
        self.entry(fd).filter(|entry| !entry.handles.is_none())?.fd.as_ref()
    }

    /// Drops what is kept for a descriptor whose user closes it.
    pub(super) fn discard_leftovers(&mut self, fd: FdRef) {
        if let Some(stash) = self.stash(fd) {
            *stash = Stash::default();
        }
    }

    /// Takes the descriptor out when the caller is its only user and nothing is kept for it.
    pub(super) fn take_sole(&mut self, fd: FdRef) -> Option<Owned> {
        let would_lose = self.has_precious_leftovers(fd);
        let entry = self.entry(fd).filter(|entry| entry.users == 1 && !would_lose)?;
        let taken = entry.fd.take();
        let _nothing_to_close = self.release(fd, &mut Vec::new());
        taken
    }

    /// Takes out every descriptor that is still used, with its name and number of users.
    pub(super) fn take_all(&mut self) -> Vec<(FdRef, Owned, u32)> {
        let mut left = Vec::new();
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if let Some(fd) = entry.fd.take() {
                let descriptor = Descriptor::of(&fd);
                let index = index as u32;
                let generation = entry.generation;
                let name = FdRef { runtime: self.runtime, index, generation, descriptor };
                left.push((name, fd, std::mem::take(&mut entry.users)));
            }
        }
        left
    }
}

/// What the last user of a descriptor gets.
#[derive(Debug)]
pub(super) struct Released {
    pub(super) fd: Option<Owned>,
    pub(super) lingers: bool,
    #[expect(dead_code, reason = "held to be dropped outside the borrow: its descriptors close")]
    rare: Option<Box<Rare>>,
}

impl Rare {
    fn gate(&mut self, lane: Lane, waker: &Waker) -> Gate {
        if lane != Lane::Write && !self.stash.is_empty() {
            return Gate::Stash;
        }
        if self.must_wait(lane, waker) { Gate::Wait } else { Gate::Open }
    }

    fn must_wait(&mut self, lane: Lane, waker: &Waker) -> bool {
        if self.abandoned[lane as usize] == 0 {
            return false;
        }
        let waiting = &mut self.waiting[lane as usize];
        if !waiting.iter().any(|known| known.is_of(waker)) {
            waiting.push(Wake::of(waker));
        }
        true
    }
}

mod handles;
mod name;
#[cfg(test)]
mod tests;

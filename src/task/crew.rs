//! Tasks that somebody watches together: the members of a group or of a join set.
//!
//! A crew is two lists, of its tasks that are alive and of those that have ended and wait to be
//! joined. All lists run through one slab of links, and a task's slot holds the index of its link:
//! the end of a task, whichever of a million it is, moves one link, allocates nothing and looks at
//! no other task. As the state lies in the loop's table, what users hold is a name and may be sent.

use std::task::Waker;

use slab::Slab;

use super::group::GroupState;
use super::table::Tasks;
use crate::scheduler::TaskId;

/// Names a crew; one that has been closed is not found any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CrewId {
    index: u32,
    pub(super) runtime: u32,
    number: u64,
}

/// A task's place in its crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(u32);

impl Link {
    pub(super) const NONE: Link = Link(u32::MAX);
}

/// All crews of one loop.
pub(super) struct Crews {
    runtime: u32,
    crews: Slab<Crew>,
    links: Slab<Entry>,
    opened: u64,
}

pub(super) struct Crew {
    number: u64,
    alive: List,
    ended: List,
    /// Who waits: for the end of any task of a set, of every task of a group.
    pub(super) waiter: Option<Waker>,
    /// What a group has and a set has not.
    pub(super) group: Option<Box<GroupState>>,
}

#[derive(Clone, Copy)]
struct List {
    first: Link,
    last: Link,
    len: u32,
}

struct Entry {
    task: TaskId,
    crew: u32,
    is_alive: bool,
    previous: Link,
    next: Link,
}

/// What is left of a crew that was closed, to be ended and dropped by who closed it.
pub(super) struct Closed {
    pub(super) alive: Vec<TaskId>,
    pub(super) ended: Vec<TaskId>,
    pub(super) waiter: Option<Waker>,
    pub(super) group: Option<Box<GroupState>>,
}

impl Crew {
    /// How many tasks have not ended.
    pub(super) fn alive(&self) -> usize {
        self.alive.len as usize
    }

    /// How many tasks have not been joined.
    pub(super) fn len(&self) -> usize {
        self.alive() + self.ended.len as usize
    }

    fn list(&mut self, is_alive: bool) -> &mut List {
        if is_alive { &mut self.alive } else { &mut self.ended }
    }
}

impl Crews {
    pub(super) fn new(runtime: u32) -> Self {
        Crews { runtime, crews: Slab::new(), links: Slab::new(), opened: 0 }
    }

    pub(super) fn open(&mut self, group: Option<Box<GroupState>>) -> CrewId {
        self.opened += 1;
        let number = self.opened;
        let (alive, ended) = (List::EMPTY, List::EMPTY);
        let index = self.crews.insert(Crew { number, alive, ended, waiter: None, group });
        CrewId { index: index as u32, runtime: self.runtime, number }
    }

    pub(super) fn get(&mut self, id: CrewId) -> Option<&mut Crew> {
        let crew = self.crews.get_mut(id.index as usize)?;
        (crew.number == id.number && self.runtime == id.runtime).then_some(crew)
    }

    /// Takes a task in, as one that is alive or as one that has ended.
    pub(super) fn add(&mut self, id: CrewId, task: TaskId, is_alive: bool) -> Link {
        if self.get(id).is_none() {
            return Link::NONE;
        }
        let (previous, next) = (Link::NONE, Link::NONE);
        let entry = Entry { task, crew: id.index, is_alive, previous, next };
        let link = Link(self.links.insert(entry) as u32);
        self.push(link);
        link
    }

    /// A task was not even begun: a set gives it back as one that has ended.
    pub(super) fn refuse(&mut self, id: CrewId, task: TaskId) {
        if self.get(id).is_some_and(|crew| crew.group.is_none()) {
            self.add(id, task, false);
        }
    }

    /// A task has ended: a set keeps it for its join, a group forgets it; who has to be woken.
    #[inline]
    pub(super) fn ended(&mut self, link: Link) -> Option<Waker> {
        if link == Link::NONE { None } else { self.member_ended(link) }
    }

    fn member_ended(&mut self, link: Link) -> Option<Waker> {
        self.unlink(link);
        let entry = &mut self.links[link.0 as usize];
        entry.is_alive = false;
        let crew = &mut self.crews[entry.crew as usize];
        if crew.group.is_none() {
            self.push(link);
            return self.crew_of(link).waiter.take();
        }
        let is_last = crew.alive.len == 0;
        let waiter = is_last.then(|| crew.waiter.take()).flatten();
        self.links.remove(link.0 as usize);
        waiter
    }

    /// Takes out the task of a set that has ended first.
    pub(super) fn pop_ended(&mut self, id: CrewId) -> Option<TaskId> {
        let link = self.get(id)?.ended.first;
        if link == Link::NONE {
            return None;
        }
        self.unlink(link);
        Some(self.links.remove(link.0 as usize).task)
    }

    /// The tasks that have not ended, in the order in which they were taken in.
    pub(super) fn alive(&mut self, id: CrewId) -> Vec<TaskId> {
        let Some(first) = self.get(id).map(|crew| crew.alive.first) else { return Vec::new() };
        self.walk(first)
    }

    /// Gives the tasks of `from` that have not ended to `to`.
    pub(super) fn hand_over(&mut self, from: CrewId, to: CrewId) {
        if self.get(to).is_none() {
            return;
        }
        while let Some(link) = self.get(from).map(|crew| crew.alive.first) {
            if link == Link::NONE {
                break;
            }
            self.unlink(link);
            self.links[link.0 as usize].crew = to.index;
            self.push(link);
        }
    }

    /// Ends a crew; the links of its tasks are void.
    pub(super) fn close(&mut self, id: CrewId) -> Option<Closed> {
        let Crew { alive, ended, .. } = *self.get(id)?;
        let closed = (self.walk(alive.first), self.walk(ended.first));
        for list in [alive, ended] {
            let mut link = list.first;
            while link != Link::NONE {
                link = self.links.remove(link.0 as usize).next;
            }
        }
        let Crew { waiter, group, .. } = self.crews.remove(id.index as usize);
        Some(Closed { alive: closed.0, ended: closed.1, waiter, group })
    }

    fn crew_of(&mut self, link: Link) -> &mut Crew {
        let crew = self.links[link.0 as usize].crew;
        &mut self.crews[crew as usize]
    }

    fn walk(&self, first: Link) -> Vec<TaskId> {
        let mut tasks = Vec::new();
        let mut link = first;
        while link != Link::NONE {
            let entry = &self.links[link.0 as usize];
            tasks.push(entry.task);
            link = entry.next;
        }
        tasks
    }

    /// Puts a link that is in no list at the end of the one that its entry says.
    fn push(&mut self, link: Link) {
        let is_alive = self.links[link.0 as usize].is_alive;
        let list = self.crew_of(link).list(is_alive);
        let last = std::mem::replace(&mut list.last, link);
        list.len += 1;
        if last == Link::NONE {
            list.first = link;
        } else {
            self.links[last.0 as usize].next = link;
        }
        let entry = &mut self.links[link.0 as usize];
        (entry.previous, entry.next) = (last, Link::NONE);
    }

    fn unlink(&mut self, link: Link) {
        let Entry { is_alive, previous, next, .. } = self.links[link.0 as usize];
        if previous != Link::NONE {
            self.links[previous.0 as usize].next = next;
        }
        if next != Link::NONE {
            self.links[next.0 as usize].previous = previous;
        }
        let list = self.crew_of(link).list(is_alive);
        list.len -= 1;
        if previous == Link::NONE {
            list.first = next;
        }
        if next == Link::NONE {
            list.last = previous;
        }
    }
}

impl Tasks {
    /// Takes a task into a crew.
    pub(super) fn enlist(&mut self, id: TaskId, crew: CrewId) {
        let link = self.crews.add(crew, id, true);
        if let Some(slot) = self.slot(id) {
            slot.link = link;
        }
    }

    /// Ends a crew; its tasks are nobody's any more.
    pub(super) fn dissolve(&mut self, id: CrewId) -> Option<Closed> {
        let closed = self.crews.close(id)?;
        for task in &closed.alive {
            if let Some(slot) = self.slot(*task) {
                slot.link = Link::NONE;
            }
        }
        Some(closed)
    }
}

impl List {
    const EMPTY: List = List { first: Link::NONE, last: Link::NONE, len: 0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(index: u32) -> TaskId {
        TaskId::from_bits(u64::from(index))
    }

    fn tasks<const N: usize>(indexes: [u32; N]) -> Vec<TaskId> {
        indexes.into_iter().map(task).collect()
    }

    #[test]
    fn a_set_gives_its_tasks_back_in_the_order_in_which_they_ended() {
        let mut crews = Crews::new(1);
        let set = crews.open(None);
        let links: Vec<Link> = (0..4).map(|index| crews.add(set, task(index), true)).collect();
        for index in [2, 0, 3] {
            assert!(crews.ended(links[index]).is_none());
        }
        assert_eq!(crews.get(set).map(|set| (set.alive(), set.len())), Some((1, 4)));
        assert_eq!(crews.alive(set), tasks([1]));
        let ended: Vec<_> = std::iter::from_fn(|| crews.pop_ended(set)).collect();
        assert_eq!(ended, tasks([2, 0, 3]));
        assert_eq!(crews.links.len(), 1);
    }

    #[test]
    fn a_set_wakes_at_each_end_and_a_group_at_the_last() {
        let mut crews = Crews::new(1);
        for group in [None, Some(Box::new(GroupState::for_test()))] {
            let is_group = group.is_some();
            let crew = crews.open(group);
            let links = [0, 1].map(|index| crews.add(crew, task(index), true));
            for (ended, link) in links.into_iter().enumerate() {
                crews.get(crew).expect("open").waiter = Some(Waker::noop().clone());
                assert_eq!(crews.ended(link).is_some(), !is_group || ended == 1);
            }
        }
    }

    #[test]
    fn a_closed_crew_is_not_found_and_its_place_is_another_crews() {
        let mut crews = Crews::new(1);
        let old = crews.open(None);
        let links = [0, 1, 2].map(|index| crews.add(old, task(index), true));
        crews.ended(links[1]);
        let closed = crews.close(old).expect("open");
        assert_eq!((closed.alive, closed.ended), (tasks([0, 2]), tasks([1])));
        let new = crews.open(None);
        assert_eq!(new.index, old.index);
        assert!(crews.get(old).is_none() && crews.close(old).is_none());
        assert_eq!(crews.add(old, task(3), true), Link::NONE);
        assert!(crews.pop_ended(old).is_none() && crews.alive(old).is_empty());
        assert!(crews.links.is_empty());
        let elsewhere = CrewId { runtime: 2, ..new };
        assert!(crews.get(elsewhere).is_none());
    }

    #[test]
    fn what_is_handed_over_ends_in_its_new_crew() {
        let mut crews = Crews::new(1);
        let [inner, outer] = [(), ()].map(|()| crews.open(Some(Box::new(GroupState::for_test()))));
        let links = [0, 1].map(|index| crews.add(inner, task(index), true));
        let own = crews.add(outer, task(9), true);
        crews.hand_over(inner, outer);
        assert_eq!(crews.alive(outer), tasks([9, 0, 1]));
        crews.close(inner).expect("open");
        for link in [links[0], own, links[1]] {
            crews.ended(link);
        }
        assert_eq!(crews.get(outer).map(|crew| crew.alive()), Some(0));
        assert!(crews.links.is_empty());
    }

    #[test]
    fn random_ends_and_joins_keep_the_lists_whole() {
        let seed = fastrand::u64(..);
        eprintln!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut crews = Crews::new(1);
        let set = crews.open(None);
        let (mut alive, mut ended) = (Vec::new(), std::collections::VecDeque::new());
        for index in 0..if cfg!(miri) { 60 } else { 2000 } {
            match random.u32(0..3) {
                0 => alive.push((task(index), crews.add(set, task(index), true))),
                1 if !alive.is_empty() => {
                    let (task, link) = alive.remove(random.usize(..alive.len()));
                    crews.ended(link);
                    ended.push_back(task);
                }
                _ => assert_eq!(crews.pop_ended(set), ended.pop_front()),
            }
            let known: Vec<TaskId> = alive.iter().map(|(task, _)| *task).collect();
            assert_eq!(crews.alive(set), known);
            assert_eq!(crews.get(set).expect("open").len(), alive.len() + ended.len());
        }
    }
}

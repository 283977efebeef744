//! Who waits for the op of a slot: as a rule a task, whose name is all that the slot keeps.
//!
//! Combinators such as `FuturesUnordered` poll with wakers of their own. These are kept beside the
//! slots, so that no slot needs room for one and nothing is allocated for each op that they await.

use std::task::Waker;

use crate::growth;
use crate::scheduler::{TaskId, Wake, task_of};

/// The task that waits, or [`TaskId::NOBODY`] for somebody whose waker stands in [`Others`].
pub(super) type Waiter = TaskId;

/// The wakers that are no task's name, by the place of their slots.
#[derive(Debug, Default)]
pub(super) struct Others {
    wakers: Vec<Option<Waker>>,
}

impl Others {
    /// Notes who waits at this place.
    #[inline]
    pub(super) fn note(&mut self, place: u32, wake: Wake) -> Waiter {
        match wake {
            Wake::Task(task) => task,
            Wake::Other(waker) => self.keep(place, waker),
        }
    }

    #[cold]
    fn keep(&mut self, place: u32, waker: Waker) -> Waiter {
        while self.wakers.len() <= place as usize {
            growth::push(&mut self.wakers, None);
        }
        self.wakers[place as usize] = Some(waker);
        TaskId::NOBODY
    }

    /// Has `waiter`, of this place, be who polls with `waker`.
    #[inline]
    pub(super) fn update(&mut self, place: u32, waiter: &mut Waiter, waker: &Waker) {
        if task_of(waker) != Some(*waiter) {
            self.replace(place, waiter, waker);
        }
    }

    #[cold]
    fn replace(&mut self, place: u32, waiter: &mut Waiter, waker: &Waker) {
        let known = self.get(place, *waiter);
        if !known.is_some_and(|known| known.will_wake(waker)) {
            drop(self.take(place, *waiter));
            *waiter = self.note(place, Wake::of(waker));
        }
    }

    /// Whom to wake, who waits here no longer.
    #[inline]
    pub(super) fn take(&mut self, place: u32, waiter: Waiter) -> Option<Wake> {
        if waiter == TaskId::NOBODY { self.take_kept(place) } else { Some(Wake::Task(waiter)) }
    }

    #[cold]
    fn take_kept(&mut self, place: u32) -> Option<Wake> {
        self.wakers.get_mut(place as usize)?.take().map(Wake::Other)
    }

    /// Lets go of what is kept for this place, whose slot is free.
    #[inline]
    pub(super) fn forget(&mut self, place: u32) {
        if !self.wakers.is_empty() {
            drop(self.take_kept(place));
        }
    }

    /// The waker that is kept for who waits here, if it is no task's.
    fn get(&self, place: u32, waiter: Waiter) -> Option<&Waker> {
        if waiter != TaskId::NOBODY {
            return None;
        }
        self.wakers.get(place as usize)?.as_ref()
    }

    /// A waker of who waits here, for who asks by it, as a dump does.
    pub(super) fn waker(&self, place: u32, waiter: Waiter) -> Option<Waker> {
        match self.get(place, waiter) {
            Some(waker) => Some(waker.clone()),
            None if waiter == TaskId::NOBODY => None,
            None => Some(Wake::Task(waiter).to_waker()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake as WakeByArc;

    use super::*;
    use crate::scheduler::waker_of;

    struct Nothing;

    impl WakeByArc for Nothing {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_task_is_known_by_its_name_and_takes_no_room() {
        let mut others = Others::default();
        let task = TaskId::from_bits(77);
        let waiter = others.note(1000, Wake::of(&waker_of(task)));
        assert_eq!(waiter, task);
        assert!(others.wakers.is_empty());
        assert!(matches!(others.take(1000, waiter), Some(Wake::Task(taken)) if taken == task));
    }

    #[test]
    fn another_waker_is_kept_until_it_is_woken_or_replaced() {
        let mut others = Others::default();
        let [first, second] = [Arc::new(Nothing), Arc::new(Nothing)];
        let mut waiter = others.note(5, Wake::Other(first.clone().into()));
        assert_eq!(Arc::strong_count(&first), 2);
        others.update(5, &mut waiter, &second.clone().into());
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
        let same: Waker = second.clone().into();
        others.update(5, &mut waiter, &same);
        assert!(others.waker(5, waiter).expect("it waits").will_wake(&same));
        drop(same);
        assert!(matches!(others.take(5, waiter), Some(Wake::Other(_))));
        assert_eq!(Arc::strong_count(&second), 1);
        assert!(others.take(5, waiter).is_none());
    }

    #[test]
    fn a_waker_gives_way_to_a_task_and_a_task_to_a_waker() {
        let mut others = Others::default();
        let (other, task) = (Arc::new(Nothing), TaskId::from_bits(3));
        let mut waiter = others.note(0, Wake::Other(other.clone().into()));
        others.update(0, &mut waiter, &waker_of(task));
        assert_eq!((waiter, Arc::strong_count(&other)), (task, 1));
        others.update(0, &mut waiter, &other.clone().into());
        assert_eq!((waiter, Arc::strong_count(&other)), (TaskId::NOBODY, 2));
    }
}

//! A barrier: tasks wait for each other, and go on together.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::wait_list::{WaitKey, WaitList};
use super::waking::LocalCell;

/// Holds tasks back until as many have come as it was made for, and then lets them go together.
///
/// It can be used again at once: who comes after that waits for the next group.
///
/// ```
/// # annulus::run(async {
/// use std::rc::Rc;
/// use annulus::sync::Barrier;
///
/// let barrier = Rc::new(Barrier::new(3));
/// let tasks: Vec<_> = (0..3)
///     .map(|_| {
///         let barrier = Rc::clone(&barrier);
///         annulus::spawn(async move { barrier.wait().await.is_leader() })
///     })
///     .collect();
/// let mut leaders = 0;
/// for task in tasks {
///     leaders += usize::from(task.await.unwrap());
/// }
/// assert_eq!(leaders, 1);
/// # }).unwrap();
/// ```
pub struct Barrier {
    parties: usize,
    group: LocalCell<WaitList<(), ()>>,
}

impl Barrier {
    /// Makes a barrier for groups of `parties` tasks. None and one both mean that nobody waits.
    #[must_use]
    pub const fn new(parties: usize) -> Self {
        Barrier { parties, group: LocalCell::new(WaitList::new()) }
    }

    /// How many tasks make a group.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many tasks wait now for the others of their group.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.group.read(WaitList::waiting)
    }

    /// Waits for the rest of the group. The one who comes last is told that it leads.
    ///
    /// A task counts from the first poll of this future.
    ///
    /// # Cancellation
    ///
    /// A future that is dropped before its group is complete leaves the group: one more task has
    /// to come. Afterwards dropping it changes nothing for the others.
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait { barrier: self, key: None }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// What [`Barrier::wait`] gives to each task of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this task completed the group; true of exactly one in it.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

/// The future of [`Barrier::wait`].
#[must_use = "futures do nothing unless awaited"]
pub struct BarrierWait<'a> {
    barrier: &'a Barrier,
    key: Option<WaitKey>,
}

impl Future for BarrierWait<'_> {
    type Output = BarrierWaitResult;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<BarrierWaitResult> {
        let BarrierWait { barrier, key } = self.get_mut();
        barrier.group.poll(cx, |group, waker| {
            if key.is_some() {
                let follow = |()| BarrierWaitResult { is_leader: false };
                return group.poll_take(key, waker).map(follow);
            }
            if group.waiting() + 1 >= barrier.parties {
                group.grant_all(());
                return Poll::Ready(BarrierWaitResult { is_leader: true });
            }
            group.join(key, (), waker);
            Poll::Pending
        })
    }
}

impl Drop for BarrierWait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.barrier.group.update(|group| group.remove(key).waker);
        }
    }
}

impl fmt::Debug for BarrierWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWait").field("in_line", &self.key.is_some()).finish_non_exhaustive()
    }
}

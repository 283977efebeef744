//! How other threads reach a loop.
//!
//! Each loop has one [`Remote`] in a table of the process: a queue of messages, and whether the
//! loop is parked. A waker or a handle on a foreign thread needs only the loop's number to find
//! it, so neither holds a reference, and a number that outlives its loop finds nobody.
//!
//! # Parking
//!
//! No wake is lost between "the queue is empty" and "the loop sleeps": both sides decide by one
//! word, which only ever changes as a whole. The loop announces that it parks only in place of
//! "nothing", and a sender puts "messages" in place of whatever is there: if that was the
//! announcement, it kicks the loop awake, once. The announcement holds until the loop takes it back
//! or somebody sends, so a loop that has little to do between its waits, and that nobody sends to,
//! makes it once and from then on only looks at it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::threads::{AtomicUsize, Mutex, MutexGuard};

/// How many loops a process can run at one time; fewer in a model, whose locks are heavy.
pub(crate) const LOOPS_MAX: usize = if cfg!(all(test, loom)) { 2 } else { 1024 };

/// Bits of a runtime's number that say its place in the table; the others count how often the
/// place was used, so that the name of a loop that has ended means no other.
const PLACE_BITS: u32 = LOOPS_MAX.trailing_zeros();

/// Tasks in slots from this one on may be in the queue more than once: it bounds what is remembered.
const WAKES_KNOWN_MAX: usize = 1 << 20;

/// What a foreign thread wants of a loop.
pub(crate) enum Message {
    /// Wake this task.
    Wake(u64),
    /// Run this on the loop's thread.
    Run(Box<dyn FnOnce() + Send>),
}

/// Ends a loop's wait; may be called from any thread.
pub(crate) type Kick = Box<dyn Fn() + Send>;

/// One loop as others see it.
pub(crate) struct Remote {
    state: Mutex<State>,
    /// [`AWAKE`], [`PARKED`] or [`MESSAGES`].
    inbox: AtomicUsize,
}

/// The queue is empty and the loop does not wait.
const AWAKE: usize = 0;
/// The queue is empty, and whoever fills it must kick the loop.
const PARKED: usize = 1;
/// The queue has something, or will have in a moment: it is filled first.
const MESSAGES: usize = 2;

struct State {
    /// Zero when no loop is here.
    runtime: u32,
    used: u32,
    queue: Vec<Message>,
    /// For each task's slot, the last wake that went into the queue and how many queues had been
    /// taken before it.
    wakes: Vec<(u64, u64)>,
    taken: u64,
    kick: Option<Kick>,
    /// Messages from other threads since the loop began.
    received: u64,
}

#[cfg(not(all(test, loom)))]
static REMOTES: [Remote; LOOPS_MAX] = [const { Remote::new() }; LOOPS_MAX];

#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref REMOTES: [Remote; LOOPS_MAX] = std::array::from_fn(|_| Remote::new());
}

impl Remote {
    #[cfg(not(all(test, loom)))]
    const fn new() -> Self {
        Remote { state: Mutex::new(State::NOBODY), inbox: AtomicUsize::new(AWAKE) }
    }

    #[cfg(all(test, loom))]
    fn new() -> Self {
        Remote { state: Mutex::new(State::NOBODY), inbox: AtomicUsize::new(AWAKE) }
    }

    /// Finds a place for a new loop and gives it a number; `None` when there are too many loops.
    pub(crate) fn open() -> Option<u32> {
        REMOTES.iter().enumerate().find_map(|(place, remote)| {
            let mut state = remote.lock();
            if state.runtime != 0 {
                return None;
            }
            state.used = (state.used + 1) % (1 << (32 - PLACE_BITS));
            // A number of zero means nobody, and only the first place can have it.
            if state.used == 0 {
                state.used = 1;
            }
            state.runtime = (state.used << PLACE_BITS) | place as u32;
            Some(state.runtime)
        })
    }

    /// The loop with this number, or whoever is in its place now.
    pub(crate) fn of(runtime: u32) -> &'static Remote {
        &REMOTES[place(runtime)]
    }

    /// Sets how the loop is woken from its wait.
    pub(crate) fn set_kick(&self, kick: Kick) {
        self.lock().kick = Some(kick);
    }

    /// Ends the loop's presence; what was sent and not taken comes back, to be dropped.
    pub(crate) fn close(&self) -> (Vec<Message>, Option<Kick>) {
        let mut state = self.lock();
        state.runtime = 0;
        state.received = 0;
        state.wakes = Vec::new();
        self.inbox.store(AWAKE, Ordering::Relaxed);
        (std::mem::take(&mut state.queue), state.kick.take())
    }

    /// Sends a message to the loop with this number; gives it back when that loop has ended.
    pub(crate) fn send(&self, runtime: u32, message: Message) -> Result<(), Message> {
        let mut state = self.lock();
        if state.runtime != runtime {
            return Err(message);
        }
        self.deliver(&mut state, message);
        Ok(())
    }

    /// Wakes the task in this slot of whichever loop is here; without one, nothing happens.
    ///
    /// A task that is in the queue already is not put there once more, so that threads which wake
    /// and wake again cannot outrun the loop.
    pub(crate) fn wake(&self, slot: usize, task: u64) {
        let mut state = self.lock();
        if state.runtime != 0 && state.is_news(slot, task) {
            self.deliver(&mut state, Message::Wake(task));
        }
    }

    fn deliver(&self, state: &mut State, message: Message) {
        state.queue.push(message);
        state.received += 1;
        if self.inbox.swap(MESSAGES, Ordering::AcqRel) == PARKED {
            if let Some(kick) = &state.kick {
                kick();
            }
        }
    }

    /// Whether messages wait; may miss one that is being sent right now.
    #[inline]
    pub(crate) fn has_messages(&self) -> bool {
        self.inbox.load(Ordering::Acquire) == MESSAGES
    }

    /// Swaps the queue for an empty one.
    pub(crate) fn take(&self, into: &mut Vec<Message>) {
        debug_assert!(into.is_empty(), "messages are handled before the next are taken");
        let mut state = self.lock();
        std::mem::swap(&mut state.queue, into);
        state.taken += 1;
        // Who sends holds the lock, so this overwrites no news.
        self.inbox.store(AWAKE, Ordering::Relaxed);
    }

    /// Announces that the loop is about to wait; `false` when there are messages instead.
    #[inline]
    pub(crate) fn park(&self) -> bool {
        if planted!("wake lost at the park handshake") {
            return !self.has_messages();
        }
        // What it has announced before it need not announce again.
        self.inbox.load(Ordering::Acquire) == PARKED
            || self
                .inbox
                .compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }

    /// The loop is awake again.
    #[inline]
    pub(crate) fn unpark(&self) {
        // Who has sent meanwhile took the announcement back.
        let _sent = self.inbox.compare_exchange(PARKED, AWAKE, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Messages received since the loop began.
    pub(crate) fn received(&self) -> u64 {
        self.lock().received
    }

    /// Messages that the loop has not taken yet.
    pub(crate) fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// No loop has been here yet.
    const NOBODY: State = State {
        runtime: 0,
        used: 0,
        queue: Vec::new(),
        wakes: Vec::new(),
        taken: 0,
        kick: None,
        received: 0,
    };

    /// Whether this wake is not in the queue yet; it is from now on.
    fn is_news(&mut self, slot: usize, task: u64) -> bool {
        if slot >= WAKES_KNOWN_MAX {
            return true;
        }
        if slot >= self.wakes.len() {
            // A stamp that no queue has.
            self.wakes.resize(slot + 1, (0, u64::MAX));
        }
        let wake = (task, self.taken);
        std::mem::replace(&mut self.wakes[slot], wake) != wake
    }
}

/// The place of a runtime's number in the table, which is all that a task's waker remembers.
#[inline]
pub(crate) const fn place(runtime: u32) -> usize {
    runtime as usize & (LOOPS_MAX - 1)
}

/// Runs `f` on the thread of a loop; whether that loop is still there.
///
/// A loop that has ended has handed what its handles keep alive to the process before, so who gets
/// `false` finds it there.
pub(crate) fn send_home(runtime: u32, f: impl FnOnce() + Send + 'static) -> bool {
    Remote::of(runtime).send(runtime, Message::Run(Box::new(f))).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn open() -> (u32, &'static Remote) {
        let runtime = Remote::open().expect("a place");
        (runtime, Remote::of(runtime))
    }

    #[test]
    fn a_parked_loop_is_kicked_once_and_a_loop_that_is_awake_never() {
        let (runtime, remote) = open();
        let kicks = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&kicks);
        remote.set_kick(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        remote.wake(1, 1);
        assert_eq!(kicks.load(Ordering::Relaxed), 0);
        assert!(!remote.park(), "a message waits");
        let mut messages = Vec::new();
        remote.take(&mut messages);
        assert_eq!(messages.len(), 1);
        assert!(remote.park());
        remote.wake(2, 2);
        remote.wake(3, 3);
        assert_eq!(kicks.load(Ordering::Relaxed), 1);
        assert!(remote.send(runtime, Message::Wake(4)).is_ok());
        remote.close();
    }

    #[test]
    fn a_task_is_in_the_queue_once_until_it_is_taken() {
        let (_, remote) = open();
        let mut messages = Vec::new();
        for task in [5, 5, 6, 5, 6] {
            remote.wake(5, task);
        }
        remote.take(&mut messages);
        // A slot that was used again has another task, which is not mistaken for the old one.
        let tasks = messages.drain(..).map(|message| match message {
            Message::Wake(task) => task,
            Message::Run(_) => panic!("only wakes were sent"),
        });
        assert_eq!(tasks.collect::<Vec<_>>(), [5, 6, 5, 6]);
        remote.wake(5, 6);
        remote.take(&mut messages);
        assert_eq!(messages.len(), 1);
        remote.close();
    }

    #[test]
    fn a_loop_that_has_ended_gives_messages_back_also_when_another_took_its_place() {
        let (first, remote) = open();
        remote.close();
        assert!(remote.send(first, Message::Wake(1)).is_err());
        let mut later = Vec::new();
        while !later.iter().any(|&runtime| place(runtime) == place(first)) {
            later.push(open().0);
        }
        assert!(remote.send(first, Message::Wake(1)).is_err());
        for runtime in later {
            Remote::of(runtime).close();
        }
    }

    #[test]
    fn a_wake_for_a_place_without_a_loop_does_nothing() {
        let (_, remote) = open();
        remote.close();
        remote.wake(9, 9);
        let (queue, _) = remote.close();
        assert!(queue.is_empty());
    }
}

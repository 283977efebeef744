//! Work of tasks, timers and threads, the same for every runtime.
//!
//! A runtime implements [`Tasks`] and as many of the other traits as it has the thing for; each
//! function here is one job over it. Futures that are spawned are `Send`, because some runtimes
//! ask for that; what they share is kept in thread-local values, which costs all the same.
//!
//! Each job runs once unmeasured, with `warm=0` not, and ends with what it cost.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::{Job, Outcome, Results, Stopwatch, Work};

/// What every runtime has.
pub trait Tasks: 'static {
    /// Runs `future` on a new runtime of one thread.
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static;

    /// Spawns onto the runtime that runs, and waits for the end.
    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static;

    /// Lets the other tasks run; runtimes that have nothing of their own wake themselves.
    fn yield_now() -> impl Future<Output = ()> + Send {
        YieldOnce(false)
    }
}

/// Wakes its task and is ready at the next poll.
struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A runtime with timers.
pub trait Timers: Tasks {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static;
}

/// A runtime with threads for what blocks.
pub trait Blocking: Tasks {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()>;
}

/// A runtime with a channel of its own, or the one that its users take.
pub trait Channels: Tasks {
    /// Two tasks, two bounded channels: a message there and one back, `rounds` times.
    fn ping_pong(rounds: u64) -> impl Future<Output = ()>;
}

/// A runtime with a semaphore.
pub trait Semaphores: Tasks {
    /// Acquires one of four permits and releases it, `rounds` times.
    fn permits(rounds: u64) -> impl Future<Output = ()>;
}

/// What a runtime can do of all this, for a contender's table.
#[derive(Debug)]
pub struct Table<R>(Vec<Work>, PhantomData<R>);

impl<R: Tasks> Table<R> {
    /// What all can do.
    #[expect(clippy::new_without_default, reason = "nothing else makes one")]
    pub fn new() -> Self {
        let works = vec![
            Work::once("spawn", OWN, spawn::<R>),
            Work::once("spawn-await", OWN, spawn_await::<R>),
            Work::once("yield", OWN, yields::<R>),
            Work::once("wake", OWN, wakes::<R>),
            Work::once("wake-across", OWN, wakes_across::<R>),
            Work::once("task-bytes", OWN, bytes::<R>),
        ];
        Table(works, PhantomData)
    }

    /// For runtimes that cannot do all of it.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|work| work.name() != name);
        self
    }

    #[must_use]
    pub fn timers(self) -> Self
    where
        R: Timers,
    {
        self.with("timers", timers::<R>).with("lateness", lateness::<R>)
    }

    #[must_use]
    pub fn blocking(self) -> Self
    where
        R: Blocking,
    {
        self.with("blocking", blocking::<R>)
    }

    #[must_use]
    pub fn channels(self) -> Self
    where
        R: Channels,
    {
        self.with("ping-pong", ping_pong::<R>)
    }

    #[must_use]
    pub fn semaphores(self) -> Self
    where
        R: Semaphores,
    {
        self.with("semaphore", permits::<R>)
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, job: fn(Job) -> Outcome<Results>) -> Self {
        self.0.push(Work::once(name, OWN, job));
        self
    }

    pub fn works(self) -> Vec<Work> {
        self.0
    }
}

/// [`Channels::ping_pong`] over channels whose `$received` is what a message comes as.
#[macro_export]
macro_rules! ping_pong {
    ($rounds:expr, $channel:expr, $spawn:expr, $received:pat => $message:ident) => {{
        #[allow(unused_mut)]
        let ((ping, mut pinged), (pong, mut ponged)) = ($channel, $channel);
        let other = $spawn(async move {
            while let $received = pinged.recv().await {
                assert!(pong.send($message).await.is_ok(), "the other end");
            }
        });
        for round in 0..$rounds {
            assert!(ping.send(round).await.is_ok(), "the other end");
            assert!(matches!(ponged.recv().await, $received if $message == round), "an answer");
        }
        drop(ping);
        let _ended = other.await;
    }};
}

const OWN: &[&str] = &["own"];

/// Runs `pass` unmeasured first, then measured; it is given the number of operations.
fn measured<R, P, F>(job: &Job, default: u64, pass: P) -> Outcome<Results>
where
    R: Tasks,
    P: Fn(u64) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let operations = job.number("operations", default);
    let warm = job.number("warm", 1) > 0;
    let cost = R::block_on(async move {
        if warm {
            pass(operations).await;
        }
        let watch = Stopwatch::start();
        pass(operations).await;
        watch.stop()
    });
    Ok(Results::of(operations, cost))
}

/// Tasks that end at once: all are spawned, then all awaited. The vector of their handles is the
/// job's own, so its memory is there before anything is timed.
pub fn spawn<R: Tasks>(job: Job) -> Outcome<Results> {
    let count = job.number("operations", 1_000_000);
    let passes = if job.number("warm", 1) > 0 { 2 } else { 1 };
    let cost = R::block_on(async move {
        let mut tasks = warm_vector(count as usize);
        let mut pass = async || {
            let watch = Stopwatch::start();
            tasks.extend((0..count).map(|_| R::spawn(async {})));
            for task in tasks.drain(..) {
                task.await;
            }
            watch.stop()
        };
        for _ in 1..passes {
            pass().await;
        }
        pass().await
    });
    Ok(Results::of(count, cost))
}

/// Tasks that end at once, each awaited before the next.
pub fn spawn_await<R: Tasks>(job: Job) -> Outcome<Results> {
    measured::<R, _, _>(&job, 300_000, |count| async move {
        for _ in 0..count {
            R::spawn(async {}).await;
        }
    })
}

/// The runtime's own `yield_now`, in a task that is alone.
pub fn yields<R: Tasks>(job: Job) -> Outcome<Results> {
    measured::<R, _, _>(&job, 300_000, |count| {
        R::spawn(async move {
            for _ in 0..count {
                R::yield_now().await;
            }
        })
    })
}

thread_local! {
    static WAKERS: [RefCell<Option<Waker>>; 2] = const { [const { RefCell::new(None) }; 2] };
}

/// Two tasks that wake each other in turn; an operation is a wake and a poll.
pub fn wakes<R: Tasks>(job: Job) -> Outcome<Results> {
    measured::<R, _, _>(&job, 2_000_000, |count| async move {
        let players = [Player { own: 0, left: count / 2 }, Player { own: 1, left: count / 2 }];
        let tasks = players.map(R::spawn);
        for task in tasks {
            task.await;
        }
    })
}

struct Player {
    own: usize,
    left: u64,
}

impl Future for Player {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        WAKERS.with(|wakers| {
            *wakers[self.own].borrow_mut() = Some(cx.waker().clone());
            let other = wakers[1 - self.own].borrow_mut().take();
            if let Some(other) = other {
                other.wake();
            }
        });
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        Poll::Pending
    }
}

/// Messages between two tasks; an operation is one there and one back.
pub fn ping_pong<R: Channels>(job: Job) -> Outcome<Results> {
    measured::<R, _, _>(&job, 200_000, R::ping_pong)
}

pub fn permits<R: Semaphores>(job: Job) -> Outcome<Results> {
    measured::<R, _, _>(&job, 1_000_000, R::permits)
}

/// Closures on other threads, `batch` at a time.
pub fn blocking<R: Blocking>(job: Job) -> Outcome<Results> {
    let batch = job.number("batch", 1);
    measured::<R, _, _>(&job, 20_000, move |count| async move {
        let mut jobs = Vec::with_capacity(batch as usize);
        for _ in 0..count / batch {
            jobs.extend((0..batch).map(|_| R::spawn_blocking(|| ())));
            for job in jobs.drain(..) {
                job.await;
            }
        }
    })
}

/// Bytes of memory that a task takes which waits for what never comes: by what the allocator has
/// in use, its own words included.
pub fn bytes<R: Tasks>(job: Job) -> Outcome<Results> {
    // A power of two, so that tables which double are full.
    let count = job.number("operations", 1 << 17);
    let (bytes, began) = R::block_on(async move {
        let began = Instant::now();
        let before = in_use();
        thread_local!(static POLLED: Cell<u64> = const { Cell::new(0) });
        for _ in 0..count {
            let task = R::spawn(std::future::poll_fn(|_| {
                POLLED.set(POLLED.get() + 1);
                Poll::<()>::Pending
            }));
            // The handle is left alone, which is what detaching is everywhere.
            let _kept = ManuallyDrop::new(task);
        }
        // A task that yields would hold some runtimes up: they poll what they were started with as
        // long as it wakes itself.
        while POLLED.get() < count {
            R::spawn(async {}).await;
        }
        (in_use().saturating_sub(before), began)
    });
    let wall = began.elapsed().as_nanos() as f64;
    let results = Results::new().with("operations", count as f64).with("wall_ns", wall);
    Ok(results.with("bytes", bytes as f64 / count as f64))
}

fn in_use() -> u64 {
    // SAFETY: it reads the allocator's books.
    let books = unsafe { libc::mallinfo2() };
    (books.uordblks + books.hblkhd) as u64
}

/// Timers while `standing` others stand: `phase=register`, `cancel` or `drop` (arm and drop one
/// after another).
pub fn timers<R: Timers>(job: Job) -> Outcome<Results> {
    let standing = job.number("operations", 1_000_000);
    let phase = job.text("phase").unwrap_or("register").to_owned();
    let cost = R::block_on(std::future::poll_fn(move |cx| {
        // So that the memory of the process is there before it is timed.
        // Taking a million timers out may take some runtimes minutes: that is left to the end of
        // the process.
        let mut sleeps = ManuallyDrop::new(warm_vector(standing as usize));
        let watch = Stopwatch::start();
        for count in 0..standing {
            sleeps.push(R::sleep(far(count)));
            let last = sleeps.last_mut().expect("it was just pushed");
            // SAFETY: the vector has room for all, so it moves none of them; they are dropped
            // where they are.
            let last = unsafe { Pin::new_unchecked(last) };
            assert!(last.poll(cx).is_pending());
        }
        let registered = watch.stop();
        let cost = match phase.as_str() {
            "register" => registered,
            "cancel" => {
                let watch = Stopwatch::start();
                sleeps.clear();
                watch.stop()
            }
            _ => {
                let watch = Stopwatch::start();
                for count in 0..standing {
                    let mut sleep = std::pin::pin!(R::sleep(far(count)));
                    assert!(sleep.as_mut().poll(cx).is_pending());
                }
                watch.stop()
            }
        };
        Poll::Ready(cost)
    }));
    Ok(Results::of(standing, cost))
}

/// A vector whose pages are there.
fn warm_vector<T>(capacity: usize) -> Vec<T> {
    let mut vector: Vec<T> = Vec::with_capacity(capacity);
    for place in vector.spare_capacity_mut() {
        // SAFETY: the place is the vector's, and whatever stands in it is overwritten by a push.
        unsafe { place.as_mut_ptr().cast::<u8>().write_volatile(1) };
    }
    vector
}

/// Between one and two hours, in no order.
fn far(count: u64) -> Duration {
    Duration::from_nanos(
        3_600_000_000_000 + count.wrapping_mul(2_654_435_761_999) % 3_600_000_000_000,
    )
}

/// How late a sleep ends: the median of many, one at a time, of one to three milliseconds.
pub fn lateness<R: Timers>(job: Job) -> Outcome<Results> {
    let count = job.number("operations", 200);
    let late = R::block_on(async move {
        let mut late = Vec::new();
        for number in 0..count {
            let asked = nap(number);
            let began = Instant::now();
            R::sleep(asked).await;
            late.push(began.elapsed().saturating_sub(asked));
        }
        late
    });
    Ok(of_median(late))
}

/// Between one and three milliseconds, in no order.
pub fn nap(number: u64) -> Duration {
    Duration::from_nanos(1_000_000 + number * 7_919_081 % 2_000_000)
}

/// A cost that is the median of these times.
pub fn of_median(mut times: Vec<Duration>) -> Results {
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Results::new().with("operations", 1.0).with("wall_ns", median.as_nanos() as f64)
}

/// A wake by another thread of a loop that has nothing to do, from the call to the task's poll:
/// the median of many.
pub fn wakes_across<R: Tasks>(job: Job) -> Outcome<Results> {
    let count = job.number("operations", 1_000);
    let (to_thread, wakers) = mpsc::channel::<Waker>();
    let (to_loop, woken_at) = mpsc::channel::<Instant>();
    let core = job.text("other").map(|_| job.number("other", 1) as usize);
    let thread = std::thread::spawn(move || {
        if let Some(core) = core {
            // Without it the numbers are noisier, and still true.
            let _ = crate::pin(core);
        }
        for waker in wakers {
            // Until the loop sleeps.
            std::thread::sleep(Duration::from_micros(200));
            let now = Instant::now();
            let _ = to_loop.send(now);
            waker.wake();
        }
    });
    let times = R::block_on(async move {
        let mut times = Vec::new();
        for _ in 0..count {
            let mut asked = false;
            let began = std::future::poll_fn(|cx| {
                if !std::mem::replace(&mut asked, true) {
                    to_thread.send(cx.waker().clone()).expect("the thread");
                    return Poll::Pending;
                }
                woken_at.try_recv().map_or(Poll::Pending, Poll::Ready)
            })
            .await;
            times.push(began.elapsed());
        }
        times
    });
    thread.join().expect("the thread");
    Ok(of_median(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_sleeps_are_far_and_in_no_order() {
        let times: Vec<_> = (0..1000).map(far).collect();
        assert!(times.iter().all(|time| (3600..7200).contains(&time.as_secs())));
        assert!(!times.is_sorted());
    }

    #[test]
    fn the_median_is_of_the_sorted_times() {
        let results = of_median([5, 1, 9].map(Duration::from_nanos).to_vec());
        assert_eq!(format!("{results:?}").matches("wall_ns=5").count(), 1);
    }

    #[test]
    fn memory_that_is_kept_is_in_use() {
        let before = in_use();
        let kept = vec![1u8; 1 << 22];
        assert!(in_use() - before >= 1 << 22, "{}", kept.len());
    }
}

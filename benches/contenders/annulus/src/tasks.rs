//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus::sync::{Semaphore, mpsc};
use annulus_bench_kit::tasks::{Blocking, Channels, Semaphores, Table, Tasks, Timers};
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, Work};

pub fn works() -> Vec<Work> {
    Table::<Annulus>::new().timers().blocking().channels().semaphores().with("nops", nops).works()
}

pub struct Annulus;

impl Tasks for Annulus {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        annulus::run(future).expect("a loop")
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = annulus::spawn(future);
        async move {
            task.await.expect("the task");
        }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        annulus::yield_now()
    }
}

impl Timers for Annulus {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        annulus::time::sleep(duration)
    }
}

impl Blocking for Annulus {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
        let job = annulus::spawn_blocking(work);
        async move {
            job.await.expect("the job");
        }
    }
}

impl Channels for Annulus {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, mpsc::channel::<u64>(16), annulus::spawn, Some(message) => message);
    }
}

impl Semaphores for Annulus {
    async fn permits(rounds: u64) {
        let semaphore = Semaphore::new(4);
        for _ in 0..rounds {
            drop(std::hint::black_box(semaphore.acquire().await.expect("a permit")));
        }
    }
}

/// Operations that do nothing, awaited by `tasks` tasks.
fn nops(job: Job) -> Outcome<Results> {
    let operations = job.number("operations", 1_000_000);
    let tasks = job.number("tasks", 256);
    let warm = job.number("warm", 1) > 0;
    let pass = move || async move {
        let task = || {
            annulus::spawn(async move {
                for _ in 0..operations / tasks {
                    annulus::op::nop().await.expect("a nop");
                }
            })
        };
        let spawned: Vec<_> = (0..tasks).map(|_| task()).collect();
        for task in spawned {
            task.await.expect("the task");
        }
    };
    let cost = annulus::run(async move {
        if warm {
            pass().await;
        }
        let watch = Stopwatch::start();
        pass().await;
        watch.stop()
    })?;
    Ok(Results::of(operations, cost))
}

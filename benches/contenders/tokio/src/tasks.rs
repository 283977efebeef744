//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Blocking, Channels, Semaphores, Table, Tasks, Timers};
use tokio::sync::{Semaphore, mpsc};

pub fn works() -> Vec<Work> {
    Table::<Tokio>::new().timers().blocking().channels().semaphores().works()
}

pub struct Tokio;

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Tasks for Tokio {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        runtime().block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = tokio::spawn(future);
        async move {
            task.await.expect("the task");
        }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }
}

impl Timers for Tokio {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        tokio::time::sleep(duration)
    }
}

impl Blocking for Tokio {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
        let job = tokio::task::spawn_blocking(work);
        async move {
            job.await.expect("the job");
        }
    }
}

impl Channels for Tokio {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, mpsc::channel::<u64>(16), tokio::spawn, Some(message) => message);
    }
}

impl Semaphores for Tokio {
    async fn permits(rounds: u64) {
        let semaphore = Semaphore::new(4);
        for _ in 0..rounds {
            drop(std::hint::black_box(semaphore.acquire().await.expect("a permit")));
        }
    }
}

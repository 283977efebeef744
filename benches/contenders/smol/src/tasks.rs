//! Tasks, timers and threads.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Blocking, Channels, Semaphores, Table, Tasks, Timers};
use smol::{LocalExecutor, Timer};

pub fn works() -> Vec<Work> {
    Table::<Smol>::new().timers().blocking().channels().semaphores().works()
}

thread_local! {
    pub static EXECUTOR: Rc<LocalExecutor<'static>> = Rc::new(LocalExecutor::new());
}

pub struct Smol;

impl Tasks for Smol {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        let executor = EXECUTOR.with(Rc::clone);
        smol::block_on(executor.run(future))
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = EXECUTOR.with(|executor| executor.spawn(future));
        async move {
            task.await;
        }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }
}

impl Timers for Smol {
    async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }
}

impl Blocking for Smol {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
        let job = smol::unblock(work);
        async move {
            job.await;
        }
    }
}

impl Channels for Smol {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, smol::channel::bounded::<u64>(16), Self::spawn, Ok(message) => message);
    }
}

impl Semaphores for Smol {
    async fn permits(rounds: u64) {
        let semaphore = smol::lock::Semaphore::new(4);
        for _ in 0..rounds {
            drop(std::hint::black_box(semaphore.acquire().await));
        }
    }
}

//! Tasks, timers and threads.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{self, Blocking, Channels, Semaphores, Tasks, Timers};
use smol::{LocalExecutor, Timer};

pub fn works() -> Vec<Work> {
    let mut works = tasks::works::<Smol>().to_vec();
    works.extend(tasks::timer_works::<Smol>());
    works.extend(tasks::blocking_works::<Smol>());
    works.extend(tasks::channel_works::<Smol>());
    works.extend(tasks::semaphore_works::<Smol>());
    works
}

thread_local! {
    static EXECUTOR: Rc<LocalExecutor<'static>> = Rc::new(LocalExecutor::new());
}

struct Smol;

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
        let (ping, pinged) = smol::channel::bounded::<u64>(16);
        let (pong, ponged) = smol::channel::bounded::<u64>(16);
        let other = Self::spawn(async move {
            while let Ok(message) = pinged.recv().await {
                pong.send(message).await.expect("the other end");
            }
        });
        for round in 0..rounds {
            ping.send(round).await.expect("the other end");
            assert_eq!(ponged.recv().await, Ok(round));
        }
        drop(ping);
        other.await;
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

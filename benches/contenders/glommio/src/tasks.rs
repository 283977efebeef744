//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Blocking, Channels, Semaphores, Table, Tasks, Timers};
use glommio::channels::local_channel;
use glommio::{LocalExecutorBuilder, Placement};

use crate::IO_MEMORY;

pub fn works() -> Vec<Work> {
    Table::<Glommio>::new().timers().blocking().channels().semaphores().works()
}

pub struct Glommio;

impl Tasks for Glommio {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        LocalExecutorBuilder::new(Placement::Unbound)
            .io_memory(IO_MEMORY)
            .make()
            .expect("an executor")
            .run(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = glommio::spawn_local(future);
        async move {
            task.await;
        }
    }
}

impl Timers for Glommio {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        glommio::timer::sleep(duration)
    }
}

impl Blocking for Glommio {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
        let job = glommio::executor().spawn_blocking(work);
        async move {
            job.await;
        }
    }
}

impl Channels for Glommio {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, local_channel::new_bounded::<u64>(16), glommio::spawn_local, Some(message) => message);
    }
}

impl Semaphores for Glommio {
    async fn permits(rounds: u64) {
        let semaphore = glommio::sync::Semaphore::new(4);
        for _ in 0..rounds {
            drop(std::hint::black_box(semaphore.acquire_permit(1).await.expect("a permit")));
        }
    }
}

//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Blocking, Channels, Table, Tasks, Timers};
use compio::driver::ProactorBuilder;
use compio::runtime::RuntimeBuilder;

pub fn works() -> Vec<Work> {
    Table::<Compio>::new().timers().blocking().channels().works()
}

pub struct Compio;

impl Tasks for Compio {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        let mut proactor = ProactorBuilder::new();
        proactor.single_issuer(true).defer_taskrun(true);
        let runtime = RuntimeBuilder::new().with_proactor(proactor).build().expect("a runtime");
        runtime.block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = compio::runtime::spawn(future);
        async move {
            task.await.expect("the task");
        }
    }
}

impl Timers for Compio {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        compio::time::sleep(duration)
    }
}

impl Blocking for Compio {
    fn spawn_blocking(work: impl FnOnce() + Send + 'static) -> impl Future<Output = ()> {
        let job = compio::runtime::spawn_blocking(work);
        async move {
            job.await.expect("the job");
        }
    }
}

impl Channels for Compio {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, async_channel::bounded::<u64>(16), Self::spawn, Ok(message) => message);
    }
}

//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Channels, Table, Tasks, Timers};
use monoio::{IoUringDriver, RuntimeBuilder};

pub fn works() -> Vec<Work> {
    // Wakes from other threads, and threads for what blocks, need its feature `sync`, which makes
    // the rest dearer.
    Table::<Monoio>::new().without("wake-across").timers().channels().works()
}

pub struct Monoio;

impl Tasks for Monoio {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future,
        F::Output: 'static,
    {
        RuntimeBuilder::<IoUringDriver>::new()
            .enable_timer()
            .build()
            .expect("a runtime")
            .block_on(future)
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = monoio::spawn(future);
        async move {
            task.await;
        }
    }
}

impl Timers for Monoio {
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        monoio::time::sleep(duration)
    }
}

impl Channels for Monoio {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(rounds, async_channel::bounded::<u64>(16), Self::spawn, Ok(message) => message);
    }
}

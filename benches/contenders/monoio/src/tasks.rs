//! Tasks, timers and threads.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{self, Channels, Tasks, Timers};
use monoio::{IoUringDriver, RuntimeBuilder};

pub fn works() -> Vec<Work> {
    // Wakes from other threads, and threads for what blocks, need its feature `sync`, which makes
    // the rest dearer.
    let mut works = tasks::works::<Monoio>().to_vec();
    works.retain(|work| work.name() != "wake-across");
    works.extend(tasks::timer_works::<Monoio>());
    works.extend(tasks::channel_works::<Monoio>());
    works
}

struct Monoio;

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
        let (ping, pinged) = async_channel::bounded::<u64>(16);
        let (pong, ponged) = async_channel::bounded::<u64>(16);
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

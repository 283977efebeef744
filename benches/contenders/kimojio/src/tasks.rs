//! Tasks and timers. It has no threads for what blocks, does not take wakes from other threads, and
//! does not end while a task waits, so that the memory of waiting tasks cannot be counted.

use std::future::Future;
use std::time::Duration;

use annulus_bench_kit::Work;
use annulus_bench_kit::tasks::{Channels, Semaphores, Table, Tasks, Timers};
use kimojio::configuration::Configuration;
use kimojio::{AsyncSemaphore, Runtime, async_channel, operations};

pub fn works() -> Vec<Work> {
    Table::<Kimojio>::new()
        .without("wake-across")
        .without("task-bytes")
        .timers()
        .channels()
        .semaphores()
        .works()
}

pub struct Kimojio;

impl Tasks for Kimojio {
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match Runtime::new(0, Configuration::new()).block_on(future) {
            Some(Ok(output)) => output,
            _ => panic!("the runtime stopped"),
        }
    }

    fn spawn<F>(future: F) -> impl Future<Output = ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let task = operations::spawn_task(future);
        async move {
            assert!(task.await.is_ok(), "the task");
        }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        operations::yield_cpu()
    }
}

impl Timers for Kimojio {
    async fn sleep(duration: Duration) {
        operations::sleep(duration).await.expect("a timeout");
    }
}

impl Channels for Kimojio {
    async fn ping_pong(rounds: u64) {
        annulus_bench_kit::ping_pong!(
            rounds,
            async_channel::<u64>(),
            operations::spawn_task,
            Ok(message) => message
        );
    }
}

impl Semaphores for Kimojio {
    async fn permits(rounds: u64) {
        let semaphore = AsyncSemaphore::new(4);
        for _ in 0..rounds {
            semaphore.acquire().await.expect("a permit");
            std::hint::black_box(&semaphore).release();
        }
    }
}

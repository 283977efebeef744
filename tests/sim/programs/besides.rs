//! What a program does besides talking: timers, channels, groups, blocking jobs, files.

use std::rc::Rc;
use std::time::Duration;

use annulus::sync::{Semaphore, mpsc};
use annulus::task::TaskGroup;
use annulus::time::{Instant, sleep, timeout};
use annulus::{fs, spawn, spawn_blocking};

/// Some of it, in any order.
pub(super) async fn anything(mut rng: fastrand::Rng) {
    for _ in 0..rng.usize(1..6) {
        match rng.u8(..7) {
            0 => timers(&mut rng).await,
            1 => channel(&mut rng).await,
            2 => group(&mut rng).await,
            3 => jobs(&mut rng).await,
            4 => permits(&mut rng).await,
            5 => cleanup(&mut rng).await,
            _ => files(&mut rng).await,
        }
    }
}

/// Never early, and equal deadlines in the order in which they were first awaited.
async fn timers(rng: &mut fastrand::Rng) {
    let (to, mut from) = mpsc::unbounded_channel();
    let deadline = Instant::now() + Duration::from_micros(rng.u64(100..5000));
    for name in 0..rng.u32(1..5) {
        let to = to.clone();
        let wait = Duration::from_micros(rng.u64(..4000));
        spawn(async move {
            let started = Instant::now();
            sleep(wait).await;
            assert!(started.elapsed() >= wait, "early");
        })
        .detach();
        spawn(async move {
            annulus::time::sleep_until(deadline).await;
            assert!(Instant::now() >= deadline, "early");
            let _sent = to.send(name);
        })
        .detach();
    }
    drop(to);
    let mut last = None;
    let was_ahead = Instant::now() < deadline;
    while let Some(name) = from.recv().await {
        assert!(!was_ahead || last < Some(name), "{name} after {last:?}");
        last = Some(name);
    }
}

/// First in, first out, and nothing lost when a receive is dropped.
async fn channel(rng: &mut fastrand::Rng) {
    let (to, mut from) = mpsc::channel(rng.usize(1..4));
    let count = rng.u32(1..30);
    let sender = spawn(async move {
        for number in 0..count {
            if number % 7 == 3 {
                annulus::yield_now().await;
            }
            to.send(number).await.expect("a receiver");
        }
    });
    let mut next = 0;
    while next < count {
        match timeout(Duration::from_micros(rng.u64(..50)), from.recv()).await {
            Ok(got) => {
                assert_eq!(got, Some(next));
                next += 1;
            }
            Err(_elapsed) => annulus::yield_now().await,
        }
    }
    sender.await.expect("a sender");
}

/// All or none: when one fails, the others are cancelled and have ended.
async fn group(rng: &mut fastrand::Rng) {
    let alive = Rc::new(std::cell::Cell::new(0));
    let fails = rng.bool();
    let waits: Vec<u64> = (0..rng.usize(1..6)).map(|_| rng.u64(1..2000)).collect();
    let count = waits.len();
    let seen = Rc::clone(&alive);
    let outcome: Result<usize, _> = TaskGroup::scope(async |group| {
        for (index, wait) in waits.into_iter().enumerate() {
            let alive = Rc::clone(&alive);
            group.spawn(async move {
                alive.set(alive.get() + 1);
                let _gone = Gone(alive);
                sleep(Duration::from_micros(wait)).await;
                if fails && index == 0 { Err("on purpose") } else { Ok(()) }
            });
        }
        Ok(count)
    })
    .await;
    assert_eq!(seen.get(), 0, "a task outlived its group");
    assert_eq!(outcome.is_err(), fails);
}

struct Gone(Rc<std::cell::Cell<i32>>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A job's result comes back, unless it was cancelled before it began.
async fn jobs(rng: &mut fastrand::Rng) {
    let jobs: Vec<_> = (0..rng.u32(1..4)).map(|n| spawn_blocking(move || n * n)).collect();
    for (n, mut job) in jobs.into_iter().enumerate() {
        let n = n as u32;
        if rng.u8(..4) == 0 {
            let _in_time = timeout(Duration::from_micros(rng.u64(..50)), &mut job).await;
            continue;
        }
        assert_eq!(job.await.expect("a job"), n * n);
    }
}

/// What was taken is given back, however its holder ends.
async fn permits(rng: &mut fastrand::Rng) {
    let permits = Rc::new(Semaphore::new(2));
    let tasks: Vec<_> = (0..rng.usize(1..6))
        .map(|_| {
            let (permits, wait) = (Rc::clone(&permits), rng.u64(..500));
            spawn(async move {
                let _permit = permits.acquire().await.expect("open");
                sleep(Duration::from_micros(wait)).await;
            })
        })
        .collect();
    for task in tasks {
        if rng.u8(..3) == 0 {
            task.cancel();
        }
        let _end = task.await;
    }
    assert_eq!(permits.available_permits(), 2);
}

/// What a task has deferred runs when it is cancelled.
async fn cleanup(rng: &mut fastrand::Rng) {
    let done = Rc::new(std::cell::Cell::new(false));
    let (seen, wait) = (Rc::clone(&done), rng.u64(..1000));
    let task = spawn(async move {
        annulus::task::defer(async move {
            sleep(Duration::from_micros(wait)).await;
            seen.set(true);
        });
        std::future::pending::<()>().await;
    });
    annulus::yield_now().await;
    sleep(Duration::from_micros(rng.u64(..300))).await;
    task.cancel();
    assert!(task.await.expect_err("cancelled").is_cancelled());
    assert!(done.get(), "the clean-up did not run");
}

/// A file that was written without an error reads back as it was written.
async fn files(rng: &mut fastrand::Rng) {
    let path = format!("/tmp/annulus-sim-{}", rng.u64(..));
    let bytes: Vec<u8> = (0..rng.usize(..3000)).map(|n| n as u8).collect();
    let Ok(()) = fs::write(&path, bytes.clone()).await else { return };
    if let Ok(read) = fs::read(&path).await {
        assert_eq!(read, bytes);
    }
    let _removed = fs::remove_file(&path).await;
}

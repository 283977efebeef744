//! What a program does besides talking: timers, channels, groups, blocking jobs, files.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use annulus::BufResult;
use annulus::fs::File;
use annulus::sync::{Semaphore, mpsc};
use annulus::task::TaskGroup;
use annulus::time::{Instant, sleep, timeout};
use annulus::{fs, spawn, spawn_blocking};

/// Some of it, in any order.
pub(super) async fn anything(mut rng: fastrand::Rng) {
    for _ in 0..rng.usize(1..6) {
        match rng.u8(..9) {
            0 => timers(&mut rng).await,
            1 => channel(&mut rng).await,
            2 => group(&mut rng).await,
            3 => jobs(&mut rng).await,
            4 => permits(&mut rng).await,
            5 => cleanup(&mut rng).await,
            6 => {
                let _failed = pipes(&mut rng).await;
            }
            7 => {
                let _failed = chained_writes(&mut rng).await;
            }
            _ => files(&mut rng).await,
        }
    }
}

/// Never early, and equal deadlines in the order in which they were first awaited.
async fn timers(rng: &mut fastrand::Rng) {
    let (to, mut from) = mpsc::unbounded_channel();
    let deadline = Instant::now() + Duration::from_micros(rng.u64(100..5000));
    // Who first awaits a deadline that is past is ready before those whose timers have to fire.
    let were_ahead = Rc::new(std::cell::Cell::new(true));
    for name in 0..rng.u32(1..5) {
        let (to, were_ahead_of_it) = (to.clone(), Rc::clone(&were_ahead));
        let wait = Duration::from_micros(rng.u64(..4000));
        spawn(async move {
            let started = Instant::now();
            sleep(wait).await;
            assert!(started.elapsed() >= wait, "early");
        })
        .detach();
        spawn(async move {
            let is_ahead = Instant::now() + Duration::from_micros(1) < deadline;
            were_ahead_of_it.set(were_ahead_of_it.get() && is_ahead);
            annulus::time::sleep_until(deadline).await;
            assert!(Instant::now() >= deadline, "early");
            let _sent = to.send(name);
        })
        .detach();
    }
    drop(to);
    let mut last = None;
    while let Some(name) = from.recv().await {
        assert!(!were_ahead.get() || last < Some(name), "{name} after {last:?}");
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

/// What comes out of a pipe is what went in, in its order, whoever is dropped or cancelled meanwhile.
async fn pipes(rng: &mut fastrand::Rng) -> io::Result<()> {
    let (reader, writer) = annulus::sim::pipe()?;
    let (reader, writer) = (File::from_std(reader.into())?, File::from_std(writer.into())?);
    let (count, limit) = (rng.usize(1..9000), Duration::from_micros(rng.u64(1..400)));
    let chunk = rng.usize(1..5000);
    let all: Rc<[u8]> = (0..253).cycle().take(count).collect();
    let expected = Rc::clone(&all);
    let source = spawn(async move {
        let mut sent = 0;
        while sent < count {
            let bytes = all[sent..count.min(sent + chunk)].to_vec();
            let BufResult(written, _) = writer.write_at(bytes, 0).await;
            sent += written?;
        }
        writer.close().await
    });
    let through = rng.bool();
    let reader = if through { moved_on(reader, limit)? } else { reader };
    let mut received = 0;
    loop {
        let BufResult(read, bytes) = match rng.u8(..3) {
            0 => reader.read_at(Vec::with_capacity(700), 0).cancel().await,
            _ => reader.read_at(Vec::with_capacity(700), 0).timeout(limit).await,
        };
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_harmless(&error) => continue,
            Err(error) => return Err(error),
        }
        let next = expected.get(received..received + bytes.len());
        assert_eq!(Some(&*bytes), next, "the bytes of a pipe from {received} on");
        received += bytes.len();
    }
    let whole = matches!(source.await, Ok(Ok(())));
    assert!(received == count || !whole || through, "{received} of {count} bytes");
    Ok(())
}

/// The reading end of a second pipe, into which the first one is moved by splices.
fn moved_on(from: File, mut limit: Duration) -> io::Result<File> {
    let (reader, writer) = annulus::sim::pipe()?;
    let to = File::from_std(writer.into())?;
    spawn(async move {
        loop {
            match annulus::io::splice(&from, None, &to, None, 2000).timeout(limit).await {
                Ok(0) => return,
                Ok(_) => {}
                // A worker may need longer than that, each time.
                Err(error) if is_harmless(&error) => limit *= 2,
                Err(_) => return,
            }
        }
    })
    .detach();
    File::from_std(reader.into())
}

/// Linked writes that say that they were made were made. (That a link waits for the one before it
/// holds only where the kernel took the whole chain in one call, which faults prevent.)
async fn chained_writes(rng: &mut fastrand::Rng) -> io::Result<()> {
    let path = format!("/tmp/annulus-chain-{}", rng.u64(..));
    let file = File::options().read(true).write(true).create(true).open(&path).await?;
    let len = rng.usize(1..2000);
    let first = file.write_at(vec![1; len], 0);
    let second = file.write_at(vec![2; len], len as u64);
    let (BufResult(one, _), BufResult(two, _), synced) =
        annulus::op::chain((first, second, file.sync_all())).await;
    let is_whole = |written: &io::Result<usize>| matches!(written, Ok(count) if *count == len);
    if is_whole(&one) && is_whole(&two) && synced.is_ok() {
        if let Ok(found) = fs::read(&path).await {
            let expected = [vec![1; len], vec![2; len]].concat();
            assert!(found == expected, "a chain of writes is not in its file");
        }
    }
    let _removed = fs::remove_file(&path).await;
    file.close().await
}

/// It was asked to end, or a signal ended it, and nothing was moved.
pub(super) fn is_harmless(error: &io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut};
    matches!(error.kind(), TimedOut | Interrupted)
        || matches!(error.raw_os_error(), Some(125 | 512))
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

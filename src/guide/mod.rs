//! A walk through the loop: what asyncio's guide teaches, in Rust, each step with code that runs.
//!
//! 1. [The loop](#the-loop)
//! 2. [Tasks against futures](#tasks-against-futures)
//! 3. [Gathering](#gathering)
//! 4. [Work that blocks](#work-that-blocks)
//! 5. [Forgetting to await](#forgetting-to-await)
//! 6. [Cancelling, and cleaning up](#cancelling-and-cleaning-up)
//! 7. [A loop inside a loop](#a-loop-inside-a-loop)
//! 8. [Timeouts](#timeouts)
//! 9. [Groups](#groups)
//! 10. [Bounding concurrency](#bounding-concurrency)
//! 11. [Queues](#queues)
//! 12. [What a task carries](#what-a-task-carries)
//! 13. [Seeing what the loop does](#seeing-what-the-loop-does)
//!
//! Those who come from tokio or from asyncio find their idioms in [`coming_from`]. With the features
//! `test-util` and `sim` there is a chapter `testing`: how to test what waits without waiting, and
//! what a network does to a server without a network.
//!
//! # The loop
//!
//! [`run`](crate::run) makes a loop on this thread, runs a future on it until it is done, and ends
//! the loop: tasks that are left are cancelled and clean up, operations are cancelled, and what the
//! kernel still has is waited for.
//!
//! ```
//! let answer = annulus::run(async { 6 * 7 })?;
//! assert_eq!(answer, 42);
//! # std::io::Result::Ok(())
//! ```
//!
//! One round of the loop polls the tasks that are ready, first woken first, and then makes one
//! system call, which submits the operations that they have begun, waits if nothing is ready, and
//! brings what has completed. A future that does not return from its poll stops all that.
//!
//! # Tasks against futures
//!
//! A future does nothing until it is awaited. [`spawn`](crate::spawn) makes it a task, which the
//! loop runs beside the others, and gives a handle on its end.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use annulus::time::sleep;
//!
//! annulus::run(async {
//!     let started = Instant::now();
//!     let future = sleep(Duration::from_millis(20)); // nothing has begun
//!     let task = annulus::spawn(sleep(Duration::from_millis(20))); // will run as soon as we wait
//!     sleep(Duration::from_millis(20)).await;
//!     task.await.unwrap(); // has slept meanwhile
//!     assert!(started.elapsed() < Duration::from_millis(400));
//!     future.await; // sleeps only now
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! Dropping the handle lets the task run on. A panic in a task stays in it: the join returns it.
//!
//! # Gathering
//!
//! ```
//! use annulus::{join, spawn, task::join_all, try_join};
//!
//! annulus::run(async {
//!     // In this task, side by side:
//!     let (one, two) = join!(async { 1 }, async { 2 });
//!     // The same, up to the first error:
//!     let sum = try_join!(async { Ok::<_, String>(one) }, async { Ok(two) });
//!     assert_eq!(sum, Ok((1, 2)));
//!     // As tasks of their own, any number:
//!     let tasks = (0..10).map(|n| spawn(async move { n * n }));
//!     let squares = join_all(tasks.collect::<Vec<_>>()).await;
//!     assert_eq!(squares.into_iter().map(Result::unwrap).sum::<i32>(), 285);
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Work that blocks
//!
//! A call that blocks, or computes for long, holds up every task of its loop. The blocking pool runs
//! it on a thread.
//!
//! ```
//! use annulus::{blocking_ready, spawn_blocking};
//!
//! annulus::run(async {
//!     let digest = spawn_blocking(|| (0..1_000_000u64).fold(0, |sum, n| sum ^ n));
//!     println!("{}", digest.await.unwrap());
//!
//!     // Who can wait, waits for room in the pool's queue first.
//!     let place = blocking_ready().await;
//!     place.spawn(|| ()).await.unwrap();
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Forgetting to await
//!
//! The compiler warns of a future that is not used. In debug mode the loop also warns of an
//! operation that was made, kept and dropped without ever having been polled, and says where it was
//! made.
//!
//! ```compile_fail
//! #![deny(unused_must_use)]
//! annulus::run(async {
//!     annulus::time::sleep(std::time::Duration::from_secs(1)); // error: never awaited
//! }).unwrap();
//! ```
//!
//! # Cancelling, and cleaning up
//!
//! Cancelling a task ends it at the await where it stands. What it has deferred runs then, and may
//! await; the join ends after that.
//!
//! ```
//! use std::cell::Cell;
//! use std::rc::Rc;
//! use annulus::task::{defer, shield};
//!
//! annulus::run(async {
//!     let said = Rc::new(Cell::new(""));
//!     let farewell = said.clone();
//!     let task = annulus::spawn(async move {
//!         defer(async move {
//!             annulus::yield_now().await; // saying goodbye takes its time
//!             farewell.set("goodbye");
//!         });
//!         shield(async { /* what must not be interrupted */ }).await;
//!         std::future::pending::<()>().await;
//!     });
//!     annulus::yield_now().await;
//!     task.cancel();
//!     assert!(task.await.unwrap_err().is_cancelled());
//!     assert_eq!(said.get(), "goodbye");
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! A deferred clean-up runs however the task ends, by its own doing, a panic or a cancel; only
//! [`abort`](crate::task::JoinHandle::abort) skips it. It has no time limit of its own; put a
//! [`timeout`](crate::time::timeout) into it where it talks to others, or bound that of every task by
//! [`Builder::cleanup_limit`](crate::Builder::cleanup_limit). At the end of the runtime it has the
//! grace time of [`Builder::shutdown_grace`](crate::Builder::shutdown_grace), a second by default.
//!
//! Cancelling an operation loses nothing: see [`Submit`](crate::op::Submit).
//!
//! # A loop inside a loop
//!
//! There is one loop to a thread. To start another inside it would stop the first, so it is an
//! error that says so.
//!
//! ```
//! annulus::run(async {
//!     let error = annulus::run(async {}).unwrap_err();
//!     assert!(error.to_string().contains("a loop already runs on this thread"), "{error}");
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Timeouts
//!
//! ```
//! use std::time::Duration;
//! use annulus::time::timeout;
//!
//! annulus::run(async {
//!     let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
//!     assert!(late.is_err());
//!     // The inner limit is not the outer one's.
//!     let inner = timeout(Duration::from_secs(60), async {
//!         timeout(Duration::from_millis(1), std::future::pending::<()>()).await
//!     });
//!     assert!(inner.await.unwrap().is_err());
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! When the value and the limit come together, the value wins. An operation may have its time kept
//! by the kernel: [`Submit::timeout`](crate::op::Submit::timeout).
//!
//! # Groups
//!
//! Tasks that belong together end together. The first error cancels the others; all are awaited,
//! their clean-up included, before the scope returns.
//!
//! ```
//! use std::io;
//! use annulus::task::TaskGroup;
//!
//! annulus::run(async {
//!     let outcome: Result<u32, _> = TaskGroup::scope(async |group| {
//!         let first = group.spawn(async { Ok(20) });
//!         let second = group.spawn(async { Ok(22) });
//!         Ok::<_, io::Error>(first.await? + second.await?)
//!     })
//!     .await;
//!     assert_eq!(outcome.unwrap(), 42);
//!
//!     let failed: Result<(), _> = TaskGroup::scope(async |group| {
//!         group.spawn(async { Err::<(), _>("no such host".to_owned()) });
//!         group.spawn(std::future::pending::<Result<(), _>>()); // is cancelled
//!         Ok(())
//!     })
//!     .await;
//!     assert_eq!(failed.unwrap_err().into_error(), "no such host");
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Bounding concurrency
//!
//! ```
//! use annulus::{spawn, sync::Semaphore, task::join_all};
//! use std::rc::Rc;
//!
//! annulus::run(async {
//!     let at_once = Rc::new(Semaphore::new(3));
//!     let tasks = (0..20).map(|n| {
//!         let at_once = at_once.clone();
//!         spawn(async move {
//!             let _permit = at_once.acquire().await.unwrap(); // first come, first served
//!             annulus::yield_now().await;
//!             n
//!         })
//!     });
//!     assert_eq!(join_all(tasks.collect::<Vec<_>>()).await.len(), 20);
//!     assert_eq!(at_once.available_permits(), 3);
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Queues
//!
//! ```
//! use annulus::{spawn, sync::Queue};
//! use std::rc::Rc;
//!
//! annulus::run(async {
//!     let queue = Rc::new(Queue::bounded(2));
//!     let work = queue.clone();
//!     let worker = spawn(async move {
//!         let mut sum = 0;
//!         while let Ok(item) = work.get().await {
//!             sum += item;
//!             work.task_done();
//!         }
//!         sum
//!     });
//!     for item in 1..=10 {
//!         queue.put(item).await.unwrap(); // waits while the queue is full
//!     }
//!     queue.join().await; // until every item is done
//!     queue.close();
//!     assert_eq!(worker.await.unwrap(), 55);
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # What a task carries
//!
//! A task may have a name, which stands wherever it is spoken of, and values that it hands down to
//! the tasks that it spawns, as with `contextvars`.
//!
//! ```
//! use annulus::{task, task_local};
//!
//! task_local! {
//!     static REQUEST: u64;
//! }
//!
//! annulus::run(async {
//!     let answer = REQUEST.scope(7, async {
//!         let task = task::Builder::new().name("look up").spawn(async {
//!             // Far below, nobody had to pass the number on.
//!             REQUEST.with(|request| format!("request {request}"))
//!         });
//!         task.await.unwrap()
//!     });
//!     assert_eq!(answer.await, "request 7");
//!     assert!(REQUEST.try_get().is_err()); // the scope is over
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Seeing what the loop does
//!
//! In debug mode, which [`Builder::debug`](crate::Builder::debug) or `ANNULUS_DEBUG=1` turns on, the
//! loop reports polls and system calls that take long, the stuck ones while they last and with a
//! stack trace, through [`tracing`], or on the standard error stream where nobody listens to that.
//! [`Handle::metrics`](crate::Handle::metrics) has its counts, also
//! [for Prometheus](crate::runtime::Metrics::prometheus_text), and
//! [`Handle::dump`](crate::Handle::dump) says what every task waits for.
//!
//! ```
//! use annulus::{Handle, net::TcpListener};
//!
//! annulus::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
//!     let server = annulus::spawn(async move { listener.accept().await.map(drop) });
//!     annulus::yield_now().await;
//!
//!     let metrics = Handle::current().metrics().unwrap();
//!     assert_eq!(metrics.tasks_alive, 1);
//!     assert_eq!(metrics.ops_submitted, metrics.ops_completed + metrics.ops_in_flight);
//!
//!     let dump = Handle::current().dump().unwrap().to_string();
//!     assert!(dump.contains("waits for accept on descriptor"), "{dump}");
//!     server.cancel();
//! })?;
//! # std::io::Result::Ok(())
//! ```

pub mod coming_from;
#[cfg(all(feature = "test-util", feature = "sim"))]
pub mod testing;

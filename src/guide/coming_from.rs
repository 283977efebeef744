//! For those who come from tokio or from asyncio: their idiom beside ours.
//!
//! # From tokio
//!
//! | tokio | annulus | what differs |
//! |---|---|---|
//! | `#[tokio::main]` | [`annulus::run(async { … })`](crate::run) | one thread; start a loop for each core |
//! | `Runtime::block_on` | [`Runtime::block_on`](crate::Runtime::block_on) | |
//! | `tokio::spawn` (needs `Send`) | [`spawn`](crate::spawn) | tasks stay on their thread and need not be `Send`; from another thread, [`Handle::spawn`](crate::Handle::spawn) takes a closure that makes the future |
//! | `JoinHandle::abort` | [`cancel`](crate::task::JoinHandle::cancel), [`abort`](crate::task::JoinHandle::abort) | `cancel` runs what the task has deferred |
//! | `spawn_blocking` | [`spawn_blocking`](crate::spawn_blocking) | a job that has not started can be taken back |
//! | `tokio::join!`, `try_join!`, `select!` | [`join!`](crate::join), [`try_join!`](crate::try_join), [`select!`](crate::select) | always biased |
//! | `AsyncReadExt::read(&mut buf)` | [`read(buf)`](crate::net::TcpStream::read) | the buffer goes in and comes back; or [`recv()`](crate::net::TcpStream::recv) without one |
//! | `write_all(&buf)` | [`write_all(buf)`](crate::net::TcpStream::write_all) | likewise |
//! | `timeout(d, read)` loses nothing | the same | in other completion runtimes it does |
//! | `tokio::sync::{Mutex, Semaphore, mpsc, …}` | [`sync`](crate::sync) | local and without atomics; [`sync::cross`](crate::sync::cross) across threads. tokio's run here, too |
//! | `CancellationToken` | [`task::CancellationToken`](crate::task::CancellationToken) | also ends a single operation: `op.cancel_with(&token)` |
//! | `JoinSet` | [`task::JoinSet`](crate::task::JoinSet) | `shutdown` cancels, and awaits clean-up |
//! | `tokio::task_local!` | [`task_local!`](crate::task_local) | tasks that are spawned in a scope inherit its values |
//! | `task::Builder::name` | [`task::Builder`](crate::task::Builder) | stable; names stand in dumps and reports |
//! | `coop::consume_budget`, `unconstrained` | [`task::consume_budget`](crate::task::consume_budget), [`task::unconstrained`](crate::task::unconstrained) | the primitives of one loop use no budget |
//! | `Runtime::shutdown_timeout` | [`shutdown_timeout`](crate::Runtime::shutdown_timeout) | tasks clean up in that time |
//! | `Handle::metrics()` | [`Handle::metrics`](crate::Handle::metrics) | |
//!
//! # From asyncio
//!
//! | asyncio | annulus | what differs |
//! |---|---|---|
//! | `asyncio.run(main())` | [`annulus::run(main())`](crate::run) | |
//! | `asyncio.create_task(coro)` | [`spawn(future)`](crate::spawn) | runs on when the handle is dropped |
//! | `await asyncio.gather(a, b)` | [`join!(a, b)`](crate::join), [`task::join_all`](crate::task::join_all) | |
//! | `asyncio.sleep` | [`time::sleep`](crate::time::sleep) | |
//! | `asyncio.timeout(d)` | [`time::timeout(d, async { … })`](crate::time::timeout) | `reschedule` as there |
//! | `asyncio.wait_for` | [`time::timeout`](crate::time::timeout) | |
//! | `asyncio.TaskGroup` | [`task::TaskGroup::scope`](crate::task::TaskGroup::scope) | |
//! | `task.cancel()` and `try … finally` | [`cancel`](crate::task::JoinHandle::cancel) and [`task::defer`](crate::task::defer) | no exception is thrown into the task: it ends where it stands, then what it deferred runs |
//! | `contextvars.ContextVar` | [`task_local!`](crate::task_local) | set for a scope, inherited by tasks that are spawned in it |
//! | `task.set_name` | [`task::Builder`](crate::task::Builder), [`task::set_name`](crate::task::set_name) | |
//! | `asyncio.timeout(…).reschedule` | [`Timeout::reschedule`](crate::time::Timeout::reschedule) | |
//! | `asyncio.shield` | [`task::shield`](crate::task::shield) | |
//! | `asyncio.Queue` | [`sync::Queue`](crate::sync::Queue) | also with a priority, and last in first out |
//! | `asyncio.Semaphore`, `Event`, `Condition`, `Barrier` | [`sync`](crate::sync) | |
//! | `loop.run_in_executor`, `asyncio.to_thread` | [`spawn_blocking`](crate::spawn_blocking) | |
//! | `loop.call_soon_threadsafe` | [`Handle::spawn`](crate::Handle::spawn) | |
//! | "asyncio.run() cannot be called from a running event loop" | the same error | |
//! | `PYTHONASYNCIODEBUG=1` | `ANNULUS_DEBUG=1` | names slow polls while they last |
//! | "coroutine was never awaited" | a warning of the compiler, and one of debug mode | |

//! A completion runtime for Linux servers, on io_uring: one ring, one thread, one loop per core.
//!
//! [`run`] runs a future on a loop of its own; [`spawn`] runs another beside it; what they await
//! is on its way in the kernel, or in the loop's timer wheel, until it wakes them. A loop makes one
//! system call a turn.
//!
//! ```
//! use std::time::Duration;
//!
//! use annulus::net::{TcpListener, TcpStream};
//! use annulus::{spawn, time};
//!
//! annulus::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     let server = spawn(async move {
//!         let (stream, _peer) = listener.accept().await?;
//!         let greeting = stream.recv().await?;
//!         stream.write_all(greeting).await.into_result()?;
//!         std::io::Result::Ok(())
//!     });
//!     let client = TcpStream::connect(address).await?;
//!     client.write_all("hello").await.into_result()?;
//!     let answer = time::timeout(Duration::from_secs(5), client.recv()).await??;
//!     assert_eq!(&*answer, b"hello");
//!     server.await.unwrap()
//! })??;
//! # std::io::Result::Ok(())
//! ```
//!
//! # Where to find what
//!
//! | | |
//! |---|---|
//! | the loop | [`run`], [`Runtime`], [`Builder`], [`Handle`], [`Features`] |
//! | tasks | [`spawn`], [`task`] |
//! | time | [`time`] |
//! | sockets, files | [`net`], [`fs`] |
//! | bytes | [`buf`], [`BufResult`], [`io`] |
//! | between tasks | [`sync`] |
//! | what would block | [`spawn_blocking`] |
//! | what an operation can do | [`op::Submit`] |
//! | seeing | [`Handle::metrics`], [`Handle::dump`] |
//!
//! # What holds for everything
//!
//! - **Nothing is lost.** A future of this crate may be dropped at any time. What the kernel had
//!   done by then is kept for the next operation of the same handle, or closed, or freed, as befits
//!   it. Where dropping one has another effect, its documentation says so.
//! - **Handles belong to their loop.** A socket or file is a name of something in the loop's tables.
//!   It may be sent to another thread, where it can be dropped; used there, it panics with a
//!   sentence that says so.
//! - **Operations begin at their first poll,** never before.
//! - **Errors** are [`std::io::Error`], with the kernel's number in them where there is one.

#![doc(test(attr(deny(warnings), allow(dead_code, unused_variables))))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(target_os = "linux"))]
compile_error!("annulus runs on Linux only: it is built on io_uring");

#[macro_use]
mod marks;
#[macro_use]
mod plants;

mod blocking;
pub mod buf;
mod driver;
mod foreign;
pub mod fs;
mod growth;
#[cfg(all(test, guard_pages))]
#[path = "../tests/common/guard.rs"]
mod guard;
pub mod guide;
mod histogram;
pub mod io;
mod local;
mod macros;
pub mod net;
pub mod op;
mod remote;
mod report;
pub mod runtime;
mod scheduler;
#[cfg(feature = "sim")]
pub mod sim;
pub mod sync;
mod sys;
pub mod task;
mod threads;
pub mod time;

pub use blocking::{
    BlockingHandle, BlockingMetrics, Permit as BlockingPermit, Reserve as BlockingReserve,
    TrySpawnError, blocking_ready, spawn_blocking, try_spawn_blocking,
};
pub use buf::{BufError, BufResult};
pub use runtime::{Builder, Handle, Runtime, run};
pub use sys::{Features, Opcode, SetupCause, SetupError};
pub use task::{spawn, yield_now};

/// README's examples, compiled and run with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[doc(hidden)]
pub use macros::support as __macros;

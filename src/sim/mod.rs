//! Several hosts in a simulated world, on one thread, from a seed (feature `sim`).
//!
//! A [`World`] runs programs of this crate, unchanged, on a kernel that is simulated: each host has
//! its own loop, its own sockets and files, and an address; the network, the disks and the time
//! between them are the world's. All that happens follows from a seed. A run that fails can be run
//! again, event by event.
//!
//! ```
//! use annulus::net::{TcpListener, TcpStream};
//! use annulus::sim::World;
//!
//! let mut world = World::new(42);
//! world.host("server", || async {
//!     let listener = TcpListener::bind("0.0.0.0:7").await?;
//!     loop {
//!         let (stream, _peer) = listener.accept().await?;
//!         annulus::spawn(async move {
//!             while let Ok(bytes) = stream.recv().await {
//!                 if bytes.is_empty() || stream.write_all(bytes).await.is_err() {
//!                     return;
//!                 }
//!             }
//!         })
//!         .detach();
//!     }
//!     # #[allow(unreachable_code)]
//!     std::io::Result::Ok(())
//! });
//! world.client("client", || async {
//!     let stream = TcpStream::connect("server:7").await?;
//!     stream.write_all("hello").await.into_result()?;
//!     assert_eq!(&*stream.recv().await?, b"hello");
//!     std::io::Result::Ok(())
//! });
//! let report = world.run(); // until every client is done
//! println!("{} operations in {:?}", report.operations, report.time);
//! ```
//!
//! What is simulated: everything that this crate does through its loop, the blocking pool included,
//! whose jobs run on this thread at a time that the world chooses. What is not: std's sockets, files,
//! threads and clocks. Ask [`time::Instant`](crate::time::Instant) for the time and [`random`] for
//! random numbers, and have no state that is shared by runs; what iterates over a `HashMap` with
//! std's hasher differs from run to run.
//!
//! What is checked in every run, besides what the programs assert: that no wake is lost and the world
//! does not stand still, that ready tasks are polled in their turn and before their loop sleeps, that
//! operations complete once, that memory is lent to one operation only, that no descriptor is closed
//! under an operation, and at the end that every descriptor is closed and every operation over.
//!
//! [`explore`] runs many seeds and shrinks what it finds to fewer faults.

mod alone;
mod explore;
mod failure;
mod faults;
mod finish;
mod host;
mod nemesis;
mod pipe;
mod rng;
mod round;
mod world;

pub use self::alone::{run, run_with, scope};
pub use self::explore::explore;
pub use self::faults::Faults;
pub use self::host::Ending;
pub use self::pipe::pipe;
pub use self::world::{Report, World};

/// A random number that follows from the seed of the world which runs on this thread.
///
/// # Panics
///
/// Outside of a [`World`].
pub fn random() -> u64 {
    assert!(is_simulated(), "`sim::random` was called outside of a `sim::World`");
    crate::sys::sim::random_u64()
}

/// Plants a bug on this thread: for the tests of the simulation itself.
#[doc(hidden)]
pub fn plant(bug: Option<&'static str>) {
    crate::plants::plant(bug);
}

/// Whether a [`World`] runs on this thread.
pub fn is_simulated() -> bool {
    crate::sys::sim::is_installed()
}

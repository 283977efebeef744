//! Testing what waits, and what goes wrong (features `test-util` and `sim`).
//!
//! # A clock that stands still
//!
//! A test of a timeout of a minute should not take a minute, and a test that sleeps "long enough"
//! fails on a slow day. With the feature `test-util` (for `[dev-dependencies]` only) a loop's clock
//! can be stopped:
//!
//! ```
//! use std::rc::Rc;
//! use std::time::Duration;
//! use annulus::sync::Notify;
//! use annulus::time::{self, Instant};
//!
//! /// What is tested: gives up after three tries, a minute each.
//! async fn three_tries(answer: &Notify) -> bool {
//!     for _ in 0..3 {
//!         if time::timeout(Duration::from_secs(60), answer.notified()).await.is_ok() {
//!             return true;
//!         }
//!     }
//!     false
//! }
//!
//! annulus::run(async {
//!     time::pause();
//!     let started = Instant::now();
//!     let answer = Rc::new(Notify::new());
//!     assert!(!three_tries(&answer).await);
//!     assert_eq!(started.elapsed(), Duration::from_secs(180));
//!
//!     let late = answer.clone();
//!     annulus::spawn(async move {
//!         time::sleep(Duration::from_secs(179)).await;
//!         late.notify_one();
//!     })
//!     .detach();
//!     assert!(three_tries(&answer).await);
//!     assert_eq!(started.elapsed(), Duration::from_secs(180 + 179));
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! [`pause`](crate::time::pause) stops it, or
//! [`Builder::start_paused`](crate::Builder::start_paused) from the beginning. When nothing is ready,
//! the loop goes on to the next deadline by itself; [`advance`](crate::time::advance) moves the time
//! by hand, and [`resume`](crate::time::resume) lets it run. What counts as ready, blocking jobs and
//! operations included, [`pause`](crate::time::pause) says.
//!
//! Ask [`Instant`](crate::time::Instant) for the time then, in the code that is tested too: std's
//! does not stand still.
//!
//! # A world in a box
//!
//! With the feature `sim`, servers and clients run on a simulated kernel, several hosts on one thread,
//! with their own time. The code that is tested is the code that runs in production: nothing in its
//! types says where it runs.
//!
//! ```
//! use std::io;
//! use std::time::Duration;
//! use annulus::net::{TcpListener, TcpStream};
//! use annulus::sim::{Faults, World, explore};
//! use annulus::time::timeout;
//!
//! /// What is tested: a server that says how long a line is.
//! async fn serve(port: u16) -> io::Result<()> {
//!     let listener = TcpListener::bind(("0.0.0.0", port)).await?;
//!     loop {
//!         let (stream, _peer) = listener.accept().await?;
//!         annulus::spawn(async move {
//!             let mut line = Vec::new();
//!             while !line.ends_with(b"\n") {
//!                 let bytes = stream.recv().await?;
//!                 if bytes.is_empty() {
//!                     return Ok(());
//!                 }
//!                 line.extend_from_slice(&bytes);
//!             }
//!             let answer = format!("{}\n", line.len() - 1);
//!             stream.write_all(answer).await.into_result()?;
//!             io::Result::Ok(())
//!         })
//!         .detach();
//!     }
//! }
//!
//! async fn ask(line: &'static str) -> io::Result<String> {
//!     let stream = TcpStream::connect("server:7").await?;
//!     stream.write_all(line).await.into_result()?;
//!     let mut answer = Vec::new();
//!     while !answer.ends_with(b"\n") {
//!         let bytes = stream.recv().await?;
//!         if bytes.is_empty() {
//!             return Err(io::ErrorKind::UnexpectedEof.into());
//!         }
//!         answer.extend_from_slice(&bytes);
//!     }
//!     Ok(String::from_utf8(answer).unwrap())
//! }
//!
//! fn test(world: &mut World) {
//!     world.host("server", || serve(7));
//!     world.client("client", || async {
//!         // The network may break a connection and the server may crash, so a client tries again;
//!         // but an answer that comes is the right one.
//!         loop {
//!             if let Ok(Ok(answer)) = timeout(Duration::from_secs(5), ask("hello\n")).await {
//!                 assert_eq!(answer, "5\n");
//!                 return;
//!             }
//!         }
//!     });
//!     world.faults(Faults::network(world.seed()).with("crash", 50));
//!     world.run();
//! }
//!
//! explore(0..50, test);
//! ```
//!
//! A run has two phases: faults, for 30 seconds of its own time unless
//! [`fault_phase`](crate::sim::World::fault_phase) says otherwise, and then the calm, in which every
//! client has to come to its end. A seed that fails is run again with fewer and fewer faults; what is
//! printed is the smallest failure: the seed, the faults, what every task of every host waits for, the
//! last events, and the line that runs it again:
//!
//! ```text
//! run it again with: ANNULUS_SIM_SEED=17 ANNULUS_SIM_FAULTS='short-read=97' cargo test
//! ```
//!
//! Datagrams ([`UdpSocket`](crate::net::UdpSocket)) get what networks do to them: in
//! [`Faults::network`](crate::sim::Faults::network) and [`swarm`](crate::sim::Faults::swarm) some are
//! lost, doubled or overtaken, and a link that is cut loses them, where it holds back the bytes of a
//! connection. So a protocol over datagrams shows whether it asks again, and what it makes of an answer
//! that comes twice. `Faults::none().with("lost-datagrams", 100)` loses one in ten and does nothing
//! else.
//!
//! [`World`](crate::sim::World) also has its parts moved by hand:
//! [`partition`](crate::sim::World::partition), [`heal`](crate::sim::World::heal),
//! [`crash`](crate::sim::World::crash), [`restart`](crate::sim::World::restart) between
//! [`run_for`](crate::sim::World::run_for) and [`run`](crate::sim::World::run).
//!
//! What runs in a world must take its time from [`Instant`](crate::time::Instant), its random numbers
//! from [`sim::random`](crate::sim::random), and nothing from std's sockets and files.

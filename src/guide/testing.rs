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

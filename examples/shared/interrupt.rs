//! Ctrl-C and SIGTERM as a future.
//!
//! The first one is for the program, which ends its work in order; a second one ends the process
//! at once, whatever it is doing.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What a shell reports of a program that SIGINT has ended.
const STATUS: i32 = 128 + SIGINT;

/// Waits for the first Ctrl-C or SIGTERM.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    has_come: Arc<AtomicBool>,
    waiter: Arc<Mutex<Option<Waker>>>,
}

impl Interrupt {
    /// Takes the signals over from here on.
    pub(crate) fn install() -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order the first signal finds the flag down, and the second one finds it up.
            let flag = Arc::clone(&interrupt.has_come);
            signal_hook::flag::register_conditional_shutdown(signal, STATUS, Arc::clone(&flag))?;
            signal_hook::flag::register(signal, flag)?;
        }
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let waiter = Arc::clone(&interrupt.waiter);
        std::thread::spawn(move || {
            for _ in signals.forever() {
                let waiter = waiter.lock().unwrap_or_else(PoisonError::into_inner).take();
                waiter.into_iter().for_each(Waker::wake);
            }
        });
        Ok(interrupt)
    }

    /// Ends when the signal has come. One task waits at a time.
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            let mut waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
            if self.has_come.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *waiter = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

//! Ctrl-C and SIGTERM end what the program does.
//!
//! The first one is for the program, which ends its work in order; a second one ends the process
//! at once, whatever it is doing.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What a shell reports of a program that SIGINT has ended.
const STATUS: i32 = 128 + SIGINT;

/// Knows of the first Ctrl-C or SIGTERM.
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

    /// Does `work` until it is done or the signal comes; then it is dropped where it waits, and
    /// the answer is `None`.
    pub(crate) async fn until<F: Future>(&self, work: F) -> Option<F::Output> {
        annulus::select! {
            () = poll_fn(|cx| self.poll_signal(cx)) => None,
            done = work => Some(done),
        }
    }

    fn poll_signal(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_come.load(Ordering::Relaxed) {
            return Poll::Ready(());
        }
        match &mut *waiter {
            Some(known) if known.will_wake(cx.waker()) => {}
            place => *place = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

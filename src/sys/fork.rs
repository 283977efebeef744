//! Tells a forked child from the process that made a ring.
//!
//! A child shares its parent's ring: what it pushes, the parent's kernel ring takes, and what it
//! reaps, the parent never sees. So a ring remembers how often the process had been forked when it
//! was made, and refuses to be used by a child.

#![expect(unsafe_code, reason = "pthread_atfork is a libc call")]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one, since the first ring was made.
static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// The generation of this process; watched from the first call on.
pub(crate) fn watched_generation() -> u32 {
    WATCH.call_once(|| {
        // SAFETY: the handler only adds to an atomic, which is allowed in a forked child.
        let answer = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        if answer != 0 {
            tracing::warn!(answer, "forks cannot be watched; a forked child must not use the loop");
        }
    });
    generation()
}

/// The generation of this process.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[cold]
#[inline(never)]
pub(super) fn refuse() -> ! {
    panic!(
        "this process was forked from the one that made the loop, and shares its ring: a child \
         has to exec, or to leave the loop alone and make its own"
    )
}

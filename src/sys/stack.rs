//! Where another thread of this process is, asked by interrupting it.
//!
//! The thread gets a `SIGURG`, which means nothing to those who do not expect it, and whose handler
//! walks the stack that it interrupted and notes the return addresses. Names are found for them
//! later, on the thread that asks ([`symbols`](super::symbols)): a handler may neither allocate nor
//! take a lock that the code it interrupted may hold.
//!
//! # What the handler does, and why it may
//!
//! It stores to atomics and calls `_Unwind_Backtrace`, the unwinder that every Rust program on
//! glibc has. That reads the stack by the tables which the compiler wrote for every instruction,
//! and finds the tables with `_dl_find_object`, which glibc says may be called in a handler. It is
//! called once before, so that nothing is set up for the first time in a handler. A glibc before
//! 2.35, or another libc, finds the tables under a lock: there the thread is not interrupted, and
//! the question is answered with an error.
//!
//! A system call that the signal interrupts is restarted, but for those that never are (`poll`,
//! `epoll_wait`, `nanosleep`): they end with `EINTR`, as they do under a debugger.

#![expect(unsafe_code, reason = "signals a thread and unwinds its stack in a handler")]

use std::io;
use std::time::Duration;

/// How many return addresses are kept, the innermost first.
const FRAMES_MAX: usize = 64;

/// The addresses that `thread` of this process is at, the innermost first, each inside the
/// instruction that is being run.
///
/// # Errors
///
/// `Unsupported` where the stack cannot be walked safely, `TimedOut` when the thread does not
/// answer within `limit`, for it waits uninterruptibly or blocks the signal; `ESRCH` when it is
/// gone.
pub(crate) fn of_thread(thread: i32, limit: Duration) -> io::Result<Vec<usize>> {
    imp::of_thread(thread, limit)
}

/// Keeps the handler in place as long as it lives.
#[derive(Debug)]
pub(crate) struct Interrupts(());

impl Interrupts {
    /// Makes ready to interrupt threads.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the stack cannot be walked safely.
    pub(crate) fn allow() -> io::Result<Interrupts> {
        imp::allow().map(|()| Interrupts(()))
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        imp::disallow();
    }
}

#[cfg(target_env = "gnu")]
mod imp {
    use std::ffi::{CStr, c_int, c_void};
    use std::io;
    use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    use super::super::signal::{Chain, keeping_errno};
    use super::FRAMES_MAX;

    static CHAIN: Chain = Chain::new(libc::SIGURG, on_interrupt);
    /// One question at a time.
    static QUESTION: Mutex<()> = Mutex::new(());
    static STATE: AtomicU32 = AtomicU32::new(IDLE);
    static THREAD: AtomicI32 = AtomicI32::new(0);
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static FRAMES: [AtomicUsize; FRAMES_MAX] = [const { AtomicUsize::new(0) }; FRAMES_MAX];

    const IDLE: u32 = 0;
    const ASKED: u32 = 1;
    const ANSWERING: u32 = 2;
    const ANSWERED: u32 = 3;

    /// The unwinder's `_Unwind_Reason_Code`.
    const GO_ON: c_int = 0;
    const STOP: c_int = 5;

    type Trace = extern "C" fn(*mut c_void, *mut c_void) -> c_int;

    // The unwinder that the standard library links against (`unwind.h`).
    unsafe extern "C" {
        fn _Unwind_Backtrace(trace: Trace, argument: *mut c_void) -> c_int;
        fn _Unwind_GetIPInfo(context: *mut c_void, is_before: *mut c_int) -> usize;
    }

    pub(super) fn allow() -> io::Result<()> {
        if !is_safe() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // What the unwinder and the dynamic linker set up at a first call is set up here.
        let _frames = walk();
        COUNT.store(0, Ordering::Relaxed);
        CHAIN.ask()
    }

    pub(super) fn disallow() {
        CHAIN.leave();
    }

    /// Whether the unwinder finds its tables without a lock: glibc from 2.35 on.
    fn is_safe() -> bool {
        // SAFETY: the call has no preconditions and gives a text that lives as long as the process.
        let version = unsafe { libc::gnu_get_libc_version() };
        // SAFETY: as above, and the text ends with a zero.
        let version = unsafe { CStr::from_ptr(version) };
        let mut numbers = version.to_str().unwrap_or("").split('.').map_while(|n| n.parse().ok());
        numbers.next().zip(numbers.next()).is_some_and(|version: (u32, u32)| version >= (2, 35))
    }

    pub(super) fn of_thread(thread: i32, limit: Duration) -> io::Result<Vec<usize>> {
        if !CHAIN.is_asked() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let _alone = QUESTION.lock().unwrap_or_else(PoisonError::into_inner);
        THREAD.store(thread, Ordering::Relaxed);
        STATE.store(ASKED, Ordering::Release);
        let process = std::process::id();
        // SAFETY: the call takes three integers; a thread that is gone is an error.
        let sent = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGURG) };
        if sent == -1 {
            STATE.store(IDLE, Ordering::Relaxed);
            return Err(io::Error::last_os_error());
        }
        let is_answered = wait(limit);
        let count = COUNT.load(Ordering::Relaxed);
        STATE.store(IDLE, Ordering::Relaxed);
        if !is_answered {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(FRAMES[..count].iter().map(|frame| frame.load(Ordering::Relaxed)).collect())
    }

    /// Waits for the answer; `false` when the question was taken back instead.
    fn wait(limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut pause = Duration::from_micros(20);
        while STATE.load(Ordering::Acquire) != ANSWERED {
            let is_late = Instant::now() >= deadline;
            // A handler that has begun is waited for: the frames are its own until it is done.
            if is_late && exchange(ASKED, IDLE) {
                return false;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
        true
    }

    fn exchange(from: u32, to: u32) -> bool {
        STATE.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    extern "C" fn on_interrupt(_: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        keeping_errno(|| {
            // SAFETY: the call has no preconditions and is allowed in a handler.
            let thread = unsafe { libc::gettid() };
            if THREAD.load(Ordering::Relaxed) == thread && exchange(ASKED, ANSWERING) {
                COUNT.store(walk(), Ordering::Relaxed);
                STATE.store(ANSWERED, Ordering::Release);
            } else {
                CHAIN.hand_on(info, context);
            }
        });
    }

    /// Notes the stack of the thread that calls into `FRAMES`; how many addresses.
    fn walk() -> usize {
        let mut count = 0_usize;
        let argument: *mut usize = &mut count;
        // SAFETY: `trace` gets `argument` back and writes to it only, and neither panics.
        unsafe { _Unwind_Backtrace(trace, argument.cast()) };
        count
    }

    extern "C" fn trace(frame: *mut c_void, argument: *mut c_void) -> c_int {
        let mut is_before = 0;
        // SAFETY: the unwinder hands the frame it is at to its callback; the flag is writable.
        let address = unsafe { _Unwind_GetIPInfo(frame, &mut is_before) };
        // SAFETY: `walk` passed the address of its counter, which nobody else uses meanwhile.
        let count = unsafe { &mut *argument.cast::<usize>() };
        if is_before != 0 {
            // The frame that a signal interrupted: what was noted is the handler's.
            *count = 0;
        }
        let Some(place) = FRAMES.get(*count) else { return STOP };
        // A return address is behind its call, which is what is looked for.
        let address = if is_before != 0 { address } else { address.saturating_sub(1) };
        place.store(address, Ordering::Relaxed);
        *count += 1;
        GO_ON
    }
}

#[cfg(not(target_env = "gnu"))]
mod imp {
    use std::io;
    use std::time::Duration;

    pub(super) fn allow() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn disallow() {}

    pub(super) fn of_thread(_: i32, _: Duration) -> io::Result<Vec<usize>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use std::sync::mpsc;

    use super::super::{symbols, thread};
    use super::*;

    /// Waits on a thread of its own, in a function that can be told in its stack.
    #[inline(never)]
    fn wait_in_a_named_function(tell: &mpsc::Sender<i32>, go_on: &mpsc::Receiver<()>) {
        tell.send(thread::current()).expect("the asker listens");
        go_on.recv().expect("the asker answers");
    }

    #[test]
    fn a_thread_that_waits_is_seen_in_the_function_in_which_it_waits() {
        let _allowed = Interrupts::allow().expect("glibc of today");
        let (tell, told) = mpsc::channel();
        let (answer, go_on) = mpsc::channel();
        let waiting = std::thread::spawn(move || wait_in_a_named_function(&tell, &go_on));
        let thread = told.recv().expect("the thread's number");
        let frames = of_thread(thread, Duration::from_secs(60)).expect("the thread answers");
        let names = symbols::names(&frames);
        assert!(names.iter().any(|name| name.contains("wait_in_a_named_function")), "{names:#?}");
        assert!(names.len() > 3 && names.len() == frames.len());
        assert!(!names.iter().any(|name| name.contains("on_interrupt")), "{names:#?}");
        answer.send(()).expect("the thread waits");
        waiting.join().expect("the thread is unharmed");
        let gone = of_thread(thread, Duration::from_secs(60)).expect_err("no such thread");
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_thread_that_runs_is_seen_where_it_runs() {
        use std::sync::atomic::{AtomicBool, Ordering};
        static STOP: AtomicBool = AtomicBool::new(false);
        #[inline(never)]
        fn run_in_a_named_function() {
            while !STOP.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        }
        let _allowed = Interrupts::allow().expect("glibc of today");
        let (tell, told) = mpsc::channel();
        let running = std::thread::spawn(move || {
            tell.send(thread::current()).expect("the asker listens");
            run_in_a_named_function();
        });
        let thread = told.recv().expect("the thread's number");
        let mut names = Vec::new();
        while !names.iter().any(|name: &String| name.contains("run_in_a_named_function")) {
            names = symbols::names(&of_thread(thread, Duration::from_secs(60)).expect("answers"));
        }
        STOP.store(true, Ordering::Relaxed);
        running.join().expect("the thread is unharmed");
    }
}

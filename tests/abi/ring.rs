//! A ring for tests: annulus's set-up by default, waits that always end.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use io_uring::cqueue;
use io_uring::squeue::Entry;
use io_uring::types::Timespec;
use io_uring::{Builder, EnterFlags, IoUring, Probe};

use crate::memory;

/// How long a test waits for completions that must come, before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// `struct io_uring_getevents_arg`.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct WaitArgument {
    pub(crate) sigmask: u64,
    pub(crate) sigmask_sz: u32,
    pub(crate) min_wait_usec: u32,
    pub(crate) ts: u64,
}

/// One CQE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) user_data: u64,
    pub(crate) res: i32,
    pub(crate) flags: u32,
}

impl Done {
    /// Whether more completions of the same op follow.
    pub(crate) fn more(self) -> bool {
        cqueue::more(self.flags)
    }

    /// The provided buffer that the op took.
    pub(crate) fn buffer(self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }
}

/// The only completion of `user_data` among `done`.
pub(crate) fn only(done: &[Done], user_data: u64) -> Done {
    let mut of_it = done.iter().filter(|done| done.user_data == user_data);
    let first = of_it.next().unwrap_or_else(|| panic!("no completion of {user_data} in {done:?}"));
    assert!(of_it.next().is_none(), "more than one completion of {user_data} in {done:?}");
    *first
}

/// A ring of the set-up flags that annulus asks for.
pub(crate) fn annulus_flags(builder: &mut Builder) {
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_clamp()
        .setup_no_sqarray();
}

/// A ring and the CQEs taken from it that nobody has asked for yet.
pub(crate) struct TestRing {
    ring: IoUring,
    inbox: VecDeque<Done>,
}

impl TestRing {
    /// 64 SQEs, 256 CQEs, annulus's flags.
    pub(crate) fn new() -> Self {
        Self::sized(64, 256)
    }

    pub(crate) fn sized(sq: u32, cq: u32) -> Self {
        Self::built(sq, |builder| {
            annulus_flags(builder);
            builder.setup_cqsize(cq);
        })
        .expect("a ring with annulus's flags")
    }

    /// A ring of no set-up flag at all.
    pub(crate) fn plain() -> Self {
        Self::built(64, |_| ()).expect("a plain ring")
    }

    pub(crate) fn built(sq: u32, set_up: impl FnOnce(&mut Builder)) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        set_up(&mut builder);
        Ok(Self { ring: builder.build(sq)?, inbox: VecDeque::new() })
    }

    pub(crate) fn ring(&mut self) -> &mut IoUring {
        &mut self.ring
    }

    pub(crate) fn supports(&self, opcode: u8) -> bool {
        let mut probe = Probe::new();
        self.ring.submitter().register_probe(&mut probe).expect("REGISTER_PROBE");
        probe.is_supported(opcode)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.push_all(&[entry]);
    }

    pub(crate) fn push_all(&mut self, entries: &[Entry]) {
        // SAFETY: what SQEs point to in this binary is leaked (`memory`), so it outlives every op.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        pushed.expect("room in the SQ");
    }

    /// How many SQEs wait to be submitted.
    pub(crate) fn queued(&mut self) -> u32 {
        self.ring.submission().len() as u32
    }

    /// One `io_uring_enter` without an argument.
    pub(crate) fn enter(&mut self, submit: u32, want: u32, flags: EnterFlags) -> io::Result<usize> {
        let submitter = self.ring.submitter();
        // SAFETY: no argument is passed.
        unsafe { submitter.enter::<libc::sigset_t>(submit, want, flags.bits(), None) }
    }

    /// One `io_uring_enter` with GETEVENTS and the extended argument.
    pub(crate) fn enter_with(
        &mut self,
        submit: u32,
        want: u32,
        flags: EnterFlags,
        argument: &WaitArgument,
    ) -> io::Result<usize> {
        let flags = (flags | EnterFlags::GETEVENTS | EnterFlags::EXT_ARG).bits();
        let submitter = self.ring.submitter();
        // SAFETY: the argument has the kernel's layout and outlives the call.
        unsafe { submitter.enter(submit, want, flags, Some(argument)) }
    }

    /// One enter that waits for `want` completions, at most for `timeout`.
    pub(crate) fn enter_for(
        &mut self,
        submit: u32,
        want: u32,
        timeout: Duration,
    ) -> io::Result<usize> {
        let timespec = Timespec::from(timeout);
        let ts = (&raw const timespec) as u64;
        let argument = WaitArgument { ts, ..WaitArgument::default() };
        self.enter_with(submit, want, EnterFlags::empty(), &argument)
    }

    /// Submits what is queued; asks for no completion.
    pub(crate) fn submit(&mut self) -> usize {
        let queued = self.queued();
        self.enter(queued, 0, EnterFlags::empty()).expect("submit")
    }

    /// Takes what stands in the CQ, without a system call.
    pub(crate) fn reap(&mut self) -> Vec<Done> {
        let mut done: Vec<Done> = self.inbox.drain(..).collect();
        done.extend(self.ring.completion().map(|cqe| Done {
            user_data: cqe.user_data(),
            res: cqe.result(),
            flags: cqe.flags(),
        }));
        done
    }

    /// One enter with GETEVENTS that does not wait, then what stands in the CQ.
    pub(crate) fn poll(&mut self) -> Vec<Done> {
        self.enter(0, 0, EnterFlags::GETEVENTS).expect("enter with GETEVENTS");
        self.reap()
    }

    /// Submits what is queued and waits for exactly `count` completions; later ones are kept.
    pub(crate) fn collect(&mut self, count: usize) -> Vec<Done> {
        let deadline = Instant::now() + PATIENCE;
        let mut done = self.reap();
        while done.len() < count || self.queued() > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for {count} completions, saw {done:?}");
            let queued = self.queued();
            let want = u32::from(done.len() < count);
            match self.enter_for(queued, want, left) {
                Ok(_) => {}
                Err(error) if interrupted(&error) => {}
                Err(error) => panic!("enter: {error}, after {done:?}"),
            }
            done.extend(self.reap());
        }
        self.inbox.extend(done.drain(count..));
        done
    }

    /// The one completion that must come next.
    pub(crate) fn one(&mut self) -> Done {
        self.collect(1)[0]
    }

    /// Asserts that no completion stands or comes within a moment.
    ///
    /// The moment can only let a wrong completion slip by, never fail a right one.
    pub(crate) fn assert_quiet(&mut self) {
        let queued = self.queued();
        let _ = self.enter_for(queued, 1, Duration::from_millis(15));
        let done = self.reap();
        assert!(done.is_empty(), "no completion was expected, saw {done:?}");
    }
}

impl AsRawFd for TestRing {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

/// An enter that timed out or met a signal; the caller's own bound decides.
fn interrupted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::ETIME))
}

/// A leaked timespec of so many milliseconds.
pub(crate) fn timespec(ms: u64) -> *mut Timespec {
    memory::leak(memory::millis(ms))
}

/// An opcode that no kernel knows.
pub(crate) fn unknown_opcode(user_data: u64) -> Entry {
    let mut bytes = [0_u8; 64];
    bytes[0] = u8::MAX;
    bytes[32..40].copy_from_slice(&user_data.to_ne_bytes());
    // SAFETY: Entry is a transparent 64-byte SQE; every bit pattern is one.
    unsafe { std::mem::transmute(bytes) }
}

//! What this kernel gives a ring: set-up flags, features and opcodes, found out by asking.
//!
//! Nothing here is decided by the kernel's version. Distributions backport features and sandboxes
//! take them away, so the ring itself is asked: which flags it was made with, which feature bits
//! it answered, and which opcodes its probe lists.

#![expect(unsafe_code, reason = "the probe and the first request go through the doors")]

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::{fmt, ptr};

use io_uring::opcode;

use super::abi::{self, Params, Probe, ProbeOp};
use super::diagnosis::Bytes;
use super::environment::Environment;
use super::error::SetupError;
use super::ladder::{self, FASTEST};
use super::limits::ring_memory_bytes;
use super::opcode::Opcode;
use super::queues::Queues;
use super::{door, feature_table};

/// What the kernel gives a loop: found out by asking it, never by its version.
///
/// ```
/// match annulus::Features::probe() {
///     Ok(features) => println!("{}", features.explain()),
///     Err(error) => println!("{error}"),
/// }
/// ```
#[derive(Clone)]
pub struct Features {
    asked: u32,
    made: Params,
    opcodes: [u64; 4],
    environment: Environment,
}

impl Features {
    /// Asks the kernel, by way of a small ring that is made, used once and closed.
    ///
    /// # Errors
    ///
    /// Why there is no ring here, or why it could not be used; a loop would fail in the same way.
    pub fn probe() -> Result<Features, SetupError> {
        let flags = FASTEST | abi::SETUP_CQSIZE;
        let asked = Params { flags, cq_entries: 16, ..Params::default() };
        let (ring, made) = ladder::set_up(8, &asked)?;
        let features = Features::of_ring(ring.as_fd(), made, flags)?;
        round_trip(ring, made).map_err(|error| SetupError::from_enter(error, &made))?;
        Ok(features)
    }

    /// Whether the kernel has this opcode.
    #[must_use]
    pub fn supports(&self, opcode: Opcode) -> bool {
        let code = usize::from(opcode.code());
        self.opcodes[code / 64] >> (code % 64) & 1 == 1
    }

    /// All of it in words, for a log or an operator: which set-up flags were taken and which not
    /// and why, which features and opcodes are missing and what that costs, and the limit of
    /// locked memory. Several lines, the last without a line break.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let Params { sq_entries, cq_entries, .. } = self.made;
        let memory = Bytes(ring_memory_bytes(sq_entries, cq_entries));
        push(&mut text, format_args!("ring: {sq_entries} submissions, {cq_entries} completions"));
        push(&mut text, format_args!("locked memory: up to {memory} for it; {}", self.limit()));
        let release = &self.environment.kernel_release;
        push(&mut text, format_args!("kernel release: {release} (nothing is decided by it)"));
        self.explain_flags(&mut text);
        self.explain_bits(&mut text);
        self.explain_opcodes(&mut text);
        text.truncate(text.trim_end().len());
        text
    }

    /// Asks a ring that was made as `made` when `asked` flags were wanted.
    ///
    /// # Errors
    ///
    /// The ring cannot be asked: a sandbox that forbids `io_uring_register`.
    pub(crate) fn of_ring(
        ring: BorrowedFd<'_>,
        made: Params,
        asked: u32,
    ) -> Result<Features, SetupError> {
        let opcodes =
            probe_opcodes(ring).map_err(|error| SetupError::from_register(error, &made))?;
        Ok(Features { asked, made, opcodes, environment: Environment::read() })
    }

    /// Whether the ring was made with all of these `SETUP_` flags.
    pub(crate) fn has_flags(&self, flags: u32) -> bool {
        self.made.flags & flags == flags
    }

    /// Whether the kernel answered all of these `FEAT_` bits.
    pub(crate) fn has_bits(&self, bits: u32) -> bool {
        self.made.features & bits == bits
    }

    fn limit(&self) -> String {
        let limit = |bytes: Option<u64>| match bytes {
            Some(bytes) => Bytes(bytes).to_string(),
            None => String::from("unlimited"),
        };
        let Environment { memlock_soft_bytes, memlock_hard_bytes, ipc_lock, .. } = self.environment;
        let exempt = if ipc_lock { ", which CAP_IPC_LOCK lifts" } else { "" };
        let (soft, hard) = (limit(memlock_soft_bytes), limit(memlock_hard_bytes));
        format!("the user's limit is {soft} (at most {hard}){exempt}")
    }

    fn explain_flags(&self, text: &mut String) {
        push(text, format_args!("set-up flags:"));
        for flag in &feature_table::FLAGS {
            let (name, since) = (flag.name, flag.since);
            match (self.has_flags(flag.bit), self.asked & flag.bit != 0) {
                (true, true) => push(text, format_args!("  {name}: taken")),
                (true, false) => push(text, format_args!("  {name}: taken in place of another")),
                (false, false) => push(text, format_args!("  {name}: not asked for")),
                (false, true) => push(
                    text,
                    format_args!("  {name}: refused, Linux {since} has it; {}", flag.without),
                ),
            }
        }
    }

    fn explain_bits(&self, text: &mut String) {
        push(text, format_args!("features:"));
        for bit in &feature_table::BITS {
            let (name, since) = (bit.name, bit.since);
            match self.has_bits(bit.bit) {
                true => push(text, format_args!("  {name}: there")),
                false => push(
                    text,
                    format_args!("  {name}: missing, Linux {since} has it; {}", bit.without),
                ),
            }
        }
    }

    fn explain_opcodes(&self, text: &mut String) {
        let (there, missing): (Vec<Opcode>, Vec<Opcode>) =
            Opcode::all().partition(|opcode| self.supports(*opcode));
        if missing.is_empty() {
            return push(text, format_args!("opcodes: all {} that are used", there.len()));
        }
        push(text, format_args!("opcodes: {} that are used, and missing:", there.len()));
        for opcode in missing {
            push(text, format_args!("  {}: Linux {} has it", opcode.name(), opcode.since()));
        }
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing: Vec<Opcode> = Opcode::all().filter(|opcode| !self.supports(*opcode)).collect();
        f.debug_struct("Features")
            .field("flags", &format_args!("{:#x}", self.made.flags))
            .field("bits", &format_args!("{:#x}", self.made.features))
            .field("missing", &missing)
            .finish_non_exhaustive()
    }
}

fn push(text: &mut String, line: fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a String takes all that is written to it");
}

/// The opcodes that the kernel says it has, as a set of bits.
fn probe_opcodes(ring: BorrowedFd<'_>) -> io::Result<[u64; 4]> {
    let mut probe = Probe {
        last_op: 0,
        ops_len: 0,
        reserved: 0,
        reserved2: [0; 3],
        ops: [ProbeOp::default(); 256],
    };
    let room = probe.ops.len() as u32;
    let arg: *mut Probe = &mut probe;
    // SAFETY: `arg` points to a zeroed probe with `room` entries, which the call fills.
    unsafe { door::register(ring.as_raw_fd(), abi::REGISTER_PROBE, arg.cast(), room) }?;
    Ok(opcode_set(&probe))
}

fn opcode_set(probe: &Probe) -> [u64; 4] {
    let mut set = [0; 4];
    let filled = &probe.ops[..usize::from(probe.ops_len)];
    for op in filled.iter().filter(|op| op.flags & abi::OP_SUPPORTED != 0) {
        set[usize::from(op.op) / 64] |= 1 << (op.op % 64);
    }
    set
}

/// Sends a request that does nothing through the ring, then closes it.
fn round_trip(ring: OwnedFd, made: Params) -> io::Result<()> {
    // SAFETY: `made` is what the kernel answered when it made that ring.
    let mut ring = unsafe { Queues::over(ring, made) }?;
    let nop = opcode::Nop::new().build();
    // SAFETY: a NOP lends nothing.
    let pushed = unsafe { ring.submission().push(&nop) };
    pushed.map_err(|_| io::Error::from_raw_os_error(libc::EBUSY))?;
    loop {
        let queued = ring.submission().len() as u32;
        let (fd, flags) = (ring.as_raw_fd(), abi::ENTER_GETEVENTS);
        // SAFETY: the queue holds one NOP or, after an interruption, nothing; there is no argument.
        match unsafe { door::enter(fd, queued, 1, flags, ptr::null(), 0) } {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            answer => answer?,
        };
        let mut result = None;
        ring.reap(|_, res, _| result = Some(res));
        match result {
            None => {}
            Some(0..) => return Ok(()),
            Some(errno) => return Err(io::Error::from_raw_os_error(-errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::sys::error::SetupCause;
    use crate::sys::seccomp::answer_errno;

    /// What a thread finds out when `blocked` system calls answer `errno`.
    fn probe_where(blocked: &'static [libc::c_long], errno: i32) -> Result<Features, SetupError> {
        // A filter is the thread's own, so it is laid on a thread that ends.
        let probing = thread::spawn(move || {
            answer_errno(blocked, errno).expect("a filter");
            Features::probe()
        });
        probing.join().expect("a thread that does not panic")
    }

    fn made_of(flags: u32, features: u32, codes: &[u8]) -> Features {
        let mut opcodes = [0; 4];
        for code in codes {
            opcodes[usize::from(*code) / 64] |= 1 << (code % 64);
        }
        let made =
            Params { flags, features, sq_entries: 256, cq_entries: 4096, ..Params::default() };
        let environment = Environment {
            memlock_soft_bytes: Some(8 << 20),
            kernel_release: "5.19.0-test".into(),
            ..Environment::default()
        };
        Features { asked: FASTEST, made, opcodes, environment }
    }

    #[test]
    fn this_kernel_has_the_opcodes_of_a_loop() {
        let features = Features::probe().expect("a ring");
        for opcode in [Opcode::Nop, Opcode::Accept, Opcode::Recv, Opcode::AsyncCancel] {
            assert!(features.supports(opcode), "{opcode:?}");
        }
        assert!(features.has_bits(abi::FEAT_NODROP | abi::FEAT_EXT_ARG));
        assert!(features.has_flags(abi::SETUP_CQSIZE));
        let text = features.explain();
        assert!(text.contains(&features.environment.kernel_release));
        assert!(text.lines().any(|line| line == "  CQSIZE: taken"), "{text}");
    }

    #[test]
    fn an_old_kernel_is_explained_by_what_it_lacks() {
        let flags = abi::SETUP_COOP_TASKRUN | abi::SETUP_SUBMIT_ALL | abi::SETUP_CLAMP;
        let all_but_two: Vec<u8> = Opcode::all()
            .filter(|opcode| !matches!(opcode, Opcode::WaitId | Opcode::SendZeroCopy))
            .map(Opcode::code)
            .collect();
        let features = made_of(flags, abi::FEAT_NODROP, &all_but_two);
        assert!(!features.supports(Opcode::WaitId) && features.supports(Opcode::Send));
        let text = features.explain();
        for line in [
            "ring: 256 submissions, 4096 completions",
            "locked memory: up to 84 KiB for it; the user's limit is 8 MiB (at most unlimited)",
            "kernel release: 5.19.0-test (nothing is decided by it)",
            "  SQPOLL: not asked for",
            "  SUBMIT_ALL: taken",
            "  COOP_TASKRUN: taken in place of another",
            "  DEFER_TASKRUN: refused, Linux 6.1 has it; completions come less batched",
            "  NODROP: there",
            "  NO_IOWAIT: missing, Linux 6.15 has it; an idle loop is shown as iowait",
            "  SEND_ZC: Linux 6.0 has it",
            "  WAITID: Linux 6.7 has it",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\nin\n{text}");
        }
        assert!(!text.ends_with('\n'));
        assert_eq!(
            format!("{features:?}"),
            "Features { flags: 0x190, bits: 0x2, missing: [SendZeroCopy, WaitId], .. }"
        );
    }

    #[test]
    fn a_kernel_with_all_of_it_is_explained_without_a_lack() {
        let codes: Vec<u8> = Opcode::all().map(Opcode::code).collect();
        let text = made_of(u32::MAX, u32::MAX, &codes).explain();
        assert!(text.ends_with("that are used"), "{text}");
        assert!(!text.contains("missing") && !text.contains("refused"), "{text}");
    }

    #[test]
    fn an_opcode_is_there_only_if_the_probe_flags_it() {
        let mut probe = Probe {
            last_op: 70,
            ops_len: 71,
            reserved: 0,
            reserved2: [0; 3],
            ops: [ProbeOp::default(); 256],
        };
        for (number, op) in probe.ops.iter_mut().enumerate() {
            op.op = number as u8;
            op.flags = if number % 2 == 0 { abi::OP_SUPPORTED } else { 0 };
        }
        let even = 0x5555_5555_5555_5555;
        assert_eq!(opcode_set(&probe), [even, even & 0x7f, 0, 0]);
    }

    const SETUP: &[libc::c_long] = &[libc::SYS_io_uring_setup];
    const REGISTER: &[libc::c_long] = &[libc::SYS_io_uring_register];
    const ENTER: &[libc::c_long] = &[libc::SYS_io_uring_enter];

    #[test]
    fn a_sandbox_around_setup_is_told_by_its_errno() {
        let causes = [
            (libc::ENOSYS, SetupCause::NotInKernel),
            (libc::EOPNOTSUPP, SetupCause::NotInKernel),
            (libc::EINVAL, SetupCause::UnsupportedFlags),
            (libc::EACCES, SetupCause::BlockedBySandbox),
            (libc::EMFILE, SetupCause::TooManyDescriptors),
        ];
        for (errno, cause) in causes {
            let error = probe_where(SETUP, errno).expect_err("no ring");
            assert_eq!((error.cause(), error.raw_os_error()), (cause, Some(errno)), "{error}");
        }
    }

    #[test]
    fn eperm_is_the_sandbox_unless_the_sysctl_says_otherwise() {
        let error = probe_where(SETUP, libc::EPERM).expect_err("no ring");
        let expected = match Environment::read().io_uring_disabled {
            Some(level @ 2..) => SetupCause::DisabledBySysctl(level),
            Some(1) if !Environment::read().sys_admin => SetupCause::DisabledBySysctl(1),
            _ => SetupCause::BlockedBySandbox,
        };
        assert_eq!(error.cause(), expected);
    }

    #[test]
    fn enomem_is_the_limit_of_locked_memory_unless_there_is_none() {
        let error = probe_where(SETUP, libc::ENOMEM).expect_err("no ring");
        let here = Environment::read();
        let charged = here.memlock_soft_bytes.is_some() && !here.ipc_lock;
        let memlock = matches!(error.cause(), SetupCause::MemlockLimit { .. });
        assert_eq!(memlock, charged, "{error}");
    }

    #[test]
    fn a_sandbox_that_lets_only_setup_through_is_found_before_the_loop_runs() {
        for blocked in [REGISTER, ENTER] {
            for errno in [libc::EPERM, libc::ENOSYS] {
                let error = probe_where(blocked, errno).expect_err("a useless ring");
                assert_eq!(error.cause(), SetupCause::EnterBlocked);
                assert_eq!(error.raw_os_error(), Some(errno));
            }
        }
    }
}

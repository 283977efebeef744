//! Why a loop could not be set up, and what to do about it.
//!
//! The kernel answers with one errno for many causes: `EPERM` is a sysctl, a container's seccomp
//! profile or a security module, `ENOMEM` is nearly always the limit of locked memory. So the
//! errno is read together with the [`Environment`] it came from, into a [`SetupCause`] that a
//! program can match and two sentences that an operator can act on (`diagnosis` writes them).

use std::{error, fmt, io};

use super::abi::Params;
use super::diagnosis::{self, Diagnosis, Request, Stage};
use super::environment::Environment;

/// Why a loop could not be set up, and what to do about it.
///
/// It displays as two sentences: what failed and why, then what to do. Its
/// [`source`](error::Error::source) is the kernel's error. As an [`io::Error`] it keeps a fitting
/// [`ErrorKind`](io::ErrorKind) and can be found again in there with
/// [`get_ref`](io::Error::get_ref) and `downcast_ref`.
#[derive(Debug)]
pub struct SetupError {
    diagnosis: Diagnosis,
    source: io::Error,
}

/// The cause of a [`SetupError`], for programs to decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupCause {
    /// The sysctl `kernel.io_uring_disabled` forbids it: 1 to processes that are neither
    /// privileged nor in the group of `kernel.io_uring_group`, 2 to all.
    DisabledBySysctl(u8),
    /// The sysctl allows it, so a seccomp filter, a container profile or a security module
    /// forbids it.
    BlockedBySandbox,
    /// The kernel has no io_uring, or a sandbox says so.
    NotInKernel,
    /// The kernel has io_uring but refused every way of setting it up.
    UnsupportedFlags,
    /// The memory of the ring does not fit into what the user may lock (`RLIMIT_MEMLOCK`).
    MemlockLimit {
        /// The soft limit of this process, against which all of the user's rings are summed up.
        limit_bytes: u64,
        /// What the ring that was asked for would be charged.
        need_bytes: u64,
    },
    /// The machine or the memory cgroup has no memory left.
    OutOfMemory,
    /// The process or the machine has no descriptor left.
    TooManyDescriptors,
    /// The ring was set up but could not be used: a sandbox that allows the one system call and
    /// not the others.
    EnterBlocked,
    /// A loop already runs on this thread.
    AlreadyRunning,
    /// None of these; the [`source`](error::Error::source) tells.
    Other,
}

impl SetupError {
    /// What went wrong, for a program to decide by.
    #[must_use]
    pub fn cause(&self) -> SetupCause {
        self.diagnosis.cause
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.diagnosis.advice
    }

    /// The kernel's error number, if it was the kernel that refused.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// Explains the error of set-up, after every fallback, for a ring of `sq_entries` and
    /// `cq_entries`.
    pub(crate) fn from_setup(source: io::Error, sq_entries: u32, cq_entries: u32) -> SetupError {
        let request = Request { stage: Stage::Setup, sq_entries, cq_entries };
        SetupError::explain(source, request, &Environment::read())
    }

    /// Explains why a ring that was made would not say what it can do.
    pub(crate) fn from_register(source: io::Error, made: &Params) -> SetupError {
        SetupError::after_setup(source, Stage::Register, made)
    }

    /// Explains why the first request through a ring that was made failed.
    pub(crate) fn from_enter(source: io::Error, made: &Params) -> SetupError {
        SetupError::after_setup(source, Stage::Enter, made)
    }

    /// A loop was started inside a loop.
    pub(crate) fn already_running() -> SetupError {
        let diagnosis = diagnosis::already_running();
        SetupError { diagnosis, source: io::ErrorKind::ResourceBusy.into() }
    }

    /// There is no number left for another loop.
    pub(crate) fn too_many_loops(limit: usize) -> SetupError {
        let failure =
            format!("this process runs {limit} loops already, the most that there can be");
        let advice = "run one loop for each core, and end loops that are not needed any more";
        let diagnosis = Diagnosis { cause: SetupCause::Other, failure, advice: advice.into() };
        SetupError { diagnosis, source: io::ErrorKind::QuotaExceeded.into() }
    }

    fn after_setup(source: io::Error, stage: Stage, made: &Params) -> SetupError {
        let Params { sq_entries, cq_entries, .. } = *made;
        let request = Request { stage, sq_entries, cq_entries };
        SetupError::explain(source, request, &Environment::read())
    }

    fn explain(source: io::Error, request: Request, environment: &Environment) -> SetupError {
        let diagnosis = diagnosis::diagnose(&source, request, environment);
        SetupError { diagnosis, source }
    }

    fn kind(&self) -> io::ErrorKind {
        match self.diagnosis.cause {
            SetupCause::DisabledBySysctl(_)
            | SetupCause::BlockedBySandbox
            | SetupCause::EnterBlocked => io::ErrorKind::PermissionDenied,
            SetupCause::NotInKernel | SetupCause::UnsupportedFlags => io::ErrorKind::Unsupported,
            SetupCause::MemlockLimit { .. } | SetupCause::OutOfMemory => io::ErrorKind::OutOfMemory,
            SetupCause::TooManyDescriptors | SetupCause::AlreadyRunning | SetupCause::Other => {
                self.source.kind()
            }
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnosis { failure, advice, .. } = &self.diagnosis;
        write!(f, "The loop could not be set up: {failure}. To fix it, {advice}.")
    }
}

impl error::Error for SetupError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<SetupError> for io::Error {
    fn from(error: SetupError) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment { io_uring_disabled: Some(0), ..Environment::default() }
    }

    fn error(errno: i32) -> SetupError {
        let request = Request { stage: Stage::Setup, sq_entries: 256, cq_entries: 4096 };
        SetupError::explain(io::Error::from_raw_os_error(errno), request, &environment())
    }

    #[test]
    fn it_displays_as_two_sentences() {
        let text = error(libc::ENOSYS).to_string();
        assert!(text.starts_with("The loop could not be set up: this kernel"), "{text}");
        assert!(text.contains(". To fix it, run on Linux"), "{text}");
        assert!(text.ends_with('.') && !text.ends_with(".."), "{text}");
    }

    #[test]
    fn its_source_is_the_error_of_the_kernel() {
        let error = error(libc::EPERM);
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        let source = error::Error::source(&error).and_then(|e| e.downcast_ref::<io::Error>());
        assert_eq!(source.expect("an io::Error").raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn an_io_error_keeps_a_fitting_kind_and_the_whole_error() {
        let kinds = [
            (libc::EPERM, io::ErrorKind::PermissionDenied),
            (libc::ENOSYS, io::ErrorKind::Unsupported),
            (libc::EINVAL, io::ErrorKind::Unsupported),
            (libc::ENOMEM, io::ErrorKind::OutOfMemory),
            (libc::EINTR, io::ErrorKind::Interrupted),
        ];
        for (errno, kind) in kinds {
            let cause = error(errno).cause();
            let error = io::Error::from(error(errno));
            assert_eq!(error.kind(), kind);
            let inner = error.get_ref().and_then(|e| e.downcast_ref::<SetupError>());
            assert_eq!(inner.expect("the SetupError").cause(), cause);
        }
    }

    #[test]
    fn a_loop_inside_a_loop_is_a_busy_resource() {
        let error = SetupError::already_running();
        assert_eq!(error.cause(), SetupCause::AlreadyRunning);
        assert_eq!(error.raw_os_error(), None);
        assert!(error.advice().contains("running loop"));
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ResourceBusy);
    }
}

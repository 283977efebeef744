//! From an errno and its surroundings to a cause and words that help.
//!
//! A pure function of what the kernel said, what it was asked, and the [`Environment`], so that
//! every verdict is tested without the machine that it describes.

use std::{fmt, io};

use super::environment::Environment;
use super::error::SetupCause;
use super::limits::ring_memory_bytes;

/// A verdict: for programs a cause, for people two half sentences.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) cause: SetupCause,
    /// What failed and why; ends with the kernel's own words.
    pub(crate) failure: String,
    /// What to do, in the imperative.
    pub(crate) advice: String,
}

/// What was asked of the kernel when it refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) stage: Stage,
    pub(crate) sq_entries: u32,
    pub(crate) cq_entries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The ring was being made.
    Setup,
    /// The ring was made and asked what it can do.
    Register,
    /// The ring was made and the first request went through it.
    Enter,
}

impl Stage {
    fn call(self) -> &'static str {
        match self {
            Stage::Setup => "io_uring_setup",
            Stage::Register => "io_uring_register",
            Stage::Enter => "io_uring_enter",
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a ring of {} submissions and {} completions", self.sq_entries, self.cq_entries)
    }
}

/// Finds the cause of `source` and what to say of it.
pub(crate) fn diagnose(
    source: &io::Error,
    request: Request,
    environment: &Environment,
) -> Diagnosis {
    match (source.raw_os_error(), request.stage) {
        (Some(libc::ENOMEM), _) => memory(source, request, environment),
        (
            Some(libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL),
            Stage::Register | Stage::Enter,
        ) => enter_blocked(source, request),
        (Some(libc::EPERM | libc::EACCES), _) => forbidden(source, environment),
        (Some(libc::ENOSYS | libc::EOPNOTSUPP), _) => not_in_kernel(source, environment),
        (Some(libc::EINVAL), _) => unsupported(source, request, environment),
        (Some(libc::EMFILE | libc::ENFILE), _) => descriptors(source, environment),
        _ => other(source, request, environment),
    }
}

/// The verdict on a loop that was started inside a loop.
pub(crate) fn already_running() -> Diagnosis {
    Diagnosis {
        cause: SetupCause::AlreadyRunning,
        failure: "a loop already runs on this thread, and another cannot run inside it".into(),
        advice: "await or spawn the future on the running loop, or start the other loop on a \
                 thread of its own"
            .into(),
    }
}

/// The three calls, and the ways to allow them, are the same whichever of them was blocked.
const ALLOW: &str = "allow io_uring_setup, io_uring_enter and io_uring_register: with docker or \
     podman `--security-opt seccomp=<profile.json>`, in Kubernetes a seccompProfile of type \
     Localhost, in a systemd unit `SystemCallFilter=@aio`; if no filter is in the way, look for \
     denials of SELinux or AppArmor in the audit log";

fn forbidden(source: &io::Error, environment: &Environment) -> Diagnosis {
    let denied = source.raw_os_error() == Some(libc::EPERM);
    match environment.io_uring_disabled {
        Some(level @ 2..) if denied => Diagnosis {
            cause: SetupCause::DisabledBySysctl(level),
            failure: format!(
                "io_uring is off for all processes (kernel.io_uring_disabled is {level}): {source}"
            ),
            advice: "run `sysctl -w kernel.io_uring_disabled=0` on the host (a container cannot) \
                     and keep it in /etc/sysctl.d"
                .into(),
        },
        Some(1) if denied && !environment.sys_admin => Diagnosis {
            cause: SetupCause::DisabledBySysctl(1),
            failure: format!(
                "io_uring is off for unprivileged processes (kernel.io_uring_disabled is 1) and \
                 this one is not in the group that may use it: {source}"
            ),
            advice: "run `sysctl -w kernel.io_uring_disabled=0` on the host, or give the process \
                     a group and run `sysctl -w kernel.io_uring_group=<its gid>`"
                .into(),
        },
        level => {
            let sysctl = match level {
                Some(level) => format!("kernel.io_uring_disabled is {level} and does not"),
                None => String::from("there is no kernel.io_uring_disabled to"),
            };
            Diagnosis {
                cause: SetupCause::BlockedBySandbox,
                failure: format!(
                    "io_uring_setup is blocked by a seccomp filter, a container profile or a \
                     security module ({sysctl} forbid it here): {source}"
                ),
                advice: ALLOW.into(),
            }
        }
    }
}

fn enter_blocked(source: &io::Error, request: Request) -> Diagnosis {
    Diagnosis {
        cause: SetupCause::EnterBlocked,
        failure: format!(
            "the ring was made but could not be used, so a sandbox allows io_uring_setup and not \
             {}: {source}",
            request.stage.call()
        ),
        advice: ALLOW.into(),
    }
}

fn not_in_kernel(source: &io::Error, environment: &Environment) -> Diagnosis {
    Diagnosis {
        cause: SetupCause::NotInKernel,
        failure: format!(
            "this kernel (release {}) has no io_uring, or a sandbox says so: {source}",
            environment.kernel_release
        ),
        advice: "run on Linux 6.1 or newer with CONFIG_IO_URING, outside of sandboxes that lack \
                 io_uring or hide it (gVisor, some container profiles)"
            .into(),
    }
}

fn unsupported(source: &io::Error, request: Request, environment: &Environment) -> Diagnosis {
    Diagnosis {
        cause: SetupCause::UnsupportedFlags,
        failure: format!(
            "this kernel (release {}) refuses {request} with every set of flags that was tried: \
             {source}",
            environment.kernel_release
        ),
        advice: "run on Linux 6.1 or newer, and ask for 1 to 32768 submissions and for at least \
                 as many completions"
            .into(),
    }
}

fn memory(source: &io::Error, request: Request, environment: &Environment) -> Diagnosis {
    let need_bytes = ring_memory_bytes(request.sq_entries, request.cq_entries);
    let charged = request.stage == Stage::Setup && !environment.ipc_lock;
    let Some(limit_bytes) = environment.memlock_soft_bytes.filter(|_| charged) else {
        return Diagnosis {
            cause: SetupCause::OutOfMemory,
            failure: format!("no memory is left for {request}: {source}"),
            advice: "free memory, raise the memory limit of the container or cgroup, or ask for \
                     fewer entries or fewer loops"
                .into(),
        };
    };
    let limit = match need_bytes > limit_bytes {
        true => format!("more than the {}", Bytes(limit_bytes)),
        false => format!("more than is left of the {}", Bytes(limit_bytes)),
    };
    let hard = match environment.memlock_hard_bytes {
        Some(hard) => format!("here up to {}", Bytes(hard)),
        None => String::from("here without an upper limit"),
    };
    Diagnosis {
        cause: SetupCause::MemlockLimit { limit_bytes, need_bytes },
        failure: format!(
            "{request} needs {} of locked memory, {limit} that all processes of this user may \
             lock together (RLIMIT_MEMLOCK): {source}",
            Bytes(need_bytes)
        ),
        advice: format!(
            "raise the limit (`LimitMEMLOCK=` in a systemd unit, `--ulimit memlock=` with docker, \
             `ulimit -l` in a shell, {hard}), give the process CAP_IPC_LOCK, or ask for fewer \
             entries or fewer loops"
        ),
    }
}

fn descriptors(source: &io::Error, environment: &Environment) -> Diagnosis {
    let cause = SetupCause::TooManyDescriptors;
    if source.raw_os_error() == Some(libc::ENFILE) {
        let failure =
            format!("the machine has no descriptor left for the ring (fs.file-max): {source}");
        let advice = "find what holds the descriptors, or run `sysctl -w fs.file-max=<number>`";
        return Diagnosis { cause, failure, advice: advice.into() };
    }
    let limit = match environment.nofile_soft {
        Some(limit) => format!("RLIMIT_NOFILE is {limit}"),
        None => String::from("RLIMIT_NOFILE"),
    };
    Diagnosis {
        cause,
        failure: format!("this process has no descriptor left for the ring ({limit}): {source}"),
        advice: "find what holds the descriptors, or raise the limit (`LimitNOFILE=` in a systemd \
                 unit, `ulimit -n` in a shell)"
            .into(),
    }
}

fn other(source: &io::Error, request: Request, environment: &Environment) -> Diagnosis {
    let call = request.stage.call();
    Diagnosis {
        cause: SetupCause::Other,
        failure: format!("{call} failed: {source}"),
        advice: format!(
            "look the error up in {call}(2) (the kernel's release is {})",
            environment.kernel_release
        ),
    }
}

/// A number of bytes in the largest unit that shows it whole.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.into_iter().find(|(unit, _)| self.0 >= *unit && self.0 % unit == 0) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ordinary process where io_uring is allowed and 8 MiB may be locked.
    fn ordinary() -> Environment {
        Environment {
            io_uring_disabled: Some(0),
            memlock_soft_bytes: Some(8 << 20),
            memlock_hard_bytes: Some(64 << 20),
            nofile_soft: Some(1024),
            ipc_lock: false,
            sys_admin: false,
            kernel_release: "6.18.0-test".into(),
        }
    }

    fn setup(errno: i32, environment: &Environment) -> Diagnosis {
        let request = Request { stage: Stage::Setup, sq_entries: 256, cq_entries: 4096 };
        diagnose(&io::Error::from_raw_os_error(errno), request, environment)
    }

    fn later(stage: Stage, errno: i32) -> Diagnosis {
        let request = Request { stage, sq_entries: 256, cq_entries: 4096 };
        diagnose(&io::Error::from_raw_os_error(errno), request, &ordinary())
    }

    #[test]
    fn eperm_with_the_sysctl_at_two_is_the_sysctl_even_for_root() {
        for sys_admin in [false, true] {
            let place = Environment { io_uring_disabled: Some(2), sys_admin, ..ordinary() };
            let verdict = setup(libc::EPERM, &place);
            assert_eq!(verdict.cause, SetupCause::DisabledBySysctl(2));
            assert!(verdict.failure.contains("kernel.io_uring_disabled is 2"));
            assert!(verdict.advice.contains("sysctl -w kernel.io_uring_disabled=0"));
        }
    }

    #[test]
    fn eperm_with_the_sysctl_at_one_is_the_sysctl_only_for_the_unprivileged() {
        let place = Environment { io_uring_disabled: Some(1), ..ordinary() };
        let verdict = setup(libc::EPERM, &place);
        assert_eq!(verdict.cause, SetupCause::DisabledBySysctl(1));
        assert!(verdict.advice.contains("kernel.io_uring_group"));
        let verdict = setup(libc::EPERM, &Environment { sys_admin: true, ..place });
        assert_eq!(verdict.cause, SetupCause::BlockedBySandbox);
    }

    #[test]
    fn eperm_that_the_sysctl_does_not_explain_is_a_sandbox() {
        let verdict = setup(libc::EPERM, &ordinary());
        assert_eq!(verdict.cause, SetupCause::BlockedBySandbox);
        assert!(verdict.failure.contains("kernel.io_uring_disabled is 0"));
        assert!(verdict.advice.contains("--security-opt seccomp="));
        assert!(verdict.advice.contains("Localhost"));
        let old = Environment { io_uring_disabled: None, ..ordinary() };
        let verdict = setup(libc::EPERM, &old);
        assert_eq!(verdict.cause, SetupCause::BlockedBySandbox);
        assert!(verdict.failure.contains("there is no kernel.io_uring_disabled"));
    }

    #[test]
    fn eacces_is_a_security_module_whatever_the_sysctl_says() {
        let place = Environment { io_uring_disabled: Some(2), ..ordinary() };
        assert_eq!(setup(libc::EACCES, &place).cause, SetupCause::BlockedBySandbox);
        assert!(setup(libc::EACCES, &place).advice.contains("SELinux"));
    }

    #[test]
    fn enosys_and_eopnotsupp_are_a_kernel_without_it() {
        for errno in [libc::ENOSYS, libc::EOPNOTSUPP] {
            let verdict = setup(errno, &ordinary());
            assert_eq!(verdict.cause, SetupCause::NotInKernel);
            assert!(verdict.failure.contains("6.18.0-test"));
            assert!(verdict.advice.contains("CONFIG_IO_URING"));
        }
    }

    #[test]
    fn einval_names_the_sizes_that_were_asked_for() {
        let verdict = setup(libc::EINVAL, &ordinary());
        assert_eq!(verdict.cause, SetupCause::UnsupportedFlags);
        assert!(verdict.failure.contains("256 submissions and 4096 completions"));
    }

    #[test]
    fn enomem_is_the_limit_of_locked_memory_where_it_applies() {
        let need_bytes = ring_memory_bytes(256, 4096);
        let verdict = setup(libc::ENOMEM, &ordinary());
        assert_eq!(verdict.cause, SetupCause::MemlockLimit { limit_bytes: 8 << 20, need_bytes });
        assert!(verdict.failure.contains("more than is left of the 8 MiB"), "{}", verdict.failure);
        assert!(verdict.advice.contains("LimitMEMLOCK="));
        assert!(verdict.advice.contains("ulimit -l` in a shell, here up to 64 MiB"));

        let tight = Environment { memlock_soft_bytes: Some(64 << 10), ..ordinary() };
        let verdict = setup(libc::ENOMEM, &tight);
        assert!(verdict.failure.contains("more than the 64 KiB"), "{}", verdict.failure);
    }

    #[test]
    fn enomem_without_a_limit_is_want_of_memory() {
        let unlimited = Environment { memlock_soft_bytes: None, ..ordinary() };
        assert_eq!(setup(libc::ENOMEM, &unlimited).cause, SetupCause::OutOfMemory);
        let exempt = Environment { ipc_lock: true, ..ordinary() };
        assert_eq!(setup(libc::ENOMEM, &exempt).cause, SetupCause::OutOfMemory);
        assert_eq!(later(Stage::Enter, libc::ENOMEM).cause, SetupCause::OutOfMemory);
    }

    #[test]
    fn emfile_is_this_process_and_enfile_the_machine() {
        let verdict = setup(libc::EMFILE, &ordinary());
        assert_eq!(verdict.cause, SetupCause::TooManyDescriptors);
        assert!(verdict.failure.contains("RLIMIT_NOFILE is 1024"));
        assert!(verdict.advice.contains("ulimit -n"));
        let verdict = setup(libc::ENFILE, &ordinary());
        assert_eq!(verdict.cause, SetupCause::TooManyDescriptors);
        assert!(verdict.advice.contains("fs.file-max"));
    }

    #[test]
    fn a_ring_that_can_be_made_and_not_used_is_in_a_sandbox() {
        for errno in [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::EOPNOTSUPP, libc::EINVAL] {
            let verdict = later(Stage::Enter, errno);
            assert_eq!(verdict.cause, SetupCause::EnterBlocked);
            assert!(verdict.failure.contains("not io_uring_enter"), "{}", verdict.failure);
            let verdict = later(Stage::Register, errno);
            assert_eq!(verdict.cause, SetupCause::EnterBlocked);
            assert!(verdict.failure.contains("not io_uring_register"), "{}", verdict.failure);
        }
        assert_eq!(later(Stage::Enter, libc::EBADF).cause, SetupCause::Other);
    }

    #[test]
    fn any_other_errno_is_passed_on_with_the_kernels_words() {
        let verdict = setup(libc::EFAULT, &ordinary());
        assert_eq!(verdict.cause, SetupCause::Other);
        assert!(verdict.failure.ends_with("(os error 14)"), "{}", verdict.failure);
        assert!(verdict.advice.contains("io_uring_setup(2)"));
    }

    #[test]
    fn bytes_are_shown_in_the_largest_whole_unit() {
        let shown = [(0, "0 bytes"), (1023, "1023 bytes"), (86016, "84 KiB"), (8 << 20, "8 MiB")];
        for (bytes, text) in shown {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}

//! Where there can be no loop, the error says why and what to do about it.

use std::collections::HashSet;
use std::ffi::c_long;
use std::io::{self, ErrorKind};
use std::process::Command;

use annulus::{SetupCause, SetupError};

use crate::common::child::Child;
use crate::common::process;
use crate::common::seccomp::{ENTER, REGISTER, SETUP, refuse};

/// What `run` says on a thread for which these calls answer `errno`.
///
/// A filter is its thread's own, and ends with it.
fn refused(calls: &'static [c_long], errno: i32) -> io::Error {
    let thread = std::thread::spawn(move || {
        refuse(calls, errno);
        annulus::run(async {}).expect_err("a loop without io_uring")
    });
    thread.join().expect("an error and no panic")
}

fn setup_error(error: &io::Error) -> &SetupError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.unwrap_or_else(|| panic!("no SetupError: {error}"))
}

#[test]
fn a_filter_on_setup_is_explained_by_what_it_answers() {
    let cases = [
        (libc::EPERM, ErrorKind::PermissionDenied, "is blocked by a seccomp filter", "SECCOMP"),
        (libc::EACCES, ErrorKind::PermissionDenied, "is blocked by a seccomp filter", "SECCOMP"),
        (libc::ENOSYS, ErrorKind::Unsupported, "has no io_uring", "run on Linux 6.1"),
        (libc::EINVAL, ErrorKind::Unsupported, "refuses a ring of 256", "submissions"),
        (libc::ENOMEM, ErrorKind::OutOfMemory, "memory", "fewer entries"),
        (libc::EMFILE, ErrorKind::Other, "has no descriptor left", "ulimit -n"),
        (libc::ENFILE, ErrorKind::Other, "the machine has no descriptor left", "fs.file-max"),
    ];
    let mut causes = HashSet::new();
    let mut texts = HashSet::new();
    for (errno, kind, failure, advice) in cases {
        let error = refused(&[SETUP], errno);
        let setup = setup_error(&error);
        assert_eq!(setup.raw_os_error(), Some(errno), "{error}");
        let text = error.to_string();
        assert!(text.contains(failure), "{errno}: no `{failure}` in: {text}");
        let (said, wanted) = (setup.advice().to_lowercase(), advice.to_lowercase());
        assert!(said.contains(&wanted), "{errno}: no `{advice}` in: {said}");
        if kind != ErrorKind::Other {
            assert_eq!(error.kind(), kind, "{text}");
        }
        causes.insert(format!("{:?}", setup.cause()));
        texts.insert(text);
    }
    assert_eq!(texts.len(), 7, "two reasons in the same words: {texts:#?}");
    assert_eq!(causes.len(), 5, "reasons that a program cannot tell apart: {causes:?}");
}

#[test]
fn a_ring_that_cannot_be_used_is_found_out_before_the_loop_runs() {
    for (call, name) in [(ENTER, "io_uring_enter"), (REGISTER, "io_uring_register")] {
        for errno in [libc::EPERM, libc::ENOSYS] {
            let calls: &'static [c_long] = if call == ENTER { &[ENTER] } else { &[REGISTER] };
            let error = refused(calls, errno);
            assert_eq!(setup_error(&error).cause(), SetupCause::EnterBlocked, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

/// Starts a test with another file in place of the sysctl, in a mount namespace of its own.
const SWITCHED: &str = "printf '%s\\n' \"$1\" >\"$2\" && mount --bind \"$2\" \
     /proc/sys/kernel/io_uring_disabled && rm \"$2\" && shift 2 && exec \"$@\"";

/// Has `child` see `kernel.io_uring_disabled` at `level`; `false` where that cannot be done.
fn can_switch() -> bool {
    let file = std::env::temp_dir().join(format!("annulus-switch-{}", std::process::id()));
    let tried = Command::new("unshare")
        .args(["--mount", "sh", "-c", SWITCHED, "sh", "2"])
        .arg(&file)
        .args(["grep", "-qx", "2", "/proc/sys/kernel/io_uring_disabled"])
        .output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        let _none = std::fs::remove_file(file);
        eprintln!("skipped: needs root, unshare(1) and a kernel that has the sysctl (6.6)");
    }
    can
}

fn switched(path: &'static str, level: &str, body: impl FnOnce()) {
    let name = format!("annulus-switch-{}-{level}", std::process::id());
    let file = std::env::temp_dir().join(name).display().to_string();
    let words = ["unshare", "--mount", "sh", "-c", SWITCHED, "sh", level, &file];
    Child::of(path).under(&words).run(body);
}

#[test]
fn a_kernel_where_io_uring_is_off_is_told_from_a_filter() {
    let path = concat!(module_path!(), "::a_kernel_where_io_uring_is_off_is_told_from_a_filter");
    if !Child::is_one() && !can_switch() {
        return;
    }
    switched(path, "2", || {
        let error = refused(&[SETUP], libc::EPERM);
        assert_eq!(setup_error(&error).cause(), SetupCause::DisabledBySysctl(2), "{error}");
        assert!(error.to_string().contains("sysctl -w kernel.io_uring_disabled=0"), "{error}");
        // Another errno is not the sysctl's.
        let error = refused(&[SETUP], libc::ENOSYS);
        assert_eq!(setup_error(&error).cause(), SetupCause::NotInKernel, "{error}");
    });
}

#[test]
fn a_kernel_where_only_root_may_have_rings_names_the_group() {
    let path = concat!(module_path!(), "::a_kernel_where_only_root_may_have_rings_names_the_group");
    if !Child::is_one() && !can_switch() {
        return;
    }
    switched(path, "1", || {
        let error = refused(&[SETUP], libc::EPERM);
        let cause = setup_error(&error).cause();
        assert_eq!(cause, SetupCause::BlockedBySandbox, "of root, it must be a filter: {error}");
        process::drop_privileges();
        let error = refused(&[SETUP], libc::EPERM);
        assert_eq!(setup_error(&error).cause(), SetupCause::DisabledBySysctl(1), "{error}");
        assert!(error.to_string().contains("kernel.io_uring_group"), "{error}");
    });
}

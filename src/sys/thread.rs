//! What the kernel says of a thread of this process.

#![expect(unsafe_code, reason = "gettid is a libc call")]

use std::fs;

/// The number of the calling thread.
pub(crate) fn current() -> i32 {
    // SAFETY: the call has no preconditions.
    unsafe { libc::gettid() }
}

/// What a thread is at, in words: whether it runs, and else which system call it waits in and
/// which function of the kernel.
///
/// As much as the kernel tells: a sandbox may keep the call or the function to itself.
pub(crate) fn state_of(thread: i32) -> String {
    let read = |what| fs::read_to_string(format!("/proc/self/task/{thread}/{what}"));
    let letter = read("stat").ok().and_then(|stat| state_letter(&stat));
    let mut words = String::from(match letter {
        Some('R') => return "running".into(),
        Some('S') => "waiting",
        Some('D') => "waiting, not to be interrupted",
        Some('T' | 't') => "stopped",
        _ => return "unknown".into(),
    });
    if let Some(number) = read("syscall").ok().and_then(|line| call_number(&line)) {
        words.push_str(" in ");
        match name_of_call(number) {
            Some(name) => words.push_str(name),
            None => words.push_str(&format!("system call {number}")),
        }
    }
    match read("wchan") {
        Ok(function) if !matches!(function.as_str(), "" | "0") => {
            words.push_str(&format!(" ({function})"));
        }
        _ => {}
    }
    words
}

/// The letter of `/proc/PID/stat`, behind the name, which may hold anything.
fn state_letter(stat: &str) -> Option<char> {
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.chars().next()
}

/// The call of `/proc/PID/syscall`; none when the thread runs, or waits outside a call.
fn call_number(line: &str) -> Option<i64> {
    line.split_whitespace().next()?.parse().ok().filter(|&number| number >= 0)
}

/// The names of those calls in which a thread may wait.
fn name_of_call(number: i64) -> Option<&'static str> {
    let names = [
        (libc::SYS_futex, "futex"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_read, "read"),
        (libc::SYS_readv, "readv"),
        (libc::SYS_pread64, "pread64"),
        (libc::SYS_write, "write"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_recvfrom, "recvfrom"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_sendto, "sendto"),
        (libc::SYS_sendmsg, "sendmsg"),
        (libc::SYS_accept4, "accept4"),
        (libc::SYS_connect, "connect"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_openat, "openat"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_flock, "flock"),
        (libc::SYS_fcntl, "fcntl"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
    ];
    names.into_iter().find(|(known, _)| *known == number).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_state_is_read_behind_a_name_that_looks_like_one() {
        assert_eq!(state_letter("12 (a) R (b) S 1 2 3"), Some('S'));
        assert_eq!(state_letter("nonsense"), None);
        assert_eq!(call_number("202 0x1 0x2\n"), Some(202));
        assert_eq!(call_number("running\n"), None);
        assert_eq!(call_number("-1 0x1 0x2\n"), None);
    }

    #[test]
    fn the_calling_thread_runs() {
        assert_eq!(state_of(current()), "running");
        assert_eq!(state_of(i32::MAX), "unknown");
    }

    #[test]
    fn a_thread_that_waits_for_another_is_seen_to_wait() {
        let (tell, told) = mpsc::channel();
        let (answer, go_on) = mpsc::channel::<()>();
        let waiting = std::thread::spawn(move || {
            tell.send(current()).expect("the asker listens");
            go_on.recv().expect("the asker answers");
        });
        let thread = told.recv().expect("the thread's number");
        while !state_of(thread).starts_with("waiting") {
            std::thread::yield_now();
        }
        answer.send(()).expect("the thread waits");
        waiting.join().expect("the thread");
    }
}

//! The end of patience: what hangs is ended and reported, and the run goes on with the others.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::Error;

/// What took too long. Whoever has met it need not be tried again at the same.
#[derive(Debug)]
pub struct Over(pub String);

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Over {}

/// An error that says that something hung.
pub fn over(what: impl Into<String>) -> Error {
    Box::new(Over(what.into()))
}

/// Whether an error is that.
pub fn is_over(error: &Error) -> bool {
    error.is::<Over>()
}

/// What a program says that ends by itself, or an error when it does not end: then it is ended, and
/// what it has started too.
pub fn output_within(mut command: Command, limit: Duration) -> Result<Output, Error> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn()?;
    let group = -(child.id() as libc::pid_t);
    let (tell, told) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let hung = told.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if hung {
            // SAFETY: plain numbers; the group is the child's own.
            unsafe { libc::kill(group, libc::SIGKILL) };
        }
        hung
    });
    let output = child.wait_with_output();
    drop(tell);
    match watch.join() {
        Ok(true) => Err(over(format!("it did not end within {} s", limit.as_secs_f32()))),
        _ => Ok(output?),
    }
}

/// Waits until something can be read, or nothing more will come.
pub fn until_readable(from: &impl AsFd, limit: Duration) -> Result<(), Error> {
    let fd = from.as_fd().as_raw_fd();
    let mut asked = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let limit = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one entry, valid for the call.
    match unsafe { libc::poll(&mut asked, 1, limit) } {
        0 => Err(over("it did not say that it listens")),
        1.. => Ok(()),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_does_not_end_is_ended_with_all_that_it_has_started() {
        let limit = Duration::from_millis(20);
        // The inner one holds the pipe open, so this returns only when it is gone too.
        let error = output_within(shell("sleep 600 & sleep 600"), limit).expect_err("no end");
        assert!(is_over(&error), "{error}");
    }

    #[test]
    fn what_ends_is_heard_in_full() {
        let long = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done";
        let output = output_within(shell(long), Duration::from_secs(30)).expect("an end");
        assert_eq!(output.stdout.len(), 220_000);
        assert!(output.status.success());
    }
}

//! Pins `uring-sys-notes/restricted.md`: what happens at the limits of a process or of a user.
//!
//! A limit holds for the whole process, so these tests run themselves again in a process of their
//! own.

use std::env;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{self, Command};
use std::thread;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::Fd;

use crate::ring::TestRing;
use crate::syscall;

const OP: u64 = 1;
const OWN_PROCESS: &str = "ANNULUS_ABI_OWN_PROCESS";

/// Runs `body` in a process that runs only the test of this name.
fn in_own_process(name: &str, body: impl FnOnce()) {
    if env::var_os(OWN_PROCESS).is_some() {
        return body();
    }
    let this = env::current_exe().expect("this binary");
    let child = Command::new(this)
        .args([name, "--exact", "--nocapture"])
        .env(OWN_PROCESS, "1")
        .output()
        .expect("the test's own process");
    let said = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    print!("{said}");
    assert!(child.status.success() && said.contains("1 passed"), "{said}{complained}");
}

/// Takes descriptor numbers until none is left, then gives `spare` back.
fn leave_free(spare: usize) -> Vec<OwnedFd> {
    let mut taken = vec![syscall::eventfd(0)];
    while let Ok(another) = taken[0].try_clone() {
        taken.push(another);
    }
    taken.truncate(taken.len() - spare);
    taken
}

fn accept(listener: &TcpListener, multi: bool) -> Entry {
    let (fd, none) = (Fd(listener.as_raw_fd()), std::ptr::null_mut());
    let entry = if multi {
        opcode::AcceptMulti::new(fd).build()
    } else {
        opcode::Accept::new(fd, none, none.cast()).build()
    };
    entry.user_data(OP)
}

#[test]
fn an_accept_at_the_descriptor_limit_answers_emfile_and_keeps_the_connection() {
    let name = "limits::an_accept_at_the_descriptor_limit_answers_emfile_and_keeps_the_connection";
    in_own_process(name, || {
        let mut ring = TestRing::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        syscall::set_soft_limit(libc::RLIMIT_NOFILE, 64);
        let clients: Vec<TcpStream> =
            (0..4).map(|_| TcpStream::connect(address).expect("connect")).collect();
        let taken = leave_free(2);
        ring.push(accept(&listener, true));
        let done = ring.collect(3);
        assert!(done[0].more() && done[1].more());
        assert_eq!((done[2].res, done[2].more()), (-libc::EMFILE, false));
        ring.push(accept(&listener, false));
        assert_eq!(ring.one().res, -libc::EMFILE, "armed again too early");
        drop(taken);
        for _ in 0..2 {
            ring.push(accept(&listener, false));
            drop(syscall::adopt(ring.one().res));
        }
        let taken = leave_free(0);
        ring.push(accept(&listener, false));
        ring.submit();
        let at_once = ring.poll();
        println!("an accept at the limit with nobody there: {at_once:?}");
        drop((taken, clients));
    });
}

#[test]
fn rings_are_charged_to_the_memlock_limit_of_the_user() {
    // SAFETY: no pointer is passed.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: needs root to become a user that owns nothing yet");
        return;
    }
    let limit = syscall::soft_limit(libc::RLIMIT_MEMLOCK);
    if limit > 64 << 20 {
        println!("skipped: the memlock limit of {limit} is too high to reach quickly");
        return;
    }
    let user = 40_000 + process::id() % 20_000;
    let seen = thread::spawn(move || {
        syscall::become_user(user);
        let set_up = || {
            TestRing::built(256, |builder| {
                builder.setup_cqsize(4_096);
            })
        };
        let mut rings = Vec::new();
        loop {
            match set_up() {
                Ok(ring) if rings.len() < 2_000 => rings.push(ring),
                Ok(_) => break (rings.len(), None),
                Err(error) => break (rings.len(), error.raw_os_error()),
            }
        }
    });
    let (count, error) = seen.join().expect("the other user's thread");
    println!("{count} rings of 256/4096 under a limit of {limit}: {error:?}");
    match error {
        Some(error) => assert!(error == libc::ENOMEM || error == libc::EMFILE, "{error}"),
        None => println!("this kernel does not charge rings to the limit (5.12 to 6.13)"),
    }
}

//! Pins `uring-sys-notes/zero-copy-send.md`.

use std::io::Read;
use std::os::fd::AsRawFd;

use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{cqueue, opcode};

use crate::memory::Lent;
use crate::ring::{Done, TestRing};
use crate::sockets;

const OP: u64 = 1;

fn send_zc(fd: &impl AsRawFd, bytes: Lent) -> Entry {
    opcode::SendZc::new(Fd(fd.as_raw_fd()), bytes.as_ptr(), bytes.len()).build().user_data(OP)
}

fn is_notification(done: Done) -> bool {
    cqueue::notif(done.flags)
}

#[test]
fn a_zero_copy_send_answers_first_and_gives_its_buffer_back_second() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    let bytes = Lent::from(vec![5; 32_768]);
    ring.push(send_zc(&ours, bytes));
    let sent = ring.one();
    assert!(sent.res > 0 && sent.more() && !is_notification(sent), "{sent:?}");
    let mut got = vec![0; sent.res as usize];
    theirs.read_exact(&mut got).expect("read");
    assert!(got.iter().all(|byte| *byte == 5));
    let returned = ring.one();
    assert!(is_notification(returned) && !returned.more(), "{returned:?}");
    assert_eq!(returned.user_data, OP, "both carry the same user_data");
    ring.assert_quiet();
}

/// A send that fails: its error, and whether a notification followed.
fn fail(entry: Entry) -> (i32, bool) {
    let mut ring = TestRing::new();
    ring.push(entry);
    let failed = ring.one();
    assert!(!is_notification(failed));
    if failed.more() {
        let returned = ring.one();
        assert!(is_notification(returned) && !returned.more(), "{returned:?}");
    }
    ring.assert_quiet();
    (failed.res, failed.more())
}

#[test]
fn a_zero_copy_send_that_fails_still_owes_a_notification_when_it_says_more() {
    let bytes = Lent::zeroed(64);
    let nowhere = opcode::SendZc::new(Fd(-1), bytes.as_ptr(), bytes.len()).build();
    let (error, notified) = fail(nowhere.user_data(OP));
    println!("no descriptor: {error}, notified: {notified}");
    assert_eq!(error, -libc::EBADF);

    let (ours, _theirs) = sockets::tcp_pair();
    ours.shutdown(std::net::Shutdown::Write).expect("shutdown");
    let (error, notified) = fail(send_zc(&ours, bytes));
    println!("after a shutdown: {error}, notified: {notified}");
    assert_eq!(error, -libc::EPIPE);

    let (ours, _theirs) = sockets::unix_pair();
    let (error, notified) = fail(send_zc(&ours, bytes));
    println!("over a Unix socket: {error}, notified: {notified}");
    assert_eq!(error, -libc::EOPNOTSUPP);
}

//! Pins `uring-sys-notes/links-and-timeouts.md`: an op and the timeout linked to it.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, TimeoutFlags, Timespec};

use crate::cancellation::{ERESTARTSYS, OP, open_fifo};
use crate::memory::{self, Lent, leak};
use crate::ring::{Done, TestRing, only, timespec, unknown_opcode};
use crate::scratch::Scratch;
use crate::sockets;
use crate::syscall;

const TIMEOUT: u64 = 2;
/// An hour: in these tests, never.
const NEVER_MS: u64 = 3_600_000;

fn recv(fd: &UnixStream, buf: Lent, flags: i32) -> Entry {
    let recv = opcode::Recv::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len());
    recv.flags(flags).build().user_data(OP).flags(Flags::IO_LINK)
}

fn link_timeout(limit: *const Timespec) -> Entry {
    opcode::LinkTimeout::new(limit).build().user_data(TIMEOUT)
}

fn pair_of(done: &[Done]) -> (i32, i32) {
    assert_eq!(done.len(), 2);
    (only(done, OP).res, only(done, TIMEOUT).res)
}

#[test]
fn an_op_that_wins_cancels_its_timeout() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(timespec(NEVER_MS))]);
    ring.submit();
    assert!(ring.poll().is_empty());
    syscall::write(&theirs, b"abc").expect("write");
    assert_eq!(pair_of(&ring.collect(2)), (3, -libc::ECANCELED));
    ring.assert_quiet();
}

#[test]
fn a_timeout_that_wins_cancels_its_op() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let before = syscall::monotonic_ns();
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(timespec(3))]);
    let done = ring.collect(2);
    assert!(syscall::monotonic_ns() - before >= 3_000_000);
    assert_eq!(pair_of(&done), (-libc::ECANCELED, -libc::ETIME));
    println!("the first completion is the timeout's: {}", done[0].user_data == TIMEOUT);
    ring.assert_quiet();
}

#[test]
fn an_op_that_completes_inline_cancels_its_timeout() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    syscall::write(&theirs, b"abc").expect("write");
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(timespec(NEVER_MS))]);
    assert_eq!(pair_of(&ring.collect(2)), (3, -libc::ECANCELED));
}

#[test]
fn an_op_that_fails_cancels_its_timeout() {
    let mut ring = TestRing::new();
    let buf = Lent::zeroed(8);
    let recv = opcode::Recv::new(Fd(-1), buf.as_ptr(), buf.len()).build();
    let recv = recv.user_data(OP).flags(Flags::IO_LINK);
    ring.push_all(&[recv, link_timeout(timespec(NEVER_MS))]);
    assert_eq!(pair_of(&ring.collect(2)), (-libc::EBADF, -libc::ECANCELED));
    ring.push_all(&[unknown_opcode(OP).flags(Flags::IO_LINK), link_timeout(timespec(NEVER_MS))]);
    assert_eq!(pair_of(&ring.collect(2)), (-libc::EINVAL, -libc::ECANCELED));
}

#[test]
fn bytes_that_came_before_the_timeout_are_given_with_it() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    let buf = Lent::zeroed(8);
    ring.push_all(&[recv(&ours, buf, libc::MSG_WAITALL), link_timeout(timespec(5))]);
    ring.submit();
    syscall::write(&theirs, b"abc").expect("write");
    assert_eq!(pair_of(&ring.collect(2)), (3, -libc::ETIME));
    assert_eq!(buf.bytes()[..3], *b"abc");
}

#[test]
fn a_pair_split_over_two_submits_fails_the_timeout_and_runs_the_op_without_it() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    ring.push(recv(&ours, Lent::zeroed(8), 0));
    ring.submit();
    ring.push(link_timeout(timespec(1)));
    let timeout = ring.one();
    assert_eq!((timeout.user_data, timeout.res), (TIMEOUT, -libc::EINVAL));
    ring.assert_quiet();
    syscall::write(&theirs, b"abc").expect("write");
    assert_eq!(ring.one().res, 3, "the recv had no limit");
}

#[test]
fn a_timeout_that_skips_its_success_never_speaks() {
    let skip = Flags::SKIP_SUCCESS;
    let outcome = |limit_ms: u64, early: bool, late: bool| {
        let mut ring = TestRing::new();
        let (ours, theirs) = sockets::unix_pair();
        if early {
            syscall::write(&theirs, b"abc").expect("write");
        }
        let timeout = link_timeout(timespec(limit_ms)).flags(skip);
        ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), timeout]);
        ring.submit();
        if late {
            syscall::write(&theirs, b"abcd").expect("write");
        }
        let done = ring.one();
        assert_eq!(done.user_data, OP);
        ring.assert_quiet();
        done.res
    };
    assert_eq!(outcome(NEVER_MS, true, false), 3, "an inline win");
    assert_eq!(outcome(NEVER_MS, false, true), 4, "a later win");
    assert_eq!(outcome(2, false, false), -libc::ECANCELED, "a loss");
}

#[test]
fn a_skipped_timeout_stays_silent_when_its_op_fails() {
    let mut ring = TestRing::new();
    let buf = Lent::zeroed(8);
    let recv = opcode::Recv::new(Fd(-1), buf.as_ptr(), buf.len()).build();
    let timeout = || link_timeout(timespec(NEVER_MS)).flags(Flags::SKIP_SUCCESS);
    ring.push_all(&[recv.user_data(OP).flags(Flags::IO_LINK), timeout()]);
    assert_eq!(ring.one().res, -libc::EBADF);
    ring.assert_quiet();
    ring.push_all(&[unknown_opcode(OP).flags(Flags::IO_LINK), timeout()]);
    assert_eq!(ring.one().res, -libc::EINVAL);
    ring.assert_quiet();
}

#[test]
fn a_skipped_timeout_speaks_when_it_cannot_be_armed_and_takes_its_op_along() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let negative = leak(Timespec::new().sec(u64::MAX));
    for skip in [Flags::empty(), Flags::SKIP_SUCCESS] {
        ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(negative).flags(skip)]);
        assert_eq!(pair_of(&ring.collect(2)), (-libc::ECANCELED, -libc::EINVAL), "{skip:?}");
    }
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0)]);
    ring.submit();
    ring.push(link_timeout(timespec(1)).flags(Flags::SKIP_SUCCESS));
    let timeout = ring.one();
    assert_eq!((timeout.user_data, timeout.res), (TIMEOUT, -libc::EINVAL), "split pairs speak too");
}

#[test]
fn the_timespec_of_a_linked_timeout_is_copied_at_submit() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let limit = timespec(3);
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(limit)]);
    ring.submit();
    memory::overwrite(limit, memory::millis(NEVER_MS));
    assert_eq!(pair_of(&ring.collect(2)), (-libc::ECANCELED, -libc::ETIME));
}

#[test]
fn a_deadline_of_zero_or_in_the_past_lets_a_ready_op_win_and_ends_a_waiting_one() {
    for flags in [TimeoutFlags::empty(), TimeoutFlags::ABS] {
        let limit = leak(Timespec::new().nsec(u32::from(flags == TimeoutFlags::ABS)));
        let timeout = || opcode::LinkTimeout::new(limit).flags(flags).build().user_data(TIMEOUT);
        let mut ring = TestRing::new();
        let (ours, theirs) = sockets::unix_pair();
        ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), timeout()]);
        assert_eq!(pair_of(&ring.collect(2)), (-libc::ECANCELED, -libc::ETIME));
        syscall::write(&theirs, b"abc").expect("write");
        ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), timeout()]);
        let (op, timeout) = pair_of(&ring.collect(2));
        assert_eq!(op, 3, "a ready op wins, {flags:?}");
        assert!(matches!(-timeout, libc::ECANCELED | libc::ENOENT | libc::EALREADY), "{timeout}");
    }
}

#[test]
fn an_absolute_limit_counts_by_the_monotonic_clock() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let deadline_ns = syscall::monotonic_ns() + 3_000_000;
    let (sec, nsec) = (deadline_ns / 1_000_000_000, deadline_ns % 1_000_000_000);
    let limit = leak(Timespec::new().sec(sec).nsec(nsec as u32));
    let timeout = opcode::LinkTimeout::new(limit).flags(TimeoutFlags::ABS).build();
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), timeout.user_data(TIMEOUT)]);
    assert_eq!(pair_of(&ring.collect(2)), (-libc::ECANCELED, -libc::ETIME));
    assert!(syscall::monotonic_ns() >= deadline_ns);
}

#[test]
fn a_cancel_of_the_op_ends_its_timeout_too() {
    for (skip, count) in [(Flags::empty(), 3), (Flags::SKIP_SUCCESS, 2)] {
        let mut ring = TestRing::new();
        let (ours, _theirs) = sockets::unix_pair();
        let timeout = link_timeout(timespec(NEVER_MS)).flags(skip);
        ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), timeout]);
        ring.submit();
        ring.push(opcode::AsyncCancel::new(OP).build().user_data(3));
        let done = ring.collect(count);
        assert_eq!((only(&done, OP).res, only(&done, 3).res), (-libc::ECANCELED, 0));
        if count == 3 {
            assert_eq!(only(&done, TIMEOUT).res, -libc::ECANCELED);
        }
        ring.assert_quiet();
    }
}

#[test]
fn a_linked_timeout_cannot_be_cancelled_by_its_own_name() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    ring.push_all(&[recv(&ours, Lent::zeroed(8), 0), link_timeout(timespec(NEVER_MS))]);
    ring.submit();
    ring.push(opcode::AsyncCancel::new(TIMEOUT).build().user_data(3));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (3, -libc::ENOENT));
    syscall::write(&theirs, b"abc").expect("write");
    assert_eq!(pair_of(&ring.collect(2)), (3, -libc::ECANCELED));
}

#[test]
fn a_linked_timeout_may_not_fire_while_its_op_blocks_a_worker() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let open = open_fifo(&scratch.fifo("nobody opens the other end")).user_data(OP);
    ring.push_all(&[open.flags(Flags::IO_LINK), link_timeout(timespec(2))]);
    let queued = ring.queued();
    ring.enter_for(queued, 1, Duration::from_millis(60)).expect("submitted");
    let mut done = ring.reap();
    println!("after the limit: {done:?}");
    if done.is_empty() {
        ring.push(opcode::AsyncCancel::new(OP).build().user_data(3));
        done = ring.collect(3);
        assert_eq!(only(&done, 3).res, -libc::EALREADY, "only a cancel reaches the worker");
        done.retain(|done| done.user_data != 3);
    } else {
        done.extend(ring.collect(2 - done.len()));
    }
    let (op, timeout) = pair_of(&done);
    assert!(matches!(-op, libc::ECANCELED | libc::EINTR | ERESTARTSYS), "{op}");
    let known = [libc::ECANCELED, libc::ETIME, libc::EALREADY, libc::ENOENT];
    assert!(known.contains(&-timeout), "{timeout}");
}

#[test]
fn what_follows_a_pair_in_its_chain_runs_when_the_op_wins_and_not_when_it_loses() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    for (ready, expected) in [(true, [3, 0]), (false, [-libc::ECANCELED, -libc::ECANCELED])] {
        if ready {
            syscall::write(&theirs, b"abc").expect("write");
        }
        let timeout = link_timeout(timespec(if ready { NEVER_MS } else { 2 }));
        let after = opcode::Nop::new().build().user_data(3);
        let recv = recv(&ours, Lent::zeroed(8), 0);
        ring.push_all(&[recv, timeout.flags(Flags::IO_LINK), after]);
        let done = ring.collect(3);
        assert_eq!([only(&done, OP).res, only(&done, 3).res], expected);
    }
}

//! Pins `uring-sys-notes/links-and-timeouts.md`: chains, and timeouts of their own.

use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, TimeoutFlags, Timespec};

use crate::memory::{self, Lent, leak};
use crate::ring::{TestRing, only, timespec};
use crate::syscall;

fn nop(user_data: u64) -> Entry {
    opcode::Nop::new().build().user_data(user_data)
}

fn read(fd: i32, len: usize) -> Entry {
    let buf = Lent::zeroed(len);
    opcode::Read::new(Fd(fd), buf.as_ptr(), buf.len()).build()
}

#[test]
fn a_link_waits_for_its_head() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let head = read(reader.as_raw_fd(), 1).user_data(1).flags(Flags::IO_LINK);
    ring.push_all(&[head, nop(2), nop(3)]);
    assert_eq!(ring.one().user_data, 3, "only the op outside the chain has run");
    syscall::write(&writer, b"x").expect("write");
    let order: Vec<u64> = ring.collect(2).iter().map(|done| done.user_data).collect();
    assert_eq!(order, [1, 2]);
}

#[test]
fn a_head_that_fails_or_falls_short_cancels_the_rest_and_a_hard_link_does_not() {
    let (reader, writer) = syscall::pipe(0);
    for (fd, written, expected) in [(-1, 0, -libc::EBADF), (reader.as_raw_fd(), 3, 3)] {
        for (link, after) in [(Flags::IO_LINK, -libc::ECANCELED), (Flags::IO_HARDLINK, 0)] {
            syscall::write(&writer, &b"abc"[..written]).expect("write");
            let mut ring = TestRing::new();
            let head = read(fd, 8).user_data(1).flags(link);
            ring.push_all(&[head, nop(2).flags(link), nop(3)]);
            let done = ring.collect(3);
            assert_eq!(only(&done, 1).res, expected);
            assert_eq!((only(&done, 2).res, only(&done, 3).res), (after, after), "{link:?}");
        }
    }
}

#[test]
fn a_chain_ends_with_its_submit() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    ring.push(read(reader.as_raw_fd(), 1).user_data(1).flags(Flags::IO_LINK));
    ring.submit();
    ring.push(nop(2));
    assert_eq!(ring.one().user_data, 2, "the next submit does not continue the chain");
    syscall::write(&writer, b"x").expect("write");
    assert_eq!(ring.one().user_data, 1);
}

#[test]
fn a_timeout_fires_as_etime_and_never_early() {
    let mut ring = TestRing::new();
    let before = syscall::monotonic_ns();
    ring.push(opcode::Timeout::new(timespec(3)).build().user_data(1));
    assert_eq!(ring.one().res, -libc::ETIME);
    assert!(syscall::monotonic_ns() - before >= 3_000_000);
}

#[test]
fn a_timeouts_timespec_is_copied_at_submit() {
    let mut ring = TestRing::new();
    let limit = timespec(3);
    ring.push(opcode::Timeout::new(limit).build().user_data(1));
    ring.submit();
    memory::overwrite(limit, memory::millis(3_600_000));
    assert_eq!(ring.one().res, -libc::ETIME);
}

#[test]
fn a_timeout_is_removed_by_name_and_its_completion_still_comes() {
    let mut ring = TestRing::new();
    ring.push(opcode::Timeout::new(timespec(3_600_000)).build().user_data(1));
    ring.submit();
    ring.push(opcode::TimeoutRemove::new(1).build().user_data(2));
    let done = ring.collect(2);
    assert_eq!((only(&done, 1).res, only(&done, 2).res), (-libc::ECANCELED, 0));
    ring.push(opcode::TimeoutRemove::new(1).build().user_data(2));
    assert_eq!(ring.one().res, -libc::ENOENT);
}

#[test]
fn a_timeout_can_be_moved_while_it_stands() {
    let mut ring = TestRing::new();
    ring.push(opcode::Timeout::new(timespec(3_600_000)).build().user_data(1));
    ring.submit();
    ring.push(opcode::TimeoutUpdate::new(1, timespec(1)).build().user_data(2));
    let done = ring.collect(2);
    assert_eq!((only(&done, 1).res, only(&done, 2).res), (-libc::ETIME, 0));
}

#[test]
fn a_timeout_of_some_completions_ends_with_zero_when_they_came() {
    let mut ring = TestRing::new();
    ring.push(opcode::Timeout::new(timespec(3_600_000)).count(2).build().user_data(1));
    ring.push_all(&[nop(2), nop(3)]);
    let done = ring.collect(3);
    assert_eq!(only(&done, 1).res, 0);
}

#[test]
fn an_etime_that_counts_as_success_keeps_its_chain_and_can_be_skipped() {
    for (flags, after) in
        [(TimeoutFlags::empty(), -libc::ECANCELED), (TimeoutFlags::ETIME_SUCCESS, 0)]
    {
        let mut ring = TestRing::new();
        let timeout = opcode::Timeout::new(timespec(1)).flags(flags).build();
        ring.push_all(&[timeout.user_data(1).flags(Flags::IO_LINK), nop(2)]);
        let done = ring.collect(2);
        assert_eq!((only(&done, 1).res, only(&done, 2).res), (-libc::ETIME, after));
    }
    let mut ring = TestRing::new();
    let success = TimeoutFlags::ETIME_SUCCESS;
    let timeout = opcode::Timeout::new(timespec(1)).flags(success).build();
    ring.push(timeout.user_data(1).flags(Flags::SKIP_SUCCESS | Flags::IO_LINK));
    ring.push(nop(2));
    assert_eq!(ring.one().user_data, 2, "the timeout said nothing");
    ring.assert_quiet();
}

#[test]
fn a_timespec_is_refused_when_negative_and_taken_when_long() {
    for (limit, expected) in [
        (Timespec::new().sec(u64::MAX), Some(-libc::EINVAL)),
        (Timespec::new().sec(i64::MAX as u64), None),
        (Timespec::new().nsec(u32::MAX), None),
    ] {
        let mut ring = TestRing::new();
        ring.push(opcode::Timeout::new(leak(limit)).build().user_data(1));
        match expected {
            Some(error) => assert_eq!(ring.one().res, error),
            None => ring.assert_quiet(),
        }
    }
    let mut ring = TestRing::new();
    let nowhere = std::ptr::without_provenance(8);
    ring.push(opcode::Timeout::new(nowhere).build().user_data(1));
    assert_eq!(ring.one().res, -libc::EFAULT);
}

#[test]
fn an_absolute_timeout_in_the_past_fires_at_once() {
    let mut ring = TestRing::new();
    let past = leak(Timespec::new().nsec(1));
    ring.push(opcode::Timeout::new(past).flags(TimeoutFlags::ABS).build().user_data(1));
    ring.push(opcode::Timeout::new(timespec(0)).build().user_data(2));
    let done = ring.collect(2);
    assert_eq!((only(&done, 1).res, only(&done, 2).res), (-libc::ETIME, -libc::ETIME));
}

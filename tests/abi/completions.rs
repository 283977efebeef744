//! Pins `uring-sys-notes/completions.md`.

use std::os::fd::AsRawFd;

use io_uring::squeue::Flags;
use io_uring::types::Fd;
use io_uring::{EnterFlags, opcode};

use crate::memory::Lent;
use crate::ring::{TestRing, only};
use crate::sockets;
use crate::syscall;

#[test]
fn user_data_comes_back_whole() {
    let mut ring = TestRing::new();
    let words = [0, 1, u64::MAX, 1 << 63, 0x0123_4567_89ab_cdef, u64::from(u32::MAX) + 1];
    for word in words {
        ring.push(opcode::Nop::new().build().user_data(word));
    }
    let seen: Vec<u64> = ring.collect(words.len()).iter().map(|done| done.user_data).collect();
    assert_eq!(seen, words);
}

#[test]
fn a_oneshot_completion_carries_no_more() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(1));
    let done = ring.one();
    assert_eq!((done.res, done.flags), (0, 0));
    ring.assert_quiet();
}

#[test]
fn ops_that_complete_inline_are_in_the_ring_when_the_submit_returns() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    syscall::write(&writer, b"abc").expect("write");
    let buf = Lent::zeroed(8);
    let fd = Fd(reader.as_raw_fd());
    ring.push(opcode::Read::new(fd, buf.as_ptr(), buf.len()).build().user_data(1));
    assert_eq!(ring.submit(), 1);
    assert_eq!(only(&ring.reap(), 1).res, 3, "no GETEVENTS was needed");
}

#[test]
fn an_overflowing_cq_keeps_every_completion_in_order_and_raises_its_flag() {
    let mut ring = TestRing::sized(4, 8);
    for batch in 0..16 {
        for index in 0..4 {
            ring.push(opcode::Nop::new().build().user_data(batch * 4 + index));
        }
        assert_eq!(ring.submit(), 4, "submits go on over an overflow");
    }
    assert!(ring.ring().submission().cq_overflow());
    assert_eq!(ring.ring().completion().len(), 8);
    let mut seen = ring.reap();
    ring.enter(0, 0, EnterFlags::empty()).expect("enter without GETEVENTS");
    assert!(ring.reap().is_empty(), "only GETEVENTS brings the rest");
    let mut enters = 0;
    while seen.len() < 64 {
        seen.extend(ring.poll());
        enters += 1;
        assert!(enters <= 64, "lost completions: {}", seen.len());
    }
    assert!(seen.iter().map(|done| done.user_data).eq(0..64), "{seen:?}");
    assert!(!ring.ring().submission().cq_overflow());
    assert_eq!(ring.ring().completion().overflow(), 0, "the kernel counts only the dropped ones");
}

#[test]
fn a_wait_brings_overflowed_completions_in() {
    let mut ring = TestRing::sized(4, 8);
    for batch in 0..3 {
        for index in 0..4 {
            ring.push(opcode::Nop::new().build().user_data(batch * 4 + index));
        }
        ring.submit();
    }
    assert_eq!(ring.reap().len(), 8);
    assert_eq!(ring.enter(0, 4, EnterFlags::GETEVENTS).expect("the other four"), 0);
    assert_eq!(ring.reap().len(), 4);
}

#[test]
fn an_op_that_skips_its_success_posts_only_its_failure() {
    let mut ring = TestRing::new();
    let (_reader, writer) = syscall::pipe(0);
    let byte = Lent::from(*b"x");
    let write = |fd: i32| opcode::Write::new(Fd(fd), byte.as_ptr(), 1).build();
    ring.push(write(writer.as_raw_fd()).user_data(1).flags(Flags::SKIP_SUCCESS));
    ring.push(write(-1).user_data(2).flags(Flags::SKIP_SUCCESS));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (2, -libc::EBADF));
    ring.assert_quiet();
    assert_eq!(syscall::readable_bytes(&_reader), 1, "the silent write was made");
}

#[test]
fn a_short_result_posts_although_success_is_skipped() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    syscall::write(&theirs, b"ab").expect("write");
    let buf = Lent::zeroed(8);
    let (fd, skip) = (Fd(ours.as_raw_fd()), Flags::SKIP_SUCCESS);
    ring.push(opcode::Recv::new(fd, buf.as_ptr(), buf.len()).build().user_data(1).flags(skip));
    ring.assert_quiet();
    assert_eq!(buf.bytes()[..2], *b"ab", "a short recv is a success");
    syscall::write(&theirs, b"cd").expect("write");
    let recv = opcode::Recv::new(fd, buf.as_ptr(), buf.len()).flags(libc::MSG_WAITALL).build();
    ring.push(recv.user_data(2).flags(skip));
    drop(theirs);
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (2, 2), "a short recv of all is not");
}

#[test]
fn drain_is_refused_once_an_sqe_has_skipped_its_completion() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(1).flags(Flags::IO_DRAIN));
    assert_eq!(ring.one().res, 0);
    ring.push(opcode::Nop::new().build().user_data(2).flags(Flags::SKIP_SUCCESS));
    ring.assert_quiet();
    ring.push(opcode::Nop::new().build().user_data(3).flags(Flags::IO_DRAIN));
    assert_eq!(ring.one().res, -libc::EOPNOTSUPP);
}

#[test]
fn an_unknown_opcode_and_an_unknown_flag_complete_with_einval() {
    let mut ring = TestRing::new();
    ring.push(crate::ring::unknown_opcode(1));
    ring.push(opcode::Nop::new().build().user_data(2).flags(Flags::from_bits_retain(1 << 7)));
    let done = ring.collect(2);
    assert_eq!(only(&done, 1).res, -libc::EINVAL);
    assert_eq!(only(&done, 2).res, -libc::EINVAL);
}

#[test]
fn an_asynchronous_op_ends_once_like_any_other() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let buf = Lent::zeroed(8);
    let fd = Fd(reader.as_raw_fd());
    let read = opcode::Read::new(fd, buf.as_ptr(), buf.len()).build();
    ring.push(read.user_data(1).flags(Flags::ASYNC));
    ring.submit();
    syscall::write(&writer, b"late").expect("write");
    assert_eq!(ring.one().res, 4);
    ring.assert_quiet();
    assert_eq!(buf.bytes()[..4], *b"late");
}

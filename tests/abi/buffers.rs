//! Pins `uring-sys-notes/provided-buffers.md`.

use std::io::Write;
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::memory::Lent;
use crate::provided::BufferGroup;
use crate::ring::{TestRing, only};
use crate::sockets;
use crate::syscall::{self, errno};

const GROUP: u16 = 3;

fn recv_selected(fd: &impl AsRawFd, len: u32, user_data: u64) -> Entry {
    let none = std::ptr::null_mut();
    let recv = opcode::Recv::new(Fd(fd.as_raw_fd()), none, len).buf_group(GROUP).build();
    recv.flags(Flags::BUFFER_SELECT).user_data(user_data)
}

#[test]
fn a_recv_takes_buffers_in_the_order_they_were_given_and_names_the_one_it_took() {
    let mut ring = TestRing::new();
    let mut group = BufferGroup::empty(&mut ring, GROUP, 4, 16).expect("REGISTER_PBUF_RING");
    for id in [2, 0, 3] {
        group.give(id);
    }
    let (ours, mut theirs) = sockets::unix_pair();
    for (expected, text) in [(2, b"one"), (0, b"two"), (3, b"tri")] {
        theirs.write_all(text).expect("write");
        ring.push(recv_selected(&ours, 0, 1));
        let done = ring.one();
        assert_eq!((done.res, done.buffer(), done.more()), (3, Some(expected), false));
        assert_eq!(group.buffers[usize::from(expected)].bytes()[..3], text[..]);
    }
}

#[test]
fn an_empty_group_answers_enobufs_at_once_although_no_data_waits() {
    let mut ring = TestRing::new();
    BufferGroup::empty(&mut ring, GROUP, 4, 16).expect("REGISTER_PBUF_RING");
    let (ours, _theirs) = sockets::unix_pair();
    ring.push(recv_selected(&ours, 0, 1));
    ring.submit();
    let done = ring.reap();
    assert_eq!(only(&done, 1).res, -libc::ENOBUFS, "without a wait");
    assert_eq!(only(&done, 1).buffer(), None);
}

#[test]
fn a_buffer_is_taken_when_the_data_comes_not_when_the_recv_is_armed() {
    let mut ring = TestRing::new();
    let mut group = BufferGroup::full(&mut ring, GROUP, 1, 16);
    let (first, mut to_first) = sockets::unix_pair();
    let (second, mut to_second) = sockets::unix_pair();
    ring.push_all(&[recv_selected(&first, 0, 1), recv_selected(&second, 0, 2)]);
    ring.assert_quiet();
    to_second.write_all(b"quick").expect("write");
    let done = ring.one();
    assert_eq!((done.user_data, done.res, done.buffer()), (2, 5, Some(0)));
    to_first.write_all(b"late").expect("write");
    let done = ring.one();
    assert_eq!((done.user_data, done.res, done.buffer()), (1, -libc::ENOBUFS, None));
    assert_eq!(syscall::readable_bytes(&first), 4, "the bytes are still the socket's");
    group.give(0);
    ring.push(recv_selected(&first, 0, 1));
    assert_eq!(ring.one().res, 4);
}

#[test]
fn a_cancelled_recv_took_no_buffer() {
    let mut ring = TestRing::new();
    let _group = BufferGroup::full(&mut ring, GROUP, 1, 16);
    let (ours, mut theirs) = sockets::unix_pair();
    for _ in 0..3 {
        ring.push(recv_selected(&ours, 0, 1));
        ring.submit();
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        let done = only(&ring.collect(2), 1);
        assert_eq!((done.res, done.buffer()), (-libc::ECANCELED, None));
    }
    theirs.write_all(b"still").expect("write");
    ring.push(recv_selected(&ours, 0, 1));
    assert_eq!(ring.one().buffer(), Some(0), "the only buffer is still there");
}

#[test]
fn an_end_of_stream_takes_no_buffer_or_names_the_one_it_took() {
    let mut ring = TestRing::new();
    let mut group = BufferGroup::full(&mut ring, GROUP, 1, 16);
    let (ours, theirs) = sockets::unix_pair();
    drop(theirs);
    ring.push(recv_selected(&ours, 0, 1));
    let done = ring.one();
    println!("end of stream: {done:?}");
    assert_eq!(done.res, 0);
    if let Some(id) = done.buffer() {
        group.give(id);
    }
    let (ours, mut theirs) = sockets::unix_pair();
    theirs.write_all(b"x").expect("write");
    ring.push(recv_selected(&ours, 0, 1));
    assert_eq!(ring.one().buffer(), Some(0), "the one buffer was conserved");
}

#[test]
fn the_smaller_of_the_buffer_and_the_asked_length_limits_a_recv() {
    let mut ring = TestRing::new();
    let _group = BufferGroup::full(&mut ring, GROUP, 4, 8);
    let (ours, mut theirs) = sockets::unix_pair();
    theirs.write_all(b"0123456789abcdef").expect("write");
    for (asked, got) in [(3, 3), (0, 8), (64, 5)] {
        ring.push(recv_selected(&ours, asked, 1));
        assert_eq!(ring.one().res, got, "asked for {asked}");
    }
}

#[test]
fn a_read_selects_a_buffer_too_and_an_unknown_group_is_enobufs() {
    let mut ring = TestRing::new();
    let group = BufferGroup::full(&mut ring, GROUP, 2, 8);
    let (reader, writer) = syscall::pipe(0);
    syscall::write(&writer, b"pipe").expect("write");
    let none = std::ptr::null_mut();
    let read = |group| {
        let read = opcode::Read::new(Fd(reader.as_raw_fd()), none, 8).buf_group(group).build();
        read.flags(Flags::BUFFER_SELECT).user_data(1)
    };
    ring.push(read(GROUP));
    let done = ring.one();
    assert_eq!((done.res, done.buffer()), (4, Some(0)));
    assert_eq!(group.buffers[0].bytes()[..4], *b"pipe");
    syscall::write(&writer, b"more").expect("write");
    ring.push(read(GROUP + 1));
    assert_eq!(ring.one().res, -libc::ENOBUFS);
}

#[test]
fn an_op_that_cannot_select_answers_eopnotsupp() {
    let mut ring = TestRing::new();
    let _group = BufferGroup::full(&mut ring, GROUP, 1, 8);
    ring.push(opcode::Nop::new().build().flags(Flags::BUFFER_SELECT).user_data(1));
    assert_eq!(ring.one().res, -libc::EOPNOTSUPP);
}

#[test]
fn groups_are_of_a_power_of_two_and_registered_once() {
    let mut ring = TestRing::new();
    assert_eq!(errno(BufferGroup::empty(&mut ring, GROUP, 3, 8).map(drop)), libc::EINVAL);
    assert_eq!(errno(BufferGroup::empty(&mut ring, GROUP, 0, 8).map(drop)), libc::EINVAL);
    BufferGroup::empty(&mut ring, GROUP, 4, 8).expect("four");
    assert_eq!(errno(BufferGroup::empty(&mut ring, GROUP, 4, 8).map(drop)), libc::EEXIST);
    ring.ring().submitter().unregister_buf_ring(GROUP).expect("UNREGISTER_PBUF_RING");
    let again = ring.ring().submitter().unregister_buf_ring(GROUP);
    assert_eq!(errno(again), libc::ENOENT);
    BufferGroup::empty(&mut ring, GROUP, 4, 8).expect("again");
}

#[test]
fn a_group_may_be_unregistered_under_a_waiting_recv_which_then_finds_no_buffer() {
    let mut ring = TestRing::new();
    let _group = BufferGroup::full(&mut ring, GROUP, 1, 8);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv_selected(&ours, 0, 1));
    ring.submit();
    ring.ring().submitter().unregister_buf_ring(GROUP).expect("UNREGISTER_PBUF_RING");
    theirs.write_all(b"x").expect("write");
    assert_eq!(ring.one().res, -libc::ENOBUFS);
    assert_eq!(syscall::readable_bytes(&ours), 1);
}

#[test]
fn a_registered_buffer_is_read_into_by_its_index_and_bounds_are_checked() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let buf = Lent::zeroed(16);
    let iovec = libc::iovec { iov_base: buf.as_ptr().cast(), iov_len: 16 };
    let submitter = ring.ring().submitter();
    // SAFETY: lent memory lives as long as the process.
    unsafe { submitter.register_buffers(&[iovec]) }.expect("REGISTER_BUFFERS");
    syscall::write(&writer, b"fixed").expect("write");
    let read = |offset: usize, len| {
        let place = buf.as_ptr().wrapping_add(offset);
        opcode::ReadFixed::new(Fd(reader.as_raw_fd()), place, len, 0).build().user_data(1)
    };
    ring.push(read(2, 14));
    assert_eq!(ring.one().res, 5);
    assert_eq!(buf.bytes()[2..7], *b"fixed");
    ring.push(read(2, 15));
    assert_eq!(ring.one().res, -libc::EFAULT, "past the end of the registered buffer");
}

//! Pins `uring-sys-notes/cancellation.md`: what is certain.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::memory::Lent;
use crate::ring::{TestRing, only, timespec};
use crate::scratch::{self, Scratch};
use crate::sockets;
use crate::syscall;

pub(crate) const OP: u64 = 1;
pub(crate) const CANCEL: u64 = 2;

/// An error of the kernel's own, which not every op turns into EINTR on its way out.
pub(crate) const ERESTARTSYS: i32 = 512;

pub(crate) fn cancel(target: u64) -> Entry {
    opcode::AsyncCancel::new(target).build().user_data(CANCEL)
}

pub(crate) fn read(fd: &impl AsRawFd, buf: Lent) -> Entry {
    opcode::Read::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len()).build().user_data(OP)
}

fn recv(fd: &impl AsRawFd, buf: Lent) -> Entry {
    opcode::Recv::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len()).build().user_data(OP)
}

fn assert_cancelled(ring: &mut TestRing) {
    let done = ring.collect(2);
    assert_eq!(only(&done, CANCEL).res, 0);
    let target = only(&done, OP);
    assert_eq!((target.res, target.more()), (-libc::ECANCELED, false));
    ring.assert_quiet();
}

#[test]
fn cancelling_a_waiting_recv_ends_it_as_cancelled_and_touches_no_byte() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::tcp_pair();
    let buf = Lent::from([0xa5; 16]);
    ring.push(recv(&ours, buf));
    ring.submit();
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
    (&theirs).write_all(b"after").expect("write");
    let mut after = [0; 5];
    (&ours).read_exact(&mut after).expect("the bytes are still the socket's");
    assert_eq!(&after, b"after");
    assert_eq!(buf.bytes(), [0xa5; 16]);
}

#[test]
fn cancelling_a_waiting_accept_or_poll_or_pipe_read_or_timeout_ends_it_as_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let (reader, _writer) = syscall::pipe(0);
    let none = std::ptr::null_mut();
    let fd = Fd(listener.as_raw_fd());
    let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), libc::POLLIN as u32).build();
    for op in [
        opcode::Accept::new(fd, none, none.cast()).build().user_data(OP),
        poll.user_data(OP),
        read(&reader, Lent::zeroed(1)),
        opcode::Timeout::new(timespec(60_000)).build().user_data(OP),
    ] {
        let mut ring = TestRing::new();
        ring.push(op);
        ring.submit();
        ring.push(cancel(OP));
        assert_cancelled(&mut ring);
    }
}

#[test]
fn cancelling_what_is_not_there_is_enoent() {
    let mut ring = TestRing::new();
    ring.push(cancel(99));
    assert_eq!(ring.one().res, -libc::ENOENT);
    ring.push(opcode::Nop::new().build().user_data(OP));
    ring.push(cancel(OP));
    let done = ring.collect(2);
    assert_eq!((only(&done, OP).res, only(&done, CANCEL).res), (0, -libc::ENOENT));
}

#[test]
fn a_cancel_in_one_batch_finds_the_op_before_it_and_not_the_one_after_it() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    ring.push_all(&[recv(&ours, Lent::zeroed(8)), cancel(OP)]);
    assert_cancelled(&mut ring);
    ring.push_all(&[cancel(OP), recv(&ours, Lent::zeroed(8))]);
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (CANCEL, -libc::ENOENT));
    ring.assert_quiet();
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
}

#[test]
fn a_cancel_that_skips_its_success_leaves_only_the_targets_completion() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    ring.push_all(&[recv(&ours, Lent::zeroed(8)), cancel(OP).flags(Flags::SKIP_SUCCESS)]);
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (OP, -libc::ECANCELED));
    ring.assert_quiet();
    ring.push(cancel(OP).flags(Flags::SKIP_SUCCESS));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (CANCEL, -libc::ENOENT), "a failure is posted");
}

#[test]
fn a_cancel_takes_one_of_two_ops_of_the_same_name() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    ring.push_all(&[recv(&ours, Lent::zeroed(8)), recv(&ours, Lent::zeroed(8)), cancel(OP)]);
    assert_cancelled(&mut ring);
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
}

#[test]
fn a_linked_op_that_has_not_started_cannot_be_found() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let head = read(&reader, Lent::zeroed(1)).user_data(7).flags(Flags::IO_LINK);
    ring.push_all(&[head, opcode::Nop::new().build().user_data(OP), cancel(OP)]);
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (CANCEL, -libc::ENOENT));
    syscall::write(&writer, b"x").expect("write");
    let done = ring.collect(2);
    assert_eq!((only(&done, 7).res, only(&done, OP).res), (1, 0));
}

#[test]
fn a_cancel_that_comes_before_deferred_work_runs_leaves_the_data_in_the_socket() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    ring.push(recv(&ours, Lent::zeroed(8)));
    ring.submit();
    syscall::write(&theirs, b"mail").expect("write");
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
    assert_eq!(syscall::readable_bytes(&ours), 4);
}

#[test]
fn a_cancel_that_comes_before_deferred_work_runs_leaves_the_connection_in_the_backlog() {
    for multi in [false, true] {
        let mut ring = TestRing::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let (fd, none) = (Fd(listener.as_raw_fd()), std::ptr::null_mut());
        let accept = if multi {
            opcode::AcceptMulti::new(fd).build()
        } else {
            opcode::Accept::new(fd, none, none.cast()).build()
        };
        ring.push(accept.user_data(OP));
        ring.submit();
        let address = listener.local_addr().expect("its address");
        let _client = TcpStream::connect(address).expect("connect");
        ring.push(cancel(OP));
        assert_cancelled(&mut ring);
        listener.accept().expect("it waits in the backlog");
    }
}

#[test]
fn an_op_that_skips_its_success_says_that_it_was_cancelled() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    ring.push(recv(&ours, Lent::zeroed(8)).flags(Flags::SKIP_SUCCESS));
    ring.submit();
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
}

#[test]
fn a_cancel_of_a_recv_that_has_part_of_its_bytes_gives_them_and_says_zero() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    let buf = Lent::zeroed(8);
    let fd = Fd(ours.as_raw_fd());
    let all = opcode::Recv::new(fd, buf.as_ptr(), buf.len()).flags(libc::MSG_WAITALL).build();
    ring.push(all.user_data(OP));
    ring.submit();
    syscall::write(&theirs, b"abc").expect("write");
    assert!(ring.poll().is_empty(), "it waits for all eight");
    ring.push(cancel(OP));
    let done = ring.collect(2);
    assert_eq!((only(&done, CANCEL).res, only(&done, OP).res), (0, 3));
    assert_eq!(buf.bytes()[..3], *b"abc");
}

/// Opens a named pipe to read: a worker does it, and waits there for somebody who opens to write.
pub(crate) fn open_fifo(path: &Path) -> Entry {
    let path = scratch::lent_path(path);
    let open = opcode::OpenAt::new(Fd(libc::AT_FDCWD), path.as_ptr().cast_const().cast());
    open.flags(libc::O_RDONLY | libc::O_CLOEXEC).build().user_data(OP).flags(Flags::ASYNC)
}

#[test]
fn an_op_that_waits_for_a_worker_is_cancelled_at_once() {
    let mut ring = TestRing::new();
    ring.ring().submitter().register_iowq_max_workers(&mut [1, 1]).expect("MAX_WORKERS");
    let scratch = Scratch::new();
    let (first, second) = (scratch.fifo("first"), scratch.fifo("second"));
    ring.push_all(&[open_fifo(&first).user_data(7), open_fifo(&second)]);
    ring.submit();
    ring.push(cancel(OP));
    assert_cancelled(&mut ring);
    let opened = fs::OpenOptions::new().write(true).open(&first).expect("the worker waits there");
    let done = ring.one();
    assert_eq!(done.user_data, 7);
    drop((opened, syscall::adopt(done.res)));
}

#[test]
fn a_forced_worker_hands_a_pollable_read_back_to_poll() {
    let mut ring = TestRing::new();
    ring.ring().submitter().register_iowq_max_workers(&mut [1, 1]).expect("MAX_WORKERS");
    let (reader, writer) = syscall::pipe(0);
    let (other, other_writer) = syscall::pipe(0);
    ring.push(read(&reader, Lent::zeroed(1)).user_data(7).flags(Flags::ASYNC));
    ring.push(read(&other, Lent::zeroed(1)).user_data(8).flags(Flags::ASYNC));
    ring.submit();
    syscall::write(&other_writer, b"x").expect("write");
    assert_eq!(ring.one().user_data, 8, "the one worker does not wait in the first read");
    syscall::write(&writer, b"x").expect("write");
    assert_eq!(ring.one().user_data, 7);
}

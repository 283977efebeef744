//! Pins `uring-sys-notes/cancellation.md`: cancels that match by descriptor, or match everything.

use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, Fd};

use crate::cancellation::{CANCEL, ERESTARTSYS, OP, open_fifo, read};
use crate::memory::Lent;
use crate::ring::{Done, TestRing, only, timespec};
use crate::scratch::Scratch;
use crate::sockets;
use crate::syscall::{self, errno};

const REGISTER_SYNC_CANCEL: u32 = 24;
const CANCEL_ALL: u32 = 1 << 0;
const CANCEL_ANY: u32 = 1 << 2;

/// `struct io_uring_sync_cancel_reg`.
#[repr(C)]
struct SyncCancel {
    user_data: u64,
    fd: i32,
    flags: u32,
    timeout_sec: i64,
    timeout_nsec: i64,
    reserved: [u64; 4],
}

impl SyncCancel {
    /// Waits for as long as it takes.
    fn new(user_data: u64, flags: u32) -> Self {
        Self { user_data, fd: -1, flags, timeout_sec: -1, timeout_nsec: -1, reserved: [0; 4] }
    }
}

fn matching(builder: CancelBuilder) -> Entry {
    opcode::AsyncCancel2::new(builder).build().user_data(CANCEL)
}

fn recv(fd: &impl AsRawFd, user_data: u64) -> Entry {
    let buf = Lent::zeroed(8);
    opcode::Recv::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len()).build().user_data(user_data)
}

fn assert_all_cancelled(done: &[Done], ops: impl IntoIterator<Item = u64>) {
    for op in ops {
        let target = only(done, op);
        assert_eq!((target.res, target.more()), (-libc::ECANCELED, false), "op {op}");
    }
}

#[test]
fn a_cancel_of_all_says_how_many_and_zero_where_a_single_one_says_enoent() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    for _ in 0..3 {
        ring.push(recv(&ours, OP));
    }
    ring.push(recv(&ours, 7));
    ring.push(matching(CancelBuilder::user_data(OP).all()));
    let done = ring.collect(4);
    assert_eq!(only(&done, CANCEL).res, 3);
    let cancelled = done.iter().filter(|done| done.user_data == OP);
    assert!(cancelled.clone().all(|done| done.res == -libc::ECANCELED) && cancelled.count() == 3);
    ring.push(matching(CancelBuilder::user_data(OP).all()));
    assert_eq!(ring.one().res, 0, "none matched");
    ring.push(matching(CancelBuilder::user_data(OP)));
    assert_eq!(ring.one().res, -libc::ENOENT, "none matched");
}

#[test]
fn a_cancel_by_descriptor_takes_every_op_on_the_file_under_whatever_number() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let (other, _peer) = sockets::unix_pair();
    let again = ours.try_clone().expect("dup");
    ring.push_all(&[recv(&ours, 10), recv(&ours, 11), recv(&again, 12), recv(&other, 13)]);
    ring.push(matching(CancelBuilder::fd(Fd(ours.as_raw_fd())).all()));
    let done = ring.collect(4);
    assert_eq!(only(&done, CANCEL).res, 3, "it matches the file, not the number");
    assert_all_cancelled(&done, [10, 11, 12]);
    ring.assert_quiet();
    ring.push(matching(CancelBuilder::fd(Fd(-1)).all()));
    assert_eq!(ring.one().res, -libc::EBADF);
}

#[test]
fn a_cancel_by_descriptor_cannot_name_a_file_whose_number_is_closed() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let (stand_in, _peer) = sockets::unix_pair();
    let number = ours.as_raw_fd();
    ring.push(recv(&ours, 10));
    ring.submit();
    syscall::replace(&stand_in, number);
    ring.push(matching(CancelBuilder::fd(Fd(number)).all()));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (CANCEL, 0), "the number names another file now");
    ring.assert_quiet();
    ring.push(matching(CancelBuilder::user_data(10)));
    assert_all_cancelled(&ring.collect(2), [10]);
}

/// A ring with one op of every waiting kind in flight: 10, 11, … and how many.
fn busy_ring(scratch: &Scratch) -> (TestRing, u64, Vec<Box<dyn std::any::Any>>) {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::unix_pair();
    let (reader, writer) = syscall::pipe(0);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let none = std::ptr::null_mut();
    let fd = Fd(listener.as_raw_fd());
    let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), libc::POLLIN as u32).multi(true);
    let ops = [
        recv(&ours, 0),
        read(&reader, Lent::zeroed(1)),
        opcode::Accept::new(fd, none, none.cast()).build(),
        opcode::AcceptMulti::new(fd).build(),
        poll.build(),
        opcode::Timeout::new(timespec(60_000)).build(),
        open_fifo(&scratch.fifo("nobody opens the other end")),
    ];
    let count = ops.len() as u64;
    for (op, user_data) in ops.into_iter().zip(10..) {
        ring.push(op.user_data(user_data));
    }
    ring.submit();
    assert!(ring.poll().is_empty(), "all of them wait");
    (ring, count, vec![Box::new((ours, theirs)), Box::new((reader, writer)), Box::new(listener)])
}

/// Each op ends exactly once; the worker's open may say that it was interrupted.
fn assert_each_ended_once(done: &[Done], count: u64) {
    for op in 10..10 + count {
        let target = only(done, op);
        let interrupted = matches!(-target.res, libc::EINTR | ERESTARTSYS);
        assert!(target.res == -libc::ECANCELED || interrupted, "op {op}: {target:?}");
        assert!(!target.more());
    }
}

#[test]
fn a_cancel_of_anything_ends_every_op_once_and_not_itself() {
    let scratch = Scratch::new();
    let (mut ring, count, _files) = busy_ring(&scratch);
    ring.push(matching(CancelBuilder::any().all()));
    let done = ring.collect(count as usize + 1);
    let cancel = only(&done, CANCEL).res;
    println!("{count} ops in flight, the cancel of anything said {cancel}");
    assert!(cancel > 0, "a count that may be too low by one: workers and polls count together");
    assert_each_ended_once(&done, count);
    ring.assert_quiet();
}

#[test]
fn a_synchronous_cancel_of_anything_asks_once_and_the_completions_are_still_to_be_reaped() {
    let scratch = Scratch::new();
    let (mut ring, count, _files) = busy_ring(&scratch);
    let mut everything = SyncCancel::new(0, CANCEL_ANY | CANCEL_ALL);
    let asked = syscall::register(&ring, REGISTER_SYNC_CANCEL, &mut everything, 1);
    let asked = asked.expect("SYNC_CANCEL");
    println!("{count} ops in flight, the synchronous cancel said {asked}");
    assert!(asked > 0);
    let at_once = ring.reap();
    assert!(at_once.len() < count as usize, "deferred completions need an enter: {at_once:?}");
    let mut done = at_once;
    done.extend(ring.collect(count as usize - done.len()));
    assert_each_ended_once(&done, count);
    let asked = syscall::register(&ring, REGISTER_SYNC_CANCEL, &mut everything, 1);
    assert_eq!(asked.expect("nothing left"), 0);
}

#[test]
fn a_synchronous_cancel_of_one_says_zero_or_enoent() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    ring.push(recv(&ours, OP));
    ring.submit();
    let mut one = SyncCancel::new(OP, 0);
    let said = syscall::register(&ring, REGISTER_SYNC_CANCEL, &mut one, 1);
    assert_eq!(said.expect("it was there"), 0);
    assert_eq!(ring.one().res, -libc::ECANCELED);
    let said = syscall::register(&ring, REGISTER_SYNC_CANCEL, &mut one, 1);
    assert_eq!(errno(said), libc::ENOENT);
}

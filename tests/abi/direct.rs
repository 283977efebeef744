//! Pins `uring-sys-notes/direct-descriptors.md`.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{CancelBuilder, DestinationSlot, Fd, Fixed};

use crate::memory::Lent;
use crate::ring::{TestRing, only};
use crate::scratch::{Scratch, lent_path};
use crate::sockets;
use crate::syscall::{self, errno};

const OP: u64 = 1;

fn recv(slot: u32, buf: Lent) -> Entry {
    opcode::Recv::new(Fixed(slot), buf.as_ptr(), buf.len()).build().user_data(OP)
}

fn ring_with_slots(slots: u32) -> TestRing {
    let mut ring = TestRing::new();
    ring.ring().submitter().register_files_sparse(slots).expect("REGISTER_FILES2");
    ring
}

#[test]
fn a_file_in_a_slot_outlives_its_number() {
    let mut ring = ring_with_slots(4);
    let (ours, mut theirs) = sockets::unix_pair();
    let filled = ring.ring().submitter().register_files_update(2, &[ours.as_raw_fd()]);
    assert_eq!(filled.expect("FILES_UPDATE"), 1);
    drop(ours);
    theirs.write_all(b"abc").expect("the slot keeps it open");
    let buf = Lent::zeroed(8);
    ring.push(recv(2, buf));
    assert_eq!((ring.one().res, &buf.bytes()[..3]), (3, &b"abc"[..]));
    ring.push(recv(3, buf));
    assert_eq!(ring.one().res, -libc::EBADF, "an empty slot");
    ring.push(recv(4, buf));
    assert_eq!(ring.one().res, -libc::EBADF, "no such slot");
}

#[test]
fn a_slot_closed_under_an_op_is_free_at_once_while_the_op_goes_on() {
    let mut ring = ring_with_slots(1);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.ring().submitter().register_files_update(0, &[ours.as_raw_fd()]).expect("FILES_UPDATE");
    drop(ours);
    ring.push(recv(0, Lent::zeroed(8)));
    ring.submit();
    ring.push(opcode::Close::new(Fixed(0)).build().user_data(2));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (2, 0));
    ring.push(opcode::Close::new(Fixed(0)).build().user_data(2));
    assert_eq!(ring.one().res, -libc::EBADF);
    theirs.write_all(b"abc").expect("the op keeps it open");
    assert_eq!(ring.one().res, 3);
    assert_eq!(errno(theirs.write_all(b"x")), libc::EPIPE, "and the op was the last to");
}

#[test]
fn an_accept_or_an_open_may_put_its_file_in_a_slot_and_says_which_or_that_none_is_free() {
    let mut ring = ring_with_slots(2);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let none = std::ptr::null_mut();
    let accept = || {
        let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), none, none.cast());
        accept.file_index(Some(DestinationSlot::auto_target())).build().user_data(OP)
    };
    let mut client = TcpStream::connect(address).expect("connect");
    ring.push(accept());
    let slot = ring.one().res;
    assert!((0..2).contains(&slot), "the slot it chose: {slot}");
    client.write_all(b"abc").expect("write");
    ring.push(recv(slot as u32, Lent::zeroed(8)));
    assert_eq!(ring.one().res, 3);

    let scratch = Scratch::new();
    let path = lent_path(&scratch.path("file")).as_ptr().cast_const().cast();
    let into = DestinationSlot::try_from_slot_target(1 - slot as u32).expect("a slot");
    let open = opcode::OpenAt::new(Fd(libc::AT_FDCWD), path).file_index(Some(into));
    ring.push(open.flags(libc::O_RDWR | libc::O_CREAT).mode(0o600).build().user_data(OP));
    assert_eq!(ring.one().res, 0, "a named slot is answered by zero");

    let _client = TcpStream::connect(address).expect("connect");
    ring.push(accept());
    assert_eq!(ring.one().res, -libc::ENFILE, "the table is full");
    assert_eq!(syscall::poll(&listener, libc::POLLIN, 0), 0, "and the connection is gone");
}

#[test]
fn a_direct_open_refuses_close_on_exec() {
    let mut ring = ring_with_slots(1);
    let path = Lent::from(*b"/\0").as_ptr().cast_const().cast();
    let open = opcode::OpenAt::new(Fd(libc::AT_FDCWD), path);
    let open = open.flags(libc::O_CLOEXEC).file_index(Some(DestinationSlot::auto_target()));
    ring.push(open.build().user_data(OP));
    assert_eq!(ring.one().res, -libc::EINVAL);
}

#[test]
fn a_cancel_by_slot_finds_the_ops_of_its_file() {
    let mut ring = ring_with_slots(1);
    let (ours, _theirs) = sockets::unix_pair();
    ring.ring().submitter().register_files_update(0, &[ours.as_raw_fd()]).expect("FILES_UPDATE");
    ring.push(recv(0, Lent::zeroed(8)));
    ring.submit();
    let cancel = opcode::AsyncCancel2::new(CancelBuilder::fd(Fixed(0)).all()).build();
    ring.push(cancel.user_data(2));
    let done = ring.collect(2);
    assert_eq!((only(&done, OP).res, only(&done, 2).res), (-libc::ECANCELED, 1));
}

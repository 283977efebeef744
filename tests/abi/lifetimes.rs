//! Pins `uring-sys-notes/lifetimes.md`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::memory::{self, Lent, leak, overwrite};
use crate::ring::{TestRing, only};
use crate::scratch::{Scratch, lent_path};
use crate::sockets;
use crate::syscall;

const OP: u64 = 1;

fn recv(fd: &impl AsRawFd, buf: Lent) -> Entry {
    opcode::Recv::new(Fd(fd.as_raw_fd()), buf.as_ptr(), buf.len()).build().user_data(OP)
}

fn cancel(ring: &mut TestRing) -> i32 {
    ring.push(opcode::AsyncCancel::new(OP).build().user_data(2));
    only(&ring.collect(2), OP).res
}

/// Closes a ring with a worker's read in flight, then gives the read its byte.
/// Whether the kernel wrote the byte after the close.
fn written_after_close() -> bool {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let buf = Lent::zeroed(1);
    let read = opcode::Read::new(Fd(reader.as_raw_fd()), buf.as_ptr(), buf.len()).build();
    ring.push(read.user_data(OP).flags(Flags::ASYNC));
    ring.submit();
    drop(ring);
    assert_eq!(buf.bytes(), [0], "nothing was there to read before the close");
    syscall::write(&writer, b"x").expect("the test holds the reader");
    let patience = Instant::now() + Duration::from_millis(20);
    while Instant::now() < patience {
        if buf.bytes() == b"x" {
            assert_eq!(syscall::readable_bytes(&reader), 0);
            return true;
        }
        thread::yield_now();
    }
    false
}

#[test]
fn closing_a_ring_is_no_barrier_the_kernel_may_write_afterwards() {
    let rounds = 300;
    let late = (0..rounds).position(|_| written_after_close());
    println!("a buffer was written after close, first in round {late:?} of {rounds}");
    assert!(late.is_some(), "not seen: may the final completion be the only proof all the same");
}

#[test]
fn closing_a_descriptor_does_not_end_its_recv_and_sends_no_fin_until_the_recv_ends() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    let buf = Lent::zeroed(8);
    ring.push(recv(&ours, buf));
    ring.submit();
    drop(ours);
    assert_eq!(syscall::poll(&theirs, libc::POLLIN | libc::POLLRDHUP, 15), 0, "no FIN");
    ring.assert_quiet();
    assert_eq!(cancel(&mut ring), -libc::ECANCELED);
    assert_ne!(syscall::poll(&theirs, libc::POLLIN, 5_000), 0, "the FIN comes now");
    assert_eq!(theirs.read(&mut [0]).expect("end of stream"), 0);
    assert_eq!(buf.bytes(), [0; 8]);
}

#[test]
fn a_port_is_free_again_when_its_accept_has_been_reaped_and_not_before() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    ring.push(opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(OP));
    ring.submit();
    drop(listener);
    assert_eq!(syscall::errno(TcpListener::bind(address)), libc::EADDRINUSE);
    assert_eq!(cancel(&mut ring), -libc::ECANCELED);
    TcpListener::bind(address).expect("the final completion gave the port back");
}

#[test]
fn a_recv_on_a_closed_descriptor_still_takes_bytes() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    let buf = Lent::zeroed(8);
    ring.push(recv(&ours, buf));
    ring.submit();
    drop(ours);
    theirs.write_all(b"lost").expect("the connection stands");
    assert_eq!(ring.one().res, 4);
    assert_eq!(buf.bytes()[..4], *b"lost");
}

#[test]
fn a_shutdown_ends_a_waiting_recv_with_zero_and_sends_the_fin() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::tcp_pair();
    ring.push(recv(&ours, Lent::zeroed(8)));
    ring.submit();
    ours.shutdown(std::net::Shutdown::Both).expect("shutdown");
    assert_eq!(ring.one().res, 0);
    assert_eq!(theirs.read(&mut [0]).expect("end of stream"), 0);
}

#[test]
fn a_peer_that_closes_ends_a_waiting_recv_with_zero_and_one_that_resets_with_an_error() {
    let mut ring = TestRing::new();
    let (ours, theirs) = sockets::tcp_pair();
    ring.push(recv(&ours, Lent::zeroed(8)));
    ring.submit();
    drop(theirs);
    assert_eq!(ring.one().res, 0);
    let (ours, theirs) = sockets::tcp_pair();
    (&ours).write_all(b"unread").expect("write");
    assert_ne!(syscall::poll(&theirs, libc::POLLIN, 5_000), 0);
    ring.push(recv(&ours, Lent::zeroed(8)));
    ring.submit();
    drop(theirs);
    assert_eq!(ring.one().res, -libc::ECONNRESET);
}

#[test]
fn a_queued_sqe_names_whatever_its_number_names_at_submit() {
    let mut ring = TestRing::new();
    let (first, mut first_peer) = sockets::unix_pair();
    let (second, mut second_peer) = sockets::unix_pair();
    let letter = Lent::from(*b"for first");
    let send = opcode::Send::new(Fd(first.as_raw_fd()), letter.as_ptr(), letter.len()).build();
    ring.push(send.user_data(OP));
    syscall::replace(&second, first.as_raw_fd());
    assert_eq!(ring.one().res, 9);
    let mut got = [0; 9];
    second_peer.read_exact(&mut got).expect("read");
    assert_eq!(&got, b"for first", "the bytes went to the stranger");
    assert_eq!(first_peer.read(&mut got).expect("the first was closed"), 0);
}

#[test]
fn an_op_in_flight_keeps_its_file_whatever_its_number_names_now() {
    let mut ring = TestRing::new();
    let (first, mut first_peer) = sockets::unix_pair();
    let (second, mut second_peer) = sockets::unix_pair();
    let buf = Lent::zeroed(16);
    ring.push(recv(&first, buf));
    ring.submit();
    syscall::replace(&second, first.as_raw_fd());
    second_peer.write_all(b"second").expect("write");
    ring.assert_quiet();
    first_peer.write_all(b"first").expect("the op keeps it open");
    assert_eq!(ring.one().res, 5);
    assert_eq!(buf.bytes()[..5], *b"first");
}

#[test]
fn close_through_the_ring_closes_the_number_and_nothing_else() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let spare = ours.try_clone().expect("dup");
    ring.push(recv(&ours, Lent::zeroed(8)));
    let number = OwnedFd::from(spare).into_raw_fd();
    ring.push(opcode::Close::new(Fd(number)).build().user_data(3));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (3, 0));
    ring.assert_quiet();
    ring.push(opcode::Close::new(Fd(-1)).build().user_data(3));
    assert_eq!(ring.one().res, -libc::EBADF);
    ring.push(opcode::Close::new(Fd(ring.as_raw_fd())).build().user_data(3));
    assert_eq!(ring.one().res, -libc::EBADF, "a ring's own descriptor is refused");
    assert_eq!(cancel(&mut ring), -libc::ECANCELED);
}

#[test]
fn an_sqe_and_what_it_describes_may_be_reused_once_submitted() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let (wanted, other) = (Lent::zeroed(4), Lent::zeroed(4));
    let vector = |buf: Lent| libc::iovec { iov_base: buf.as_ptr().cast(), iov_len: 4 };
    let iovec = leak(vector(wanted));
    ring.push(opcode::Readv::new(Fd(reader.as_raw_fd()), iovec, 1).build().user_data(OP));
    ring.submit();
    overwrite(iovec, vector(other));
    syscall::write(&writer, b"data").expect("write");
    assert_eq!(ring.one().res, 4);
    assert_eq!((wanted.bytes(), other.bytes()), (b"data".to_vec(), vec![0; 4]));
}

#[test]
fn a_path_is_copied_at_submit() {
    let mut ring = TestRing::new();
    let scratch = Scratch::new();
    let path = lent_path(&scratch.path("made"));
    let mkdir = opcode::MkDirAt::new(Fd(libc::AT_FDCWD), path.as_ptr().cast()).mode(0o700).build();
    ring.push(mkdir.user_data(OP));
    ring.submit();
    path.write(b"/nowhere");
    assert_eq!(ring.one().res, 0);
    assert!(scratch.path("made").is_dir());
}

#[test]
fn a_message_header_is_written_back_when_the_op_completes() {
    let mut ring = TestRing::new();
    let (ours, mut theirs) = sockets::unix_pair();
    let buf = Lent::zeroed(8);
    let iovec = leak(libc::iovec { iov_base: buf.as_ptr().cast(), iov_len: 8 });
    // SAFETY: a zeroed msghdr is a valid empty one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen, header.msg_flags) = (iovec, 1, -1);
    let header = leak(header);
    ring.push(opcode::RecvMsg::new(Fd(ours.as_raw_fd()), header).build().user_data(OP));
    ring.submit();
    assert_eq!(memory::peek(header).msg_flags, -1, "untouched while it waits");
    theirs.write_all(b"abc").expect("write");
    assert_eq!(ring.one().res, 3);
    assert_ne!(memory::peek(header).msg_flags, -1, "the header itself was lent until now");
}

#[test]
fn an_op_of_a_thread_that_exited_ends_cancelled_when_its_data_comes() {
    let (ours, mut theirs): (TcpStream, TcpStream) = sockets::tcp_pair();
    let buf = Lent::zeroed(8);
    let entry = recv(&ours, buf);
    let armed = thread::spawn(move || {
        let mut ring = TestRing::plain();
        ring.push(entry);
        ring.submit();
        ring
    });
    let mut ring = armed.join().expect("the thread");
    assert!(ring.reap().is_empty(), "the exit alone does not end it");
    theirs.write_all(b"abc").expect("write");
    assert_eq!(ring.one().res, -libc::ECANCELED);
    assert_eq!(syscall::readable_bytes(&ours), 3, "the bytes are still the socket's");
}

#[test]
fn a_child_cannot_enter_its_parents_ring_and_does_not_see_memory_kept_from_it() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(OP));
    let fd = ring.as_raw_fd();
    let page = syscall::map_ring(fd);
    // SAFETY: the child makes only system calls and ends by _exit, as it must in a process that
    // has other threads.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let entered = syscall::raw_enter(fd, 1, 0);
        let waited = syscall::raw_enter(fd, 0, 1);
        let mapped = syscall::is_mapped(page);
        let as_claimed = entered == -libc::EEXIST && waited == -libc::EEXIST && !mapped;
        // SAFETY: ends the child at once, without running anything of the parent's.
        unsafe { libc::_exit(i32::from(!as_claimed)) };
    }
    assert_eq!(syscall::wait_for(syscall::check(child).expect("fork")), 0);
    assert!(syscall::is_mapped(page));
    assert_eq!(ring.one().res, 0, "the parent's entry is untouched");
}

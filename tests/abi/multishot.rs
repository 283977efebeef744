//! Pins `uring-sys-notes/multishot.md`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::provided::BufferGroup;
use crate::ring::{Done, TestRing, only};
use crate::sockets;
use crate::syscall;

const OP: u64 = 1;
const CANCEL: u64 = 2;
const GROUP: u16 = 9;

fn cancel() -> Entry {
    opcode::AsyncCancel::new(OP).build().user_data(CANCEL)
}

fn recv_multi(fd: &impl AsRawFd) -> Entry {
    opcode::RecvMulti::new(Fd(fd.as_raw_fd()), GROUP).build().user_data(OP)
}

fn text(group: &BufferGroup, done: Done) -> Vec<u8> {
    let id = done.buffer().expect("a buffer was taken");
    group.buffers[usize::from(id)].bytes()[..done.res as usize].to_vec()
}

#[test]
fn one_accept_delivers_every_connection_until_it_is_cancelled() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    ring.push(opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(OP));
    ring.submit();
    for _ in 0..5 {
        let mut client = TcpStream::connect(address).expect("connect");
        let done = ring.one();
        assert!(done.more());
        let mut server = TcpStream::from(syscall::adopt(done.res));
        server.write_all(b"!").expect("write");
        client.read_exact(&mut [0]).expect("the pair is connected");
    }
    ring.push(cancel());
    let done = ring.collect(2);
    assert_eq!(only(&done, CANCEL).res, 0);
    let last = only(&done, OP);
    assert_eq!((last.res, last.more()), (-libc::ECANCELED, false));
    let _client = TcpStream::connect(address).expect("connect");
    ring.assert_quiet();
    listener.accept().expect("it waits in the backlog");
}

#[test]
fn connections_that_wait_already_are_all_delivered_at_once() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let clients: Vec<_> = (0..6).map(|_| TcpStream::connect(address).expect("connect")).collect();
    ring.push(opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(OP));
    let done = ring.collect(clients.len());
    assert!(done.iter().all(|done| done.more()));
    drop(done.iter().map(|done| syscall::adopt(done.res)).collect::<Vec<_>>());
    ring.assert_quiet();
}

#[test]
fn an_accept_of_many_ends_with_an_error_when_its_listener_is_shut_down() {
    let mut ring = TestRing::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    ring.push(opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(OP));
    ring.submit();
    ring.push(opcode::Shutdown::new(Fd(listener.as_raw_fd()), libc::SHUT_RDWR).build());
    let done = ring.collect(2);
    let last = only(&done, OP);
    assert_eq!((last.res, last.more()), (-libc::EINVAL, false));
}

#[test]
fn one_recv_delivers_every_message_and_ends_with_zero_at_the_end() {
    let mut ring = TestRing::new();
    let group = BufferGroup::full(&mut ring, GROUP, 8, 16);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv_multi(&ours));
    ring.submit();
    for word in ["one", "two", "three"] {
        theirs.write_all(word.as_bytes()).expect("write");
        let done = ring.one();
        assert!(done.more());
        assert_eq!(text(&group, done), word.as_bytes());
    }
    theirs.write_all(b"last").expect("write");
    drop(theirs);
    let done = ring.collect(2);
    assert_eq!((text(&group, done[0]), done[0].more()), (b"last".to_vec(), true));
    assert_eq!((done[1].res, done[1].more(), done[1].buffer()), (0, false, None));
}

#[test]
fn a_cancelled_recv_of_many_ends_without_more_and_leaves_later_bytes_in_the_socket() {
    let mut ring = TestRing::new();
    let _group = BufferGroup::full(&mut ring, GROUP, 8, 16);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv_multi(&ours));
    ring.submit();
    theirs.write_all(b"before").expect("write");
    assert!(ring.one().more());
    ring.push(cancel());
    let last = only(&ring.collect(2), OP);
    assert_eq!((last.res, last.more(), last.buffer()), (-libc::ECANCELED, false, None));
    theirs.write_all(b"after").expect("write");
    ring.assert_quiet();
    assert_eq!(syscall::readable_bytes(&ours), 5);
}

#[test]
fn a_recv_of_many_ends_with_enobufs_when_its_group_runs_dry_and_loses_no_byte() {
    let mut ring = TestRing::new();
    let mut group = BufferGroup::full(&mut ring, GROUP, 2, 4);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv_multi(&ours));
    ring.submit();
    theirs.write_all(b"0123456789ab").expect("write");
    let done = ring.collect(3);
    assert_eq!([done[0].res, done[1].res, done[2].res], [4, 4, -libc::ENOBUFS]);
    assert_eq!([done[0].more(), done[1].more(), done[2].more()], [true, true, false]);
    assert_eq!(syscall::readable_bytes(&ours), 4);
    ring.push(recv_multi(&ours));
    assert_eq!(ring.one().res, -libc::ENOBUFS, "armed again too early: a loop that spins");
    group.give(0);
    ring.push(recv_multi(&ours));
    assert_eq!(text(&group, ring.one()), b"89ab");
}

#[test]
fn a_recv_of_many_that_overflows_the_cq_loses_and_reorders_no_byte() {
    let mut ring = TestRing::sized(4, 4);
    let group = BufferGroup::full(&mut ring, GROUP, 64, 1);
    let (ours, mut theirs) = sockets::unix_pair();
    ring.push(recv_multi(&ours));
    ring.submit();
    let sent: Vec<u8> = (0..40).collect();
    theirs.write_all(&sent).expect("write");
    let mut got = Vec::new();
    let mut ended = 0;
    while got.len() < sent.len() {
        let done = ring.one();
        assert!(done.res > 0, "{done:?}");
        got.extend(text(&group, done));
        if !done.more() {
            ended += 1;
            ring.push(recv_multi(&ours));
        }
    }
    println!("a CQ of 4: {} bytes, ended early {ended} times", got.len());
    assert_eq!(got, sent);
}

#[test]
fn one_poll_delivers_every_edge() {
    let mut ring = TestRing::new();
    let (reader, writer) = syscall::pipe(0);
    let poll = opcode::PollAdd::new(Fd(reader.as_raw_fd()), libc::POLLIN as u32).multi(true);
    ring.push(poll.build().user_data(OP));
    ring.submit();
    for _ in 0..3 {
        syscall::write(&writer, b"x").expect("write");
        let done = ring.one();
        assert!(done.more());
        assert_ne!(done.res & i32::from(libc::POLLIN), 0);
        ring.assert_quiet();
    }
    ring.push(cancel());
    let last = only(&ring.collect(2), OP);
    assert_eq!((last.res, last.more()), (-libc::ECANCELED, false));
}

#[test]
fn one_read_of_a_pipe_delivers_every_write() {
    let mut ring = TestRing::new();
    if !ring.supports(opcode::ReadMulti::CODE) {
        println!("skipped: this kernel has no READ_MULTISHOT (6.7)");
        return;
    }
    let group = BufferGroup::full(&mut ring, GROUP, 4, 16);
    let (reader, writer) = syscall::pipe(0);
    ring.push(opcode::ReadMulti::new(Fd(reader.as_raw_fd()), 0, GROUP).build().user_data(OP));
    ring.submit();
    for word in ["a", "bc"] {
        syscall::write(&writer, word.as_bytes()).expect("write");
        let done = ring.one();
        assert!(done.more());
        assert_eq!(text(&group, done), word.as_bytes());
    }
    drop(writer);
    let last = ring.one();
    assert_eq!((last.res, last.more()), (0, false));
}

#[test]
fn a_recv_of_many_needs_a_buffer_group() {
    let mut ring = TestRing::new();
    let (ours, _theirs) = sockets::unix_pair();
    let bare = recv_multi(&ours).clear_flags().flags(Flags::empty());
    ring.push(bare);
    assert_eq!(ring.one().res, -libc::EINVAL);
    ring.push(recv_multi(&ours));
    assert_eq!(ring.one().res, -libc::ENOBUFS, "a group that was never registered");
}

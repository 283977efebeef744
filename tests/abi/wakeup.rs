//! Pins `uring-sys-notes/wakeup.md`.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use io_uring::EnterFlags;
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::memory::Lent;
use crate::ring::{TestRing, annulus_flags, only};
use crate::syscall;

const WAKE: u64 = 1;
const REGISTER_SEND_MSG_RING: u32 = 31;

fn poll_multi(event: &OwnedFd) -> Entry {
    let poll = opcode::PollAdd::new(Fd(event.as_raw_fd()), libc::POLLIN as u32).multi(true);
    poll.build().user_data(WAKE)
}

fn message(target: &TestRing, result: i32, user_data: u64) -> Entry {
    opcode::MsgRingData::new(Fd(target.as_raw_fd()), result, user_data, None).build().user_data(5)
}

#[test]
fn a_polled_eventfd_completes_at_every_write_though_nobody_reads_it() {
    for flags in [0, libc::EFD_NONBLOCK] {
        let mut ring = TestRing::new();
        let event = syscall::eventfd(flags);
        ring.push(poll_multi(&event));
        ring.submit();
        for _ in 0..4 {
            syscall::signal(&event);
            let done = ring.one();
            assert!(done.more());
            ring.assert_quiet();
        }
        let mut count = [0; 8];
        syscall::read(&event, &mut count).expect("read");
        assert_eq!(u64::from_ne_bytes(count), 4, "the counter went on counting");
    }
}

#[test]
fn writes_between_two_enters_may_melt_into_fewer_completions_but_never_none() {
    let mut ring = TestRing::new();
    let event = syscall::eventfd(0);
    ring.push(poll_multi(&event));
    ring.submit();
    for _ in 0..10 {
        for _ in 0..7 {
            syscall::signal(&event);
        }
        let first = ring.one();
        let rest = ring.poll();
        assert!(first.more() && rest.len() < 7);
    }
}

#[test]
fn a_poll_armed_on_a_signalled_eventfd_completes_at_once() {
    let mut ring = TestRing::new();
    let event = syscall::eventfd(0);
    syscall::signal(&event);
    ring.push(poll_multi(&event));
    assert!(ring.one().more());
}

#[test]
fn a_read_of_an_eventfd_waits_and_takes_the_count_even_from_a_nonblocking_one() {
    for flags in [0, libc::EFD_NONBLOCK] {
        let mut ring = TestRing::new();
        let event = syscall::eventfd(flags);
        let buf = Lent::zeroed(8);
        let read = opcode::Read::new(Fd(event.as_raw_fd()), buf.as_ptr(), 8).build();
        ring.push(read.user_data(1));
        ring.assert_quiet();
        syscall::signal(&event);
        assert_eq!(ring.one().res, 8);
        assert_eq!(buf.bytes(), 1_u64.to_ne_bytes());
    }
}

#[test]
fn a_write_from_another_thread_ends_a_wait() {
    let mut ring = TestRing::new();
    let event = Arc::new(syscall::eventfd(0));
    ring.push(poll_multi(&event));
    ring.submit();
    for _ in 0..50 {
        let remote = Arc::clone(&event);
        let kicker = thread::spawn(move || syscall::signal(&remote));
        assert!(ring.one().more(), "the enter came back");
        kicker.join().expect("the other thread");
        ring.poll();
    }
}

/// Up to 39 microseconds, one more each round.
fn linger(round: u64) {
    let until = syscall::monotonic_ns() + round % 40 * 1_000;
    while syscall::monotonic_ns() < until {
        std::hint::spin_loop();
    }
}

/// Announce, look again, enter: the wake lands before the announcement, between it and the enter,
/// or during the enter, and is seen each time.
#[test]
fn the_park_handshake_loses_no_wake() {
    let mut ring = TestRing::new();
    let event = Arc::new(syscall::eventfd(0));
    let parked = Arc::new(AtomicBool::new(false));
    let posted = Arc::new(AtomicBool::new(false));
    let (rounds, start) = (500, Arc::new(Barrier::new(2)));
    ring.push(poll_multi(&event));
    ring.submit();
    let poster = thread::spawn({
        let (event, parked) = (Arc::clone(&event), Arc::clone(&parked));
        let (posted, start) = (Arc::clone(&posted), Arc::clone(&start));
        move || {
            for round in 0..rounds {
                start.wait();
                linger(round * 7);
                posted.store(true, Ordering::SeqCst);
                if parked.load(Ordering::SeqCst) {
                    syscall::signal(&event);
                }
                start.wait();
            }
        }
    });
    let mut kicks = 0;
    for round in 0..rounds {
        start.wait();
        linger(round);
        parked.store(true, Ordering::SeqCst);
        if !posted.load(Ordering::SeqCst) {
            ring.one();
            kicks += 1;
        }
        parked.store(false, Ordering::SeqCst);
        start.wait();
        assert!(posted.swap(false, Ordering::SeqCst));
        ring.poll();
    }
    poster.join().expect("the other thread");
    println!("{kicks} of {rounds} rounds slept");
}

#[test]
fn a_ring_message_wakes_a_waiting_ring_and_carries_two_words() {
    let mut sleeper = TestRing::new();
    if !sleeper.supports(opcode::MsgRingData::CODE) {
        println!("skipped: this kernel has no MSG_RING (5.18)");
        return;
    }
    let target = sleeper.as_raw_fd();
    let sender = thread::spawn(move || {
        let mut ring = TestRing::new();
        let message = opcode::MsgRingData::new(Fd(target), 42, u64::MAX - 1, None).build();
        ring.push(message.user_data(5));
        ring.one().res
    });
    let done = sleeper.one();
    assert_eq!((done.user_data, done.res, done.flags), (u64::MAX - 1, 42, 0));
    assert_eq!(sender.join().expect("the other thread"), 0, "the sender's own completion");
}

#[test]
fn a_ring_message_waits_for_an_enter_of_its_deferring_target() {
    let mut target = TestRing::new();
    let mut sender = TestRing::new();
    sender.push(message(&target, 7, 70));
    assert_eq!(sender.one().res, 0);
    assert!(target.reap().is_empty());
    assert_eq!(only(&target.poll(), 70).res, 7);
}

#[test]
fn a_ring_message_that_skips_its_success_is_silent_for_its_sender_and_not_for_its_target() {
    let mut target = TestRing::new();
    let mut sender = TestRing::new();
    sender.push(message(&target, 7, 70).flags(Flags::SKIP_SUCCESS));
    sender.assert_quiet();
    assert_eq!(target.one().user_data, 70);
}

#[test]
fn ring_messages_overflow_like_any_completion() {
    let mut target = TestRing::sized(4, 4);
    let mut sender = TestRing::new();
    for index in 0..32 {
        sender.push(message(&target, 0, index));
    }
    assert!(sender.collect(32).iter().all(|done| done.res == 0));
    let mut seen = Vec::new();
    while seen.len() < 32 {
        seen.push(target.one().user_data);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..32));
}

#[test]
fn a_ring_message_to_no_ring_or_to_a_disabled_one_is_ebadfd() {
    let mut sender = TestRing::new();
    let (reader, _writer) = syscall::pipe(0);
    let astray = opcode::MsgRingData::new(Fd(reader.as_raw_fd()), 0, 0, None).build();
    sender.push(astray.user_data(5));
    assert_eq!(sender.one().res, -libc::EBADFD);
    let disabled = TestRing::built(4, |builder| {
        annulus_flags(builder);
        builder.setup_r_disabled();
    })
    .expect("R_DISABLED");
    sender.push(message(&disabled, 0, 0));
    assert_eq!(sender.one().res, -libc::EBADFD);
    sender.push(opcode::MsgRingData::new(Fd(-1), 0, 0, None).build().user_data(5));
    assert_eq!(sender.one().res, -libc::EBADF);
}

#[test]
fn a_ring_may_send_a_message_to_itself() {
    let mut ring = TestRing::new();
    let to_itself = message(&ring, 3, 33);
    ring.push(to_itself);
    let done = ring.collect(2);
    assert_eq!((only(&done, 33).res, only(&done, 5).res), (3, 0));
}

/// A message to `ring` from a thread that may have no ring: what the registration returned.
fn send_without_a_ring(ring: RawFd, result: u32, user_data: u64) -> std::io::Result<i32> {
    let mut sqe = [0_u64; 8];
    sqe[0] = u64::from(opcode::MsgRingData::CODE) | (ring as u64) << 32;
    sqe[1] = user_data;
    sqe[3] = u64::from(result);
    syscall::register_nowhere(REGISTER_SEND_MSG_RING, &mut sqe, 1)
}

#[test]
fn a_thread_without_a_ring_may_send_a_message_too() {
    let mut ring = TestRing::new();
    let target = ring.as_raw_fd();
    let sent = thread::spawn(move || {
        let sent = send_without_a_ring(target, 42, 7);
        (sent.map_err(|error| error.raw_os_error()), send_without_a_ring(-1, 0, 0))
    });
    let (sent, astray) = sent.join().expect("the other thread");
    if sent == Err(Some(libc::EINVAL)) || sent == Err(Some(libc::EBADF)) {
        println!("skipped: this kernel has no SEND_MSG_RING (6.13): {sent:?}");
        return;
    }
    assert_eq!(sent, Ok(0));
    let done = ring.one();
    assert_eq!((done.user_data, done.res), (7, 42));
    assert_eq!(syscall::errno(astray), libc::EBADF);
}

#[test]
fn a_ring_is_readable_when_it_has_completions_or_deferred_work() {
    let mut ring = TestRing::new();
    let event = syscall::eventfd(0);
    ring.push(poll_multi(&event));
    ring.submit();
    assert_eq!(syscall::poll(&ring, libc::POLLIN, 0), 0);
    syscall::signal(&event);
    assert_eq!(syscall::poll(&ring, libc::POLLIN, 5_000), libc::POLLIN, "work is deferred");
    ring.enter(0, 0, EnterFlags::GETEVENTS).expect("enter");
    assert_eq!(syscall::poll(&ring, libc::POLLIN, 5_000), libc::POLLIN, "a completion stands");
    assert_eq!(ring.reap().len(), 1);
    assert_eq!(syscall::poll(&ring, libc::POLLIN, 0), 0);
}

#[test]
fn a_registered_eventfd_counts_completions() {
    let mut ring = TestRing::new();
    let event = syscall::eventfd(libc::EFD_NONBLOCK);
    ring.ring().submitter().register_eventfd(event.as_raw_fd()).expect("REGISTER_EVENTFD");
    assert_eq!(syscall::poll(&event, libc::POLLIN, 0), 0);
    ring.push(opcode::Nop::new().build());
    ring.one();
    assert_eq!(syscall::poll(&event, libc::POLLIN, 5_000), libc::POLLIN);
}

#[test]
fn a_nonblocking_eventfd_that_is_full_says_eagain() {
    let event = syscall::eventfd(libc::EFD_NONBLOCK);
    syscall::write(&event, &(u64::MAX - 1).to_ne_bytes()).expect("the largest count");
    assert_eq!(syscall::errno(syscall::write(&event, &1_u64.to_ne_bytes())), libc::EAGAIN);
}

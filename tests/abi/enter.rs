//! Pins `uring-sys-notes/enter.md`.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, opcode};

use crate::memory::Lent;
use crate::ring::{TestRing, WaitArgument, annulus_flags, only, unknown_opcode};
use crate::syscall::{self, errno};

const SHORT: Duration = Duration::from_millis(5);
/// Longer than any test waits, shorter than a hang.
const LONG: Duration = Duration::from_secs(30);

/// A read of an empty pipe, which ends only when somebody writes.
fn waiting_read(ring: &mut TestRing, user_data: u64) -> (OwnedFd, OwnedFd) {
    let (reader, writer) = syscall::pipe(0);
    let buf = Lent::zeroed(1);
    let fd = Fd(reader.as_raw_fd());
    ring.push(opcode::Read::new(fd, buf.as_ptr(), buf.len()).build().user_data(user_data));
    (reader, writer)
}

#[test]
fn with_submit_all_a_bad_sqe_does_not_stop_the_batch() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(1));
    ring.push(unknown_opcode(2));
    ring.push(opcode::Nop::new().build().user_data(3));
    assert_eq!(ring.submit(), 3);
    let done = ring.collect(3);
    assert_eq!(only(&done, 1).res, 0);
    assert_eq!(only(&done, 2).res, -libc::EINVAL);
    assert_eq!(only(&done, 3).res, 0);
}

#[test]
fn without_submit_all_a_bad_sqe_ends_the_batch_and_the_rest_stays_queued() {
    let mut ring = TestRing::plain();
    ring.push(opcode::Nop::new().build().user_data(1));
    ring.push(unknown_opcode(2));
    ring.push(opcode::Nop::new().build().user_data(3));
    assert_eq!(ring.submit(), 2, "the bad one counts as submitted");
    assert_eq!(ring.queued(), 1);
    let done = ring.reap();
    assert_eq!(done.len(), 2);
    assert_eq!(only(&done, 2).res, -libc::EINVAL);
    assert_eq!(ring.one().user_data, 3, "the next submit takes the rest");
}

#[test]
fn an_enter_that_submits_fewer_than_asked_neither_waits_nor_runs_deferred_work() {
    let mut ring = TestRing::new();
    let (_reader, writer) = waiting_read(&mut ring, 1);
    ring.submit();
    syscall::write(&writer, b"x").expect("write");
    ring.push(opcode::Nop::new().build().user_data(2));
    let entered = ring.enter(2, 2, EnterFlags::GETEVENTS);
    assert_eq!(entered.expect("one of two submitted"), 1);
    let done = ring.reap();
    assert_eq!(done.len(), 1, "the read's deferred completion was not run: {done:?}");
    assert_eq!(done[0].user_data, 2);
    assert_eq!(ring.enter(1, 1, EnterFlags::GETEVENTS).expect("nothing to submit"), 0);
    assert!(ring.reap().is_empty(), "asked for one of none: again no wait");
    assert_eq!(ring.poll().len(), 1);
}

#[test]
fn a_deferred_completion_stays_invisible_until_an_enter_that_gets_events() {
    let mut ring = TestRing::new();
    let (_reader, writer) = waiting_read(&mut ring, 1);
    ring.submit();
    syscall::write(&writer, b"x").expect("write");
    for _ in 0..1_000 {
        syscall::monotonic_ns();
        syscall::descriptor_flags(writer.as_raw_fd()).expect("any other system call");
    }
    ring.enter(0, 0, EnterFlags::empty()).expect("an enter that only submits");
    assert!(ring.reap().is_empty());
    assert_eq!(ring.poll().len(), 1);
}

#[test]
fn the_taskrun_flag_shows_deferred_work() {
    let mut ring = TestRing::built(8, |builder| {
        annulus_flags(builder);
        builder.setup_taskrun_flag();
    })
    .expect("TASKRUN_FLAG");
    let (_reader, writer) = waiting_read(&mut ring, 1);
    ring.submit();
    assert!(!ring.ring().submission().taskrun());
    syscall::write(&writer, b"x").expect("write");
    assert!(ring.ring().submission().taskrun());
    assert_eq!(ring.poll().len(), 1);
    assert!(!ring.ring().submission().taskrun());
}

/// `count` polls of one eventfd, all of which end at once when it is signalled.
fn crowd(count: u64) -> (TestRing, OwnedFd) {
    let mut ring = TestRing::sized(256, 512);
    let event = syscall::eventfd(0);
    for user_data in 0..count {
        let poll = opcode::PollAdd::new(Fd(event.as_raw_fd()), libc::POLLIN as u32).build();
        ring.push(poll.user_data(user_data));
    }
    ring.submit();
    syscall::signal(&event);
    (ring, event)
}

#[test]
fn one_enter_may_hand_out_fewer_than_all_and_repeated_enters_give_the_rest() {
    let (mut ring, _event) = crowd(200);
    let mut shares = Vec::new();
    while shares.iter().sum::<usize>() < 200 {
        shares.push(ring.poll().len());
        assert!(shares.len() <= 200, "no progress: {shares:?}");
    }
    println!("a pure wait hands out {shares:?}");
    assert!(shares.len() > 1, "one enter gave all: {shares:?}");
    assert!(shares.iter().all(|share| *share > 0), "an enter gave none: {shares:?}");
    assert!(ring.poll().is_empty());
}

#[test]
fn an_enter_that_submits_may_hand_out_more_than_one_that_waits() {
    let (mut waiting, _event) = crowd(200);
    let (mut submitting, _event) = crowd(200);
    let waited = waiting.poll().len();
    submitting.push(opcode::Nop::new().build().user_data(1_000));
    submitting.enter(1, 0, EnterFlags::GETEVENTS).expect("enter");
    let submitted = submitting.reap().len() - 1;
    println!("{waited} by a wait, {submitted} by a submit and wait");
    assert!(submitted >= waited);
}

#[test]
fn an_enter_hands_out_at_least_as_many_as_it_waits_for() {
    let (mut ring, _event) = crowd(200);
    assert_eq!(ring.enter(0, 150, EnterFlags::GETEVENTS).expect("enter"), 0);
    assert!(ring.reap().len() >= 150);
}

#[test]
fn a_timeout_after_a_submit_answers_with_the_count_and_without_one_with_etime() {
    let mut ring = TestRing::new();
    let (_reader, _writer) = waiting_read(&mut ring, 1);
    assert_eq!(ring.enter_for(1, 1, SHORT).expect("submitted, then timed out"), 1);
    assert_eq!(errno(ring.enter_for(0, 1, SHORT)), libc::ETIME);
    assert!(ring.reap().is_empty());
}

#[test]
fn a_timeout_with_a_completion_in_the_ring_answers_zero() {
    let mut ring = TestRing::new();
    ring.push(opcode::Nop::new().build().user_data(1));
    assert_eq!(ring.enter_for(1, 2, SHORT).expect("submitted"), 1);
    assert_eq!(ring.enter_for(0, 2, SHORT).expect("one stands there, two were wanted"), 0);
    assert_eq!(ring.reap().len(), 1);
    assert_eq!(errno(ring.enter_for(0, 1, SHORT)), libc::ETIME);
}

#[test]
fn a_wait_of_no_time_still_runs_deferred_work() {
    let mut ring = TestRing::new();
    let (_reader, writer) = waiting_read(&mut ring, 1);
    ring.submit();
    assert_eq!(errno(ring.enter_for(0, 1, Duration::ZERO)), libc::ETIME);
    syscall::write(&writer, b"x").expect("write");
    assert_eq!(ring.enter_for(0, 1, Duration::ZERO).expect("it is there"), 0);
    assert_eq!(ring.reap().len(), 1);
}

#[test]
fn a_wait_never_ends_before_its_time() {
    let mut ring = TestRing::new();
    for wait_us in [1, 50, 900, 3_000] {
        let before = syscall::monotonic_ns();
        let waited = ring.enter_for(0, 1, Duration::from_micros(wait_us));
        assert_eq!(errno(waited), libc::ETIME);
        assert!(syscall::monotonic_ns() - before >= wait_us * 1_000);
    }
}

fn enter_until(ring: &mut TestRing, deadline: Timespec) -> std::io::Result<usize> {
    let argument = WaitArgument { ts: (&raw const deadline) as u64, ..WaitArgument::default() };
    ring.enter_with(0, 1, EnterFlags::ABS_TIMER, &argument)
}

#[test]
fn an_absolute_wait_counts_by_the_monotonic_clock() {
    let mut ring = TestRing::new();
    if errno(enter_until(&mut ring, Timespec::new().nsec(1))) == libc::EINVAL {
        println!("skipped: this kernel has no IORING_ENTER_ABS_TIMER (6.12)");
        return;
    }
    let deadline_ns = syscall::monotonic_ns() + 3_000_000;
    let (sec, nsec) = (deadline_ns / 1_000_000_000, deadline_ns % 1_000_000_000);
    let deadline = Timespec::new().sec(sec).nsec(nsec as u32);
    assert_eq!(errno(enter_until(&mut ring, deadline)), libc::ETIME);
    assert!(syscall::monotonic_ns() >= deadline_ns);
    assert_eq!(errno(enter_until(&mut ring, deadline)), libc::ETIME, "a past one ends at once");
}

#[test]
fn the_longest_waits_do_wait_and_a_negative_one_ends_at_once() {
    for (seconds, flags) in [
        (i64::MAX as u64, EnterFlags::empty()),
        (i64::MAX as u64, EnterFlags::ABS_TIMER),
        (1 << 40, EnterFlags::empty()),
    ] {
        let mut ring = TestRing::new();
        let limit = Timespec::new().sec(seconds);
        let argument = WaitArgument { ts: (&raw const limit) as u64, ..WaitArgument::default() };
        ring.push(opcode::Timeout::new(crate::ring::timespec(20)).build().user_data(1));
        ring.submit();
        let entered = ring.enter_with(0, 1, flags, &argument);
        if flags == EnterFlags::ABS_TIMER && entered.is_err() {
            println!("skipped: this kernel has no IORING_ENTER_ABS_TIMER (6.12)");
            continue;
        }
        assert_eq!(entered.expect("woken by the completion, not by the limit"), 0);
        assert_eq!(ring.reap().len(), 1, "{seconds} seconds, {flags:?}");
    }
    let mut ring = TestRing::new();
    let negative = Duration::from_secs(u64::MAX);
    assert_eq!(errno(ring.enter_for(0, 1, negative)), libc::ETIME);
}

static SIGNALS_SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS_SEEN.fetch_add(1, Ordering::Relaxed);
}

/// Installs the counting handler for SIGUSR2 with SA_RESTART and leaves the signal blocked and
/// pending in this thread: an enter whose mask lets it through is interrupted for certain.
fn arm_signal() -> libc::sigset_t {
    let mut action: libc::sigaction = {
        // SAFETY: a zeroed sigaction is a valid one: default handler, empty mask, no flags.
        unsafe { std::mem::zeroed() }
    };
    action.sa_sigaction = count_signal as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler only adds to an atomic; no old action is asked for.
    let result = unsafe { libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()) };
    syscall::check(result).expect("sigaction");
    let open = syscall::block(libc::SIGUSR2);
    syscall::raise(libc::SIGUSR2);
    open
}

fn enter_open(ring: &mut TestRing, submit: u32, open: &libc::sigset_t) -> std::io::Result<usize> {
    let limit = Timespec::from(LONG);
    let argument = WaitArgument {
        sigmask: (&raw const *open) as u64,
        sigmask_sz: 8,
        ts: (&raw const limit) as u64,
        ..WaitArgument::default()
    };
    ring.enter_with(submit, 1, EnterFlags::empty(), &argument)
}

#[test]
fn a_signal_after_a_submit_answers_with_the_count_and_without_one_with_eintr() {
    let mut ring = TestRing::new();
    let (_reader, _writer) = waiting_read(&mut ring, 1);
    let open = arm_signal();
    let before = SIGNALS_SEEN.load(Ordering::Relaxed);
    assert_eq!(enter_open(&mut ring, 1, &open).expect("submitted, then interrupted"), 1);
    assert!(ring.reap().is_empty(), "the wait ended without a completion");
    let open = arm_signal();
    assert_eq!(errno(enter_open(&mut ring, 0, &open)), libc::EINTR, "SA_RESTART or not");
    assert!(SIGNALS_SEEN.load(Ordering::Relaxed) >= before + 2, "the handler ran both times");
    assert!(!syscall::take_pending(libc::SIGUSR2));
}

#[test]
fn a_signal_with_a_completion_in_the_ring_answers_zero() {
    let mut ring = TestRing::new();
    let (_reader, writer) = waiting_read(&mut ring, 1);
    ring.submit();
    syscall::write(&writer, b"x").expect("write");
    let open = arm_signal();
    assert_eq!(enter_open(&mut ring, 0, &open).expect("the read is done"), 0);
    assert_eq!(ring.reap().len(), 1);
    syscall::take_pending(libc::SIGUSR2);
}

#[test]
fn the_crates_signal_mask_has_a_size_that_the_kernel_refuses() {
    let mut ring = TestRing::new();
    let set = syscall::signal_set(libc::SIGUSR2);
    let limit = Timespec::new();
    let arguments = SubmitArgs::new().timespec(&limit).sigmask(&set);
    let entered = ring.ring().submitter().submit_with_args(1, &arguments);
    assert_eq!(errno(entered), libc::EINVAL, "use a mask of 8 bytes");
}

#[test]
fn no_iowait_and_min_wait_are_accepted_where_the_features_say_so() {
    let mut ring = TestRing::new();
    let params = ring.ring().params().clone();
    if params.is_feature_no_iowait() {
        let flags = EnterFlags::GETEVENTS | EnterFlags::NO_IOWAIT;
        assert_eq!(ring.enter(0, 0, flags).expect("NO_IOWAIT"), 0);
    } else {
        println!("skipped: no IORING_FEAT_NO_IOWAIT (6.15)");
    }
    if params.is_feature_min_timeout() {
        let limit = Timespec::from(LONG);
        let ts = (&raw const limit) as u64;
        let argument = WaitArgument { min_wait_usec: 500, ts, ..WaitArgument::default() };
        ring.push(opcode::Nop::new().build().user_data(1));
        let entered = ring.enter_with(1, 2, EnterFlags::empty(), &argument);
        assert_eq!(entered.expect("one of two is enough after the minimum"), 1);
        assert_eq!(ring.reap().len(), 1);
    } else {
        println!("skipped: no IORING_FEAT_MIN_TIMEOUT (6.12)");
    }
}

#[test]
fn enters_that_make_no_sense_are_refused() {
    let mut ring = TestRing::new();
    let unknown = EnterFlags::from_bits_retain(1 << 31);
    assert_eq!(errno(ring.enter(0, 0, unknown)), libc::EINVAL);
    let (reader, _writer) = syscall::pipe(0);
    for (fd, expected) in [(reader.as_raw_fd(), libc::EOPNOTSUPP), (-1, libc::EBADF)] {
        let none = std::ptr::null::<libc::sigset_t>();
        // SAFETY: no argument is passed.
        let result = unsafe { libc::syscall(libc::SYS_io_uring_enter, fd, 0, 0, 0, none, 0) };
        assert_eq!(errno(syscall::check(result as i32)), expected);
    }
}

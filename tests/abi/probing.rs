//! Pins `uring-sys-notes/probing.md` and `restricted.md`.

use std::fs;
use std::os::fd::AsRawFd;
use std::thread;

use io_uring::register::Restriction;
use io_uring::types::Fd;
use io_uring::{IoUring, Probe, opcode};

use crate::ring::{TestRing, annulus_flags, only};
use crate::syscall::{self, errno};

#[test]
fn a_probe_tells_each_opcode_apart_from_one_that_does_not_exist() {
    let ring = TestRing::new();
    let wanted = [
        ("NOP", opcode::Nop::CODE),
        ("READ", opcode::Read::CODE),
        ("READV", opcode::Readv::CODE),
        ("WRITEV", opcode::Writev::CODE),
        ("RECV", opcode::Recv::CODE),
        ("SEND", opcode::Send::CODE),
        ("RECVMSG", opcode::RecvMsg::CODE),
        ("SENDMSG", opcode::SendMsg::CODE),
        ("ACCEPT", opcode::Accept::CODE),
        ("CONNECT", opcode::Connect::CODE),
        ("SOCKET", opcode::Socket::CODE),
        ("SHUTDOWN", opcode::Shutdown::CODE),
        ("CLOSE", opcode::Close::CODE),
        ("POLL_ADD", opcode::PollAdd::CODE),
        ("ASYNC_CANCEL", opcode::AsyncCancel::CODE),
        ("LINK_TIMEOUT", opcode::LinkTimeout::CODE),
        ("TIMEOUT", opcode::Timeout::CODE),
        ("OPENAT", opcode::OpenAt::CODE),
        ("STATX", opcode::Statx::CODE),
        ("FSYNC", opcode::Fsync::CODE),
        ("FALLOCATE", opcode::Fallocate::CODE),
        ("UNLINKAT", opcode::UnlinkAt::CODE),
        ("RENAMEAT", opcode::RenameAt::CODE),
        ("MKDIRAT", opcode::MkDirAt::CODE),
        ("MSG_RING", opcode::MsgRingData::CODE),
    ];
    for (name, code) in wanted {
        assert!(ring.supports(code), "{name} is older than the floor of 6.1");
    }
    assert!(!ring.supports(u8::MAX));
}

#[test]
fn an_opcode_the_probe_denies_completes_with_einval() {
    let mut ring = TestRing::new();
    let mut probe = Probe::new();
    ring.ring().submitter().register_probe(&mut probe).expect("REGISTER_PROBE");
    let newer = [
        ("READ_MULTISHOT (6.7)", opcode::ReadMulti::CODE),
        ("WAITID (6.7)", opcode::WaitId::CODE),
        ("FUTEX_WAIT (6.7)", opcode::FutexWait::CODE),
        ("FTRUNCATE (6.9)", opcode::Ftruncate::CODE),
        ("BIND (6.11)", opcode::Bind::CODE),
        ("LISTEN (6.11)", opcode::Listen::CODE),
        ("EPOLL_WAIT (6.15)", opcode::EpollWait::CODE),
        ("READV_FIXED (6.15)", opcode::ReadvFixed::CODE),
        ("PIPE (6.16)", opcode::Pipe::CODE),
    ];
    for (name, code) in newer {
        println!("{name}: {}", probe.is_supported(code));
    }
    ring.push(crate::ring::unknown_opcode(1));
    assert_eq!(ring.one().res, -libc::EINVAL);
}

#[test]
fn the_features_of_the_floor_are_there() {
    let mut ring = TestRing::new();
    let params = ring.ring().params();
    assert!(params.is_feature_single_mmap());
    assert!(params.is_feature_nodrop());
    assert!(params.is_feature_submit_stable());
    assert!(params.is_feature_fast_poll());
    assert!(params.is_feature_ext_arg());
    assert!(params.is_feature_native_workers());
    assert!(params.is_feature_skip_cqe_on_success());
    assert!(params.is_feature_linked_file());
    println!("min wait (6.12): {}", params.is_feature_min_timeout());
    println!("no iowait (6.15): {}", params.is_feature_no_iowait());
}

#[test]
fn an_unknown_registration_is_einval() {
    let ring = TestRing::new();
    assert_eq!(errno(syscall::register(&ring, 1_000, &mut 0_u64, 1)), libc::EINVAL);
}

#[test]
fn the_limits_on_workers_are_read_by_asking_for_zero_and_replaced_by_asking_for_more() {
    let mut ring = TestRing::new();
    let submitter = ring.ring().submitter();
    let ask = |limits: [u32; 2]| {
        let mut limits = limits;
        submitter.register_iowq_max_workers(&mut limits).expect("IOWQ_MAX_WORKERS");
        limits
    };
    let first = ask([0, 0]);
    println!("bounded and unbounded workers by default: {first:?}");
    assert!(first[0] > 0 && first[1] > 0);
    assert_eq!(ask([3, 5]), first, "it answers with what was");
    assert_eq!(ask([0, 0]), [3, 5]);
    assert_eq!(ask([0, 7]), [3, 5]);
    assert_eq!(ask([0, 0]), [3, 7], "zero leaves a limit alone");
}

#[test]
fn the_limits_on_workers_belong_to_the_thread_not_to_the_ring() {
    let limits_of = |ring: &mut TestRing, mut limits: [u32; 2]| {
        let submitter = ring.ring().submitter();
        submitter.register_iowq_max_workers(&mut limits).expect("IOWQ_MAX_WORKERS");
        limits
    };
    let (mut first, mut second) = (TestRing::new(), TestRing::new());
    limits_of(&mut first, [2, 4]);
    assert_eq!(limits_of(&mut second, [0, 0]), [2, 4], "a second ring of this thread");
    let elsewhere = thread::spawn(move || limits_of(&mut TestRing::new(), [0, 0]));
    assert_ne!(elsewhere.join().expect("the other thread"), [2, 4]);
}

#[test]
fn a_restricted_ring_refuses_what_was_not_allowed() {
    let mut ring = TestRing::built(8, |builder| {
        annulus_flags(builder);
        builder.setup_r_disabled();
    })
    .expect("R_DISABLED");
    let mut allowed = [Restriction::sqe_op(opcode::Nop::CODE), Restriction::register_op(12)];
    let submitter = ring.ring().submitter();
    submitter.register_restrictions(&mut allowed).expect("REGISTER_RESTRICTIONS");
    submitter.register_enable_rings().expect("ENABLE_RINGS");
    ring.push(opcode::Nop::new().build().user_data(1));
    ring.push(opcode::Close::new(Fd(-1)).build().user_data(2));
    let done = ring.collect(2);
    assert_eq!((only(&done, 1).res, only(&done, 2).res), (0, -libc::EACCES));
    let event = syscall::eventfd(0);
    let refused = ring.ring().submitter().register_eventfd(event.as_raw_fd());
    assert_eq!(errno(refused), libc::EACCES);
}

#[test]
fn the_switch_that_disables_rings_can_be_read() {
    match fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
        Ok(value) => assert!(matches!(value.trim(), "0" | "1"), "{value}: and yet rings work"),
        Err(error) => println!("no such switch before 6.6: {error}"),
    }
}

#[test]
fn a_seccomp_filter_answers_for_the_kernel_with_the_error_it_was_given() {
    for error in [libc::EPERM, libc::ENOSYS] {
        let seen = thread::spawn(move || {
            let mut ring = TestRing::new();
            syscall::deny(libc::SYS_io_uring_setup, error);
            let refused = IoUring::new(8).map(drop).map_err(|error| error.raw_os_error());
            ring.push(opcode::Nop::new().build());
            (refused, ring.one().res)
        });
        let (refused, still) = seen.join().expect("the filtered thread");
        assert_eq!(refused, Err(Some(error)), "set-up fails with what the filter says");
        assert_eq!(still, 0, "a ring that exists goes on");
    }
}

#[test]
fn a_filter_may_pass_the_set_up_and_refuse_the_enter() {
    let seen = thread::spawn(|| {
        syscall::deny(libc::SYS_io_uring_enter, libc::EPERM);
        let mut ring = TestRing::new();
        ring.push(opcode::Nop::new().build());
        let refused = ring.enter(1, 0, io_uring::EnterFlags::empty());
        (refused.map_err(|error| error.raw_os_error()), ring.queued())
    });
    let (refused, queued) = seen.join().expect("the filtered thread");
    assert_eq!(refused, Err(Some(libc::EPERM)), "so a probe must do a round of a NOP");
    assert_eq!(queued, 1);
}

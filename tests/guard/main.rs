//! The allocator that guards freed memory does what the other tests rely on, when it is built in
//! (`ci/guard.sh`): a kernel's write into freed memory ends its op with `EFAULT`, and the
//! program's own ends the process.

#![cfg(guard_pages)]
#![allow(unsafe_code, reason = "buffers are freed under the kernel's hands on purpose")]

#[path = "../common/guard.rs"]
mod guard;
#[path = "../abi/memory.rs"]
#[allow(dead_code, reason = "the binary it belongs to uses more of it")]
mod memory;
#[path = "../abi/ring.rs"]
#[allow(dead_code, reason = "the binary it belongs to uses more of it")]
mod ring;
#[path = "../abi/sockets.rs"]
#[allow(dead_code, reason = "the binary it belongs to uses more of it")]
mod sockets;
#[path = "../abi/syscall.rs"]
#[allow(dead_code, reason = "the binary it belongs to uses more of it")]
mod syscall;

use std::io::Write;
use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;

use crate::ring::TestRing;

const BYTES: usize = 64;

/// Lends a buffer to an op, frees it or not, and then lets `arrive` happen; how the op ended.
fn lend(is_freed: bool, entry: impl FnOnce(*mut u8) -> Entry, arrive: impl FnOnce()) -> i32 {
    let mut ring = TestRing::new();
    let mut buf = vec![0u8; BYTES];
    assert!(guard::is_guarded(buf.as_ptr()));
    ring.push(entry(buf.as_mut_ptr()).user_data(1));
    ring.submit();
    let kept = (!is_freed).then_some(buf);
    arrive();
    let answer = ring.one().res;
    drop(kept);
    answer
}

fn read_of_a_pipe(is_freed: bool, flags: Flags) -> i32 {
    let (reader, writer) = syscall::pipe(0);
    let read = |buf| opcode::Read::new(Fd(reader.as_raw_fd()), buf, BYTES as u32);
    lend(
        is_freed,
        |buf| read(buf).build().flags(flags),
        || {
            syscall::write(&writer, b"late").expect("the test holds the reader");
        },
    )
}

fn recv_of_a_socket(is_freed: bool) -> i32 {
    let (ours, mut theirs) = sockets::tcp_pair();
    let recv = |buf| opcode::Recv::new(Fd(ours.as_raw_fd()), buf, BYTES as u32).build();
    lend(is_freed, recv, || theirs.write_all(b"late").expect("the connection stands"))
}

#[test]
fn a_read_into_a_buffer_that_was_freed_meanwhile_ends_with_efault() {
    assert_eq!(read_of_a_pipe(false, Flags::empty()), 4);
    assert_eq!(read_of_a_pipe(true, Flags::empty()), -libc::EFAULT);
}

#[test]
fn a_recv_into_a_buffer_that_was_freed_meanwhile_ends_with_efault() {
    assert_eq!(recv_of_a_socket(false), 4);
    assert_eq!(recv_of_a_socket(true), -libc::EFAULT);
}

#[test]
fn a_kernel_worker_that_reads_into_a_freed_buffer_ends_with_efault() {
    assert_eq!(read_of_a_pipe(false, Flags::ASYNC), 4);
    assert_eq!(read_of_a_pipe(true, Flags::ASYNC), -libc::EFAULT);
}

#[test]
fn a_write_of_the_kernel_past_the_end_of_a_buffer_ends_with_efault() {
    let (reader, writer) = syscall::pipe(0);
    let past = |buf: *mut u8| {
        let end = buf.wrapping_add(BYTES);
        opcode::Read::new(Fd(reader.as_raw_fd()), end, BYTES as u32).build()
    };
    let answer = lend(false, past, || {
        syscall::write(&writer, b"late").expect("the test holds the reader");
    });
    assert_eq!(answer, -libc::EFAULT);
}

/// Which signal ends a process that reads this byte; zero for none.
fn signal_of_reading(byte: *const u8) -> i32 {
    // SAFETY: the child reads one byte and ends by _exit or a signal, which is all that a child of
    // a process with other threads may do.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: no promise holds here: what this read does is the question.
        let _byte = unsafe { byte.read_volatile() };
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: `status` is writable, and the child is this test's own.
    syscall::check(unsafe { libc::waitpid(child, &mut status, 0) }).expect("a child");
    if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { 0 }
}

#[test]
fn a_program_that_reads_freed_memory_or_past_the_end_is_ended() {
    let buf = vec![7u8; BYTES];
    let start = buf.as_ptr();
    assert_eq!(signal_of_reading(start), 0);
    assert_eq!(signal_of_reading(start.wrapping_add(BYTES)), libc::SIGSEGV);
    drop(buf);
    assert_eq!(signal_of_reading(start), libc::SIGSEGV);
}

#[test]
fn memory_comes_zeroed_aligned_and_whole() {
    for size in [1usize, 7, 64, 4095, 4096, 4097, 100_000] {
        for align in [1usize, 2, 16, 64, 4096] {
            let layout = std::alloc::Layout::from_size_align(size, align).expect("a layout");
            // SAFETY: the size is not zero.
            let memory = unsafe { std::alloc::alloc_zeroed(layout) };
            assert!(guard::is_guarded(memory) && memory as usize % align == 0);
            // SAFETY: the allocation has `size` bytes, all zero.
            let bytes = unsafe { std::slice::from_raw_parts_mut(memory, size) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            bytes.fill(1);
            // SAFETY: allocated above with this layout.
            unsafe { std::alloc::dealloc(memory, layout) };
        }
    }
}

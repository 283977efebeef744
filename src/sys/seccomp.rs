//! For tests: a thread for which chosen system calls answer an errno, as in a container.

#![expect(unsafe_code, reason = "prctl and the filter it is given")]

use std::ffi::{c_long, c_ulong};
use std::io;

/// Makes every call of the `blocked` system calls answer `errno`, for this thread and for good.
pub(crate) fn answer_errno(blocked: &[c_long], errno: i32) -> io::Result<()> {
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for (number, call) in blocked.iter().enumerate() {
        // Over the rest of the comparisons and the statement that allows, to the one that answers.
        let to_answer = (blocked.len() - number) as u8;
        let jump = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        program.push(libc::sock_filter { code: jump, jt: to_answer, jf: 0, k: *call as u32 });
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let answer = libc::SECCOMP_RET_ERRNO | errno as u32;
    program.push(statement(libc::BPF_RET | libc::BPF_K, answer));

    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let (on, off): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: takes integers; the thread gives up gaining privileges, which a filter asks for.
    let promised = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, off, off, off) };
    if promised == -1 {
        return Err(io::Error::last_os_error());
    }
    let mode = libc::SECCOMP_MODE_FILTER as c_ulong;
    // SAFETY: `filter` and the program it points to outlive the call, which copies them.
    let laid = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter) };
    if laid == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

//! System calls that a sandbox refuses.

#![expect(unsafe_code, reason = "prctl and the filter it is given")]

use std::ffi::{c_long, c_ulong};

pub(crate) const SETUP: c_long = libc::SYS_io_uring_setup;
pub(crate) const ENTER: c_long = libc::SYS_io_uring_enter;
pub(crate) const REGISTER: c_long = libc::SYS_io_uring_register;

/// Makes every call of these answer `errno`, for this thread, those it starts, and for good.
pub(crate) fn refuse(calls: &[c_long], errno: i32) {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let jump = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let mut program = vec![statement(load, 0)];
    for (place, call) in calls.iter().enumerate() {
        // Over the other comparisons and the statement that allows, to the one that refuses.
        let jt = (calls.len() - place) as u8;
        program.push(libc::sock_filter { code: jump, jt, jf: 0, k: *call as u32 });
    }
    program.push(statement(answer, libc::SECCOMP_RET_ALLOW));
    program.push(statement(answer, libc::SECCOMP_RET_ERRNO | errno as u32));
    install(&mut program);
}

fn install(program: &mut [libc::sock_filter]) {
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    let (on, off): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: takes integers; the thread gives up gaining privileges, which a filter asks for.
    let promised = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, off, off, off) };
    assert_eq!(promised, 0, "{}", std::io::Error::last_os_error());
    let mode = libc::SECCOMP_MODE_FILTER as c_ulong;
    // SAFETY: `filter` and the program it points to outlive the call, which copies them.
    let laid = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter) };
    assert_eq!(laid, 0, "{}", std::io::Error::last_os_error());
}

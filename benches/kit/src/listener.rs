//! The listening socket, the same for every contender.

use std::io;
use std::net::TcpListener;
use std::os::fd::FromRawFd;

/// Connections that may wait to be accepted: storms must measure accepting, not refusals.
const BACKLOG: libc::c_int = 4096;

/// A listener on a free port of the loopback address. std's would have a backlog of 128.
pub(crate) fn listen() -> io::Result<TcpListener> {
    // SAFETY: plain numbers go in and a new descriptor, which nobody else has, comes out.
    let fd =
        check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is ours alone.
    let listener = unsafe { TcpListener::from_raw_fd(fd) };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a valid IPv4 address of `length` bytes.
    check(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
    set_nodelay(fd)?;
    // SAFETY: plain numbers.
    check(unsafe { libc::listen(fd, BACKLOG) })?;
    Ok(listener)
}

/// Small answers leave at once. Accepted sockets inherit it, so no contender pays for setting it.
fn set_nodelay(fd: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = size_of_val(&on) as libc::socklen_t;
    // SAFETY: `on` is valid for the call and of the length given.
    check(unsafe {
        libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, (&raw const on).cast(), length)
    })?;
    Ok(())
}

fn check(outcome: libc::c_int) -> io::Result<libc::c_int> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(outcome) }
}

/// A set of cores that a process may run on.
#[derive(Clone, Copy)]
pub struct Cores(libc::cpu_set_t);

impl Cores {
    /// Those that this thread may run on.
    pub fn current() -> io::Result<Cores> {
        let mut cores = Cores::none();
        // SAFETY: the set is a valid place for the answer, of its own size.
        check(unsafe { libc::sched_getaffinity(0, size_of_val(&cores.0), &mut cores.0) })?;
        Ok(cores)
    }

    fn none() -> Cores {
        // SAFETY: all zeroes is the empty set.
        Cores(unsafe { std::mem::zeroed() })
    }

    /// Keeps this thread, and what it will start, on these cores. It allocates nothing, so a new
    /// process may call it before it becomes another program.
    pub fn keep(&self) -> io::Result<()> {
        // SAFETY: a valid set of its own size.
        check(unsafe { libc::sched_setaffinity(0, size_of_val(&self.0), &self.0) })?;
        Ok(())
    }

    pub fn count(&self) -> usize {
        // SAFETY: a valid set.
        unsafe { libc::CPU_COUNT(&self.0) as usize }
    }
}

/// Keeps this process, and the threads that it will start, on one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut cores = Cores::none();
    // SAFETY: the set is ours; a number beyond its end is left out.
    unsafe { libc::CPU_SET(core, &mut cores.0) };
    cores.keep()
}

/// Ends this process when the one that started it ends, however that comes about.
pub(crate) fn end_with_parent() {
    // SAFETY: plain numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Allows as many descriptors as the system lets this process have.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is valid.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_pinned_gets_its_cores_back() {
        std::thread::spawn(|| {
            let all = Cores::current().expect("the cores");
            let first = (0..1024).find(|core| pin(*core).is_ok()).expect("a core");
            assert_eq!(Cores::current().expect("one core").count(), 1, "core {first}");
            all.keep().expect("all of them");
            assert_eq!(Cores::current().expect("the cores").count(), all.count());
        })
        .join()
        .expect("the thread");
    }
}

//! One socket option, read or written: the two calls that all the options share.

#![expect(unsafe_code, reason = "getsockopt and setsockopt")]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// What an option's value may be.
///
/// # Safety
///
/// `Self` is integers without padding, so that any bytes are a value and a value is all bytes.
pub(super) unsafe trait Value: Copy {
    const ZERO: Self;

    /// The value of two integers, of which the second may mean nothing.
    #[cfg(feature = "sim")]
    fn of_pair(pair: [c_int; 2]) -> Self;

    #[cfg(feature = "sim")]
    fn to_pair(self) -> [c_int; 2];
}

// SAFETY: one integer.
unsafe impl Value for c_int {
    const ZERO: c_int = 0;

    #[cfg(feature = "sim")]
    fn of_pair([value, _]: [c_int; 2]) -> c_int {
        value
    }

    #[cfg(feature = "sim")]
    fn to_pair(self) -> [c_int; 2] {
        [self, 0]
    }
}
// SAFETY: two integers of the same size.
unsafe impl Value for libc::linger {
    const ZERO: libc::linger = libc::linger { l_onoff: 0, l_linger: 0 };

    #[cfg(feature = "sim")]
    fn of_pair([l_onoff, l_linger]: [c_int; 2]) -> libc::linger {
        libc::linger { l_onoff, l_linger }
    }

    #[cfg(feature = "sim")]
    fn to_pair(self) -> [c_int; 2] {
        [self.l_onoff, self.l_linger]
    }
}

pub(super) fn get<T: Value>(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<T> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::option(socket, level, name) {
        return answer.map(T::of_pair);
    }
    let mut value = T::ZERO;
    let mut len = size_of::<T>() as libc::socklen_t;
    let place: *mut T = &mut value;
    // SAFETY: `place` has `len` writable bytes, and by `Value` any bytes are a value there.
    let answer =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, place.cast(), &mut len) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

pub(super) fn set<T: Value>(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: T,
) -> io::Result<()> {
    #[cfg(feature = "sim")]
    if let Some(answer) = super::sim::set_option(socket, level, name, value.to_pair()) {
        return answer;
    }
    let len = size_of::<T>() as libc::socklen_t;
    let place: *const T = &value;
    // SAFETY: `place` has `len` readable bytes, all initialized by `Value`.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, place.cast(), len) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub(super) fn get_bool(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<bool> {
    Ok(get::<c_int>(socket, level, name)? != 0)
}

pub(super) fn set_bool(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    on: bool,
) -> io::Result<()> {
    set(socket, level, name, c_int::from(on))
}

/// The kernel's numbers are signed; none of those read here is ever negative.
pub(super) fn get_u32(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<u32> {
    Ok(u32::try_from(get::<c_int>(socket, level, name)?).unwrap_or(0))
}

pub(super) fn set_u32(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    number: u32,
) -> io::Result<()> {
    set(socket, level, name, c_int::try_from(number).unwrap_or(c_int::MAX))
}

pub(super) fn get_seconds(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
) -> io::Result<Duration> {
    Ok(Duration::from_secs(u64::from(get_u32(socket, level, name)?)))
}

pub(super) fn set_seconds(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    time: Duration,
) -> io::Result<()> {
    set(socket, level, name, whole_seconds(time))
}

/// Rounded up, for rounding down to zero would mean something else entirely.
pub(super) fn whole_seconds(time: Duration) -> c_int {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    c_int::try_from(seconds).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;
    use crate::sys::socket_options::{set_linger, take_error};

    #[test]
    fn seconds_are_rounded_up_and_bounded() {
        let rounded = [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(2), 2),
            (Duration::from_millis(2_001), 3),
            (Duration::MAX, c_int::MAX),
        ];
        for (time, seconds) in rounded {
            assert_eq!(whole_seconds(time), seconds, "{time:?}");
        }
    }

    #[test]
    fn what_is_no_socket_has_no_options() {
        let file = File::open("/dev/null").unwrap();
        let error = get_u32(file.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE).expect_err("a file");
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
        let error = set_u32(file.as_fd(), libc::SOL_SOCKET, libc::SO_SNDBUF, 1);
        assert_eq!(error.expect_err("a file").raw_os_error(), Some(libc::ENOTSOCK));
    }

    #[test]
    fn an_error_is_taken_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut served, _) = listener.accept().unwrap();
        assert!(take_error(client.as_fd()).unwrap().is_none());
        // Closed with a linger of zero, the peer's end sends a reset.
        served.write_all(b"x").unwrap();
        set_linger(served.as_fd(), Some(Duration::ZERO)).unwrap();
        drop(served);
        let mut poll = libc::pollfd { fd: client.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: `poll` is one valid pollfd.
        assert_eq!(unsafe { libc::poll(&mut poll, 1, -1) }, 1);
        let error = take_error(client.as_fd()).unwrap().expect("the reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(take_error(client.as_fd()).unwrap().is_none());
    }
}

//! One completion, and what it means for the opcode it completes.

use std::io;
use std::os::fd::FromRawFd;

use super::owned::Owned;

/// There will be more completions for this op (`IORING_CQE_F_MORE`, since 5.13).
pub(crate) const F_MORE: u32 = 1 << 1;
/// The memory of a zero-copy send is free again (`IORING_CQE_F_NOTIF`, since 6.0).
pub(crate) const F_NOTIF: u32 = 1 << 3;
/// A provided buffer was used; its id is in the upper half (`IORING_CQE_F_BUFFER`, since 5.7).
pub(crate) const F_BUFFER: u32 = 1 << 0;

/// One completion queue entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cqe {
    pub(crate) user_data: u64,
    pub(crate) outcome: Outcome,
}

/// What a completion says, apart from whom it says it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// A count, a descriptor or another value; an errno when negative.
    pub(crate) res: i32,
    pub(crate) flags: u32,
}

impl Cqe {
    #[inline]
    pub(super) fn new(user_data: u64, res: i32, flags: u32) -> Cqe {
        Cqe { user_data, outcome: Outcome { res, flags } }
    }
}

impl Outcome {
    /// The outcome of an op that was never submitted because it was cancelled before.
    pub(crate) const CANCELLED: Outcome = Outcome { res: -libc::ECANCELED, flags: 0 };

    /// Whether the kernel is done with the op.
    #[inline]
    pub(crate) fn is_final(self) -> bool {
        self.flags & F_MORE == 0
    }

    /// Whether the op's outcome comes in one completion, and this is it: not the result of a
    /// zero-copy send, nor the word that its memory is free.
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        self.flags & (F_MORE | F_NOTIF) == 0
    }

    /// Whether that outcome is a success; both at once, since every completion is asked.
    #[inline]
    pub(crate) fn is_whole_success(self) -> bool {
        (self.flags & (F_MORE | F_NOTIF)) | (self.res as u32 & (1 << 31)) == 0
    }

    /// Whether the op ended because of a cancel or an expired linked timeout.
    #[inline]
    pub(crate) fn is_cancelled(self) -> bool {
        self.res == -libc::ECANCELED
    }

    /// Whether a signal, or the end of another op on the same kernel worker, ended the op before
    /// it did anything.
    ///
    /// A worker may also answer with one of the kernel's own restart codes (`ERESTARTSYS` and its
    /// kin, `include/linux/errno.h`), which no system call ever returns.
    #[inline]
    pub(crate) fn is_interrupted(self) -> bool {
        self.res == -libc::EINTR || matches!(self.res, -514..=-512 | -516)
    }

    /// Whether the kernel could make nothing of the entry.
    #[inline]
    pub(crate) fn is_invalid(self) -> bool {
        self.res == -libc::EINVAL
    }

    /// The meaning of the outcome for an opcode that completes as `R`.
    ///
    /// To be called once for each completion: it may take ownership of a descriptor.
    #[inline]
    pub(crate) fn into_result<R: FromCqe>(self) -> io::Result<R> {
        if self.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.res < 0 {
            return Err(io::Error::from_raw_os_error(-self.res));
        }
        Ok(R::from_cqe(self.res as u32, self.flags))
    }
}

/// What the success of an opcode gives.
///
/// Which opcode completes as what is fixed where its SQE is built, so an accept's number is a
/// descriptor by type and closes itself when nobody wants it.
pub trait FromCqe: Sized {
    /// Makes the value of a completion that is not an error.
    fn from_cqe(res: u32, flags: u32) -> Self;
}

impl FromCqe for () {
    fn from_cqe(_res: u32, _flags: u32) {}
}

/// The kernel took this many bytes out of the lent memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken(pub(crate) usize);

impl FromCqe for Taken {
    fn from_cqe(res: u32, _flags: u32) -> Self {
        Taken(res as usize)
    }
}

/// The kernel put this many bytes into the lent memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled(pub(crate) usize);

impl FromCqe for Filled {
    fn from_cqe(res: u32, _flags: u32) -> Self {
        Filled(res as usize)
    }
}

/// The kernel put this many bytes into a buffer of its own choice from a buffer group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilledFromGroup {
    pub(crate) len: usize,
    /// `None` where no buffer was used: the end of a stream.
    pub(crate) buffer_id: Option<u16>,
}

impl FromCqe for FilledFromGroup {
    fn from_cqe(res: u32, flags: u32) -> Self {
        let buffer_id = (flags & F_BUFFER != 0).then_some((flags >> 16) as u16);
        FilledFromGroup { len: res as usize, buffer_id }
    }
}

/// A plain number: a poll's events, a value of the op's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(pub(crate) u32);

impl FromCqe for Number {
    fn from_cqe(res: u32, _flags: u32) -> Self {
        Number(res)
    }
}

#[expect(unsafe_code, reason = "a descriptor arrives as a number")]
impl FromCqe for Owned {
    fn from_cqe(res: u32, _flags: u32) -> Self {
        // SAFETY: only the constructors of opcodes that make a descriptor name this type, each
        // completion is read once, and so nobody else owns the number.
        unsafe { Owned::from_raw_fd(res as i32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_becomes_an_error_and_a_count_a_value() {
        let failed = Outcome { res: -libc::EPIPE, flags: 0 };
        let error = failed.into_result::<Taken>().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        let sent = Outcome { res: 12, flags: 0 };
        assert_eq!(sent.into_result::<Taken>().unwrap(), Taken(12));
    }

    #[test]
    fn the_kernels_restart_codes_are_interruptions() {
        for res in [-4, -512, -513, -514, -516] {
            let outcome = Outcome { res, flags: 0 };
            assert!(outcome.is_interrupted());
            let error = outcome.into_result::<()>().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        }
        assert!(!Outcome { res: -515, flags: 0 }.is_interrupted());
    }

    #[test]
    fn only_a_completion_without_more_is_final() {
        assert!(Outcome { res: 0, flags: 0 }.is_final());
        assert!(Outcome { res: 0, flags: F_BUFFER }.is_final());
        assert!(!Outcome { res: 0, flags: F_MORE }.is_final());
    }

    #[test]
    fn a_buffer_id_is_there_only_with_its_flag() {
        let used = FilledFromGroup::from_cqe(5, F_BUFFER | (7 << 16));
        assert_eq!(used, FilledFromGroup { len: 5, buffer_id: Some(7) });
        assert_eq!(FilledFromGroup::from_cqe(0, 7 << 16).buffer_id, None);
    }
}

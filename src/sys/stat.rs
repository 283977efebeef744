//! Where the kernel writes a file's metadata.

/// A `struct statx` for an op to hold.
#[repr(transparent)]
pub(crate) struct StatBuf(std::mem::MaybeUninit<libc::statx>);

impl StatBuf {
    pub(crate) fn new() -> Self {
        StatBuf(std::mem::MaybeUninit::zeroed())
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::statx {
        self.0.as_mut_ptr()
    }
}

impl std::fmt::Debug for StatBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatBuf")
    }
}

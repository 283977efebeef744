//! Where in a file an op begins.

/// The offset for an SQE, in which the largest number would mean the file's own position.
///
/// No file is that long: the kernel answers `EINVAL` to the number before it.
pub(super) fn in_file(offset: u64) -> u64 {
    offset.min(u64::MAX - 1)
}

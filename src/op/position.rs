//! Where in a file an op begins.

/// The offset that means the file's own position, and on what has none, what comes next.
pub(super) const NEXT: u64 = u64::MAX;

/// The offset for an SQE, in which the largest number would mean the file's own position.
///
/// No file is that long: the kernel answers `EINVAL` to the number before it.
pub(super) fn in_file(offset: u64) -> u64 {
    offset.min(NEXT - 1)
}

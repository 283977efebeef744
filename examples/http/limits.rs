//! What a client may ask for and how long it may take: none of it is endless.

use std::time::Duration;

/// The limits of the server; those that a command line can set are not constants.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many connections are open at one time; more wait in the listener's backlog.
    pub(crate) connections: usize,
    /// From the first byte of a request to the end of its head; then 408.
    pub(crate) head_time: Duration,
    /// From the last answer to the next request; then the connection is closed.
    pub(crate) idle_time: Duration,
    /// For a whole body to arrive; then 408.
    pub(crate) body_time: Duration,
    /// For a client to take one write; then the connection is closed.
    pub(crate) write_time: Duration,
    /// The bytes of a body; then 413.
    pub(crate) body_bytes: usize,
}

/// The bytes of a request line and its header fields; then 431.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The number of header fields; then 431.
pub(crate) const FIELDS_MAX: usize = 100;

/// The bytes of a request's target; then 414.
pub(crate) const TARGET_BYTES_MAX: usize = 8 * 1024;

/// The bytes of a line that begins a chunk, its extensions included; then 400.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Answers to pipelined requests are gathered up to here and written together.
pub(crate) const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// How long a refused client may go on sending before the connection is cut.
pub(crate) const LINGER_TIME: Duration = Duration::from_secs(2);

/// What is read of such a client before the connection is cut.
pub(crate) const LINGER_BYTES_MAX: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: usize::MAX,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            body_time: Duration::from_secs(60),
            write_time: Duration::from_secs(30),
            body_bytes: 1024 * 1024,
        }
    }
}

/// Descriptors that are kept for files, and for connections that come in while there is no room:
/// a stream of connections takes up to 256 in advance.
const RESERVED_DESCRIPTORS: usize = 256 + 64;

/// How many connections the process has descriptors for.
pub(crate) fn connections_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(1024_usize).saturating_sub(RESERVED_DESCRIPTORS).max(16)
}

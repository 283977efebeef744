//! Whole files: read and written in one go.

use std::io;
use std::path::Path;

use super::File;
use crate::buf::{BufResult, IoBuf};

/// What is read of a file before its length is asked for: most files are shorter.
const FIRST_READ: usize = 8 * 1024;
/// The room that a read finds at least.
const ROOM_MIN: usize = 64;

/// Reads a whole file.
///
/// Files that the kernel makes up as they are read (`/proc`) and named pipes are read to their end
/// as well.
///
/// # Errors
///
/// As for [`File::open`] and [`File::read_at`]; `OutOfMemory` for a file that does not fit.
///
/// # Cancellation
///
/// Dropped in between, what was read is lost, and the file is closed.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("annulus-doc-read-{}", std::process::id()));
/// annulus::run(async {
///     annulus::fs::write(&path, "hello").await?;
///     assert_eq!(annulus::fs::read(&path).await?, b"hello");
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path).await?;
    let mut buf = Vec::with_capacity(FIRST_READ);
    loop {
        let filled = buf.len();
        let part = buf.slice(filled..);
        let BufResult(read, part) = file.read_at(part, filled as u64).await;
        buf = part.into_inner();
        if read? == 0 {
            break;
        }
        if filled == 0 && buf.len() == buf.capacity() {
            let len = usize::try_from(file.metadata().await?.len()).unwrap_or(usize::MAX);
            // One byte more: the read that finds the end needs room to find nothing in.
            buf.try_reserve_exact(len.saturating_sub(buf.len()).saturating_add(1))?;
        }
        if buf.capacity() - buf.len() == 0 {
            buf.try_reserve(ROOM_MIN)?;
        }
    }
    // A short file leaves most of the first room unused; a caller may keep many of them.
    if buf.capacity() - buf.len() > buf.len() / 8 + 1 {
        buf.shrink_to_fit();
    }
    Ok(buf)
}

/// Reads a whole file that holds UTF-8.
///
/// # Errors
///
/// `InvalidData` if it does not; else as for [`read`].
///
/// # Cancellation
///
/// As for [`read`].
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let bytes = read(path).await?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("the file is not UTF-8 from byte {place} on");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Writes a whole file: in place of what it holds, and made if there is none.
///
/// The buffer is given away; shared bytes ([`Bytes`](bytes::Bytes), `Arc<[u8]>`) cost nothing to
/// keep. What was written is in the kernel's hands, not yet on the device.
///
/// # Errors
///
/// As for [`File::create`] and [`File::write_all_at`]. The file may hold a part of the contents.
///
/// # Cancellation
///
/// Dropped in between, the file may be empty or hold a part;
/// [`write_atomic`](super::write_atomic) never leaves one.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("annulus-doc-write-{}", std::process::id()));
/// annulus::run(annulus::fs::write(&path, "hello"))??;
/// assert_eq!(std::fs::read(&path)?, b"hello");
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn write(path: impl AsRef<Path>, contents: impl IoBuf) -> io::Result<()> {
    let file = File::create(path).await?;
    file.write_all_at(contents, 0).await.0
}

//! From a file to a stream.

use std::io;

use super::copy::try_both;
use super::error::is_interrupted;
use super::{AsyncReadAt, AsyncWrite, AsyncWriteExt};
use crate::buf::{BufResult, IoBuf};

/// How much of the file is read while the part before it is written.
const PART: u64 = 256 * 1024;

/// Sends up to `len` bytes of a file, from `offset` on, and says how many: fewer when the file ends
/// before. The writer is flushed at the end.
///
/// One part of 256 KiB is read while the part before it is written, so the device and the peer do
/// not wait for each other. The kernel has no `sendfile` among the operations of a ring, and moving
/// a file through a pipe by [`splice`](super::splice) was never faster than this, and much slower in
/// small parts; so the bytes pass through two buffers here, as in any other copy.
///
/// # Errors
///
/// The file's or the writer's; how much was written is not known then.
///
/// # Cancellation
///
/// Dropped, it has sent the file's bytes up to some place that is not known. The file has no
/// position that would have moved.
///
/// ```
/// use annulus::io::sendfile;
///
/// annulus::run(async {
///     let file = b"0123456789".to_vec();
///     let mut target = Vec::new();
///     assert_eq!(sendfile(&file, 4, 3, &mut target).await.unwrap(), 3);
///     assert_eq!(sendfile(&file, 8, 100, &mut target).await.unwrap(), 2);
///     assert_eq!(target, b"45689");
/// })
/// .unwrap();
/// ```
pub async fn sendfile<F, W>(file: &F, offset: u64, len: u64, writer: &mut W) -> io::Result<u64>
where
    F: AsyncReadAt + ?Sized,
    W: AsyncWrite + ?Sized,
{
    let (mut sent, mut spare) = (0, Vec::new());
    let (mut count, mut part) = read_part(file, offset, len, Vec::new()).await?;
    while count > 0 {
        sent += count as u64;
        let full = part.slice(..count);
        let write = async {
            let (_, full) = writer.write_all(full).await.into_result()?;
            Ok(full.into_inner())
        };
        let read = read_part(file, offset.saturating_add(sent), len - sent, spare);
        (spare, (count, part)) = try_both(write, read).await?;
    }
    writer.flush().await?;
    Ok(sent)
}

/// Reads up to `len` bytes, and no more than a part, into the front of `buf`; how many, zero at the
/// end.
async fn read_part<F>(
    file: &F,
    offset: u64,
    len: u64,
    mut buf: Vec<u8>,
) -> io::Result<(usize, Vec<u8>)>
where
    F: AsyncReadAt + ?Sized,
{
    buf.clear();
    let room = PART.min(len) as usize;
    if room == 0 {
        return Ok((0, buf));
    }
    buf.reserve_exact(room);
    loop {
        let BufResult(read, back) = file.read_at(buf.slice(..room), offset).await;
        buf = back.into_inner();
        match read {
            Err(error) if is_interrupted(&error) => {}
            read => return Ok((read?, buf)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::io::testing::{Script, block_on, drop_at};

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn a_range_is_sent_whatever_the_parts_and_no_byte_of_what_lies_around() {
        let file = bytes(3 * PART as usize + 5);
        let part = PART as usize;
        for (begin, len) in [(0, 0), (0, 1), (7, part), (part, part + 1), (1, 3 * part + 4)] {
            let mut writer = Script::writing().chunks([1, 70_000, 999_999]).pauses(1);
            let sent = block_on(sendfile(&file, begin as u64, len as u64, &mut writer)).unwrap();
            assert_eq!(sent, len as u64);
            assert!(writer.written() == &file[begin..begin + len], "{len} from {begin}");
            assert_eq!(writer.flushes, 1);
        }
    }

    #[test]
    fn a_file_that_ends_before_is_sent_to_its_end() {
        let file = bytes(10);
        for (offset, expected) in [(4, 6), (10, 0), (11, 0), (u64::MAX, 0)] {
            let mut target = Vec::new();
            let sent = block_on(sendfile(&file, offset, u64::MAX, &mut target)).unwrap();
            assert_eq!(sent, expected);
            assert_eq!(target, file[10 - expected as usize..]);
        }
    }

    #[test]
    fn the_writers_error_ends_it() {
        let mut writer = Script::writing().error_at(0, ErrorKind::BrokenPipe);
        let error = block_on(sendfile(&bytes(10), 0, 10, &mut writer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn dropped_anywhere_it_has_sent_a_beginning() {
        let file = bytes(PART as usize + 9);
        for polls in 0..9 {
            let mut writer = Script::writing().chunks([100_000]).pauses(1);
            let _unfinished = drop_at(polls, sendfile(&file, 0, u64::MAX, &mut writer));
            let written = writer.written();
            assert!(written == &file[..written.len()], "after {polls} polls");
        }
    }
}

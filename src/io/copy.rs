//! From a reader to a writer.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;

use super::error::is_interrupted;
use super::{AsyncRead, AsyncWrite, AsyncWriteExt, Splittable};
use crate::buf::{BufResult, IoBufMut};

/// How many bytes a copy reads at once.
const CHUNK: usize = 64 * 1024;

/// Copies everything from `reader` to `writer` and says how many bytes that were.
///
/// One buffer of 64 KiB goes back and forth. The writer is flushed at the end, and whenever the
/// reader has nothing ready: what was read does not wait in a buffered writer for more to come.
///
/// # Errors
///
/// The reader's or the writer's; what was read and not written is lost then. Interrupted reads and
/// writes are made again.
///
/// # Cancellation
///
/// A copy dropped while it waits for its reader loses nothing: everything read before has been
/// written. Dropped while it waits for its writer, it loses what it had read and not written, at
/// most 64 KiB, and it is not known how much of that went out.
///
/// ```
/// use annulus::io::{Positioned, copy};
///
/// annulus::run(async {
///     let file = b"0123456789".to_vec();
///     let mut target = Vec::new();
///     let n = copy(&mut Positioned::new(&file, 4), &mut target).await.unwrap();
///     assert_eq!((n, &target[..]), (6, &b"456789"[..]));
/// })
/// .unwrap();
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + ?Sized,
    W: AsyncWrite + ?Sized,
{
    let (copied, _buf) = copy_with_buf(reader, writer, Vec::with_capacity(CHUNK)).await?;
    Ok(copied)
}

/// As [`copy`], through a buffer of the caller's, which comes back at the end.
///
/// # Errors
///
/// As [`copy`], and [`InvalidInput`](io::ErrorKind::InvalidInput) when the buffer has no room. The
/// buffer is dropped.
///
/// # Cancellation
///
/// As [`copy`].
///
/// ```
/// use annulus::io::copy_with_buf;
///
/// annulus::run(async {
///     let mut target = Vec::new();
///     let page = Vec::with_capacity(4096);
///     let (n, page) = copy_with_buf(&mut &b"abc"[..], &mut target, page).await.unwrap();
///     assert_eq!((n, page.capacity() >= 4096), (3, true));
/// })
/// .unwrap();
/// ```
pub async fn copy_with_buf<R, W, B>(
    reader: &mut R,
    writer: &mut W,
    mut buf: B,
) -> io::Result<(u64, B)>
where
    R: AsyncRead + ?Sized,
    W: AsyncWrite + ?Sized,
    B: IoBufMut,
{
    if buf.as_uninit().len() == 0 {
        let message = "a copy needs a buffer with room for at least one byte";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut copied = 0;
    let mut unflushed = false;
    loop {
        let BufResult(result, back) = read_or_flush(reader, writer, &mut unflushed, buf).await?;
        buf = match result {
            Ok(0) => {
                writer.flush().await?;
                return Ok((copied, back));
            }
            Ok(n) => {
                let (_, part) = writer.write_all(back.slice(..n)).await.into_result()?;
                copied += n as u64;
                unflushed = true;
                part.into_inner()
            }
            Err(error) if is_interrupted(&error) => back,
            Err(error) => return Err(error),
        };
    }
}

/// Reads, and flushes the writer if the read has to wait.
async fn read_or_flush<R, W, B>(
    reader: &mut R,
    writer: &mut W,
    unflushed: &mut bool,
    buf: B,
) -> io::Result<BufResult<usize, B>>
where
    R: AsyncRead + ?Sized,
    W: AsyncWrite + ?Sized,
    B: IoBufMut,
{
    let mut read = pin!(reader.read(buf));
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await {
        return Ok(done);
    }
    if std::mem::take(unflushed) {
        writer.flush().await?;
    }
    Ok(read.await)
}

/// Copies in both directions at the same time, until both have ended, and says how many bytes went
/// from `a` to `b` and from `b` to `a`.
///
/// When one side ends its stream, the other one is [shut down](AsyncWrite::shutdown) after
/// everything was written, and the other direction goes on: half-closed connections are passed on
/// as such.
///
/// # Errors
///
/// The first error of either direction. The other direction is given up, as by cancellation.
///
/// # Cancellation
///
/// For each direction as [`copy`].
///
/// ```
/// use annulus::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional, duplex};
///
/// annulus::run(async {
///     let (mut client, mut front) = duplex(16);
///     let (mut back, mut server) = duplex(16);
///     let proxy = annulus::spawn(async move {
///         copy_bidirectional(&mut front, &mut back).await
///     });
///     client.write_all("ping").await.unwrap();
///     client.shutdown().await.unwrap();
///     let (_, request) = server.read_to_end(Vec::new()).await.unwrap();
///     assert_eq!(request, b"ping");
///     server.write_all("pong!").await.unwrap();
///     drop(server);
///     let (_, answer) = client.read_to_end(Vec::new()).await.unwrap();
///     assert_eq!(answer, b"pong!");
///     assert_eq!(proxy.await.unwrap().unwrap(), (4, 5));
/// })
/// .unwrap();
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: Splittable + ?Sized,
    B: Splittable + ?Sized,
{
    let (mut a_reader, mut a_writer) = a.split();
    let (mut b_reader, mut b_writer) = b.split();
    try_both(one_way(&mut a_reader, &mut b_writer), one_way(&mut b_reader, &mut a_writer)).await
}

async fn one_way<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead,
    W: AsyncWrite,
{
    let copied = copy(reader, writer).await?;
    writer.shutdown().await?;
    Ok(copied)
}

/// Waits for both, or for the first error.
pub(super) async fn try_both<A, B>(
    a: impl Future<Output = io::Result<A>>,
    b: impl Future<Output = io::Result<B>>,
) -> io::Result<(A, B)> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    poll_fn(|cx| {
        if a_done.is_none() {
            a_done = ready_or_error(a.as_mut().poll(cx))?;
        }
        if b_done.is_none() {
            b_done = ready_or_error(b.as_mut().poll(cx))?;
        }
        match (a_done.take(), b_done.take()) {
            (Some(a), Some(b)) => Poll::Ready(Ok((a, b))),
            (a, b) => {
                (a_done, b_done) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

fn ready_or_error<T>(poll: Poll<io::Result<T>>) -> io::Result<Option<T>> {
    match poll {
        Poll::Ready(result) => result.map(Some),
        Poll::Pending => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::buf::IoBuf;
    use crate::io::testing::{Script, block_on, drop_at, random};
    use crate::io::{AsyncReadExt, BufWriter, DuplexStream, duplex, join};

    #[test]
    fn everything_arrives_whatever_the_pieces() {
        for seed in 0..20 {
            let mut random = random(seed);
            let bytes: Vec<u8> = (0..random.usize(..5000)).map(|_| random.u8(..)).collect();
            let mut pieces = || (0..7).map(|_| random.usize(1..99)).collect::<Vec<_>>();
            let mut reader = Script::reading(&bytes)
                .chunks(pieces())
                .error_at(2, ErrorKind::Interrupted)
                .pauses(1);
            let mut writer = Script::writing().chunks(pieces()).error_at(1, ErrorKind::Interrupted);
            let room = Vec::with_capacity(100).slice(..random.usize(1..100));
            let (n, _) = block_on(copy_with_buf(&mut reader, &mut writer, room)).unwrap();
            assert_eq!(n, bytes.len() as u64);
            assert!(writer.written() == bytes, "seed {seed}");
        }
    }

    #[test]
    fn a_buffer_that_holds_bytes_already_copies_only_those_that_were_read() {
        let mut reader = Script::reading(b"abcdef").chunks([4, 1]);
        let mut writer = Vec::new();
        let (n, buf) = block_on(copy_with_buf(&mut reader, &mut writer, Box::new([9; 5]))).unwrap();
        assert_eq!((n, &writer[..], *buf), (6, &b"abcdef"[..], *b"fbcd\x09"));
    }

    #[test]
    fn errors_of_either_side_end_a_copy() {
        let mut reader = Script::reading(b"abcd").chunks([2]).error_at(1, ErrorKind::TimedOut);
        let mut target = Vec::new();
        let error = block_on(copy(&mut reader, &mut target)).unwrap_err();
        assert_eq!((error.kind(), &target[..]), (ErrorKind::TimedOut, &b"ab"[..]));
        let mut writer = Script::writing().error_at(0, ErrorKind::BrokenPipe);
        let error = block_on(copy(&mut &b"ab"[..], &mut writer)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let error = block_on(copy_with_buf(&mut &b"ab"[..], &mut target, Vec::new())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_waiting_copy_holds_nothing_back() {
        let (mut near, mut far) = duplex(16);
        let mut target = BufWriter::new(Vec::new());
        block_on(near.write_all("abc")).unwrap();
        assert!(drop_at(3, copy(&mut far, &mut target)).is_none());
        assert_eq!(target.get_ref(), b"abc");
        drop(near);
        assert_eq!(block_on(copy(&mut far, &mut target)).unwrap(), 0);
    }

    #[test]
    fn a_copy_flushes_when_its_reader_waits_and_at_the_end_only() {
        let mut writer = Script::writing();
        let mut reader = Script::reading(b"abcdef").chunks([2]);
        assert_eq!(block_on(copy(&mut reader, &mut writer)).unwrap(), 6);
        assert_eq!(writer.flushes, 1);
        let mut writer = Script::writing();
        let mut reader = Script::reading(b"abcdef").chunks([2]).pauses(2);
        assert_eq!(block_on(copy(&mut reader, &mut writer)).unwrap(), 6);
        assert_eq!(writer.flushes, 4);
        let mut writer = Script::writing();
        let interrupted = ErrorKind::Interrupted;
        let mut reader = Script::reading(b"ab").pauses(1).error_at(1, interrupted);
        assert_eq!(block_on(copy(&mut reader, &mut writer)).unwrap(), 2);
        assert_eq!(writer.flushes, 2);
    }

    #[test]
    fn a_copy_dropped_while_it_waits_for_its_reader_loses_nothing() {
        for polls in 0..12 {
            let mut reader = Script::reading(b"abcdef").chunks([1]).pauses(1);
            let mut target = Vec::new();
            let _ = drop_at(polls, copy(&mut reader, &mut target));
            target.extend_from_slice(reader.unread());
            assert_eq!(target, b"abcdef", "after {polls} polls");
        }
    }

    /// A pair of streams with a proxy between them.
    fn proxied(
        max: usize,
    ) -> (DuplexStream, DuplexStream, impl Future<Output = io::Result<(u64, u64)>>) {
        let (client, mut front) = duplex(max);
        let (mut back, server) = duplex(max);
        (client, server, async move { copy_bidirectional(&mut front, &mut back).await })
    }

    async fn send_and_receive(stream: DuplexStream, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let (mut reader, mut writer) = stream.into_split();
        let send = async move {
            writer.write_all(bytes).await.into_result()?;
            writer.shutdown().await
        };
        let receive = async move { Ok(reader.read_to_end(Vec::new()).await.into_result()?.1) };
        Ok(try_both(send, receive).await?.1)
    }

    #[test]
    fn both_directions_go_on_at_the_same_time_and_end_apart() {
        for seed in 0..10 {
            let mut random = random(seed);
            let (client, server, proxy) = proxied(random.usize(1..50));
            let request: Vec<u8> = (0..random.usize(..2000)).map(|_| random.u8(..)).collect();
            let answer: Vec<u8> = (0..random.usize(..2000)).map(|_| random.u8(..)).collect();
            let ends = try_both(
                send_and_receive(client, request.clone()),
                send_and_receive(server, answer.clone()),
            );
            let (counts, (at_client, at_server)) = block_on(try_both(proxy, ends)).unwrap();
            assert_eq!(counts, (request.len() as u64, answer.len() as u64));
            assert!(at_client == answer && at_server == request, "seed {seed}");
        }
    }

    #[test]
    fn the_first_error_ends_both_directions() {
        let broken = Script::reading(b"").error_at(0, ErrorKind::ConnectionReset);
        let (_open, mut stream) = duplex(4);
        let error = block_on(copy_bidirectional(&mut join(broken, Vec::new()), &mut stream));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

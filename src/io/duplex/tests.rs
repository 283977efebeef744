//! Tests of the streams in memory.

use std::cell::Cell;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::io::testing::{block_on, drop_at, random};
use crate::io::{AsyncReadExt, AsyncWriteExt};

/// Counts its wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Polls `future` once with a counting waker.
fn poll_counted<F: Future>(future: std::pin::Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

#[test]
fn what_is_written_is_read_at_the_other_end() {
    let (mut near, mut far) = duplex(8);
    block_on(near.write_all("ping")).unwrap();
    block_on(far.write_all("pong")).unwrap();
    let (n, buf) = block_on(far.read(vec![0; 3])).unwrap();
    assert_eq!((n, &buf[..]), (3, &b"pin"[..]));
    let (n, bufs) = block_on(near.readv([vec![0; 1], vec![0; 9]])).unwrap();
    assert_eq!((n, &bufs[0][..], &bufs[1][..3]), (4, &b"p"[..], &b"ong"[..]));
    assert_eq!(block_on(far.read(vec![0; 3])).unwrap().0, 1);
}

#[test]
fn a_full_direction_makes_writers_wait_and_a_read_wakes_them() {
    let (mut reader, mut writer) = simplex(3);
    assert_eq!(block_on(writer.write("abcde")).unwrap().0, 3);
    let count = Arc::new(Count::default());
    let mut write = pin!(writer.write("de"));
    assert!(poll_counted(write.as_mut(), &count).is_pending());
    assert_eq!(count.get(), 0);
    assert_eq!(block_on(reader.read(vec![0; 1])).unwrap().0, 1);
    assert_eq!(count.get(), 1);
    let Poll::Ready(BufResult(result, _)) = poll_counted(write, &count) else {
        panic!("there is room");
    };
    assert_eq!(result.unwrap(), 1);
    let (_, rest) = block_on(reader.read(vec![0; 9])).unwrap();
    assert_eq!(&rest[..3], b"bcd");
}

#[test]
fn an_empty_direction_makes_readers_wait_and_a_write_wakes_them() {
    let (mut near, mut far) = duplex(3);
    let count = Arc::new(Count::default());
    let mut read = pin!(near.read(vec![0; 4]));
    assert!(poll_counted(read.as_mut(), &count).is_pending());
    assert!(poll_counted(read.as_mut(), &count).is_pending());
    block_on(far.write("")).unwrap();
    assert_eq!(count.get(), 0);
    block_on(far.write("ab")).unwrap();
    assert_eq!(count.get(), 1);
    assert!(poll_counted(read, &count).is_ready());
}

#[test]
fn a_drop_ends_the_stream_after_what_is_left_and_wakes_who_waits() {
    let (mut near, mut far) = duplex(4);
    block_on(far.write("ab")).unwrap();
    drop(far);
    assert_eq!(block_on(near.read_to_end(Vec::new())).unwrap().1, b"ab");
    let BufResult(result, buf) = block_on(near.write("c"));
    assert_eq!((result.unwrap_err().kind(), buf), (ErrorKind::BrokenPipe, "c"));

    let (mut near, far) = duplex(1);
    let count = Arc::new(Count::default());
    block_on(near.write("a")).unwrap();
    let (mut reader, mut writer) = near.into_split();
    let mut read = pin!(reader.read(vec![0; 1]));
    let mut write = pin!(writer.write("b"));
    assert!(poll_counted(read.as_mut(), &count).is_pending());
    assert!(poll_counted(write.as_mut(), &count).is_pending());
    drop(far);
    assert_eq!(count.get(), 2);
    assert!(matches!(poll_counted(read, &count), Poll::Ready(BufResult(Ok(0), _))));
    assert!(matches!(poll_counted(write, &count), Poll::Ready(BufResult(Err(_), _))));
}

#[test]
fn a_shutdown_ends_one_direction_only() {
    let (mut near, mut far) = duplex(4);
    let count = Arc::new(Count::default());
    {
        let mut read = pin!(far.read(vec![0; 1]));
        assert!(poll_counted(read.as_mut(), &count).is_pending());
        block_on(near.shutdown()).unwrap();
        assert_eq!(count.get(), 1);
        assert!(poll_counted(read, &count).is_ready());
    }
    let BufResult(result, _) = block_on(near.write("a"));
    assert_eq!(result.unwrap_err().to_string(), "the stream was shut down before");
    block_on(far.write("b")).unwrap();
    assert_eq!(block_on(near.read(vec![0; 1])).unwrap(), (1, b"b".to_vec()));
}

#[test]
fn a_read_without_room_does_not_wait() {
    let (mut near, _far) = duplex(4);
    assert_eq!(block_on(near.read(Vec::new())).unwrap().0, 0);
}

#[test]
#[should_panic(expected = "room for at least one byte")]
fn a_stream_without_room_is_refused() {
    let _ = duplex(0);
}

#[test]
fn a_waker_may_use_the_stream_it_is_called_by() {
    thread_local! {
        static READER: Cell<Option<SimplexReader>> = const { Cell::new(None) };
    }
    struct DropsTheReader;
    impl Wake for DropsTheReader {
        fn wake(self: Arc<Self>) {
            drop(READER.take());
        }
    }
    let (mut reader, mut writer) = simplex(4);
    let waker = Waker::from(Arc::new(DropsTheReader));
    let wait = |reader: &mut SimplexReader| {
        let mut read = pin!(reader.read(vec![0; 2]));
        assert!(read.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    };
    wait(&mut reader);
    READER.set(Some(reader));
    assert_eq!(block_on(writer.write("abc")).unwrap().0, 3);
    assert!(block_on(writer.write("d")).is_err());

    let (mut reader, writer) = simplex(4);
    wait(&mut reader);
    READER.set(Some(reader));
    drop(writer);
    assert!(READER.take().is_none());
}

#[test]
fn random_reads_and_writes_dropped_anywhere_lose_nothing() {
    for seed in 0..30 {
        let mut random = random(seed);
        let bytes: Vec<u8> = (0..4000).map(|_| random.u8(..)).collect();
        let (mut reader, mut writer) = simplex(random.usize(1..60));
        let (mut sent, mut got) = (0, Vec::new());
        while got.len() < bytes.len() {
            let polls = random.usize(..3);
            if random.bool() && sent < bytes.len() {
                let end = bytes.len().min(sent + random.usize(1..90));
                let piece = bytes[sent..end].to_vec();
                if let Some(written) = drop_at(polls, writer.write(piece)) {
                    sent += written.unwrap().0;
                }
            } else if let Some(read) = drop_at(polls, reader.read(vec![0; random.usize(1..90)])) {
                let (n, buf) = read.unwrap();
                got.extend_from_slice(&buf[..n]);
            }
            assert!(sent - got.len() <= reader.queue.borrow().max, "seed {seed}");
        }
        assert!(got == bytes, "seed {seed}");
    }
}

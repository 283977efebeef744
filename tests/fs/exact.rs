//! Whole buffers, in as many operations as it takes.

use std::io::{ErrorKind, Read, Write};

use annulus::BufResult;
use annulus::buf::IoBuf;
use annulus::fs::File;

use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

/// What one write takes at most.
const TAKEN_MAX: usize = 0x7fff_f000;

/// A file that gives and takes its bytes in pieces, and its other end.
async fn ends(dir: &TempDir) -> (File, std::fs::File) {
    let fifo = make_fifo(dir);
    let file = File::options().read(true).write(true).open(&fifo).await.unwrap();
    (file, std::fs::File::options().read(true).write(true).open(&fifo).unwrap())
}

#[test]
fn a_whole_buffer_is_filled_from_its_place() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123456789");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let ((), buf) = file.read_exact_at(vec![0; 4], 6).await.unwrap();
        assert_eq!(buf, b"6789");
        let ((), part) = file.read_exact_at(vec![b'x'; 6].slice(1..4), 0).await.unwrap();
        assert_eq!(part.into_inner(), b"x012xx");
        let ((), empty) = file.read_exact_at(Vec::new(), 99).await.unwrap();
        assert_eq!(empty, b"");
    })
    .unwrap();
}

#[test]
fn an_early_end_is_an_error_and_what_was_read_is_in_the_buffer() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123456789");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let BufResult(result, buf) = file.read_exact_at(Vec::with_capacity(8), 7).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(buf, b"789");
    })
    .unwrap();
}

#[test]
fn short_reads_are_continued() {
    let dir = TempDir::new();
    annulus::run(async {
        // A pipe gives what it has: the two halves come in two reads.
        let (file, mut writer) = ends(&dir).await;
        writer.write_all(b"first,").unwrap();
        let reading = annulus::spawn(async move { file.read_exact_at(vec![0; 12], 0).await });
        annulus::yield_now().await;
        annulus::op::nop().await.unwrap();
        assert!(!reading.is_finished());
        writer.write_all(b"second").unwrap();
        assert_eq!(reading.await.unwrap().unwrap().1, b"first,second");
    })
    .unwrap();
}

#[test]
fn short_writes_are_continued() {
    let dir = TempDir::new();
    let content: Vec<u8> = (0..300_000).map(|index| (index % 251) as u8).collect();
    annulus::run(async {
        // A pipe has room for the first part only until that is read.
        let (file, mut reader) = ends(&dir).await;
        let (count, _) = file.write_at(content.clone(), 0).await.unwrap();
        assert!(count < content.len(), "{count}");
        let reading = std::thread::spawn(move || {
            let mut read = vec![0; count + 300_000];
            reader.read_exact(&mut read).unwrap();
            read
        });
        file.write_all_at(content.clone(), 0).await.unwrap();
        let read = reading.join().unwrap();
        assert!(read[..count] == content[..count] && read[count..] == content);
    })
    .unwrap();
}

#[test]
fn a_buffer_longer_than_the_kernel_takes_at_once_is_written_in_parts() {
    annulus::run(async {
        let null = File::options().write(true).open("/dev/null").await.unwrap();
        // Zeroed memory that nobody touches takes no room.
        let long = vec![0u8; TAKEN_MAX + 5000];
        let (count, long) = null.write_at(long, 0).await.unwrap();
        assert_eq!(count, TAKEN_MAX);
        let ((), long) = null.write_all_at(long, 0).await.unwrap();
        assert_eq!(long.len(), TAKEN_MAX + 5000);
    })
    .unwrap();
}

#[test]
fn an_error_in_the_middle_gives_the_buffer_back() {
    annulus::run(async {
        let full = File::options().write(true).open("/dev/full").await.unwrap();
        let BufResult(result, buf) = full.write_all_at("lost", 0).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(buf, "lost");
        let ((), empty) = full.write_all_at("", 0).await.unwrap();
        assert_eq!(empty, "");
    })
    .unwrap();
}

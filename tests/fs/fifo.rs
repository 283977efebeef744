//! Named pipes: files that one waits for.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use annulus::BufResult;
use annulus::fs::{self, File};

use crate::named_pipe::make_fifo;
use crate::poll::{poll_once, turn_until};
use crate::temp::TempDir;

async fn open_both_ways(path: &PathBuf) -> File {
    File::options().read(true).write(true).open(path).await.unwrap()
}

#[test]
fn a_read_that_takes_too_long_gives_its_buffer_back() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let file = open_both_ways(&fifo).await;
        let read = file.read_at(vec![7; 5], 0).timeout(Duration::from_millis(5));
        let BufResult(result, buf) = read.await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(buf, [7; 5]);
        file.write_all_at("ab", 0).await.unwrap();
        let read = file.read_at(vec![7; 5], 0).timeout(Duration::from_secs(60));
        assert_eq!(read.await.unwrap(), (2, b"ab\x07\x07\x07".to_vec()));
    })
    .unwrap();
}

#[test]
fn a_cancelled_read_gives_its_buffer_back() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let file = open_both_ways(&fifo).await;
        let mut read = file.read_at(vec![7; 5], 0);
        assert!(poll_once(&mut read).await.is_none());
        let BufResult(result, buf) = read.cancel().await;
        assert!(annulus::op::is_cancelled(&result.unwrap_err()));
        assert_eq!(buf, [7; 5]);
    })
    .unwrap();
}

#[test]
fn an_open_to_read_is_open_at_once_and_its_read_waits_for_a_writer() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let file = File::open(&fifo).await.unwrap();
        // Nobody is held up meanwhile, and where in the pipe means nothing.
        let mut read = file.read_at(vec![0; 8], 1000);
        for _ in 0..10 {
            assert!(poll_once(&mut read).await.is_none());
            annulus::op::nop().await.unwrap();
        }
        let mut writer = std::fs::File::options().write(true).open(&fifo).unwrap();
        assert!(poll_once(&mut read).await.is_none());
        writer.write_all(b"first").unwrap();
        assert_eq!(read.await.unwrap(), (5, b"first\0\0\0".to_vec()));
        let parts = vec![vec![0; 3], vec![0; 8]];
        let mut read = file.readv_at(parts, 5);
        assert!(poll_once(&mut read).await.is_none());
        writer.write_all(b"second").unwrap();
        assert_eq!(read.await.unwrap().0, 6);
        drop(writer);
        assert_eq!(file.read_at(vec![0; 8], 0).await.unwrap().0, 0, "the writer has gone");
    })
    .unwrap();
}

#[test]
fn a_named_pipe_is_read_whole_though_its_writer_comes_later() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let path = fifo.clone();
        let whole = annulus::spawn(async move { fs::read(&path).await });
        for _ in 0..10 {
            annulus::op::nop().await.unwrap();
        }
        assert!(!whole.is_finished());
        let writing = annulus::spawn_blocking(move || std::fs::write(fifo, "late"));
        assert_eq!(whole.await.unwrap().unwrap(), b"late");
        writing.await.unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn an_open_to_write_waits_for_a_reader() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let mut open = File::options().write(true).open(&fifo);
        assert!(poll_once(&mut open).await.is_none());
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read(fifo).unwrap()
        });
        let file = open.await.unwrap();
        file.write_all_at("hello", 0).await.unwrap();
        file.close().await.unwrap();
        assert_eq!(reader.join().unwrap(), b"hello");
    })
    .unwrap();
}

#[test]
fn an_open_to_write_without_waiting_says_that_nobody_reads() {
    // O_NONBLOCK; the test names no libc.
    const NONBLOCK: i32 = 0o4000;
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let open = File::options().write(true).custom_flags(NONBLOCK).open(&fifo).await;
        let theirs = std::os::unix::fs::OpenOptionsExt::custom_flags(
            std::fs::OpenOptions::new().write(true),
            NONBLOCK,
        )
        .open(&fifo);
        assert_eq!(open.unwrap_err().raw_os_error(), theirs.unwrap_err().raw_os_error());
    })
    .unwrap();
}

#[test]
fn an_open_that_waits_can_be_cancelled() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let mut open = File::options().write(true).open(&fifo);
        // The first try fails, as a rule; the second one waits.
        for _ in 0..3 {
            assert!(poll_once(&mut open).await.is_none());
            annulus::op::nop().await.unwrap();
        }
        let outcome = open.cancel().await;
        assert!(annulus::op::is_cancelled(&outcome.unwrap_err()));
    })
    .unwrap();
}

#[test]
fn an_open_that_takes_too_long_says_so() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        // The kernel waits in two ways: at its second try, and at its first when it may make one.
        for create in [false, true] {
            let open = File::options().write(true).create(create).open(&fifo);
            let error = open.timeout(Duration::from_millis(5)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        }
    })
    .unwrap();
}

#[test]
fn an_open_that_waits_can_be_given_up() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async {
        let open = File::options().write(true).open(&fifo);
        assert!(annulus::time::timeout(Duration::from_millis(5), open).await.is_err());
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

#[test]
fn a_named_pipe_is_read_to_its_end() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    let content: Vec<u8> = (0..200_000).map(|index| (index % 251) as u8).collect();
    // Opened both ways, it has a writer before it is read.
    let mut writer = std::fs::File::options().read(true).write(true).open(&fifo).unwrap();
    let writing = std::thread::spawn({
        let content = content.clone();
        move || writer.write_all(&content).unwrap()
    });
    let read = annulus::run(fs::read(&fifo)).unwrap().unwrap();
    writing.join().unwrap();
    assert!(read == content, "{} bytes", read.len());
}

#[test]
fn a_read_given_up_is_over_when_the_loop_says_so() {
    let dir = TempDir::new();
    let fifo = make_fifo(&dir);
    annulus::run(async {
        let file = open_both_ways(&fifo).await;
        let token = std::rc::Rc::new(());
        let mut read = file.read_at(Counted(vec![0; 5], token.clone()), 0);
        assert!(poll_once(&mut read).await.is_none());
        drop(read);
        // The kernel may still write to the buffer: it lives until the last word.
        turn_until(|| std::rc::Rc::strong_count(&token) == 1).await;
    })
    .unwrap();
}

/// A buffer that says when it is dropped.
struct Counted(Vec<u8>, #[expect(dead_code, reason = "counted")] std::rc::Rc<()>);

impl annulus::buf::IoBuf for Counted {
    fn as_init(&self) -> &[u8] {
        &self.0
    }
}

impl annulus::buf::IoBufMut for Counted {
    fn as_uninit(&mut self) -> &mut bytes::buf::UninitSlice {
        bytes::buf::UninitSlice::new(&mut self.0)
    }

    #[expect(unsafe_code, reason = "the room is initialised already")]
    unsafe fn set_init(&mut self, _len: usize) {}
}

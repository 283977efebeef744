//! What is written is read, by us and by std.

use annulus::BufResult;
use annulus::buf::IoBuf;
use annulus::fs::{self, File};

use crate::temp::TempDir;

#[test]
fn what_is_written_at_a_place_is_read_there_by_std() {
    let dir = TempDir::new();
    let path = dir.join("a");
    annulus::run(async {
        let file = File::create(&path).await.unwrap();
        assert_eq!(file.write_at("world", 6).await.unwrap().0, 5);
        assert_eq!(file.write_at("hello,", 0).await.unwrap().0, 6);
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"hello,world");
}

#[test]
fn what_std_has_written_is_read_at_a_place() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123456789");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let BufResult(read, buf) = file.read_at(Vec::with_capacity(4), 3).await;
        assert_eq!((read.unwrap(), &*buf), (4, &b"3456"[..]));
        let BufResult(read, buf) = file.read_at(vec![b'x'; 4].slice(1..3), 8).await;
        assert_eq!((read.unwrap(), &**buf.get_ref()), (2, &b"x89x"[..]));
    })
    .unwrap();
}

#[test]
fn a_read_at_the_end_is_short_and_past_it_empty() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123456789");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        assert_eq!(file.read_at(Vec::with_capacity(100), 7).await.unwrap(), (3, b"789".to_vec()));
        assert_eq!(file.read_at(Vec::with_capacity(100), 10).await.unwrap(), (0, Vec::new()));
        assert_eq!(file.read_at(Vec::with_capacity(100), 1 << 40).await.unwrap(), (0, Vec::new()));
    })
    .unwrap();
}

#[test]
fn whole_files_are_read_and_written_as_std_does() {
    let dir = TempDir::new();
    for len in [0, 1, 4096, 8191, 8192, 8193, 8256, 8257, 100_000, 1 << 20] {
        let content: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
        let (ours, theirs) = (dir.join("ours"), dir.file("theirs", &content));
        annulus::run(async {
            let read = fs::read(&theirs).await.unwrap();
            assert_eq!(read, content, "{len} bytes");
            assert!(read.capacity() <= len + len / 8 + 1, "{} for {len}", read.capacity());
            fs::write(&ours, content.clone()).await.unwrap();
        })
        .unwrap();
        assert_eq!(std::fs::read(&ours).unwrap(), content, "{len} bytes");
    }
}

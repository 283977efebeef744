//! Several buffers in one operation.

use annulus::BufResult;
use annulus::fs::File;

use crate::temp::TempDir;

#[test]
fn buffers_are_written_one_after_another() {
    let dir = TempDir::new();
    let path = dir.join("a");
    annulus::run(async {
        let file = File::create(&path).await.unwrap();
        let (count, bufs) = file.writev_at(["ab", "", "cde"], 2).await.unwrap();
        assert_eq!((count, bufs), (5, ["ab", "", "cde"]));
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"\0\0abcde");
}

#[test]
fn buffers_are_filled_one_after_another_and_the_last_only_in_part() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123456789");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let bufs: Vec<Vec<u8>> = [2, 0, 3, 9].map(Vec::with_capacity).into();
        let (count, bufs) = file.readv_at(bufs, 1).await.unwrap();
        assert_eq!(count, 9);
        assert_eq!(bufs, [&b"12"[..], b"", b"345", b"6789"]);
    })
    .unwrap();
}

#[test]
fn more_pieces_than_lie_in_the_operation_itself_are_lent_too() {
    let dir = TempDir::new();
    let path = dir.join("a");
    let pieces: Vec<Vec<u8>> = (0..1024u32).map(|piece| piece.to_le_bytes().to_vec()).collect();
    let whole = pieces.concat();
    annulus::run(async {
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        let (count, pieces) = file.writev_at(pieces, 0).await.unwrap();
        assert_eq!(count, whole.len());
        let room: Vec<Vec<u8>> = pieces.iter().map(|_| Vec::with_capacity(4)).collect();
        let (count, read) = file.readv_at(room, 0).await.unwrap();
        assert_eq!(count, whole.len());
        assert_eq!(read, pieces);
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn more_pieces_than_the_kernel_takes_are_refused_and_come_back() {
    let dir = TempDir::new();
    let path = dir.join("a");
    annulus::run(async {
        let file = File::create(&path).await.unwrap();
        let BufResult(result, bufs) = file.writev_at(vec!["x"; 1025], 0).await;
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(bufs.len(), 1025);
    })
    .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn no_pieces_at_all_are_nothing_to_do() {
    let dir = TempDir::new();
    let path = dir.file("a", "0123");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        assert_eq!(file.readv_at(Vec::<Vec<u8>>::new(), 0).await.unwrap().0, 0);
        let empty: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
        assert_eq!(file.readv_at(empty, 0).await.unwrap().0, 0);
    })
    .unwrap();
}

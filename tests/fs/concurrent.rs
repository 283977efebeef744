//! Many operations at one time.

use annulus::BufResult;
use annulus::fs::{self, File};

use crate::temp::TempDir;

/// The bytes of record `index`.
fn record(index: u32) -> Vec<u8> {
    index.to_le_bytes().repeat(256)
}

#[test]
fn a_thousand_reads_of_one_file_each_give_their_place() {
    let dir = TempDir::new();
    let content: Vec<u8> = (0..1000).flat_map(record).collect();
    let path = dir.file("a", content);
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let reads: Vec<_> = (0..1000u32)
            .map(|index| {
                let read = file.read_at(Vec::with_capacity(1024), u64::from(index) * 1024);
                annulus::spawn(async move {
                    let BufResult(count, buf) = read.await;
                    assert_eq!(count.unwrap(), 1024);
                    assert_eq!(buf, record(index));
                })
            })
            .collect();
        for read in reads {
            read.await.unwrap();
        }
    })
    .unwrap();
}

#[test]
fn a_thousand_writes_of_one_file_each_land_in_their_place() {
    let dir = TempDir::new();
    let path = dir.join("a");
    annulus::run(async {
        let file = File::create(&path).await.unwrap();
        let mut order: Vec<u32> = (0..1000).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut order);
        let writes: Vec<_> = order
            .into_iter()
            .map(|index| annulus::spawn(file.write_at(record(index), u64::from(index) * 1024)))
            .collect();
        for write in writes {
            assert_eq!(write.await.unwrap().unwrap().0, 1024);
        }
    })
    .unwrap();
    let expected: Vec<u8> = (0..1000).flat_map(record).collect();
    assert!(std::fs::read(&path).unwrap() == expected);
}

#[test]
fn three_hundred_files_are_made_read_and_removed_at_one_time() {
    let dir = TempDir::new();
    annulus::run(async {
        let tasks: Vec<_> = (0..300u32)
            .map(|index| {
                let path = dir.join(index.to_string());
                annulus::spawn(async move {
                    fs::write(&path, record(index)).await.unwrap();
                    assert_eq!(fs::read(&path).await.unwrap(), record(index));
                    assert_eq!(fs::metadata(&path).await.unwrap().len(), 1024);
                    fs::remove_file(&path).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    })
    .unwrap();
    assert_eq!(dir.names(), [""; 0]);
}

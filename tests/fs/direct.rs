//! Files past the kernel's cache.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;

use annulus::buf::AlignedBuf;
use annulus::fs::{DirectFile, File};

use crate::poll::poll_once;
use crate::temp::TempDir;

/// A direct file, unless this file system is nothing but a cache.
async fn create(dir: &TempDir) -> Option<DirectFile> {
    match DirectFile::create(dir.join("direct")).await {
        Ok(file) => Some(file),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            eprintln!("skipped: this file system has no O_DIRECT");
            None
        }
    }
}

#[test]
fn blocks_come_back_as_they_were_written() {
    let dir = TempDir::new();
    annulus::run(async {
        let Some(file) = create(&dir).await else { return };
        let block = file.offset_align();
        assert!(block.is_power_of_two() && file.memory_align().is_power_of_two());
        let flags =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.file().as_raw_fd()))
                .unwrap();
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        assert_ne!(flags & libc::O_DIRECT, 0, "the cache is passed by");
        let mut writes = Vec::new();
        for place in 0..8_u8 {
            let mut buf = file.buf(block);
            buf.resize(block);
            buf.fill(place);
            writes.push(file.write_at(buf, u64::from(place) * block as u64));
        }
        for write in annulus::task::join_all(writes).await {
            assert_eq!(write.unwrap().0, block);
        }
        let (count, buf) = file.read_at(file.buf(8 * block), 0).await.unwrap();
        assert_eq!(count, 8 * block);
        for (place, bytes) in buf.chunks_exact(block).enumerate() {
            assert!(bytes.iter().all(|byte| usize::from(*byte) == place), "block {place}");
        }
        // The end of the file cuts a read short, as everywhere.
        let (count, _) = file.read_at(file.buf(4 * block), 6 * block as u64).await.unwrap();
        assert_eq!(count, 2 * block);
        assert_eq!(file.read_at(file.buf(1), 8 * block as u64).await.unwrap().0, 0);
        // Others see it through the cache.
        let bytes = std::fs::read(dir.join("direct")).unwrap();
        assert_eq!((bytes.len(), bytes[7 * block]), (8 * block, 7));
        file.into_file().close().await.unwrap();
    })
    .unwrap();
}

#[test]
fn what_is_not_aligned_is_refused_with_the_numbers() {
    let dir = TempDir::new();
    annulus::run(async {
        let Some(file) = create(&dir).await else { return };
        let block = file.offset_align();
        let mut buf = file.buf(block);
        buf.resize(block);
        let (error, mut buf) = file.write_at(buf, 1).await.into_result().unwrap_err().into_parts();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("multiples of {block} bytes")), "{error}");
        buf.resize(block - 1);
        assert!(file.write_at(buf, 0).await.0.is_err());
        let odd = AlignedBuf::new(block + 1, 4096);
        assert_eq!(file.read_at(odd, 0).await.0.unwrap_err().kind(), ErrorKind::InvalidInput);
        if file.memory_align() > 1 {
            let loose = AlignedBuf::new(block, 1);
            assert!(file.read_at(loose, 0).await.0.is_err());
        }
        assert_eq!(file.file().metadata().await.unwrap().len(), 0, "nothing was written");
    })
    .unwrap();
}

#[test]
fn a_read_only_one_is_not_written_to_and_a_missing_one_is_not_found() {
    let dir = TempDir::new();
    annulus::run(async {
        let missing = DirectFile::open(dir.join("missing")).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        if create(&dir).await.is_none() {
            return;
        }
        let file = DirectFile::open_read_only(dir.join("direct")).await.unwrap();
        let mut buf = file.buf(1);
        buf.resize(buf.capacity());
        assert_eq!(file.write_at(buf, 0).await.0.unwrap_err().raw_os_error(), Some(libc::EBADF));
        drop(File::open(dir.join("direct")).await.unwrap());
    })
    .unwrap();
}

#[test]
fn large_reads_that_are_dropped_on_their_way_hold_nobody_up_and_keep_their_memory() {
    const MIB: usize = 1 << 20;
    let dir = TempDir::new();
    let runtime = annulus::Runtime::new().unwrap();
    runtime.block_on(async {
        let Some(file) = create(&dir).await else { return };
        let mut content = file.buf(4 * MIB);
        content.resize(4 * MIB);
        content.fill(7);
        file.write_at(content, 0).await.unwrap();
        for round in 0..10 {
            let read = |part: u64| Box::pin(file.read_at(file.buf(MIB), part % 4 * MIB as u64));
            let mut reads: Vec<_> = (0..16).map(read).collect();
            for read in &mut reads {
                assert!(poll_once(read).await.is_none());
            }
            if round % 2 == 0 {
                annulus::op::nop().await.unwrap();
            }
            // A device cannot take back what it has begun: the memory is the kernel's until then.
            drop(reads);
            let (count, bytes) = file.read_at(file.buf(MIB), 0).await.unwrap();
            assert!(count == MIB && bytes.iter().all(|byte| *byte == 7));
        }
        let mut last: Vec<_> =
            (0..16).map(|_| Box::pin(file.read_at(file.buf(4 * MIB), 0))).collect();
        for read in &mut last {
            assert!(poll_once(read).await.is_none());
        }
    });
    assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
}

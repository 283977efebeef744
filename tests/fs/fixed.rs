//! Buffers that are registered with the loop.

use std::time::Duration;

use annulus::buf::FixedBufs;
use annulus::fs::{DirectFile, File};
use annulus::{Builder, Opcode, Runtime};

use crate::temp::TempDir;

#[test]
fn registered_buffers_are_read_into_and_written_from() {
    let dir = TempDir::new();
    let runtime = Runtime::new().unwrap();
    let bufs = runtime.block_on(async {
        let bufs = FixedBufs::register(4, 4096).unwrap();
        let path = dir.join("file");
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        for round in 0..10_u8 {
            // The last one that was given back is the first to be taken.
            let mut others: Vec<_> = (0..round % 4).map(|_| bufs.get().unwrap()).collect();
            others.iter_mut().for_each(|buf| buf.extend_from_slice(&[99; 100]));
            let mut buf = bufs.get().unwrap();
            buf.extend_from_slice(&[round; 3000]);
            let (wrote, buf) = file.write_fixed_at(buf, 5).await.unwrap();
            assert_eq!((wrote, buf.len()), (3000, 3000));
            drop(buf);
            let (read, buf) = file.read_fixed_at(bufs.get().unwrap(), 4).await.unwrap();
            assert_eq!((read, buf[0]), (3001, 0));
            assert!(buf[1..].iter().all(|byte| *byte == round));
            assert!(others.iter().all(|buf| buf.iter().all(|byte| *byte == 99)), "another's");
        }
        assert_eq!(bufs.available(), 4);
        let busy = FixedBufs::register(1, 1).unwrap_err();
        assert_eq!(busy.raw_os_error(), Some(libc::EBUSY));
        bufs
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    // They outlive the loop as plain memory, and are so to another one.
    let path = dir.join("file");
    annulus::run(async {
        let file = File::open(&path).await.unwrap();
        let (read, buf) = file.read_fixed_at(bufs.get().unwrap(), 5).await.unwrap();
        assert_eq!((read, buf[2999]), (3000, 9));
        assert_eq!(file.read_at(buf, 3004).await.unwrap().0, 1);
    })
    .unwrap();
}

#[test]
fn it_is_the_kernels_opcode_for_them_that_is_used() {
    let dir = TempDir::new();
    let path = dir.file("file", "hello");
    let runtime = Builder::new().allow_ops([Opcode::OpenAt, Opcode::ReadFixed]).build().unwrap();
    runtime.block_on(async {
        let bufs = FixedBufs::register(1, 4096).unwrap();
        let file = File::open(&path).await.unwrap();
        let (read, buf) = file.read_fixed_at(bufs.get().unwrap(), 0).await.unwrap();
        assert_eq!((read, &*buf), (5, &b"hello"[..]));
        assert!(bufs.get().is_none());
        let error = file.read_at(buf, 0).await.0.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    });
}

#[test]
fn reads_that_are_given_up_give_their_buffers_back() {
    let dir = TempDir::new();
    annulus::run(async {
        let bufs = FixedBufs::register(2, 64 * 1024).unwrap();
        let path = dir.file("file", vec![7; 256 * 1024]);
        let file = match DirectFile::open(&path).await {
            Ok(file) => file.into_file(),
            Err(_) => File::open(&path).await.unwrap(),
        };
        for round in 0..100 {
            let Some(buf) = bufs.get() else {
                annulus::op::nop().await.unwrap();
                continue;
            };
            let mut read = file.read_fixed_at(buf, round % 3 * 64 * 1024);
            assert!(crate::poll::poll_once(&mut read).await.is_none());
            drop(read);
        }
        crate::poll::turn_until(|| bufs.available() == 2).await;
    })
    .unwrap();
    assert!(FixedBufs::register(1, 1).unwrap_err().to_string().contains("no annulus loop"));
}

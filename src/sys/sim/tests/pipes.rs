//! Pipes, moves, attributes and registered buffers, as a program uses them.

use std::time::Duration;

use super::*;
use crate::buf::FixedBufs;
use crate::fs::{self, File};
use crate::io::{splice, tee};
use crate::time::{sleep, timeout};

fn pipe() -> std::io::Result<[File; 2]> {
    let [reader, writer] = super::super::pipe()?;
    Ok([File::from_std(reader.into())?, File::from_std(writer.into())?])
}

/// It was asked to end, or a signal ended it, and nothing was moved.
fn is_harmless(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut};
    matches!(error.kind(), TimedOut | Interrupted) || error.raw_os_error() == Some(512)
}

fn byte(at: usize) -> u8 {
    (at % 251) as u8
}

/// Everything that one end wrote comes out of the other, through a second pipe that is moved to.
pub(super) async fn relay(length: usize, limit: Duration) -> std::io::Result<()> {
    let ([reader, writer], [far, near]) = (pipe()?, pipe()?);
    let source = crate::spawn(async move {
        let mut sent = 0;
        while sent < length {
            let bytes: Vec<u8> = (sent..length.min(sent + 5000)).map(byte).collect();
            if sent % 15_000 == 0 {
                sleep(limit).await;
            }
            // At most once: how much went out of a write that was dropped, nobody knows.
            sent += writer.write_at(bytes, 0).await.into_result()?.0;
        }
        writer.close().await
    });
    let middle = crate::spawn(async move {
        loop {
            let moved = splice(&reader, None, &near, None, 3000);
            match moved.timeout(limit).await {
                Ok(0) => return near.close().await,
                Ok(_) => {}
                Err(error) if is_harmless(&error) => {}
                Err(error) => return Err(error),
            }
        }
    });
    let mut received = 0;
    loop {
        // The kernel's own limit: a read by place that is dropped loses what it got.
        let crate::BufResult(read, bytes) = far.read_at(vec![0; 700], 0).timeout(limit).await;
        let count = match read {
            Ok(count) => count,
            Err(error) if is_harmless(&error) => continue,
            Err(error) => return Err(error),
        };
        if count == 0 {
            break;
        }
        for found in &bytes[..count] {
            assert_eq!(*found, byte(received), "byte {received} of the pipe");
            received += 1;
        }
    }
    source.await.expect("no panic")?;
    middle.await.expect("no panic")?;
    assert_eq!(received, length);
    Ok(())
}

#[test]
fn what_is_written_comes_out_of_the_other_end() {
    let (done, report) = run(1, Faults::none(), relay(200_000, Duration::from_secs(1)));
    done.unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
}

/// A write that nobody will ever read.
pub(super) async fn break_one() -> std::io::Result<()> {
    let [reader, writer] = pipe()?;
    reader.close().await?;
    let _broken = writer.write_at("x", 0).await;
    Ok(())
}

#[test]
fn pipes_lose_nothing_whatever_goes_wrong() {
    let mut passed = 0;
    for seed in 0..150 {
        let limit = Duration::from_micros(50 + seed * 7);
        let (done, report) = run(seed, Faults::swarm(seed), async move {
            timeout(Duration::from_secs(3600), relay(20_000, limit)).await
        });
        passed += u32::from(matches!(done, Ok(Ok(()))));
        assert_eq!(report.violations, Vec::<String>::new());
    }
    assert!(passed > 30, "{passed} of 150");
}

#[test]
fn a_copy_stays_where_it_was_and_a_closed_end_is_seen() {
    run(1, Faults::none(), async {
        let ([reader, writer], [far, near]) = (pipe()?, pipe()?);
        writer.write_at("abc", 0).await.into_result()?;
        assert_eq!(tee(&reader, &near, 100).await?, 3);
        for end in [&reader, &far] {
            let (count, bytes) = end.read_at(vec![0; 8], 0).await.into_result()?;
            assert_eq!(&bytes[..count], b"abc");
        }
        far.close().await?;
        let broken = near.write_at("x", 0).await.0.expect_err("nobody reads");
        assert_eq!(broken.kind(), std::io::ErrorKind::BrokenPipe);
        writer.close().await?;
        assert_eq!(reader.read_at(vec![0; 8], 0).await.into_result()?.0, 0);
        std::io::Result::Ok(())
    })
    .0
    .unwrap();
}

#[test]
fn a_registered_buffer_carries_what_a_file_holds() {
    run(1, Faults::none(), async {
        let bufs = FixedBufs::register(2, 4096)?;
        fs::write("/tmp/fixed", "from a file").await?;
        let file = fs::OpenOptions::new().read(true).write(true).open("/tmp/fixed").await?;
        let buf = bufs.get().expect("nobody has one yet");
        let (count, buf) = file.read_fixed_at(buf, 5).await.into_result()?;
        assert_eq!((count, &*buf), (6, &b"a file"[..]));
        let (written, _buf) = file.write_fixed_at(buf, 0).await.into_result()?;
        assert_eq!(written, 6);
        assert_eq!(fs::read("/tmp/fixed").await?, b"a file file");
        std::io::Result::Ok(())
    })
    .0
    .unwrap();
}

/// What was synced is there after a crash, and of the rest whatever the seed says.
#[test]
fn attributes_last_when_their_file_was_synced() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..40 {
        super::super::install(seed, Faults::none());
        crate::run(async {
            fs::write("/tmp/file", "x").await?;
            fs::set_xattr("/tmp/file", "user.first", "1").await?;
            File::open("/tmp/file").await?.sync_all().await?;
            File::open("/tmp").await?.sync_all().await?;
            fs::set_xattr("/tmp/file", "user.second", "2").await?;
            std::io::Result::Ok(())
        })
        .unwrap()
        .unwrap();
        super::super::crash(super::super::HostId(0));
        super::super::restart(super::super::HostId(0));
        crate::run(async {
            assert_eq!(fs::get_xattr("/tmp/file", "user.first").await?.as_deref(), Some(&b"1"[..]));
            match fs::get_xattr("/tmp/file", "user.second").await? {
                Some(value) => kept += u32::from(value == b"2"),
                None => lost += 1,
            }
            std::io::Result::Ok(())
        })
        .unwrap()
        .unwrap();
        super::super::uninstall();
    }
    assert!(kept > 0 && lost > 0, "{kept} kept, {lost} lost");
}

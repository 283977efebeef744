//! Pipes of the world.

use std::io;
use std::os::fd::OwnedFd;

/// A pipe of the host whose program runs on this thread: the end that is read from, and the one
/// that is written to. Outside of a [`World`](super::World) it is one of the real kernel's, so that
/// one program runs in both.
///
/// It holds 64 KiB, or as few bytes as `small-window` says.
///
/// # Errors
///
/// `EMFILE`, as the knob `no-descriptors` has it.
///
/// ```
/// use annulus::fs::File;
///
/// annulus::sim::run(1, async {
///     let (reader, writer) = annulus::sim::pipe()?;
///     let (reader, writer) = (File::from_std(reader.into())?, File::from_std(writer.into())?);
///     writer.write_at("some bytes", 0).await.into_result()?;
///     let (count, bytes) = reader.read_at(vec![0; 64], 0).await.into_result()?;
///     assert_eq!(&bytes[..count], b"some bytes");
///     std::io::Result::Ok(())
/// })??;
/// # std::io::Result::Ok(())
/// ```
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    crate::sys::sim::pipe().map(|[reader, writer]| (reader, writer))
}

//! Buffers that are registered with the loop's ring.

use std::io;

use crate::buf::FixedBufs;

impl FixedBufs {
    /// Makes `count` buffers of `size` bytes each (rounded up to whole pages) and registers them
    /// with the ring of this thread's loop: at most once for each loop. Since kernel 5.1.
    ///
    /// The memory is locked for as long as the loop lives, and counts against the user's limit
    /// (`ulimit -l`).
    ///
    /// # Errors
    ///
    /// `EBUSY` when this loop has registered buffers already; `ENOMEM` when the limit of locked
    /// memory does not allow it; outside a loop.
    ///
    /// # Panics
    ///
    /// When so much does not fit into memory.
    ///
    /// ```
    /// use annulus::buf::FixedBufs;
    /// use annulus::fs::File;
    ///
    /// # let path = std::env::temp_dir().join(format!("annulus-doc-fixed-{}", std::process::id()));
    /// # std::fs::write(&path, "hello")?;
    /// annulus::run(async {
    ///     let bufs = FixedBufs::register(16, 4096)?;
    ///     let file = File::open(&path).await?;
    ///     let buf = bufs.get().expect("nobody has one yet");
    ///     let (n, buf) = file.read_fixed_at(buf, 0).await.into_result()?;
    ///     assert_eq!((n, &*buf), (5, &b"hello"[..]));
    ///     std::io::Result::Ok(())
    /// })??;
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn register(count: u16, size: usize) -> io::Result<FixedBufs> {
        let registered = super::with(|driver| {
            let bufs = FixedBufs::allocate(count, size, driver.runtime);
            driver.ring.register_buffers(&bufs).map(|()| bufs)
        });
        registered.unwrap_or_else(|| Err(super::handle::outside()))
    }
}

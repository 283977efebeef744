//! How a file is opened.

use std::path::Path;

use super::File;
use crate::driver::Submit;
use crate::op::{self, Open};
use crate::sys::OpenFlags;

/// How a file is to be opened; std's builder of the same name, with a little more.
///
/// ```
/// use annulus::fs::OpenOptions;
///
/// # let dir = std::env::temp_dir().join(format!("annulus-doc-options-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// # let path = dir.join("log");
/// annulus::run(async {
///     let file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
///     file.write_all_at("hello", 0).await.into_result()?;
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_dir_all(&dir)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenOptions {
    flags: OpenFlags,
    mode: u32,
}

impl OpenOptions {
    /// Nothing is asked for yet.
    pub fn new() -> Self {
        OpenOptions { flags: OpenFlags::default(), mode: 0o666 }
    }

    /// The file can be read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.flags.read = read;
        self
    }

    /// The file can be written to; what is not written over stays.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.flags.write = write;
        self
    }

    /// Every write goes to the end of the file, whatever its offset, and at once: writes of several
    /// processes do not fall on each other.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.flags.append = append;
        self
    }

    /// The file is emptied as it is opened.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.flags.truncate = truncate;
        self
    }

    /// The file is made if there is none.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.flags.create = create;
        self
    }

    /// The file is made, and it is an error if there is one.
    ///
    /// With [`tmpfile`](Self::tmpfile), the file can never be given a name.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.flags.create_new = create_new;
        self
    }

    /// The permissions of a file that is made, before the process's `umask`; `0o666` at first.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode;
        self
    }

    /// Further flags of `open(2)`, such as `O_NOFOLLOW`; those of the access are left out.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.flags.custom = flags;
        self
    }

    /// Reads and writes go past the kernel's cache (`O_DIRECT`): their buffers, offsets and lengths
    /// must be aligned as the device wants it, 512 or 4096 bytes as a rule.
    pub fn direct(&mut self, direct: bool) -> &mut Self {
        self.flags.direct = direct;
        self
    }

    /// The path names a directory, and a file without a name is made on its file system
    /// (`O_TMPFILE`): it is gone when it is closed. Wants write access.
    pub fn tmpfile(&mut self, tmpfile: bool) -> &mut Self {
        self.flags.tmpfile = tmpfile;
        self
    }

    /// Opens the file.
    ///
    /// It waits where `open(2)` does, but for one place: a named pipe opened to be read is open at
    /// once, and it is its first read that waits for a writer. To be written to, it waits for a
    /// reader. A kernel worker waits, never the loop. Since kernel 5.6.
    ///
    /// # Cancellation
    ///
    /// When it is dropped in flight, the file may have been made, or emptied; its descriptor is
    /// closed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the options make no sense together, or the path has a NUL within; else
    /// what the system says: `NotFound`, `PermissionDenied`, `AlreadyExists`, `IsADirectory`, ….
    /// All of them when awaited.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn open(&self, path: impl AsRef<Path>) -> Submit<Open<File>> {
        op::open(path.as_ref(), self.flags, self.mode)
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions::new()
    }
}

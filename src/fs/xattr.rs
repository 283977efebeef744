//! Extended attributes: names with values that a file carries beside its content.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::off_loop::off_loop;
use crate::buf::{BufResult, IoBuf};
use crate::driver::Submit;
use crate::op::{self, SetXattr};
use crate::sys::xattr;

/// The room that is tried first; most values are shorter.
const FIRST_ROOM: usize = 256;

/// The value of an extended attribute of a file, or `None` without one of that name; of a link, of
/// what it leads to. The name begins with its class: `user.comment`. Since kernel 5.19.
///
/// # Errors
///
/// `NotFound` without the file, `PermissionDenied`; `Unsupported` of a file system without them;
/// `InvalidInput` for a path or name with a NUL within.
///
/// # Cancellation
///
/// Nothing is changed, so nothing can be lost.
///
/// ```
/// use annulus::fs;
///
/// # let path = std::env::temp_dir().join(format!("annulus-doc-xattr-{}", std::process::id()));
/// # std::fs::write(&path, "")?;
/// annulus::run(async {
///     match fs::set_xattr(&path, "user.origin", "somewhere").await {
///         Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(()),
///         set => set?,
///     }
///     let value = fs::get_xattr(&path, "user.origin").await?;
///     assert_eq!(value.as_deref(), Some(&b"somewhere"[..]));
///     assert_eq!(fs::list_xattr(&path).await?, ["user.origin"]);
///     fs::remove_xattr(&path, "user.origin").await?;
///     assert_eq!(fs::get_xattr(&path, "user.origin").await?, None);
///     std::io::Result::Ok(())
/// })??;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub async fn get_xattr(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
) -> io::Result<Option<Vec<u8>>> {
    let (path, name) = (path.as_ref(), Path::new(name.as_ref()));
    let mut room = Vec::with_capacity(FIRST_ROOM);
    loop {
        let BufResult(got, value) = op::get_xattr(path, name, room).await;
        match got {
            Ok(_) => return Ok(Some(value)),
            Err(error) if xattr::is_absent(&error) => return Ok(None),
            // It may grow between the question and the answer, so it is asked for again.
            Err(error) if xattr::is_too_long(&error) => {
                let len = op::get_xattr(path, name, Vec::new()).await.0?;
                room = Vec::with_capacity(len.max(FIRST_ROOM));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sets an extended attribute of a file, in place of the value that it may have; of a link, of what
/// it leads to. Since kernel 5.19.
///
/// # Errors
///
/// As for [`get_xattr`], and `ENOSPC`, `E2BIG` for a value that does not fit.
///
/// # Cancellation
///
/// Dropped in flight, it may have been set or not.
#[cfg_attr(debug_assertions, track_caller)]
pub fn set_xattr<B: IoBuf>(
    path: impl AsRef<Path>,
    name: impl AsRef<OsStr>,
    value: B,
) -> Submit<SetXattr<B>> {
    op::set_xattr(path.as_ref(), Path::new(name.as_ref()), value)
}

/// Takes an extended attribute from a file; of a link, from what it leads to.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// As for [`get_xattr`], and `ENODATA` without an attribute of that name.
///
/// # Cancellation
///
/// Dropped when it has begun, it is done all the same.
pub async fn remove_xattr(path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> io::Result<()> {
    let (path, name) = (path.as_ref().to_path_buf(), name.as_ref().to_owned());
    off_loop(move || xattr::remove(&path, &name)).await
}

/// The names of the extended attributes of a file, in no order; of a link, of what it leads to.
///
/// It is done on the blocking pool.
///
/// # Errors
///
/// As for [`get_xattr`].
///
/// # Cancellation
///
/// As for [`get_xattr`].
pub async fn list_xattr(path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
    let path = path.as_ref().to_path_buf();
    off_loop(move || xattr::list(&path)).await
}

//! Locks on whole files, between processes and between the handles of one.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use super::File;
use crate::sys::lock;
use crate::time::sleep;

/// The first pause before a lock is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(64));

/// Advisory locks (`flock(2)`): they bind those who ask for them.
///
/// A lock belongs to the open file: clones of the handle share it, and it is given back when the
/// last of them is closed. Taking one that is held already changes it to the new kind.
impl File {
    /// Locks the file, waiting until nobody else has a lock on it.
    ///
    /// The kernel cannot be asked to tell when a lock is free without a thread that waits for it.
    /// So the lock is tried again, after 1 ms first and at most 64 ms later on; who comes first
    /// gets it, in no order.
    ///
    /// # Errors
    ///
    /// `ENOLCK`; of a network file system, what its server says (there, asking holds up the loop
    /// for as long as the server takes).
    ///
    /// # Cancellation
    ///
    /// Dropped before it is done, it has taken no lock.
    ///
    /// ```
    /// use annulus::fs::File;
    ///
    /// # let path = std::env::temp_dir().join(format!("annulus-doc-lock-{}", std::process::id()));
    /// annulus::run(async {
    ///     let file = File::create(&path).await?;
    ///     file.lock().await?;
    ///     file.write_all_at("only one writes this", 0).await.into_result()?;
    ///     file.unlock()
    /// })??;
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn lock(&self) -> io::Result<()> {
        self.wait_for_lock(false).await
    }

    /// As [`lock`](Self::lock), together with others who lock it so.
    ///
    /// # Errors
    ///
    /// As for [`lock`](Self::lock).
    pub async fn lock_shared(&self) -> io::Result<()> {
        self.wait_for_lock(true).await
    }

    /// Locks the file if nobody else has a lock on it.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if somebody has; else as for [`lock`](Self::lock).
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        self.try_to_lock(false)
    }

    /// As [`try_lock`](Self::try_lock), together with others who lock it so.
    ///
    /// # Errors
    ///
    /// As for [`try_lock`](Self::try_lock).
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        self.try_to_lock(true)
    }

    /// Gives the lock back; without one, nothing happens.
    ///
    /// # Errors
    ///
    /// Of a network file system, what its server says.
    pub fn unlock(&self) -> io::Result<()> {
        lock::unlock(self.as_fd())
    }

    async fn wait_for_lock(&self, shared: bool) -> io::Result<()> {
        let (mut pause, longest) = PAUSES;
        while !lock::try_lock(self.as_fd(), shared)? {
            sleep(pause).await;
            pause = longest.min(pause * 2);
        }
        Ok(())
    }

    fn try_to_lock(&self, shared: bool) -> Result<(), TryLockError> {
        match lock::try_lock(self.as_fd(), shared) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TryLockError::WouldBlock),
            Err(error) => Err(TryLockError::Error(error)),
        }
    }
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum TryLockError {
    /// The system failed.
    Error(io::Error),
    /// Somebody else has a lock on the file.
    WouldBlock,
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Error(error) => error.fmt(f),
            TryLockError::WouldBlock => f.write_str("somebody else has a lock on the file"),
        }
    }
}

impl std::error::Error for TryLockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TryLockError::Error(error) => Some(error),
            TryLockError::WouldBlock => None,
        }
    }
}

impl From<TryLockError> for io::Error {
    fn from(error: TryLockError) -> Self {
        match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        }
    }
}

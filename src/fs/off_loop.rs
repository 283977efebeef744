//! Calls that have no opcode, on the blocking pool.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::blocking::{BlockingHandle, blocking_ready};

/// Runs a call on the pool, when there is room for it in the pool's queue.
///
/// Dropped before the call has begun, it is never made; one that has begun is brought to its end.
/// A panic in it goes on here.
pub(super) async fn off_loop<T, F>(call: F) -> io::Result<T>
where
    F: FnOnce() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    Call(blocking_ready().await.spawn(call)).await
}

/// A call on its way; taken back when dropped, if that is possible still.
#[derive(Debug)]
pub(super) struct Call<T>(BlockingHandle<io::Result<T>>);

impl<T: Send + 'static> Call<T> {
    pub(super) fn new(handle: BlockingHandle<io::Result<T>>) -> Self {
        Call(handle)
    }
}

impl<T> Future for Call<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(error.into()),
            },
        })
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

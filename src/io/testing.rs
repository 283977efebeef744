//! A scripted stream and the smallest of executors, for the tests of this room.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut, fill_from};

/// A stream that does what it was told: in pieces, with errors at given calls, with pauses.
///
/// It keeps the promises of the traits: nothing is taken or done before the last pause is over.
#[derive(Debug, Default)]
pub(super) struct Script {
    unread: Vec<u8>,
    written: Vec<u8>,
    /// How many bytes each call does at most, over and over; none: all that it can.
    chunks: Vec<usize>,
    errors: Vec<(usize, ErrorKind)>,
    /// How often every call is pending before it is ready.
    pauses: usize,
    calls: usize,
    pub(super) flushes: usize,
    pub(super) shutdowns: usize,
}

impl Script {
    pub(super) fn reading(bytes: &[u8]) -> Self {
        Script { unread: bytes.to_vec(), ..Script::default() }
    }

    pub(super) fn writing() -> Self {
        Script::default()
    }

    pub(super) fn chunks(mut self, chunks: impl IntoIterator<Item = usize>) -> Self {
        self.chunks = chunks.into_iter().collect();
        self
    }

    /// Fails the call of this number, counted from zero.
    pub(super) fn error_at(mut self, call: usize, kind: ErrorKind) -> Self {
        self.errors.push((call, kind));
        self
    }

    pub(super) fn pauses(mut self, pauses: usize) -> Self {
        self.pauses = pauses;
        self
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.written
    }

    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// The most that this call may do.
    async fn next_call(&mut self) -> io::Result<usize> {
        for _ in 0..self.pauses {
            pause().await;
        }
        let call = self.calls;
        self.calls += 1;
        if let Some((_, kind)) = self.errors.iter().find(|(at, _)| *at == call) {
            return Err(io::Error::from(*kind));
        }
        match self.chunks.len() {
            0 => Ok(usize::MAX),
            len => Ok(self.chunks[call % len]),
        }
    }
}

impl AsyncRead for Script {
    async fn read<B: IoBufMut>(&mut self, mut buf: B) -> BufResult<usize, B> {
        let most = match self.next_call().await {
            Ok(most) => most.min(self.unread.len()),
            Err(error) => return BufResult(Err(error), buf),
        };
        let n = fill_from(&mut buf, &self.unread[..most]);
        self.unread.drain(..n);
        BufResult(Ok(n), buf)
    }
}

impl AsyncWrite for Script {
    async fn write<B: IoBuf>(&mut self, buf: B) -> BufResult<usize, B> {
        let n = match self.next_call().await {
            Ok(most) => most.min(buf.init_len()),
            Err(error) => return BufResult(Err(error), buf),
        };
        self.written.extend_from_slice(&buf.as_init()[..n]);
        BufResult(Ok(n), buf)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.flushes += 1;
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.shutdowns += 1;
        Ok(())
    }
}

/// Is pending once.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls `future` whenever it was woken; panics when it is pending and nobody has woken it.
#[track_caller]
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut future = pin!(future);
    while flag.0.swap(false, Ordering::Relaxed) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
    }
    panic!("the future is pending and nobody has woken it");
}

/// Drops `future` after `polls` polls, unless it gives its output in one of them.
pub(super) fn drop_at<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
    }
    None
}

/// A generator of random numbers whose seed a failing test shows.
pub(super) fn random(seed: u64) -> fastrand::Rng {
    eprintln!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

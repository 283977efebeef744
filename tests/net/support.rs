//! What the tests share.

use std::future::Future;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Command, Output};
use std::task::{Context, Poll};
use std::time::Duration;

use annulus::BufResult;
use annulus::net::{TcpListener, TcpStream};

/// How long a test may take before it is said to hang.
pub(crate) const HANG: Duration = Duration::from_secs(20);

/// Runs a test in a loop of its own; one that hangs fails.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    annulus::run(bounded(test)).expect("a ring")
}

pub(crate) async fn bounded<F: Future>(future: F) -> F::Output {
    annulus::time::timeout(HANG, future).await.expect("the test hangs")
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A connection both ends of which are in the loop: the client's and the server's.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let client = TcpStream::connect(address).await.unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// A connection one end of which is std's, to look at the other from outside.
pub(crate) async fn half_foreign_pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(loopback()).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (foreign, _) = listener.accept().unwrap();
    foreign.set_read_timeout(Some(HANG)).unwrap();
    (stream, foreign)
}

/// Reads until `len` bytes are there.
pub(crate) async fn read_exact(stream: &TcpStream, len: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(len);
    while all.len() < len {
        let BufResult(count, buf) = stream.read(Vec::with_capacity(len - all.len())).await;
        assert_ne!(count.unwrap(), 0, "the stream ended after {} bytes", all.len());
        all.extend_from_slice(&buf);
    }
    all
}

/// Reads to the end of the stream.
pub(crate) async fn read_to_end(stream: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let (count, buf) = stream.read(Vec::with_capacity(64 * 1024)).await.into_result()?;
        if count == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&buf);
    }
}

/// Lets the loop turn a few times; then a foreign peer must be able to read to the end of the
/// stream, or to a reset. What it read before that.
pub(crate) async fn foreign_end(mut peer: std::net::TcpStream) -> Vec<u8> {
    settle().await;
    let mut all = Vec::new();
    match peer.read_to_end(&mut all) {
        Ok(_) => all,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => all,
        Err(error) => panic!("the peer saw neither the end nor a reset: {error}"),
    }
}

/// Lets the loop turn a few times, so that what was cancelled has ended.
pub(crate) async fn settle() {
    for _ in 0..4 {
        annulus::op::nop().await.unwrap();
    }
}

/// Polls a future once; its output, if it is ready.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A future that is dropped in the middle, after a number of polls.
pub(crate) struct DropAfter<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> DropAfter<F> {
    pub(crate) fn new(polls: usize, future: F) -> Self {
        DropAfter { future: Some(Box::pin(future)), polls }
    }
}

impl<F: Future> Future for DropAfter<F> {
    /// The output, when the future was done before it was dropped.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let future = self.future.as_mut().expect("it is polled until it is ready");
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => {
                self.future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Set in a process that one test has to itself.
const CHILD: &str = "ANNULUS_TEST_CHILD";

/// Whether this process was started by [`in_child`].
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test named `test` again, alone in a process, behind `wrapper` if there is one.
pub(crate) fn in_child(test: &str, wrapper: &[&str]) -> Output {
    let this = std::env::current_exe().expect("the test has a path");
    let mut words: Vec<std::ffi::OsString> = wrapper.iter().map(|&word| word.into()).collect();
    words.push(this.into());
    words.extend([test, "--exact", "--nocapture", "--test-threads", "1"].map(Into::into));
    let output = Command::new(&words[0]).args(&words[1..]).env(CHILD, "1").output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// How many descriptors this process has open.
pub(crate) fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("procfs").count()
}

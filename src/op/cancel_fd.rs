//! The end of every op on a descriptor

use std::os::fd::{AsFd, AsRawFd};

use crate::driver;

/// Asks for the end of every operation of this loop that is in flight on a descriptor, and says how
/// many those are.
///
/// Each of them ends as by [`Submit::cancel`](crate::op::Submit::cancel): who awaits it has the
/// exact outcome, an error for which [`is_cancelled`](crate::op::is_cancelled) is true or its
/// success, and the buffer. Nothing is lost, and the handle can be used as before. Operations that
/// begin later are not touched, nor are streams of items (`incoming`, `recv_stream`), which end when
/// they are dropped.
///
/// It finds the operations of all handles on the descriptor, such as the halves of a stream.
///
/// ```
/// use annulus::BufResult;
/// use annulus::net::{TcpListener, TcpStream};
/// use annulus::op;
///
/// # annulus::run(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let stream = TcpStream::connect(listener.local_addr()?).await?;
/// let (reader, writer) = stream.into_split();
/// let task = annulus::spawn(async move { reader.read(vec![0; 9]).await });
/// annulus::yield_now().await; // the read is in flight now
/// assert_eq!(op::cancel_fd(writer.as_ref()), 1);
/// let BufResult(read, buf) = task.await.unwrap();
/// assert!(op::is_cancelled(&read.unwrap_err()));
/// assert_eq!(buf.len(), 9);
/// # std::io::Result::Ok(())
/// # }).unwrap().unwrap();
/// ```
pub fn cancel_fd(handle: &impl AsFd) -> usize {
    let number = handle.as_fd().as_raw_fd();
    driver::with(|driver| driver.cancel_all_on(number)).unwrap_or(0)
}

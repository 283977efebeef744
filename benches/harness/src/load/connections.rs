//! Connections of the load generator, and how their answers are checked.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::Exchange;
use crate::{Error, patience};

/// How many connections may wait to be accepted before one is asked for an answer.
const UNANSWERED: usize = 256;

/// Long enough for the slowest server under a profiler; a hang ends here.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Opens `count` connections. Every so often one of them makes a whole exchange, which shows that
/// the server has accepted it and all before it, and that it does what it should.
pub fn connect(port: u16, count: usize, exchange: &Exchange) -> Result<Vec<TcpStream>, Error> {
    let mut streams: Vec<TcpStream> = Vec::with_capacity(count);
    for index in 0..count {
        let mut stream = connect_only(port)?;
        if (index + 1) % UNANSWERED == 0 || index + 1 == count {
            verify(&mut stream, exchange)?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// Opens one connection, of which nothing is left when it is closed.
pub fn connect_only(port: u16) -> Result<TcpStream, Error> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&server, PATIENCE)
        .map_err(|error| late(error, "was accepted"))?;
    stream.set_nodelay(true)?;
    set_reset_on_close(&stream)?;
    Ok(stream)
}

/// One exchange in the plain way, checked byte for byte.
pub fn verify(stream: &mut TcpStream, exchange: &Exchange) -> Result<(), Error> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut answer = vec![0; exchange.answer.len()];
    stream.write_all(&exchange.request).map_err(|error| late(error, "was read"))?;
    stream.read_exact(&mut answer).map_err(|error| late(error, "was answered"))?;
    if answer != exchange.answer {
        return Err("the server's answer is wrong".into());
    }
    stream.set_read_timeout(None)?;
    Ok(())
}

/// What went wrong with the plain exchange; a server that does nothing is one that hangs.
fn late(error: std::io::Error, what: &str) -> Error {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            patience::over(format!("nothing {what} within {} s", PATIENCE.as_secs()))
        }
        _ => format!("nothing {what}: {error}").into(),
    }
}

/// Closing leaves nothing behind on this machine, whose ports are needed for the next run.
fn set_reset_on_close(stream: &TcpStream) -> Result<(), Error> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = size_of_val(&linger) as libc::socklen_t;
    // SAFETY: `linger` is valid for the call and of the length given.
    let outcome = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            length,
        )
    };
    if outcome != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(())
}

/// How far the answer of one connection has come, checked as it comes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Progress {
    received: usize,
}

impl Progress {
    /// Takes `bytes`; whether the answer is whole. They must be the next of the answer.
    pub fn take(&mut self, bytes: &[u8], answer: &[u8]) -> Result<bool, Error> {
        let rest = &answer[self.received..];
        if bytes.len() > rest.len() {
            return Err("the server sent more than the answer".into());
        }
        // The ends of each piece are compared: all of it would cost as much as the exchange.
        let sample = bytes.len().min(16);
        let tail = bytes.len() - sample;
        if bytes[..sample] != rest[..sample] || bytes[tail..] != rest[tail..bytes.len()] {
            return Err("the server's answer is wrong".into());
        }
        self.received += bytes.len();
        if self.received < answer.len() {
            return Ok(false);
        }
        self.received = 0;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_pieces_is_whole_at_its_last_byte() {
        let answer: Vec<u8> = (0..100).collect();
        for at in 1..100 {
            let mut progress = Progress::default();
            assert!(!progress.take(&answer[..at], &answer).expect("the first piece"));
            assert!(progress.take(&answer[at..], &answer).expect("the second piece"));
        }
    }

    #[test]
    fn a_wrong_or_longer_answer_is_an_error() {
        let answer = [7; 64];
        assert!(Progress::default().take(&[7; 65], &answer).is_err());
        let mut wrong = [7; 64];
        wrong[63] = 8;
        assert!(Progress::default().take(&wrong, &answer).is_err());
    }
}

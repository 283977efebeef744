//! A conversation whose bytes are known in advance, in both directions.

use std::io;
use std::time::Duration;

use annulus::buf::BufResult;
use annulus::net::TcpStream;
use annulus::time::{Instant, sleep, timeout};

use super::disturb::polled;

/// One end of a connection.
pub(super) struct Connection {
    stream: TcpStream,
    /// Tells the connection from others.
    port: u16,
    is_client: bool,
    sent: u64,
    received: u64,
    /// Whether it is known what was sent.
    is_certain: bool,
    has_ended: bool,
}

/// The eight bytes of this place among the words of the stream in this direction.
fn word(port: u16, from_client: bool, place: u64) -> [u8; 8] {
    let seed = place ^ (u64::from(port) << 32) ^ (u64::from(from_client) << 60);
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

/// The bytes of the stream in this direction from `at` on.
fn bytes(port: u16, from_client: bool, at: u64, len: usize) -> Vec<u8> {
    let skipped = (at % 8) as usize;
    let mut bytes = Vec::with_capacity(len + 16);
    let words = (skipped + len).div_ceil(8) as u64;
    for place in at / 8..at / 8 + words {
        bytes.extend_from_slice(&word(port, from_client, place));
    }
    bytes.drain(..skipped);
    bytes.truncate(len);
    bytes
}

impl Connection {
    pub(super) fn new(stream: TcpStream, port: u16, is_client: bool) -> Connection {
        let (sent, received) = (0, 0);
        Connection { stream, port, is_client, sent, received, is_certain: true, has_ended: false }
    }

    /// Reads and writes in every way there is until something fails, or it has been enough.
    pub(super) async fn converse(mut self, mut rng: fastrand::Rng) {
        for _ in 0..rng.usize(1..400) {
            let done = match rng.u8(..10) {
                0..5 => self.receive(&mut rng).await,
                5..9 if self.is_certain => self.send(&mut rng).await,
                9 => self.both(&mut rng).await,
                _ => {
                    annulus::yield_now().await;
                    Ok(())
                }
            };
            if done.is_err() || self.has_ended {
                return;
            }
        }
        if rng.bool() && self.stream.shutdown(std::net::Shutdown::Write).await.is_ok() {
            // Until the end, unless the peer takes its time.
            while !self.has_ended {
                let more = timeout(Duration::from_millis(20), self.stream.recv()).await;
                let Ok(Ok(bytes)) = more else { return };
                self.check(&bytes);
                self.has_ended = bytes.is_empty();
            }
        }
    }

    /// What came must follow what came before, whatever was dropped in between.
    fn check(&mut self, found: &[u8]) {
        let expected = bytes(self.port, !self.is_client, self.received, found.len());
        if found != expected {
            let first = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            let byte = self.received + first.unwrap_or(0) as u64;
            panic!("byte {byte} of port {} is another", self.port);
        }
        self.received += found.len() as u64;
    }

    fn chunk(&self, len: usize) -> Vec<u8> {
        bytes(self.port, self.is_client, self.sent, len)
    }

    async fn receive(&mut self, rng: &mut fastrand::Rng) -> io::Result<()> {
        let limit = Duration::from_micros(rng.u64(..3000));
        let got = match rng.u8(..8) {
            0 => timeout(limit, self.stream.recv()).await.ok(),
            1 => Some(self.stream.recv().timeout(limit).await),
            2 => polled(self.stream.recv(), rng.usize(1..4)).await,
            3 => {
                annulus::select! {
                    got = self.stream.recv() => Some(got),
                    () = sleep(limit) => None,
                }
            }
            4 => {
                let mut recv = std::pin::pin!(self.stream.recv());
                match polled(recv.as_mut(), 1).await {
                    Some(got) => Some(got),
                    None => timeout(limit, recv).await.ok(),
                }
            }
            5 => return self.receive_many(rng).await,
            _ => return self.read(rng, limit).await,
        };
        let Some(got) = got else { return Ok(()) };
        match got {
            Ok(bytes) => {
                self.has_ended = bytes.is_empty();
                self.check(&bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn read(&mut self, rng: &mut fastrand::Rng, limit: Duration) -> io::Result<()> {
        let len = [1, 7, 100, 3000][rng.usize(..4)];
        let read = self.stream.read(Vec::with_capacity(len));
        let BufResult(outcome, bytes) = match rng.u8(..3) {
            0 => read.timeout(limit).await,
            1 => match timeout(limit, read).await {
                Ok(done) => done,
                Err(_elapsed) => return Ok(()),
            },
            // Cancelled and asked for its exact outcome.
            _ => read.cancel().await,
        };
        match outcome {
            Ok(count) => {
                assert_eq!(count, bytes.len());
                self.has_ended = count == 0;
                self.check(&bytes);
                Ok(())
            }
            Err(error) if is_harmless(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn receive_many(&mut self, rng: &mut fastrand::Rng) -> io::Result<()> {
        let mut taken = Vec::new();
        {
            let mut items = self.stream.recv_stream();
            for _ in 0..rng.usize(1..5) {
                let limit = Duration::from_micros(rng.u64(1..2000));
                match timeout(limit, items.next()).await {
                    Ok(Some(Ok(bytes))) => taken.push(bytes),
                    Ok(Some(Err(error))) if is_harmless(&error) => {}
                    Ok(Some(Err(error))) => return Err(error),
                    Ok(None) => {
                        self.has_ended = true;
                        break;
                    }
                    Err(_elapsed) => {}
                }
            }
        }
        for bytes in taken {
            self.has_ended |= bytes.is_empty();
            self.check(&bytes);
        }
        Ok(())
    }

    async fn send(&mut self, rng: &mut fastrand::Rng) -> io::Result<()> {
        let len = [1, 10, 500, 5000][rng.usize(..4)];
        let limit = Duration::from_micros(rng.u64(..3000));
        let bytes = self.chunk(len);
        let started = Instant::now();
        let BufResult(outcome, _bytes) = match rng.u8(..5) {
            0 => self.stream.write(bytes).timeout(limit).await,
            4 => self.stream.send_zc(bytes).timeout(limit).await,
            1 => self.stream.write(bytes).cancel().await,
            2 => match polled(self.stream.write(bytes), rng.usize(1..3)).await {
                Some(done) => done,
                None => {
                    // How much went out, nobody knows: this way is over.
                    self.is_certain = false;
                    return Ok(());
                }
            },
            _ => self.stream.write(bytes).timeout(Duration::from_millis(50)).await,
        };
        match outcome {
            Ok(count) => {
                assert!(count <= len, "more was sent than there is");
                self.sent += count as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                assert!(started.elapsed() >= limit.min(Duration::from_millis(50)), "early");
                Ok(())
            }
            Err(error) if is_harmless(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads and writes at the same time.
    async fn both(&mut self, rng: &mut fastrand::Rng) -> io::Result<()> {
        if !self.is_certain {
            return Ok(());
        }
        let limit = Duration::from_micros(rng.u64(1..3000));
        let bytes = self.chunk(rng.usize(1..2000));
        let (BufResult(written, _), read) = annulus::join!(
            self.stream.write(bytes).timeout(limit),
            self.stream.recv().timeout(limit),
        );
        if let Ok(bytes) = &read {
            self.has_ended = bytes.is_empty();
            self.check(bytes);
        }
        match written {
            Ok(count) => self.sent += count as u64,
            Err(error) if is_harmless(&error) => {}
            Err(error) => return Err(error),
        }
        match read {
            Err(error) if !is_harmless(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// It was asked to end, and nothing was moved.
fn is_harmless(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut || error.raw_os_error() == Some(125)
}

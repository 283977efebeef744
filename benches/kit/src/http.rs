//! The HTTP application that all contenders serve: parsed by `httparse`, answered with 13 bytes.

use std::sync::atomic::{AtomicU64, Ordering};

/// What every request is answered with.
pub const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/// How long the application works for each request, in rounds of a few instructions.
static SPINS: AtomicU64 = AtomicU64::new(0);

/// Has every request cost `spins` rounds of work, about a nanosecond each.
pub(crate) fn set_work(spins: u64) {
    SPINS.store(spins, Ordering::Relaxed);
}

fn work() {
    let mut number = 1u64;
    for _ in 0..SPINS.load(Ordering::Relaxed) {
        number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// What a request that cannot be parsed is answered with.
const REFUSAL: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The bytes are no HTTP; the refusal is in the answers, and the connection should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Answers every whole request in `bytes`, into `answers`; says how many bytes they took.
pub fn answer(bytes: &[u8], answers: &mut Vec<u8>) -> Result<usize, Malformed> {
    let mut taken = 0;
    while taken < bytes.len() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes[taken..]) {
            Ok(httparse::Status::Complete(length)) => {
                taken += length;
                work();
                answers.extend_from_slice(ANSWER);
            }
            Ok(httparse::Status::Partial) => break,
            Err(_) => {
                answers.extend_from_slice(REFUSAL);
                return Err(Malformed);
            }
        }
    }
    Ok(taken)
}

/// The beginning of a request whose end has not come yet, for servers that get bytes in chunks.
#[derive(Debug, Default)]
pub struct Remainder {
    bytes: Vec<u8>,
}

impl Remainder {
    /// Answers what `chunk` completes, into `answers`; keeps the rest. A chunk of whole requests,
    /// which nearly all are, is not copied.
    pub fn answer(&mut self, chunk: &[u8], answers: &mut Vec<u8>) -> Result<(), Malformed> {
        if self.bytes.is_empty() {
            let taken = answer(chunk, answers)?;
            self.bytes.extend_from_slice(&chunk[taken..]);
        } else {
            self.bytes.extend_from_slice(chunk);
            let taken = answer(&self.bytes, answers)?;
            self.bytes.drain(..taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

    #[test]
    fn each_whole_request_is_answered_and_the_rest_left() {
        let mut bytes = REQUEST.repeat(3);
        bytes.extend_from_slice(&REQUEST[..10]);
        let mut answers = Vec::new();
        assert_eq!(answer(&bytes, &mut answers), Ok(REQUEST.len() * 3));
        assert_eq!(answers, ANSWER.repeat(3));
    }

    #[test]
    fn requests_split_at_every_byte_are_answered_once() {
        let bytes = REQUEST.repeat(2);
        for at in 0..bytes.len() {
            let mut remainder = Remainder::default();
            let mut answers = Vec::new();
            remainder.answer(&bytes[..at], &mut answers).expect("the first part");
            remainder.answer(&bytes[at..], &mut answers).expect("the second part");
            assert_eq!(answers, ANSWER.repeat(2), "split at {at}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let mut answers = Vec::new();
        assert_eq!(answer(b"\0\0 nonsense\r\n\r\n", &mut answers), Err(Malformed));
        assert_eq!(answers, REFUSAL);
    }
}

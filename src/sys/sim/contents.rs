//! The bytes of a file on a simulated disk.

use super::rng::Rng;

/// Bytes that are written to a disk at once or not at all.
const SECTOR: usize = 512;

/// The bytes of a file: as they are read, and as they last.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) cached: Vec<u8>,
    lasting: Vec<u8>,
    unsynced: Vec<Write>,
    /// A write has failed behind the program's back: the next sync says so.
    pub(super) late_error: i32,
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Contents {
    /// Writes into the cache.
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.unsynced.push(Write::Bytes(at, bytes.to_vec()));
        put(&mut self.cached, at, bytes);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.unsynced.push(Write::Length(len));
        self.cached.resize(len, 0);
    }

    /// Makes what was written last; or says that some of it did not, once.
    pub(super) fn sync(&mut self) -> Result<(), i32> {
        let errno = std::mem::take(&mut self.late_error);
        if errno != 0 {
            // As Linux does: the error is told once, and what was not written stays unwritten.
            self.unsynced.clear();
            return Err(errno);
        }
        self.lasting.clone_from(&self.cached);
        self.unsynced.clear();
        Ok(())
    }

    /// What is left of it after a crash.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        let mut left = std::mem::take(&mut self.lasting);
        for write in self.unsynced.drain(..) {
            match (rng.below(3), write) {
                (0, _) => mark!("write lost in a crash"),
                (1, Write::Bytes(at, bytes)) if bytes.len() > SECTOR => {
                    mark!("write torn in a crash");
                    let sectors = (bytes.len() / SECTOR) as u64;
                    let count = rng.between(1, sectors) as usize * SECTOR;
                    put(&mut left, at, &bytes[..count]);
                }
                (_, Write::Bytes(at, bytes)) => put(&mut left, at, &bytes),
                (_, Write::Length(len)) => left.resize(len, 0),
            }
        }
        self.lasting.clone_from(&left);
        self.cached = left;
        self.late_error = 0;
    }
}

fn put(contents: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if contents.len() < at + bytes.len() {
        contents.resize(at + bytes.len(), 0);
    }
    contents[at..at + bytes.len()].copy_from_slice(bytes);
}

//! The memory that entries lend: the only place where the simulator follows their addresses.

use super::rng::Rng;

/// Bytes that an entry lends until its final completion.
///
/// It is made from what an enter submitted, and whoever enters has promised that this memory stays
/// valid, in place and unused until the completion (see `door::enter`). The simulator forgets it
/// with the op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) addr: u64,
    pub(super) len: usize,
}

impl Memory {
    pub(super) fn new(addr: u64, len: usize) -> Memory {
        Memory { addr, len }
    }

    /// Whether the kernel would answer `EFAULT`.
    pub(super) fn is_bad(&self) -> bool {
        self.addr == 0 && self.len > 0
    }

    /// Writes `bytes` at `at`, as far as there is room.
    pub(super) fn write(&self, at: usize, bytes: &[u8]) {
        let count = bytes.len().min(self.len.saturating_sub(at));
        if count == 0 {
            return;
        }
        let place = (self.addr as usize + at) as *mut u8;
        // SAFETY: the range lies within the lent memory, which is valid and nobody else's.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, count) }
    }

    /// Appends `count` bytes from `at` on to `to`.
    pub(super) fn read(&self, at: usize, count: usize, to: &mut Vec<u8>) {
        self.with(at, count, |bytes| to.extend_from_slice(bytes));
    }

    /// Lends `count` bytes from `at` on to `f`.
    pub(super) fn with<R>(&self, at: usize, count: usize, f: impl FnOnce(&[u8]) -> R) -> R {
        let count = count.min(self.len.saturating_sub(at));
        if count == 0 {
            return f(&[]);
        }
        let start = (self.addr as usize + at) as *const u8;
        // SAFETY: the range lies within the lent memory, which is valid, initialized and not
        // written to meanwhile.
        f(unsafe { std::slice::from_raw_parts(start, count) })
    }

    /// All of it.
    pub(super) fn to_vec(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len);
        self.read(0, self.len, &mut bytes);
        bytes
    }

    /// A record of a plain kind, such as the kernel's structures are; the memory is long enough.
    pub(super) fn read_as<T: Copy>(&self) -> T {
        assert!(
            self.len >= size_of::<T>(),
            "{} bytes hold no {} of them",
            self.len,
            size_of::<T>()
        );
        // SAFETY: the memory is valid and holds a record of this kind, which the opcode takes.
        unsafe { std::ptr::read_unaligned(self.addr as *const T) }
    }

    /// Writes a record of a plain kind.
    pub(super) fn write_as<T: Copy>(&self, value: T) {
        assert!(
            self.len >= size_of::<T>(),
            "{} bytes hold no {} of them",
            self.len,
            size_of::<T>()
        );
        // SAFETY: the memory is valid and takes a record of this kind.
        unsafe { std::ptr::write_unaligned(self.addr as *mut T, value) }
    }

    /// Fills all of it with noise, as a device may while the memory is lent.
    pub(super) fn scribble(&self, rng: &mut Rng) {
        let noise = [rng.next(); 32].map(u64::to_ne_bytes);
        let noise = noise.as_flattened();
        let mut at = 0;
        while at < self.len {
            self.write(at, &noise[..noise.len().min(self.len - at)]);
            at += noise.len();
        }
    }
}

/// The bytes of a C string.
pub(super) fn c_string(addr: u64) -> Vec<u8> {
    // SAFETY: an entry that names a path lends a string that ends with a NUL.
    unsafe { std::ffi::CStr::from_ptr(addr as *const _) }.to_bytes().to_vec()
}

/// The pieces of a vectored op, copied as the kernel copies them when the entry is submitted.
pub(super) fn pieces(addr: u64, count: usize) -> Vec<Memory> {
    (0..count as u64)
        .map(|index| {
            let place = Memory::new(addr + index * 16, 16);
            let [start, len] = place.read_as::<[u64; 2]>();
            Memory::new(start, len as usize)
        })
        .collect()
}

/// Spreads `bytes` over the pieces, each filled before the next.
pub(super) fn scatter(pieces: &[Memory], skip: usize, bytes: &[u8]) {
    let (mut skip, mut bytes) = (skip, bytes);
    for piece in pieces {
        if skip >= piece.len {
            skip -= piece.len;
            continue;
        }
        let count = bytes.len().min(piece.len - skip);
        piece.write(skip, &bytes[..count]);
        bytes = &bytes[count..];
        skip = 0;
        if bytes.is_empty() {
            return;
        }
    }
}

/// Collects `count` bytes of the pieces behind the first `skip`.
pub(super) fn gather(pieces: &[Memory], skip: usize, count: usize, to: &mut Vec<u8>) {
    let (mut skip, mut left) = (skip, count);
    for piece in pieces {
        if skip >= piece.len {
            skip -= piece.len;
            continue;
        }
        let taken = left.min(piece.len - skip);
        piece.read(skip, taken, to);
        left -= taken;
        skip = 0;
        if left == 0 {
            return;
        }
    }
}

/// The bytes of all the pieces.
pub(super) fn total(pieces: &[Memory]) -> usize {
    pieces.iter().map(|piece| piece.len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lend(bytes: &mut [u8]) -> Memory {
        Memory::new(bytes.as_mut_ptr() as u64, bytes.len())
    }

    #[test]
    fn bytes_are_scattered_and_gathered_over_pieces() {
        let (mut first, mut second) = ([0; 3], [0; 4]);
        let pieces = [lend(&mut first), lend(&mut second)];
        scatter(&pieces, 1, b"abcd");
        let mut all = Vec::new();
        gather(&pieces, 0, total(&pieces), &mut all);
        assert_eq!(all, b"\0abcd\0\0");
        let mut middle = Vec::new();
        gather(&pieces, 2, 2, &mut middle);
        assert_eq!(middle, b"bc");
    }

    #[test]
    fn nothing_is_written_past_the_end() {
        let mut bytes = *b"........";
        let memory = Memory::new(bytes.as_mut_ptr() as u64, 4);
        memory.write(2, b"abcd");
        assert_eq!(&bytes, b"..ab....");
        memory.scribble(&mut Rng::new(1));
        assert_eq!(&bytes[4..], b"....");
    }
}

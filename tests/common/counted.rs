//! Buffers that are counted: each is dropped once, and none is lost.

#![expect(unsafe_code, reason = "implements a buffer, whose `set_init` is unsafe to call")]

use std::cell::Cell;
use std::rc::Rc;

use annulus::buf::{IoBuf, IoBufMut};
use bytes::buf::UninitSlice;

/// How many buffers there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count(Rc<Cell<usize>>);

impl Count {
    /// A buffer with room for `size` bytes.
    pub(crate) fn buf(&self, size: usize) -> CountedBuf {
        self.0.set(self.0.get() + 1);
        CountedBuf { bytes: Vec::with_capacity(size), count: self.clone() }
    }

    /// A buffer that holds `bytes`.
    pub(crate) fn full(&self, bytes: &[u8]) -> CountedBuf {
        let mut buf = self.buf(0);
        buf.bytes = bytes.to_vec();
        buf
    }

    /// How many have not been dropped.
    pub(crate) fn alive(&self) -> usize {
        self.0.get()
    }
}

/// A buffer that is counted while it lives.
#[derive(Debug)]
pub(crate) struct CountedBuf {
    bytes: Vec<u8>,
    count: Count,
}

impl Drop for CountedBuf {
    fn drop(&mut self) {
        let alive = self.count.alive();
        self.count.0.set(alive.checked_sub(1).expect("no buffer is dropped twice"));
    }
}

impl IoBuf for CountedBuf {
    fn as_init(&self) -> &[u8] {
        &self.bytes
    }
}

impl IoBufMut for CountedBuf {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        self.bytes.as_uninit()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller's promise is about the same bytes.
        unsafe { self.bytes.set_init(len) }
    }
}

/// A buffer whose destructor panics.
#[derive(Debug)]
pub(crate) struct Panics {
    bytes: Vec<u8>,
}

impl Panics {
    pub(crate) fn new() -> Self {
        Panics { bytes: Vec::with_capacity(8) }
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("on purpose: a buffer was dropped");
    }
}

impl IoBuf for Panics {
    fn as_init(&self) -> &[u8] {
        &self.bytes
    }
}

impl IoBufMut for Panics {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        self.bytes.as_uninit()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller's promise is about the same bytes.
        unsafe { self.bytes.set_init(len) }
    }
}

/// A buffer that holds something else, which is dropped with it.
#[derive(Debug)]
pub(crate) struct Holds<T> {
    bytes: Vec<u8>,
    _held: T,
}

impl<T> Holds<T> {
    pub(crate) fn new(held: T) -> Self {
        Holds { bytes: Vec::with_capacity(8), _held: held }
    }
}

impl<T: Unpin + 'static> IoBuf for Holds<T> {
    fn as_init(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Unpin + 'static> IoBufMut for Holds<T> {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        self.bytes.as_uninit()
    }

    unsafe fn set_init(&mut self, len: usize) {
        // SAFETY: the caller's promise is about the same bytes.
        unsafe { self.bytes.set_init(len) }
    }
}

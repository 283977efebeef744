//! The loop's pool of provided buffers.
//!
//! The pool is made by the first op that wants it. An op that finds it empty falls back to memory
//! of its own (see `op::recv_pooled`), so exhaustion costs an allocation and never an error.
//!
//! Buffers that are still held when the loop ends keep the pool's memory alive; the last one to be
//! dropped frees it.

use std::collections::HashMap;
use std::io;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use super::Driver;
use crate::buf::{GiveBack, PooledBuf};
use crate::sys::{BufRing, Mapping, Ring};

/// The buffer group of the pool.
const GROUP: u16 = 0;

/// How large a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolConfig {
    /// Buffers, a power of two.
    pub(crate) count: u16,
    /// Bytes of each.
    pub(crate) size: u32,
}

impl Default for PoolConfig {
    fn default() -> Self {
        PoolConfig { count: 1024, size: 4096 }
    }
}

/// The pool, once it is made, and what has happened to it.
#[derive(Debug, Default)]
pub(super) struct Pool {
    config: PoolConfig,
    buffers: Option<BufRing>,
    /// Buffers that somebody holds.
    held: u32,
    /// How often an op found no buffer.
    pub(super) exhausted: u64,
}

/// Pools whose loop has ended while buffers were held, by the loop's number.
static ORPHANS: Mutex<Option<HashMap<u32, (Mapping, u32)>>> = Mutex::new(None);

impl Pool {
    pub(super) fn new(config: PoolConfig) -> Self {
        Pool { config, ..Pool::default() }
    }

    /// The group's number, after making the pool if need be.
    fn group(&mut self, ring: &Ring) -> io::Result<u16> {
        if self.buffers.is_none() {
            let PoolConfig { count, size } = self.config;
            self.buffers = Some(BufRing::register(ring, GROUP, count, size)?);
        }
        Ok(GROUP)
    }

    fn take(&mut self, id: u16) -> NonNull<u8> {
        let buffers = self.buffers.as_ref().expect("a completion named a buffer of the pool");
        self.held += 1;
        buffers.buffer(id)
    }

    fn give_back(&mut self, id: u16) {
        if let Some(buffers) = &mut self.buffers {
            if !planted!("buffer not returned") {
                buffers.provide(id);
            }
            self.held -= 1;
        }
    }

    /// Buffers in all, bytes of each, and how many are held.
    pub(super) fn usage(&self) -> (u16, u32, u32) {
        let count = self.buffers.as_ref().map_or(0, BufRing::count);
        (count, self.config.size, self.held)
    }

    /// Ends the pool with its loop; leaked ops may still fill its buffers, which are leaked then.
    pub(super) fn finish(self, ring: &Ring, runtime: u32, has_leaks: bool) {
        let Some(buffers) = self.buffers else { return };
        if !ring.is_own() {
            // A forked child neither unregisters the parent's buffers nor frees its copy of them.
            let _leaked = std::mem::ManuallyDrop::new(buffers);
            return;
        }
        #[cfg(feature = "sim")]
        crate::sys::sim::check_buffers(buffers.count(), self.held);
        let memory = buffers.unregister(ring);
        if has_leaks {
            let _leaked = std::mem::ManuallyDrop::new(memory);
        } else if self.held > 0 {
            let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
            orphans.get_or_insert_default().insert(runtime, (memory, self.held));
        }
    }
}

impl Driver {
    /// The buffer group to receive into and the size of its buffers.
    pub(crate) fn buffer_group(&mut self) -> io::Result<(u16, u32)> {
        let group = self.pool.group(&self.ring)?;
        Ok((group, self.pool.config.size))
    }

    /// Counts an op that found the pool empty; the size that its own memory is to have.
    pub(crate) fn note_exhausted(&mut self) -> u32 {
        mark!("receive with a buffer of its own");
        self.pool.exhausted += 1;
        self.pool.config.size
    }
}

/// The buffer that a completion named, with the bytes it was filled with.
#[expect(unsafe_code, reason = "a completion hands a filled buffer over")]
pub(crate) fn take_buffer(id: u16, len: usize) -> PooledBuf {
    let taken = super::with(|driver| (driver.pool.take(id), driver.runtime));
    let (start, runtime) = taken.expect("a completion is read in its loop");
    // SAFETY: the completion says that the kernel filled `len` bytes of this buffer and has
    // handed it over; it goes back to the kernel only when the `PooledBuf` is dropped, and the
    // mapping is kept while buffers are held.
    unsafe { PooledBuf::from_pool::<Home>(start, len as u32, id, runtime) }
}

/// Takes buffers back wherever they are dropped.
struct Home;

impl GiveBack for Home {
    fn give_back(runtime: u32, id: u16) {
        let here = super::with(|driver| {
            let own = driver.runtime == runtime;
            if own {
                driver.pool.give_back(id);
            }
            own
        });
        if here != Some(true)
            && !crate::remote::send_home(runtime, move || Home::give_back(runtime, id))
        {
            give_back_orphan(runtime);
        }
    }
}

fn give_back_orphan(runtime: u32) {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(map) = orphans.as_mut() else { return };
    let Some((_, held)) = map.get_mut(&runtime) else { return };
    *held -= 1;
    if *held == 0 {
        map.remove(&runtime);
    }
}

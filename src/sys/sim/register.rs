//! What a ring registers and asks.

use std::io;
use std::os::fd::RawFd;

use super::buffers::Group;
use super::codes;
use super::machine::Machine;
use super::memory::Memory;
use crate::sys::abi::{self, ProbeOp, RsrcUpdate};

/// `struct io_uring_buf_reg`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct BufferRegistration {
    addr: u64,
    entries: u32,
    group: u16,
    flags: u16,
    reserved: [u64; 3],
}

impl Machine {
    /// A registration with one of the simulator's rings; `None` if the descriptor is none.
    pub(super) fn register(
        &mut self,
        fd: RawFd,
        opcode: u32,
        arg: u64,
        count: u32,
    ) -> Option<io::Result<u32>> {
        let is_index = opcode & abi::REGISTER_USE_REGISTERED_RING != 0;
        let ring = self.ring_of(fd, is_index)?;
        self.look_around();
        let answer = match opcode & !abi::REGISTER_USE_REGISTERED_RING {
            abi::REGISTER_PROBE => Ok(self.probe(arg, count)),
            abi::REGISTER_RING_FDS => Ok(self.register_ring(arg)),
            abi::UNREGISTER_RING_FDS => Ok(self.end_ring(ring)),
            abi::REGISTER_BUFFERS => self.fix_buffers(ring, arg, count),
            abi::UNREGISTER_BUFFERS => self.unfix_buffers(ring),
            abi::REGISTER_PBUF_RING => self.register_buffers(ring, arg),
            abi::UNREGISTER_PBUF_RING => self.unregister_buffers(ring, arg),
            abi::REGISTER_IOWQ_MAX_WORKERS => Ok(0),
            _ => Err(libc::EINVAL),
        };
        Some(answer.map_err(io::Error::from_raw_os_error))
    }

    fn probe(&mut self, arg: u64, room: u32) -> u32 {
        let ops: Vec<u8> = codes::KNOWN.iter().map(|(opcode, _)| *opcode).collect();
        let last = ops.iter().copied().max().unwrap_or(0);
        let header = Memory::new(arg, 16);
        let len = (u32::from(last) + 1).min(room) as u8;
        header.write(0, &[last, len]);
        for op in 0..len {
            let flags = if ops.contains(&op) { abi::OP_SUPPORTED } else { 0 };
            let place = Memory::new(arg + 16 + u64::from(op) * 8, 8);
            place.write_as(ProbeOp { op, flags, ..ProbeOp::default() });
        }
        0
    }

    /// The index of a ring among the simulator's is its registered index.
    fn register_ring(&mut self, arg: u64) -> u32 {
        let place = Memory::new(arg, size_of::<RsrcUpdate>());
        let mut update: RsrcUpdate = place.read_as();
        let Some(ring) = self.ring_of(update.data as RawFd, false) else { return 0 };
        self.rings[ring].is_registered = true;
        update.offset = ring as u32;
        place.write_as(update);
        1
    }

    /// A ring is unregistered just before it is closed, and closing is what ends it.
    fn end_ring(&mut self, ring: usize) -> u32 {
        let left = self.rings[ring].in_flight;
        self.rings[ring].is_registered = false;
        self.rings[ring].is_closed = true;
        self.note("ring ends", ring as u64, left as i64);
        1
    }

    fn register_buffers(&mut self, ring: usize, arg: u64) -> Result<u32, i32> {
        let place = Memory::new(arg, size_of::<BufferRegistration>());
        let registration: BufferRegistration = place.read_as();
        let entries = registration.entries;
        if !entries.is_power_of_two() || entries > 32_768 || registration.addr % 4096 != 0 {
            return Err(libc::EINVAL);
        }
        let groups = &mut self.rings[ring].groups;
        if groups.contains_key(&registration.group) {
            return Err(libc::EEXIST);
        }
        groups.insert(registration.group, Group::new(registration.addr, entries as u16));
        Ok(0)
    }

    fn unregister_buffers(&mut self, ring: usize, arg: u64) -> Result<u32, i32> {
        let place = Memory::new(arg, size_of::<BufferRegistration>());
        let registration: BufferRegistration = place.read_as();
        match self.rings[ring].groups.remove(&registration.group) {
            Some(_) => Ok(0),
            None => Err(libc::ENOENT),
        }
    }
}

//! Buffers that are registered with a ring: reads and writes that name them.

use super::attempt::Tried;
use super::codes;
use super::machine::Machine;
use super::memory::{self, Memory};
use super::ops::OpId;

const BUFFERS_MAX: u32 = 1 << 14;

impl Machine {
    /// `IORING_REGISTER_BUFFERS`.
    pub(super) fn fix_buffers(&mut self, ring: usize, arg: u64, count: u32) -> Result<u32, i32> {
        if self.fixed.contains_key(&ring) {
            return Err(libc::EBUSY);
        }
        if count == 0 || count > BUFFERS_MAX {
            return Err(libc::EINVAL);
        }
        let buffers = memory::pieces(arg, count as usize);
        if buffers.iter().any(Memory::is_bad) {
            return Err(libc::EFAULT);
        }
        self.fixed.insert(ring, buffers);
        Ok(0)
    }

    /// `IORING_UNREGISTER_BUFFERS`.
    pub(super) fn unfix_buffers(&mut self, ring: usize) -> Result<u32, i32> {
        self.fixed.remove(&ring).map(|_| 0).ok_or(libc::ENXIO)
    }

    /// A read or a write whose memory must lie in the registered buffer that it names.
    pub(super) fn try_fixed(&mut self, id: OpId) -> Tried {
        let Some(op) = self.ops.get(id) else { return Tried::Later };
        let (memory, opcode, index) = (op.memory(), op.sqe.opcode, usize::from(op.sqe.buf_index));
        let buffer = self.fixed.get(&op.ring).and_then(|buffers| buffers.get(index));
        let Some(buffer) = buffer else { return Tried::error(libc::EFAULT) };
        let ends = |memory: &Memory| memory.addr + memory.len as u64;
        if memory.addr < buffer.addr || ends(&memory) > ends(buffer) {
            return Tried::error(libc::EFAULT);
        }
        match opcode {
            codes::READ_FIXED => self.try_read(id),
            _ => self.try_write(id),
        }
    }
}

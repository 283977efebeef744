//! Lent memory is written to at any time until the final completion, never after it.
//!
//! A program that reads its buffer early, or frees it, sees noise. What lay there comes back before
//! the completion, for an op that fills fewer bytes leaves the rest as it was.

use super::Fault;
use super::codes;
use super::machine::Machine;
use super::memory::Memory;
use super::ops::OpId;

impl Machine {
    /// Scribbles over the memory of an op that fills it.
    pub(super) fn garble(&mut self, id: OpId) {
        if self.faults.get(Fault::Garbage) == 0 {
            return;
        }
        let Some(op) = self.ops.get(id) else { return };
        let Some(memory) = filled(op) else { return };
        mark!("garbage in a lent buffer");
        let saved = memory.to_vec();
        memory.scribble(&mut self.rng);
        if let Some(op) = self.ops.get_mut(id) {
            op.saved = Some(saved);
        }
    }

    /// Scribbles over it once more and puts back what was behind the bytes that the op has filled.
    pub(super) fn ungarble(&mut self, id: OpId, res: i32) {
        let Some(op) = self.ops.get_mut(id) else { return };
        let Some(saved) = op.saved.take() else { return };
        let Some(memory) = filled(op) else { return };
        let count = usize::try_from(res).unwrap_or(0).min(memory.len);
        let mut data = Vec::with_capacity(count);
        memory.read(0, count, &mut data);
        memory.scribble(&mut self.rng);
        memory.write(count, &saved[count..]);
        memory.write(0, &data);
    }
}

/// The memory that an op with one buffer fills.
fn filled(op: &super::ops::Op) -> Option<Memory> {
    let fills = matches!(op.sqe.opcode, codes::READ | codes::RECV | codes::READ_FIXED);
    let memory = op.memory();
    (fills && !op.has_flag(codes::BUFFER_SELECT) && !memory.is_bad()).then_some(memory)
}

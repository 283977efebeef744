//! Rings of provided buffers: who owns each buffer.

use super::Fault;
use super::machine::Machine;
use super::memory::Memory;

/// One registered ring of buffers.
#[derive(Debug)]
pub(super) struct Group {
    addr: u64,
    entries: u16,
    head: u16,
    /// Up to where the user's tail has been read.
    seen: u16,
    /// The buffers that are the kernel's, by id.
    kernels: Vec<bool>,
    /// How many they are.
    free: usize,
}

/// A buffer that was taken for an op.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selected {
    pub(super) memory: Memory,
    pub(super) id: u16,
}

impl Group {
    pub(super) fn new(addr: u64, entries: u16) -> Group {
        Group { addr, entries, head: 0, seen: 0, kernels: Vec::new(), free: 0 }
    }

    /// Takes in what the user has provided since; the id of a buffer that the kernel had already.
    fn look(&mut self) -> Option<u16> {
        let tail: u16 = Memory::new(self.addr + 14, 2).read_as();
        let mut twice = None;
        while self.seen != tail {
            let id = self.entry(self.seen).id;
            let place = usize::from(id);
            if self.kernels.len() <= place {
                self.kernels.resize(place + 1, false);
            }
            if std::mem::replace(&mut self.kernels[place], true) {
                twice = Some(id);
            } else {
                self.free += 1;
            }
            self.seen = self.seen.wrapping_add(1);
        }
        twice
    }

    fn entry(&self, at: u16) -> Selected {
        let place = u64::from(at & (self.entries - 1));
        let entry = Memory::new(self.addr + place * 16, 16);
        let [addr, rest] = entry.read_as::<[u64; 2]>();
        Selected { memory: Memory::new(addr, rest as u32 as usize), id: (rest >> 32) as u16 }
    }

    /// The next buffer, without taking it.
    fn next(&self) -> Option<Selected> {
        (self.head != self.seen).then(|| self.entry(self.head))
    }

    fn take(&mut self) {
        if let Some(next) = self.next() {
            let was_free = std::mem::take(&mut self.kernels[usize::from(next.id)]);
            self.free -= usize::from(was_free);
            self.head = self.head.wrapping_add(1);
        }
    }

    /// How many buffers are the kernel's.
    pub(super) fn free(&self) -> usize {
        self.free
    }
}

impl Machine {
    /// The next buffer of a group; `None` when the group is empty or not there.
    pub(super) fn next_buffer(&mut self, ring: usize, group: u16) -> Option<Selected> {
        if self.chance(Fault::NoBuffers) {
            mark!("out of provided buffers");
            return None;
        }
        let group = self.rings[ring].groups.get_mut(&group)?;
        let (twice, count, size) = (group.look(), group.free(), group.entries);
        let next = group.next();
        if let Some(id) = twice {
            self.violation(format!("buffer {id} was provided while the kernel had it"));
        }
        if count > usize::from(size) {
            self.violation(format!("{count} buffers were provided in a ring of {size}"));
        }
        next
    }

    /// The current host's loop ends: what it does not hold, the kernel has.
    pub(super) fn check_buffers(&mut self, count: u16, held: u32) {
        let host = self.current;
        let is_of_host = |ring: &&mut super::ring::SimRing| ring.host == host && !ring.is_closed;
        let Some(ring) = self.rings.iter_mut().rev().find(is_of_host) else { return };
        let Some(group) = ring.groups.values_mut().next() else { return };
        group.look();
        let free = group.free();
        if free + held as usize != usize::from(count) {
            self.violation(format!("of {count} buffers the kernel has {free} and {held} are held"));
        }
    }

    /// Takes the buffer that was looked at.
    pub(super) fn take_buffer(&mut self, ring: usize, group: u16) {
        if let Some(group) = self.rings[ring].groups.get_mut(&group) {
            group.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring of two buffers as the user writes it; the tail lies in the first entry.
    fn ring(ids: [u16; 2], tail: u16) -> [[u64; 2]; 2] {
        let entry = |id: u16, tail: u16| [0x1000, 8 | u64::from(id) << 32 | u64::from(tail) << 48];
        [entry(ids[0], tail), entry(ids[1], 0)]
    }

    #[test]
    fn buffers_are_taken_in_the_order_they_were_given() {
        let memory = ring([5, 3], 2);
        let mut group = Group::new(memory.as_ptr() as u64, 2);
        assert_eq!(group.look(), None);
        assert_eq!(group.free(), 2);
        assert_eq!(group.next().map(|next| (next.id, next.memory.len)), Some((5, 8)));
        group.take();
        assert_eq!(group.next().map(|next| next.id), Some(3));
        group.take();
        assert!(group.next().is_none());
    }

    #[test]
    fn a_buffer_that_is_given_twice_is_found() {
        let memory = ring([5, 5], 2);
        let mut group = Group::new(memory.as_ptr() as u64, 2);
        assert_eq!(group.look(), Some(5));
    }
}

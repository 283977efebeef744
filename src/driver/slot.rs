//! The memory of ops in flight: cells that do not move, recycled by size.
//!
//! An op is moved into a cell before it is asked for pointers. From then on nobody touches the
//! cell until the kernel has posted the op's final completion; then the op is moved out and the
//! cell goes to the free list of its size class, so that a steady load allocates nothing.
//!
//! An [`OpCell`] has no destructor on purpose: a cell that is lost is leaked, never freed under
//! the kernel's hands.

#![expect(unsafe_code, reason = "moves ops in and out of type-erased memory")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::descriptor::FdRef;
use super::op::{Lane, Op};
use crate::growth;
use crate::sys::{Outcome, Prepared, Sqe};

/// Bytes of the cells of each class, header included: with the word that the usual allocators put
/// before each cell, as many as these really take.
const CLASSES: [usize; 9] = [56, 72, 88, 120, 152, 184, 248, 504, 1016];
const ALIGN: usize = 16;
/// What guards freed memory has to be told of each cell that is free.
const KEEPS_CELLS: bool = !cfg!(any(guard_pages, address_sanitizer, miri));

/// What stands before the op in each cell: the time of its linked timeout, if it has one.
#[repr(C, align(16))]
struct Header {
    timespec: [i64; 2],
}

/// How to handle the op in a cell when its type is not at hand.
struct VTable {
    layout: Layout,
    class: Option<usize>,
    type_id: fn() -> TypeId,
    name: &'static str,
    salvage: unsafe fn(NonNull<u8>, Outcome),
}

struct VTableOf<T>(T);

impl<T: Op> VTableOf<T> {
    const LAYOUT: Layout = {
        let size = size_of::<Header>() + size_of::<T>();
        let align = if align_of::<T>() > ALIGN { align_of::<T>() } else { ALIGN };
        assert!(align_of::<T>() <= ALIGN, "ops are aligned to 16 bytes at most");
        match Layout::from_size_align(size, align) {
            Ok(layout) => layout.pad_to_align(),
            Err(_) => panic!("an op larger than the address space"),
        }
    };

    const CLASS: Option<usize> = {
        let mut class = 0;
        while class < CLASSES.len() && CLASSES[class] < Self::LAYOUT.size() {
            class += 1;
        }
        if class < CLASSES.len() { Some(class) } else { None }
    };

    const VTABLE: &'static VTable = &VTable {
        layout: match Self::CLASS {
            Some(class) => match Layout::from_size_align(CLASSES[class], ALIGN) {
                Ok(layout) => layout,
                Err(_) => panic!("classes are small"),
            },
            None => Self::LAYOUT,
        },
        class: Self::CLASS,
        type_id: TypeId::of::<T>,
        name: T::NAME,
        salvage: salvage::<T>,
    };
}

/// The op in a cell, at its final address.
#[inline]
fn op_address(cell: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: every cell is larger than its header.
    unsafe { cell.add(size_of::<Header>()) }
}

/// # Safety
///
/// The cell holds an initialised `T` that nobody else refers to.
#[inline]
unsafe fn prepare<T: Op>(cell: NonNull<u8>) -> Prepared {
    let op = op_address(cell).cast::<T>();
    // SAFETY: promised by the caller; the reference ends when the SQE is detached.
    let op: &mut T = unsafe { &mut *op.as_ptr() };
    let sqe: Sqe<'_, T::Completed> = op.prepare();
    // SAFETY: the op stays in its cell, untouched, until `take` or `salvage`, which the slot
    // table calls after the final completion only; a cell that is lost is never freed.
    unsafe { sqe.detach() }
}

/// # Safety
///
/// As for [`prepare`]; the op is moved out of the cell.
unsafe fn salvage<T: Op>(cell: NonNull<u8>, outcome: Outcome) {
    // SAFETY: promised by the caller.
    let op = unsafe { op_address(cell).cast::<T>().read() };
    op.salvage(outcome.into_result());
}

/// One op in its cell.
pub(super) struct OpCell {
    memory: NonNull<u8>,
    vtable: &'static VTable,
}

impl OpCell {
    /// The op's name, for logs and dumps.
    pub(super) fn name(&self) -> &'static str {
        self.vtable.name
    }

    /// Writes the time of the op's linked timeout into the cell and lends it.
    pub(super) fn link_timeout(&mut self, timespec: [i64; 2]) -> Prepared {
        let header = self.memory.cast::<Header>();
        // SAFETY: the header is at the start of each cell, and only this function refers to it.
        let header: &mut Header = unsafe { &mut *header.as_ptr() };
        header.timespec = timespec;
        let sqe = Sqe::link_timeout(&header.timespec, true);
        // SAFETY: the cell stays in place as long as its op is in flight.
        unsafe { sqe.detach() }
    }
}

/// An abandoned op whose final completion has come: to be finished outside every borrow.
pub(crate) struct Salvage {
    cell: OpCell,
    outcome: Outcome,
    target: (Option<FdRef>, Option<Lane>),
}

impl Salvage {
    pub(super) fn new(
        cell: OpCell,
        outcome: Outcome,
        target: (Option<FdRef>, Option<Lane>),
    ) -> Self {
        Salvage { cell, outcome, target }
    }

    /// The descriptor and lane that wait for the end of this.
    pub(super) fn target(&self) -> (Option<FdRef>, Option<Lane>) {
        self.target
    }

    /// Hands the outcome to the op, which keeps or drops it; the empty cell comes back, and
    /// whether user code, the destructor of a buffer, panicked.
    pub(crate) fn finish(self) -> (EmptyCell, bool) {
        let OpCell { memory, vtable } = self.cell;
        let empty = EmptyCell { memory, vtable };
        let outcome = self.outcome;
        let finished = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the op is initialised and its final completion has come; a panic leaves its
            // cell without an op all the same, for the op was moved out first.
            unsafe { (vtable.salvage)(memory, outcome) }
        }));
        (empty, finished.is_err())
    }
}

impl std::fmt::Debug for Salvage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salvage")
            .field("op", &self.cell.name())
            .field("outcome", &self.outcome)
            .finish()
    }
}

/// A cell without an op, on its way to a free list.
pub(crate) struct EmptyCell {
    memory: NonNull<u8>,
    vtable: &'static VTable,
}

impl EmptyCell {
    fn free(self) {
        // SAFETY: the memory came from `allocate` with this layout and is empty.
        unsafe { dealloc(self.memory.as_ptr(), self.vtable.layout) }
    }
}

impl std::fmt::Debug for EmptyCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmptyCell").field("layout", &self.vtable.layout).finish()
    }
}

/// The free lists.
pub(super) struct Cells {
    free: [Vec<NonNull<u8>>; CLASSES.len()],
    /// Whether entries that the kernel has left in the queue may name cells of ops that are over.
    holds: bool,
    /// Cells that are to be freed when they do so no more.
    held: Vec<EmptyCell>,
}

impl Cells {
    pub(super) fn new() -> Self {
        Cells { free: [const { Vec::new() }; CLASSES.len()], holds: false, held: Vec::new() }
    }

    /// Frees no cell as long as the kernel has left entries in the submission queue.
    ///
    /// The first of them may be the timeout of a pair that was cut in two. Its time stands in the
    /// cell of an op that may well be over when the kernel comes to read it.
    #[inline]
    pub(super) fn hold_while(&mut self, has_leftovers: bool) {
        if self.holds != has_leftovers {
            self.set_holds(has_leftovers);
        }
    }

    #[cold]
    fn set_holds(&mut self, holds: bool) {
        self.holds = holds;
        if !holds {
            self.held.drain(..).for_each(EmptyCell::free);
        }
    }

    /// Moves `op` into a cell and asks it for its SQE there.
    #[inline(always)]
    pub(super) fn put<T: Op>(&mut self, op: T) -> (OpCell, Prepared) {
        let vtable = VTableOf::<T>::VTABLE;
        let recycled = vtable.class.and_then(|class| self.free[class].pop());
        let memory = recycled.unwrap_or_else(|| allocate(vtable.layout));
        // SAFETY: the memory has the vtable's layout, whose room behind the header fits a `T`, and
        // nobody else refers to it.
        unsafe { op_address(memory).cast::<T>().write(op) };
        // SAFETY: the op was just put there, and nobody else knows of the cell.
        let entry = unsafe { prepare::<T>(memory) };
        (OpCell { memory, vtable }, entry)
    }

    /// Moves the op out of a cell whose final completion has come, or that was never submitted.
    ///
    /// # Panics
    ///
    /// When the cell holds an op of another type, which would be a mistake of the driver.
    #[inline(always)]
    pub(super) fn take<T: Op>(&mut self, cell: OpCell) -> T {
        // A type may have several tables, so another address says nothing.
        let is_same = std::ptr::eq(cell.vtable, VTableOf::<T>::VTABLE)
            || (cell.vtable.type_id)() == TypeId::of::<T>();
        assert!(is_same, "a cell holds {}", cell.vtable.name);
        // SAFETY: the cell holds an initialised `T`; it is consumed here.
        let op = unsafe { op_address(cell.memory).cast::<T>().read() };
        self.recycle(EmptyCell { memory: cell.memory, vtable: cell.vtable });
        op
    }

    /// Puts an empty cell on the free list of its class.
    #[inline]
    pub(super) fn recycle(&mut self, cell: EmptyCell) {
        match cell.vtable.class {
            Some(class) if KEEPS_CELLS => growth::push(&mut self.free[class], cell.memory),
            _ if self.holds => self.held.push(cell),
            _ => cell.free(),
        }
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        self.set_holds(false);
        for (class, cells) in self.free.iter_mut().enumerate() {
            let layout = Layout::from_size_align(CLASSES[class], ALIGN).expect("classes are small");
            for cell in cells.drain(..) {
                // SAFETY: cells on a free list are empty and have the layout of their class.
                unsafe { dealloc(cell.as_ptr(), layout) }
            }
        }
    }
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: every cell's layout has room for at least the header.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::rc::Rc;

    use super::*;

    struct Probe<const N: usize> {
        token: Rc<()>,
        bytes: [u8; N],
    }

    impl<const N: usize> Op for Probe<N> {
        type Completed = ();
        type Output = (Rc<()>, io::Result<()>);
        const NAME: &'static str = "probe";

        fn prepare(&mut self) -> Sqe<'_, ()> {
            Sqe::nop()
        }

        fn complete(self, result: io::Result<()>) -> Self::Output {
            (self.token, result)
        }
    }

    #[test]
    fn an_op_comes_out_of_its_cell_as_it_went_in() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [7u8; 100] });
        assert_eq!(cell.name(), "probe");
        let op = cells.take::<Probe<100>>(cell);
        assert!(Rc::ptr_eq(&op.token, &token));
        assert_eq!(op.bytes, [7; 100]);
    }

    #[test]
    #[cfg_attr(any(guard_pages, address_sanitizer, miri), ignore = "cells are freed at once then")]
    fn a_cell_is_used_again_by_the_next_op_of_its_class() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [0u8; 60] });
        let first = cell.memory;
        cells.take::<Probe<60>>(cell);
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [0u8; 57] });
        assert_eq!(cell.memory, first);
        cells.take::<Probe<57>>(cell);
        assert_eq!(Rc::strong_count(&token), 1);
    }

    #[test]
    fn an_op_larger_than_every_class_has_its_own_memory() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [1u8; 5000] });
        assert_eq!(cells.take::<Probe<5000>>(cell).bytes, [1; 5000]);
        assert_eq!(Rc::strong_count(&token), 1);
    }

    #[test]
    fn no_cell_is_freed_while_entries_are_left_in_the_queue() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        cells.hold_while(true);
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [1u8; 5000] });
        cells.take::<Probe<5000>>(cell);
        assert_eq!(cells.held.len(), 1);
        assert_eq!(Rc::strong_count(&token), 1, "the op itself is gone");
        cells.hold_while(false);
        assert!(cells.held.is_empty());
        let (cell, _) = cells.put(Probe { token, bytes: [1u8; 5000] });
        cells.take::<Probe<5000>>(cell);
        assert!(cells.held.is_empty());
    }

    #[test]
    fn a_salvaged_op_is_dropped_once_and_its_cell_recycled() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        let (cell, _) = cells.put(Probe { token: token.clone(), bytes: [0u8; 10] });
        let (empty, _) = Salvage::new(cell, Outcome::CANCELLED, (None, None)).finish();
        assert_eq!(Rc::strong_count(&token), 1);
        cells.recycle(empty);
        let kept = cells.free.iter().map(Vec::len).sum::<usize>();
        assert_eq!(kept, usize::from(KEEPS_CELLS));
    }

    #[test]
    #[cfg_attr(any(address_sanitizer, miri), ignore = "it leaks, as it says")]
    fn a_lost_cell_is_leaked_and_not_dropped() {
        let mut cells = Cells::new();
        let token = Rc::new(());
        {
            let (_lost, _) = cells.put(Probe { token: token.clone(), bytes: [0u8; 10] });
        }
        assert_eq!(Rc::strong_count(&token), 2);
    }

    #[test]
    #[should_panic(expected = "a cell holds probe")]
    #[cfg_attr(any(address_sanitizer, miri), ignore = "the cell is lost")]
    fn a_cell_is_never_read_as_another_type() {
        let mut cells = Cells::new();
        let (cell, _) = cells.put(Probe { token: Rc::new(()), bytes: [0u8; 10] });
        cells.take::<Probe<11>>(cell);
    }
}

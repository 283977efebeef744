//! The memory of ops in flight: cells that do not move.
//!
//! An op is moved into a cell before it is asked for pointers. From then on nobody touches the
//! cell until the kernel has posted the op's final completion; then the op is moved out. Each slot
//! has a [`Seat`], whose cell stays there for the next op of its size class, so that a steady load
//! allocates nothing.
//!
//! An [`OpCell`] has no destructor on purpose, and a seat frees only a cell without an op: a cell
//! that is lost is leaked, never freed under the kernel's hands.

#![expect(unsafe_code, reason = "moves ops in and out of type-erased memory")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use super::descriptor::FdIndex;
use super::op::{Lane, Op};
use crate::sys::{Outcome, Prepared, Sqe};

/// Bytes of the cells of each class, header included: with the word that the usual allocators put
/// before each cell, as many as these really take.
const CLASSES: [usize; 9] = [56, 72, 88, 120, 152, 184, 248, 504, 1016];
const ALIGN: usize = 16;
/// What guards freed memory has to be told of each cell that is free.
const KEEPS_CELLS: bool = !cfg!(any(guard_pages, address_sanitizer, miri));
/// How many kinds of seats without an op there are: with a cell of each class, and without any.
pub(super) const EMPTY_KINDS: usize = CLASSES.len() + 1;
/// The kind of those without any.
pub(super) const BARE: usize = CLASSES.len();

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

/// What stands in a seat without an op, by kind.
static EMPTY: [VTable; EMPTY_KINDS] = {
    let mut all = [const { empty(None) }; EMPTY_KINDS];
    let mut class = 0;
    while class < CLASSES.len() {
        all[class] = empty(Some(class));
        class += 1;
    }
    all
};

const fn empty(class: Option<usize>) -> VTable {
    unsafe fn nothing(_cell: NonNull<u8>, _outcome: Outcome) {}
    let layout = match class {
        Some(class) => class_layout(class),
        None => Layout::new::<Header>(),
    };
    VTable { layout, class, type_id: TypeId::of::<NoOp>, name: "", salvage: nothing }
}

enum NoOp {}

const fn class_layout(class: usize) -> Layout {
    match Layout::from_size_align(CLASSES[class], ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("classes are small"),
    }
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

    /// The kind of seat that the op is put into.
    const KIND: usize = match Self::CLASS {
        Some(class) => class,
        None => BARE,
    };

    /// The kind of seat that it leaves behind.
    const LEFT: usize = if KEEPS_CELLS { Self::KIND } else { BARE };

    const VTABLE: &'static VTable = &VTable {
        layout: match Self::CLASS {
            Some(class) => class_layout(class),
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
}

/// An abandoned op whose final completion has come: to be finished outside every borrow.
pub(crate) struct Salvage {
    cell: OpCell,
    outcome: Outcome,
    target: (Option<FdIndex>, Option<Lane>),
}

impl Salvage {
    pub(super) fn new(
        cell: OpCell,
        outcome: Outcome,
        target: (Option<FdIndex>, Option<Lane>),
    ) -> Self {
        Salvage { cell, outcome, target }
    }

    /// The descriptor and lane that wait for the end of this.
    pub(super) fn target(&self) -> (Option<FdIndex>, Option<Lane>) {
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
    /// Whether it is kept for another op.
    pub(super) fn is_kept(&self) -> bool {
        KEEPS_CELLS && self.vtable.class.is_some()
    }

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

/// Frees cells, but none as long as the kernel has left entries in the submission queue.
///
/// The first of those may be the timeout of a pair that was cut in two. Its time stands in the cell
/// of an op that may well be over when the kernel comes to read it.
#[derive(Default)]
pub(super) struct Freeing {
    holds: bool,
    /// Cells that are to be freed when no entry is left any more.
    held: Vec<EmptyCell>,
}

impl Freeing {
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

    pub(super) fn free(&mut self, cell: EmptyCell) {
        if self.holds { self.held.push(cell) } else { cell.free() }
    }
}

impl Drop for Freeing {
    fn drop(&mut self) {
        self.set_holds(false);
    }
}

/// The kind of seat that an op of type `T` is put into.
#[inline(always)]
pub(super) fn kind_of<T: Op>() -> usize {
    VTableOf::<T>::KIND
}

/// The kind of seat that an op of type `T` leaves behind.
#[inline(always)]
pub(super) fn kind_after<T: Op>() -> usize {
    VTableOf::<T>::LEFT
}

/// Where the op of a slot lies; the cell stays when the op has left.
pub(super) struct Seat {
    /// Dangling in a bare seat.
    memory: NonNull<u8>,
    /// Of the op, or one of [`EMPTY`].
    vtable: &'static VTable,
}

impl Seat {
    pub(super) fn bare() -> Seat {
        Seat { memory: NonNull::dangling(), vtable: &EMPTY[BARE] }
    }

    /// Whether an op lies here.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        !EMPTY.as_ptr_range().contains(&std::ptr::from_ref(self.vtable))
    }

    /// The name of the op that lies here, for logs and dumps.
    pub(super) fn name(&self) -> &'static str {
        self.vtable.name
    }

    /// Moves `op` here and asks it for its SQE. Where that panics, the op is lost and the seat is as
    /// it was.
    ///
    /// # Panics
    ///
    /// When the seat is of another kind than the op's, which would be a mistake of the driver.
    #[inline(always)]
    pub(super) fn put<T: Op>(&mut self, op: T) -> Prepared {
        assert!(std::ptr::eq(self.vtable, &EMPTY[VTableOf::<T>::KIND]), "a seat of another kind");
        if VTableOf::<T>::CLASS.is_none() {
            self.memory = allocate(VTableOf::<T>::LAYOUT);
        }
        // SAFETY: the memory has a layout whose room behind the header fits a `T`, for it is of the
        // op's class or was just made for it, and no op lies there.
        unsafe { op_address(self.memory).cast::<T>().write(op) };
        // SAFETY: the op was just put there, and nobody else knows of the cell.
        let entry = unsafe { prepare::<T>(self.memory) };
        self.vtable = VTableOf::<T>::VTABLE;
        entry
    }

    /// Moves the op out when its final completion has come; a cell that is not kept goes to `freeing`.
    ///
    /// # Panics
    ///
    /// When an op of another type lies here, or none, which would be a mistake of the driver.
    #[inline(always)]
    pub(super) fn take<T: Op>(&mut self, freeing: &mut Freeing) -> T {
        // A type may have several tables, so another address says nothing.
        let is_same = std::ptr::eq(self.vtable, VTableOf::<T>::VTABLE)
            || (self.vtable.type_id)() == TypeId::of::<T>();
        assert!(is_same, "here lies {:?}", self.vtable.name);
        // SAFETY: an initialised `T` lies here; from here on none does.
        let op = unsafe { op_address(self.memory).cast::<T>().read() };
        self.vtable = &EMPTY[VTableOf::<T>::LEFT];
        if VTableOf::<T>::LEFT == BARE {
            freeing.free(EmptyCell { memory: self.memory, vtable: VTableOf::<T>::VTABLE });
        }
        op
    }

    /// Hands the op out with its cell; the seat is bare then.
    pub(super) fn leave(&mut self) -> Option<OpCell> {
        if !self.is_taken() {
            return None;
        }
        let memory = std::mem::replace(&mut self.memory, NonNull::dangling());
        let vtable = std::mem::replace(&mut self.vtable, &EMPTY[BARE]);
        Some(OpCell { memory, vtable })
    }

    /// Makes a bare seat one of `kind`.
    pub(super) fn furnish(&mut self, kind: usize) {
        if kind != BARE {
            self.settle(EmptyCell { memory: allocate(EMPTY[kind].layout), vtable: &EMPTY[kind] });
        }
    }

    /// Puts an empty cell into a bare seat; the kind that the seat is of then.
    pub(super) fn settle(&mut self, cell: EmptyCell) -> usize {
        assert!(std::ptr::eq(self.vtable, &EMPTY[BARE]), "the seat is not bare");
        let class = cell.vtable.class.expect("a cell that is kept has a class");
        (self.memory, self.vtable) = (cell.memory, &EMPTY[class]);
        class
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

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.is_taken() && !std::ptr::eq(self.vtable, &EMPTY[BARE]) {
            // SAFETY: the memory came from `allocate` with the layout of its class and is empty.
            unsafe { dealloc(self.memory.as_ptr(), self.vtable.layout) }
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
mod tests;

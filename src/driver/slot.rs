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

pub(super) use self::freeing::Freeing;
use super::descriptor::FdIndex;
use super::op::{Lane, Op, Prepare};
use crate::sys::{Outcome, Prepared, Sqe};

/// Bytes of the cells of each class: with the word that the usual allocators put before each cell,
/// as many as these really take.
const CLASSES: [usize; 11] = [24, 40, 56, 72, 88, 120, 152, 184, 248, 504, 1016];
const ALIGN: usize = 16;
/// What guards freed memory has to be told of each cell that is free.
const KEEPS_CELLS: bool = !cfg!(any(guard_pages, address_sanitizer, miri));
/// How many kinds of seats without an op there are: with a cell of each class, and without any.
pub(super) const EMPTY_KINDS: usize = CLASSES.len() + 1;
/// The kind of those without any.
pub(super) const BARE: usize = CLASSES.len();

/// The time of a linked timeout, which stands behind the op in the cell of one that has it.
type Timespec = [i64; 2];

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
        None => Layout::new::<Timespec>(),
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

/// Ops of type `T`, with a timeout or without.
struct VTableOf<T, const TIMED: bool>(T);

impl<T: Op, const TIMED: bool> VTableOf<T, TIMED> {
    /// Where the time of the timeout stands.
    const TIMESPEC_AT: usize = size_of::<T>().next_multiple_of(align_of::<Timespec>());

    const LAYOUT: Layout = {
        assert!(align_of::<T>() <= ALIGN, "ops are aligned to 16 bytes at most");
        let timespec = if TIMED { size_of::<Timespec>() } else { 0 };
        match Layout::from_size_align(Self::TIMESPEC_AT + timespec, ALIGN) {
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

/// # Safety
///
/// The cell holds an initialised `T` that nobody else refers to.
#[inline]
unsafe fn prepare<T: Op>(cell: NonNull<u8>, by: Prepare<T>) -> Prepared {
    let op = cell.cast::<T>();
    // SAFETY: promised by the caller; the reference ends when the SQE is detached.
    let op: &mut T = unsafe { &mut *op.as_ptr() };
    let sqe: Sqe<'_, T::Completed> = by(op);
    // SAFETY: the op stays in its cell, untouched, until `take` or `salvage`, which the slot
    // table calls after the final completion only; a cell that is lost is never freed.
    unsafe { sqe.detach() }
}

/// # Safety
///
/// As for [`prepare`]; the op is moved out of the cell.
unsafe fn salvage<T: Op>(cell: NonNull<u8>, outcome: Outcome) {
    // SAFETY: promised by the caller.
    let op = unsafe { cell.cast::<T>().read() };
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

/// The kind of seat that an op of type `T`, with a timeout or without, is put into.
#[inline(always)]
pub(super) fn kind_of<T: Op, const TIMED: bool>() -> usize {
    VTableOf::<T, TIMED>::KIND
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

    /// Moves `op` here and has `by` build its SQE. Where that panics, the op is lost and the seat is as
    /// it was.
    ///
    /// # Panics
    ///
    /// When the seat is of another kind than the op's, which would be a mistake of the driver.
    #[inline(always)]
    pub(super) fn put<T: Op>(&mut self, op: T, by: Prepare<T>) -> Prepared {
        self.put_either::<T, false>(op, by)
    }

    /// The same with an op that has a linked timeout, whose time and entry are kept and given too.
    pub(super) fn put_timed<T: Op>(
        &mut self,
        op: T,
        by: Prepare<T>,
        timespec: Timespec,
    ) -> (Prepared, Prepared) {
        let entry = self.put_either::<T, true>(op, by);
        // SAFETY: a cell of this layout has room there, which is no part of the op.
        let place = unsafe { self.memory.add(VTableOf::<T, true>::TIMESPEC_AT) };
        let place = place.cast::<Timespec>();
        // SAFETY: the place is aligned, and nobody else refers to it.
        unsafe { place.write(timespec) };
        // SAFETY: it was just written.
        let timeout = Sqe::link_timeout(unsafe { place.as_ref() }, true);
        // SAFETY: the cell stays in place, and its time as it is, as long as its op is in flight.
        let timeout = unsafe { timeout.detach() };
        if planted!("cell touched in flight") {
            // SAFETY: there is none but that it is valid memory: the kernel has it. That is the bug.
            unsafe { place.write(timespec) };
        }
        (entry, timeout)
    }

    /// The time that is kept for the timeout of the op of type `T` that lies here.
    #[cfg(test)]
    fn timespec<T: Op>(&self) -> Timespec {
        // SAFETY: the tests ask for what was put by `put_timed`.
        let place = unsafe { self.memory.add(VTableOf::<T, true>::TIMESPEC_AT) };
        // SAFETY: the time was written there.
        unsafe { place.cast::<Timespec>().read() }
    }

    #[inline(always)]
    fn put_either<T: Op, const TIMED: bool>(&mut self, op: T, by: Prepare<T>) -> Prepared {
        let kind = VTableOf::<T, TIMED>::KIND;
        assert!(std::ptr::eq(self.vtable, &EMPTY[kind]), "a seat of another kind");
        if kind == BARE {
            self.memory = allocate(VTableOf::<T, TIMED>::LAYOUT);
        }
        // SAFETY: the memory has a layout that fits a `T`, for it is of the op's class or was just
        // made for it, and no op lies there.
        unsafe { self.memory.cast::<T>().write(op) };
        // SAFETY: the op was just put there, and nobody else knows of the cell.
        let entry = unsafe { prepare::<T>(self.memory, by) };
        self.vtable = VTableOf::<T, TIMED>::VTABLE;
        entry
    }

    /// Moves the op out when its final completion has come, and says the kind of seat that it leaves
    /// behind; a cell that is not kept goes to `freeing`.
    ///
    /// # Panics
    ///
    /// When an op of another type lies here, or none, which would be a mistake of the driver.
    #[inline(always)]
    pub(super) fn take<T: Op>(&mut self, freeing: &mut Freeing) -> (T, usize) {
        let is_plain = std::ptr::eq(self.vtable, VTableOf::<T, false>::VTABLE);
        let left = if is_plain { VTableOf::<T, false>::LEFT } else { self.left_by::<T>() };
        // SAFETY: an initialised `T` lies here; from here on none does.
        let op = unsafe { self.memory.cast::<T>().read() };
        let vtable = std::mem::replace(&mut self.vtable, &EMPTY[left]);
        if left == BARE {
            freeing.free(EmptyCell { memory: self.memory, vtable });
        }
        (op, left)
    }

    /// The kind of seat that an op of type `T` leaves behind, whose table is not the usual one: it has
    /// a timeout, or its type has several tables.
    #[inline(never)]
    fn left_by<T: Op>(&self) -> usize {
        let VTable { class, type_id, name, .. } = *self.vtable;
        assert!(type_id() == TypeId::of::<T>(), "here lies {name:?}");
        class.filter(|_| KEEPS_CELLS).unwrap_or(BARE)
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
    // SAFETY: the layout of a class is not empty, nor is that of an op too large for them.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

mod freeing;
#[cfg(test)]
mod tests;

//! The memory of tasks: a block for each, which the next task of about that size uses again.
//!
//! A server spawns tasks of a few kinds all the time, a connection's, a request's. Their blocks come
//! from free lists by size, so that a steady load allocates none.

#![expect(unsafe_code, reason = "owns a task without its type in a block of memory")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::NonNull;

use super::cell::Run;
use super::table::with;
use crate::growth;

/// Blocks differ by this.
const STEP: usize = 16;
/// How long the shortest is. With the word that the usual allocators put before each block, every
/// class is as long as what they really take.
const SHORTEST: usize = 24;
const ALIGN: usize = 16;
/// Tasks above the last of these classes have memory of the allocator's.
const CLASSES: usize = 32;
/// What the free list of one class keeps at the most, in bytes.
const KEPT_MAX: usize = 64 << 20;

/// A task at its place, owned.
pub(super) struct BoxedTask {
    task: NonNull<dyn Run>,
}

impl BoxedTask {
    pub(super) fn new<T: Run + 'static>(task: T) -> BoxedTask {
        let mut task = Some(task);
        let boxed = with(|tasks| task.take().map(|task| BoxedTask::of(task, &mut tasks.blocks)));
        // Outside of a loop no blocks are kept.
        let boxed = boxed.flatten();
        boxed.or_else(|| Some(BoxedTask::of(task?, &mut Blocks::new()))).expect("one of the two")
    }

    /// A task in one of these blocks, or in a new one.
    #[inline]
    pub(super) fn of<T: Run + 'static>(task: T, blocks: &mut Blocks) -> BoxedTask {
        let layout = Layout::new::<T>();
        let kept = class_of(layout).and_then(|class| blocks.take(class));
        let block = kept.unwrap_or_else(|| allocate(block_layout(layout))).cast::<T>();
        // SAFETY: the block is nobody else's, and a class is as large and aligned as its tasks are.
        unsafe { block.write(task) };
        BoxedTask { task: block }
    }

    /// Puts the block of a task, in which there is [nothing](Rest::Nothing) any more, among these.
    #[inline]
    pub(super) fn recycle(self, blocks: &mut Blocks) {
        let layout = Layout::for_value(&*self);
        let block = ManuallyDrop::new(self).task.cast();
        if !class_of(layout).is_some_and(|class| blocks.keep(class, block)) {
            // SAFETY: the block came from `allocate` with this layout, and what is in it has no
            // destructor.
            unsafe { dealloc(block.as_ptr(), block_layout(layout)) }
        }
    }

    /// Where the task lies, whoever owns it.
    #[inline]
    pub(super) fn address(&self) -> NonNull<dyn Run> {
        self.task
    }

    #[inline]
    pub(super) fn as_mut(&mut self) -> Pin<&mut dyn Run> {
        // SAFETY: the task was written there and is dropped with `self`, which is borrowed.
        let task = unsafe { self.task.as_mut() };
        // SAFETY: a task stays at its place until it is dropped there.
        unsafe { Pin::new_unchecked(task) }
    }
}

impl Deref for BoxedTask {
    type Target = dyn Run;

    fn deref(&self) -> &Self::Target {
        // SAFETY: the task was written there and is dropped with `self`, which is borrowed.
        unsafe { self.task.as_ref() }
    }
}

impl Drop for BoxedTask {
    #[inline]
    fn drop(&mut self) {
        let layout = Layout::for_value(&**self);
        // A destructor that panics must not lose the block.
        let _block = Emptied { block: self.task.cast(), layout };
        // SAFETY: the task is dropped here and never used again.
        unsafe { self.task.drop_in_place() };
    }
}

/// The block of a task that is no more.
struct Emptied {
    block: NonNull<u8>,
    layout: Layout,
}

impl Drop for Emptied {
    #[inline]
    fn drop(&mut self) {
        let Emptied { block, layout } = *self;
        if let Some(class) = class_of(layout) {
            if with(|tasks| tasks.blocks.keep(class, block)) == Some(true) {
                return;
            }
        }
        // SAFETY: the block came from `allocate` with this layout, and is empty.
        unsafe { dealloc(block.as_ptr(), block_layout(layout)) }
    }
}

/// Blocks without a task, by class.
pub(super) struct Blocks {
    free: [Vec<NonNull<u8>>; CLASSES],
}

impl Blocks {
    pub(super) fn new() -> Self {
        Blocks { free: [const { Vec::new() }; CLASSES] }
    }

    #[inline]
    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.free[class].pop()
    }

    /// Keeps a block; `false` when there are enough of its class.
    #[inline]
    fn keep(&mut self, class: usize, block: NonNull<u8>) -> bool {
        let free = &mut self.free[class];
        let has_room = free.len() * length(class) < KEPT_MAX;
        if has_room {
            growth::push(free, block);
        }
        has_room
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for (class, blocks) in self.free.iter_mut().enumerate() {
            for block in blocks.drain(..) {
                // SAFETY: blocks on a free list came from `allocate` with the layout of their
                // class, and are empty.
                unsafe { dealloc(block.as_ptr(), layout_of_class(class)) }
            }
        }
    }
}

/// The class of tasks of this layout, if they have one.
#[inline]
fn class_of(layout: Layout) -> Option<usize> {
    let class = layout.size().saturating_sub(SHORTEST).div_ceil(STEP);
    (class < CLASSES && layout.align() <= ALIGN).then_some(class)
}

/// How long the blocks of a class are.
#[inline]
fn length(class: usize) -> usize {
    SHORTEST + class * STEP
}

#[inline]
fn layout_of_class(class: usize) -> Layout {
    Layout::from_size_align(length(class), ALIGN).expect("classes are small")
}

/// What is allocated for a task of this layout.
#[inline]
fn block_layout(task: Layout) -> Layout {
    class_of(task).map_or(task, layout_of_class)
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: a class has room, and a task that is too large for them all has a size as well.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;
    use std::task::Poll;

    use super::super::cell::{Cell, Plain};
    use super::*;
    use crate::task::testing::run_alone;

    fn address(task: &BoxedTask) -> usize {
        task.task.cast::<u8>().addr().get()
    }

    /// A task that holds `value` and is done at its first poll.
    fn holding<T: 'static>(value: T) -> BoxedTask {
        let future = poll_fn(move |_| {
            let _held = &value;
            Poll::Ready(())
        });
        BoxedTask::new(Cell::Running(future, Plain))
    }

    #[test]
    fn a_block_is_used_again_by_a_task_of_its_class_and_by_no_other() {
        run_alone(async {
            let first = holding([0u8; 100]);
            let block = address(&first);
            drop(first);
            let other = holding([0u8; 200]);
            assert_ne!(address(&other), block);
            let same = holding([1u8; 99]);
            assert_eq!(address(&same), block);
        });
    }

    #[test]
    fn tasks_of_any_size_and_alignment_are_dropped_once() {
        #[repr(align(64))]
        struct Aligned(#[expect(dead_code, reason = "it has a size")] u8);

        let token = Rc::new(());
        let tasks = [
            holding(Rc::clone(&token)),
            holding((Rc::clone(&token), [0u8; 5000])),
            holding((Rc::clone(&token), Aligned(0))),
            holding(()),
        ];
        assert_eq!(address(&tasks[2]) % 64, 0);
        assert_eq!(Rc::strong_count(&token), 4);
        drop(tasks);
        assert_eq!(Rc::strong_count(&token), 1);
    }

    #[test]
    fn a_block_outlives_a_destructor_that_panics() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in a destructor");
            }
        }
        run_alone(async {
            let bomb = holding(Bomb);
            let block = address(&bomb);
            assert!(catch_unwind(AssertUnwindSafe(|| drop(bomb))).is_err());
            assert_eq!(address(&holding(())), block);
        });
    }
}

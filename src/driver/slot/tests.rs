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

fn probe<const N: usize>(token: &Rc<()>) -> Probe<N> {
    Probe { token: token.clone(), bytes: [7; N] }
}

/// A seat with an op.
fn taken<const N: usize>(token: &Rc<()>) -> Seat {
    let mut seat = Seat::bare();
    seat.furnish(kind_of::<Probe<N>, false>());
    let _entry = seat.put(probe::<N>(token), Op::prepare);
    seat
}

#[test]
fn an_op_comes_out_of_its_seat_as_it_went_in() {
    let token = Rc::new(());
    let mut seat = taken::<100>(&token);
    assert!(seat.is_taken());
    assert_eq!(seat.name(), "probe");
    let (op, _) = seat.take::<Probe<100>>(&mut Freeing::default());
    assert!(!seat.is_taken());
    assert!(Rc::ptr_eq(&op.token, &token));
    assert_eq!(op.bytes, [7; 100]);
}

#[test]
#[cfg_attr(any(guard_pages, address_sanitizer, miri), ignore = "cells are freed at once then")]
fn a_cell_is_used_again_by_the_next_op_of_its_class() {
    let token = Rc::new(());
    let mut seat = taken::<60>(&token);
    let first = seat.memory;
    drop(seat.take::<Probe<60>>(&mut Freeing::default()));
    let _entry = seat.put(probe::<57>(&token), Op::prepare);
    assert_eq!(seat.memory, first);
    drop(seat.take::<Probe<57>>(&mut Freeing::default()));
    assert_eq!(Rc::strong_count(&token), 1);
}

#[test]
fn an_op_larger_than_every_class_has_its_own_memory() {
    let token = Rc::new(());
    let mut seat = taken::<5000>(&token);
    assert_eq!(seat.take::<Probe<5000>>(&mut Freeing::default()).0.bytes, [7; 5000]);
    assert_eq!(Rc::strong_count(&token), 1);
    assert!(std::ptr::eq(seat.vtable, &EMPTY[BARE]));
}

#[test]
fn the_time_of_a_timeout_stands_behind_the_op_and_its_cell_is_used_again() {
    let token = Rc::new(());
    let kind = kind_of::<Probe<40>, true>();
    assert!(kind > kind_of::<Probe<40>, false>(), "the time takes room");
    let mut seat = Seat::bare();
    seat.furnish(kind);
    let (_entry, _timeout) = seat.put_timed(probe::<40>(&token), Op::prepare, [12, 34]);
    assert_eq!(seat.timespec::<Probe<40>>(), [12, 34]);
    let (op, left) = seat.take::<Probe<40>>(&mut Freeing::default());
    assert_eq!(op.bytes, [7; 40]);
    assert_eq!(left, if KEEPS_CELLS { kind } else { BARE });
}

#[test]
fn no_cell_is_freed_while_entries_are_left_in_the_queue() {
    let (token, mut freeing) = (Rc::new(()), Freeing::default());
    freeing.hold_while(true);
    drop(taken::<5000>(&token).take::<Probe<5000>>(&mut freeing));
    assert_eq!(freeing.held.len(), 1);
    assert_eq!(Rc::strong_count(&token), 1, "the op itself is gone");
    freeing.hold_while(false);
    assert!(freeing.held.is_empty());
    drop(taken::<5000>(&token).take::<Probe<5000>>(&mut freeing));
    assert!(freeing.held.is_empty());
}

#[test]
fn a_salvaged_op_is_dropped_once_and_its_cell_given_to_a_bare_seat() {
    let token = Rc::new(());
    let mut seat = taken::<10>(&token);
    let cell = seat.leave().expect("the op");
    assert!(seat.leave().is_none());
    let (empty, _) = Salvage::new(cell, Outcome::CANCELLED, (None, None)).finish();
    assert_eq!(Rc::strong_count(&token), 1);
    assert_eq!(seat.settle(empty), kind_of::<Probe<10>, false>());
}

#[test]
#[cfg_attr(any(address_sanitizer, miri), ignore = "it leaks, as it says")]
fn a_seat_that_is_dropped_with_an_op_leaks_it() {
    let token = Rc::new(());
    drop(taken::<10>(&token));
    assert_eq!(Rc::strong_count(&token), 2);
}

#[test]
#[cfg_attr(any(address_sanitizer, miri), ignore = "the cell is lost")]
#[should_panic(expected = "here lies \"probe\"")]
fn a_cell_is_never_read_as_another_type() {
    taken::<10>(&Rc::new(())).take::<Probe<11>>(&mut Freeing::default());
}

#[test]
#[should_panic(expected = "a seat of another kind")]
fn a_seat_takes_no_op_of_another_size() {
    let mut seat = Seat::bare();
    seat.furnish(kind_of::<Probe<10>, false>());
    let _entry = seat.put(probe::<900>(&Rc::new(())), Op::prepare);
}

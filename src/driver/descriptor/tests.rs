use super::*;

fn table() -> Descriptors {
    Descriptors::new(7)
}

fn any_fd() -> Owned {
    crate::sys::own(std::fs::File::open("/dev/null").expect("/dev/null").into())
}

#[test]
fn the_last_user_gets_the_descriptor_and_the_name_dies() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    assert!(table.retain(fd));
    assert!(table.release(fd, &mut Vec::new()).is_none());
    assert!(table.release(fd, &mut Vec::new()).expect("the last user").fd.is_some());
    assert!(!table.retain(fd));
    assert_eq!(table.len(), 0);
}

#[test]
fn a_name_of_a_closed_descriptor_never_means_the_next_one_in_its_place() {
    let mut table = table();
    let old = table.adopt(any_fd());
    drop(table.release(old, &mut Vec::new()));
    let new = table.adopt(any_fd());
    assert_eq!(old.index, new.index);
    assert!(!table.retain(old));
    assert!(table.retain(new));
}

#[test]
fn a_name_of_another_runtime_is_not_known() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    assert!(!table.retain(FdRef { runtime: 8, ..fd }));
}

#[test]
fn kept_bytes_come_before_new_ops_and_then_the_gate_opens() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    assert_eq!(table.gate(fd, Lane::Read, Waker::noop()), Gate::Open);
    table.note_abandoned(fd, Lane::Read);
    assert_eq!(table.gate(fd, Lane::Read, Waker::noop()), Gate::Wait);
    assert_eq!(table.gate(fd, Lane::Write, Waker::noop()), Gate::Open);
    table.keep(fd, Leftover::Bytes(b"abc")).expect("in use");
    table.keep(fd, Leftover::Failure(104)).expect("in use");
    let mut wakes = Vec::new();
    table.note_ended(fd, Lane::Read, &mut wakes);
    assert_eq!(wakes.len(), 1);
    assert_eq!(table.gate(fd, Lane::Read, Waker::noop()), Gate::Stash);
    let stash = table.stash(fd).expect("bytes are kept");
    assert!(stash.take_end().is_none());
    let mut room = [0u8; 2];
    let count = stash.take_bytes(bytes::buf::UninitSlice::new(&mut room));
    assert_eq!((count, &room), (Some(2), b"ab"));
    let count = stash.take_bytes(bytes::buf::UninitSlice::new(&mut room));
    assert_eq!((count, room[0]), (Some(1), b'c'));
    let end = stash.take_end().expect("the end comes after the bytes");
    assert_eq!(end.unwrap_err().raw_os_error(), Some(104));
    assert_eq!(table.gate(fd, Lane::Read, Waker::noop()), Gate::Open);
}

#[test]
fn nothing_is_kept_for_a_descriptor_that_nobody_uses() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    drop(table.release(fd, &mut Vec::new()));
    assert!(table.keep(fd, Leftover::Bytes(b"x")).is_err());
}

#[test]
fn a_descriptor_is_taken_out_only_by_its_sole_user() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    table.retain(fd);
    assert!(table.take_sole(fd).is_none());
    drop(table.release(fd, &mut Vec::new()));
    table.keep(fd, Leftover::Bytes(b"x")).expect("in use");
    assert!(table.take_sole(fd).is_none());
    let mut room = [0u8; 9];
    table.stash(fd).expect("kept").take_bytes(bytes::buf::UninitSlice::new(&mut room));
    assert!(table.take_sole(fd).is_some());
    assert!(!table.retain(fd));
}

#[test]
fn no_op_starts_without_a_handle_and_the_last_handle_knows_of_ops_that_are_awaited() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    assert!(table.retain_handle(fd) && table.retain(fd));
    assert!(!table.drop_handle(fd));
    drop(table.release(fd, &mut Vec::new()));
    table.note_abandoned(fd, Lane::Read);
    assert!(!table.drop_handle(fd));
    drop(table.release(fd, &mut Vec::new()));
    assert!(!table.retain(fd) && !table.retain_handle(fd) && table.get(fd).is_none());
    assert!(table.release(fd, &mut Vec::new()).is_some());

    let fd = table.adopt(any_fd());
    assert!(table.retain(fd));
    assert!(table.drop_handle(fd));
}

#[test]
fn who_closes_is_woken_when_one_user_is_left() {
    let mut table = table();
    let fd = table.adopt(any_fd());
    assert!(table.retain(fd) && table.retain(fd));
    table.set_closer(fd, Waker::noop());
    let mut wakes = Vec::new();
    assert!(table.release(fd, &mut wakes).is_none() && wakes.is_empty());
    assert!(table.release(fd, &mut wakes).is_none() && wakes.len() == 1);
}

//! A first-in first-out line whose members can also leave from the middle.
//!
//! Who joins is given a ticket. Tickets grow, so the line is sorted by them, and a member is
//! found by binary search. Who leaves from the middle leaves a hole, which costs nothing until
//! holes are the larger part of the line; then they are closed in one pass. So every operation
//! takes amortised logarithmic time at worst, and no allocation per member.

use std::collections::VecDeque;

/// Below this many entries, holes are left for `pop` to skip.
const SMALL: usize = 32;

/// An emptied line that grew beyond this capacity gives its memory back.
const KEPT_CAPACITY: usize = 4096;

pub(super) struct Line<T> {
    entries: VecDeque<(u64, Option<T>)>,
    next_ticket: u64,
    holes: usize,
}

impl<T> Line<T> {
    pub(super) const fn new() -> Self {
        Line { entries: VecDeque::new(), next_ticket: 0, holes: 0 }
    }

    /// How many stand in the line.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.holes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Joins at the end; the ticket finds the member again and is never issued twice.
    pub(super) fn push(&mut self, member: T) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.entries.push_back((ticket, Some(member)));
        ticket
    }

    /// Takes who has stood longest.
    pub(super) fn pop(&mut self) -> Option<T> {
        loop {
            let (_, member) = self.entries.pop_front()?;
            if self.entries.is_empty() && self.entries.capacity() > KEPT_CAPACITY {
                self.entries = VecDeque::new();
            }
            match member {
                Some(member) => return Some(member),
                None => self.holes -= 1,
            }
        }
    }

    /// Takes the holder of `ticket` out, wherever it stands; `None` when it is gone already.
    pub(super) fn remove(&mut self, ticket: u64) -> Option<T> {
        let index = self.find(ticket)?;
        let member = self.entries[index].1.take()?;
        self.holes += 1;
        if self.entries.len() > SMALL && self.holes > self.entries.len() / 2 {
            self.entries.retain(|(_, member)| member.is_some());
            self.holes = 0;
        }
        Some(member)
    }

    /// The holder of `ticket`, when it still stands in the line.
    pub(super) fn get_mut(&mut self, ticket: u64) -> Option<&mut T> {
        let index = self.find(ticket)?;
        self.entries[index].1.as_mut()
    }

    /// Empties the line, in order.
    pub(super) fn take_all(&mut self) -> Vec<(u64, T)> {
        self.holes = 0;
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().filter_map(|(ticket, member)| Some((ticket, member?))).collect()
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_out_in_the_order_they_joined() {
        let mut line = Line::new();
        for number in 0..100 {
            assert_eq!(line.push(number), number);
        }
        assert_eq!(line.len(), 100);
        assert!((0..100).all(|number| line.pop() == Some(number)));
        assert_eq!(line.pop(), None);
        assert!(line.is_empty());
    }

    #[test]
    fn who_left_is_skipped_and_not_found_again() {
        let mut line = Line::new();
        let tickets: Vec<u64> = (0..5).map(|number| line.push(number)).collect();
        assert_eq!(line.remove(tickets[0]), Some(0));
        assert_eq!(line.remove(tickets[3]), Some(3));
        assert_eq!(line.remove(tickets[3]), None);
        assert_eq!(line.get_mut(tickets[3]), None);
        assert_eq!(line.get_mut(tickets[4]), Some(&mut 4));
        assert_eq!(line.len(), 3);
        assert_eq!(
            [line.pop(), line.pop(), line.pop(), line.pop()],
            [Some(1), Some(2), Some(4), None]
        );
        assert_eq!(line.remove(tickets[1]), None);
    }

    #[test]
    fn one_who_never_leaves_does_not_make_the_line_grow() {
        let mut line = Line::new();
        let first = line.push(7);
        for number in 0..100_000 {
            let ticket = line.push(number);
            assert_eq!(line.remove(ticket), Some(number));
        }
        assert_eq!(line.len(), 1);
        assert!(line.entries.len() <= 2 * SMALL, "{} entries", line.entries.len());
        assert_eq!(line.get_mut(first), Some(&mut 7));
    }

    #[test]
    fn emptied_line_gives_the_memory_of_a_burst_back() {
        let mut line = Line::new();
        for number in 0..10 * KEPT_CAPACITY {
            line.push(number);
        }
        while line.pop().is_some() {}
        assert!(line.entries.capacity() <= KEPT_CAPACITY);
        assert_eq!(line.push(0), 10 * KEPT_CAPACITY as u64);
    }

    #[test]
    fn take_all_keeps_order_and_tickets() {
        let mut line = Line::new();
        let tickets: Vec<u64> = (0..4).map(|number| line.push(number)).collect();
        line.remove(tickets[1]);
        assert_eq!(line.take_all(), [(0, 0), (2, 2), (3, 3)]);
        assert!(line.is_empty());
        assert_eq!(line.push(9), 4);
    }
}

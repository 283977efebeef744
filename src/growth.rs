//! How the tables of a loop grow.
//!
//! A table with a line for each task, operation or descriptor that doubles is half empty as often as
//! not, and at a million tasks that is more memory than the tasks themselves take. Large ones grow
//! by an eighth: the allocator moves large blocks by their pages, so that costs no more.

/// Up to so many lines a table doubles.
const SMALL: usize = 1024;

/// Adds a line.
#[inline]
pub(crate) fn push<T>(table: &mut Vec<T>, line: T) {
    make_room(table);
    table.push(line);
}

/// Makes room for one line more.
#[inline]
pub(crate) fn make_room<T>(table: &mut Vec<T>) {
    if table.len() == table.capacity() {
        grow(table);
    }
}

#[cold]
fn grow<T>(table: &mut Vec<T>) {
    let lines = table.len();
    table.reserve_exact(if lines < SMALL { lines.max(8) } else { lines / 8 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_table_has_an_eighth_to_spare_and_a_small_one_doubles() {
        let mut table = Vec::new();
        let mut moves = 0;
        for line in 0..100_000_u64 {
            let before = table.capacity();
            push(&mut table, line);
            moves += usize::from(table.capacity() != before);
            if table.len() > SMALL {
                assert!(table.capacity() <= table.len() * 9 / 8 + 1, "{}", table.capacity());
            }
        }
        assert!(table.iter().copied().eq(0..100_000));
        assert!(moves < 60, "{moves}");
    }
}

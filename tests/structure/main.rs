//! Structure: tokens, groups, sets, joins, selects, what a task carries.

mod budget;
mod cancel;
mod cancel_with;
mod cleanup;
mod group;
#[cfg(guard_pages)]
#[path = "../common/guard.rs"]
mod guard;
mod join_all;
mod join_set;
mod macros;
#[path = "../common/poll.rs"]
mod polls;
mod support;
mod task_locals;
mod token;

//! `join!`, `try_join!`, `select!`: the semantics that tokio's `macros_join`, `macros_try_join` and
//! `macros_select` suites hold theirs to.

mod join;
mod select;
mod select_io;

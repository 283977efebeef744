//! Local primitives between tasks of one loop.

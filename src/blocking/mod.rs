//! Room `blocking`.

//! What the behaviour tests share.
//!
//! A binary takes all of it: `#[path = "../common/mod.rs"] mod common;`.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod bound;
pub(crate) mod capture;
pub(crate) mod child;
pub(crate) mod counted;
#[cfg(guard_pages)]
pub(crate) mod guard;
pub(crate) mod metrics;
pub(crate) mod net;
pub(crate) mod poll;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod seccomp;
pub(crate) mod soak;

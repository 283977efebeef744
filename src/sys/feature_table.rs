//! The set-up flags and feature bits that are worth a line to an operator, and what it means to be
//! without each.

use super::abi;

/// A bit that a kernel may have or lack.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) bit: u32,
    /// The kernel's name, without `IORING_SETUP_` or `IORING_FEAT_`.
    pub(crate) name: &'static str,
    /// The first Linux that has it.
    pub(crate) since: &'static str,
    /// What happens where it is missing.
    pub(crate) without: &'static str,
}

const fn row(bit: u32, name: &'static str, since: &'static str, without: &'static str) -> Row {
    Row { bit, name, since, without }
}

/// The set-up flags, oldest first.
pub(crate) const FLAGS: [Row; 12] = [
    row(abi::SETUP_IOPOLL, "IOPOLL", "5.1", "there is no loop without it"),
    row(abi::SETUP_SQPOLL, "SQPOLL", "5.1", "there is no loop without it"),
    row(abi::SETUP_CQSIZE, "CQSIZE", "5.5", "there is no loop without it"),
    row(abi::SETUP_CLAMP, "CLAMP", "5.6", "sizes past the kernel's limit are errors"),
    row(abi::SETUP_ATTACH_WQ, "ATTACH_WQ", "5.6", "there is no loop without it"),
    row(abi::SETUP_R_DISABLED, "R_DISABLED", "5.10", "there is no loop without it"),
    row(abi::SETUP_SUBMIT_ALL, "SUBMIT_ALL", "5.18", "a bad request delays those behind it"),
    row(abi::SETUP_COOP_TASKRUN, "COOP_TASKRUN", "5.19", "completions interrupt the thread"),
    row(abi::SETUP_TASKRUN_FLAG, "TASKRUN_FLAG", "5.19", "the kernel is entered to see"),
    row(abi::SETUP_SINGLE_ISSUER, "SINGLE_ISSUER", "6.0", "each enter takes a lock"),
    row(abi::SETUP_DEFER_TASKRUN, "DEFER_TASKRUN", "6.1", "completions come less batched"),
    row(abi::SETUP_NO_SQARRAY, "NO_SQARRAY", "6.6", "each submission goes through an index"),
];

/// The feature bits, oldest first.
pub(crate) const BITS: [Row; 9] = [
    row(abi::FEAT_NODROP, "NODROP", "5.5", "completions can be lost when many come at once"),
    row(abi::FEAT_FAST_POLL, "FAST_POLL", "5.7", "each waiting socket holds a kernel thread"),
    row(abi::FEAT_EXT_ARG, "EXT_ARG", "5.11", "a wait cannot end at a deadline"),
    row(abi::FEAT_CQE_SKIP, "CQE_SKIP", "5.17", "linked timeouts complete twice"),
    row(abi::FEAT_LINKED_FILE, "LINKED_FILE", "5.17", "linked ops need their files before"),
    row(abi::FEAT_REG_REG_RING, "REG_REG_RING", "6.3", "registering looks the ring up"),
    row(abi::FEAT_RECVSEND_BUNDLE, "RECVSEND_BUNDLE", "6.10", "one buffer for each receive"),
    row(abi::FEAT_MIN_TIMEOUT, "MIN_TIMEOUT", "6.12", "waits cannot gather completions"),
    row(abi::FEAT_NO_IOWAIT, "NO_IOWAIT", "6.15", "an idle loop is shown as iowait"),
];

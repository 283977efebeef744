//! The numbers and records of io_uring that no crate names for us.
//!
//! Each value is the one of `include/uapi/linux/io_uring.h`, and each says the first kernel that
//! knows it. The kernel never changes a number once it has shipped, so these are facts, not
//! settings; whether *this* kernel knows them is asked at run time, never decided by version.

#![expect(dead_code, reason = "the ABI is written down whole, also what nothing uses yet")]

use std::mem::{align_of, offset_of, size_of};

// The flags of `io_uring_setup`, in `Params::flags`.

/// Completions are found by busy polling the device. Since 5.1.
pub(crate) const SETUP_IOPOLL: u32 = 1 << 0;
/// A kernel thread takes the submissions. Since 5.1.
pub(crate) const SETUP_SQPOLL: u32 = 1 << 1;
/// `sq_thread_cpu` says where that kernel thread runs. Since 5.1.
pub(crate) const SETUP_SQ_AFF: u32 = 1 << 2;
/// `cq_entries` says the size of the completion queue. Since 5.5.
pub(crate) const SETUP_CQSIZE: u32 = 1 << 3;
/// Sizes past the kernel's limit are cut to it instead of refused. Since 5.6.
pub(crate) const SETUP_CLAMP: u32 = 1 << 4;
/// Shares the kernel's worker threads with the ring in `wq_fd`. Since 5.6.
pub(crate) const SETUP_ATTACH_WQ: u32 = 1 << 5;
/// The ring starts disabled, so that restrictions can be registered first. Since 5.10.
pub(crate) const SETUP_R_DISABLED: u32 = 1 << 6;
/// One bad SQE does not stop the rest of its batch from being submitted. Since 5.18.
pub(crate) const SETUP_SUBMIT_ALL: u32 = 1 << 7;
/// A completion does not interrupt the running task to post itself. Since 5.19.
pub(crate) const SETUP_COOP_TASKRUN: u32 = 1 << 8;
/// `SQ_TASKRUN` is raised when completions wait for an enter. Since 5.19.
pub(crate) const SETUP_TASKRUN_FLAG: u32 = 1 << 9;
/// Only one thread submits. Since 6.0.
pub(crate) const SETUP_SINGLE_ISSUER: u32 = 1 << 12;
/// Completions are posted only in an enter that asks for events. Since 6.1.
pub(crate) const SETUP_DEFER_TASKRUN: u32 = 1 << 13;
/// The submission queue has no index array between tail and SQEs. Since 6.6.
pub(crate) const SETUP_NO_SQARRAY: u32 = 1 << 16;

// The flags of `io_uring_enter`.

/// Reap: run deferred work, and wait for `min_complete` completions. Since 5.1.
pub(crate) const ENTER_GETEVENTS: u32 = 1 << 0;
/// Wakes the kernel's submission thread. Since 5.1.
pub(crate) const ENTER_SQ_WAKEUP: u32 = 1 << 1;
/// Waits for room in the submission queue. Since 5.10.
pub(crate) const ENTER_SQ_WAIT: u32 = 1 << 2;
/// The argument is a `GetEventsArg`. Since 5.11, with `FEAT_EXT_ARG`.
pub(crate) const ENTER_EXT_ARG: u32 = 1 << 3;
/// The descriptor is an index made by `REGISTER_RING_FDS`. Since 5.18.
pub(crate) const ENTER_REGISTERED_RING: u32 = 1 << 4;
/// The timeout of the argument is a point in time, not a span. Since 6.12.
pub(crate) const ENTER_ABS_TIMER: u32 = 1 << 5;
/// The argument is an offset into a registered wait region. Since 6.13.
pub(crate) const ENTER_EXT_ARG_REG: u32 = 1 << 6;
/// Waiting is not counted as iowait. Since 6.15, with `FEAT_NO_IOWAIT`.
pub(crate) const ENTER_NO_IOWAIT: u32 = 1 << 7;

// The bits that set-up gives back in `Params::features`.

/// Both queues are in one mapping. Since 5.4.
pub(crate) const FEAT_SINGLE_MMAP: u32 = 1 << 0;
/// Completions past a full completion queue are kept by the kernel. Since 5.5.
pub(crate) const FEAT_NODROP: u32 = 1 << 1;
/// What an SQE points to for its submission may go once it is submitted. Since 5.5.
pub(crate) const FEAT_SUBMIT_STABLE: u32 = 1 << 2;
/// An offset of -1 means the file's own position. Since 5.6.
pub(crate) const FEAT_RW_CUR_POS: u32 = 1 << 3;
/// An op runs with the credentials of who submits it. Since 5.6.
pub(crate) const FEAT_CUR_PERSONALITY: u32 = 1 << 4;
/// Sockets and pipes are polled by the kernel inside the op. Since 5.7.
pub(crate) const FEAT_FAST_POLL: u32 = 1 << 5;
/// Poll masks have 32 bits. Since 5.9.
pub(crate) const FEAT_POLL_32BITS: u32 = 1 << 6;
/// `SETUP_SQPOLL` takes plain descriptors. Since 5.11.
pub(crate) const FEAT_SQPOLL_NONFIXED: u32 = 1 << 7;
/// An enter can carry a timeout. Since 5.11.
pub(crate) const FEAT_EXT_ARG: u32 = 1 << 8;
/// Worker threads are threads of this process. Since 5.12.
pub(crate) const FEAT_NATIVE_WORKERS: u32 = 1 << 9;
/// Registered files and buffers can be tagged and updated. Since 5.13.
pub(crate) const FEAT_RSRC_TAGS: u32 = 1 << 10;
/// An SQE can ask for no CQE when it succeeds. Since 5.17.
pub(crate) const FEAT_CQE_SKIP: u32 = 1 << 11;
/// A linked op takes its file when it runs, not when it is submitted. Since 5.17.
pub(crate) const FEAT_LINKED_FILE: u32 = 1 << 12;
/// Registration takes a registered ring too. Since 6.3.
pub(crate) const FEAT_REG_REG_RING: u32 = 1 << 13;
/// One send or receive can use several provided buffers. Since 6.10.
pub(crate) const FEAT_RECVSEND_BUNDLE: u32 = 1 << 14;
/// A wait can have a least time to gather completions in. Since 6.12.
pub(crate) const FEAT_MIN_TIMEOUT: u32 = 1 << 15;
/// Reads and writes can carry attributes, such as protection information. Since 6.14.
pub(crate) const FEAT_RW_ATTR: u32 = 1 << 16;
/// A wait need not be counted as iowait. Since 6.15.
pub(crate) const FEAT_NO_IOWAIT: u32 = 1 << 17;

// The bits of the submission queue's shared `flags` word.

/// The kernel's submission thread sleeps and wants a wake-up.
pub(crate) const SQ_NEED_WAKEUP: u32 = 1 << 0;
/// Completions overflowed the queue and wait in the kernel. Since 5.8.
pub(crate) const SQ_CQ_OVERFLOW: u32 = 1 << 1;
/// Deferred work wants an enter. Since 5.19, with `SETUP_TASKRUN_FLAG`.
pub(crate) const SQ_TASKRUN: u32 = 1 << 2;

// The opcodes of `io_uring_register`.

/// Registers buffers. Since 5.1.
pub(crate) const REGISTER_BUFFERS: u32 = 0;
/// Unregisters all buffers. Since 5.1.
pub(crate) const UNREGISTER_BUFFERS: u32 = 1;
/// Registers files. Since 5.1.
pub(crate) const REGISTER_FILES: u32 = 2;
/// Unregisters all files. Since 5.1.
pub(crate) const UNREGISTER_FILES: u32 = 3;
/// Asks which opcodes exist. Since 5.6.
pub(crate) const REGISTER_PROBE: u32 = 8;
/// Limits what a disabled ring may do once it is enabled. Since 5.10.
pub(crate) const REGISTER_RESTRICTIONS: u32 = 11;
/// Enables a ring made with `SETUP_R_DISABLED`. Since 5.10.
pub(crate) const REGISTER_ENABLE_RINGS: u32 = 12;
/// Registers files, with tags or sparse. Since 5.13.
pub(crate) const REGISTER_FILES2: u32 = 13;
/// Changes registered files. Since 5.13.
pub(crate) const REGISTER_FILES_UPDATE2: u32 = 14;
/// Registers buffers, with tags or sparse. Since 5.13.
pub(crate) const REGISTER_BUFFERS2: u32 = 15;
/// Changes registered buffers. Since 5.13.
pub(crate) const REGISTER_BUFFERS_UPDATE: u32 = 16;
/// Bounds the number of kernel worker threads. Since 5.15.
pub(crate) const REGISTER_IOWQ_MAX_WORKERS: u32 = 19;
/// Registers the ring's own descriptor for `ENTER_REGISTERED_RING`. Since 5.18.
pub(crate) const REGISTER_RING_FDS: u32 = 20;
/// Takes that registration back. Since 5.18.
pub(crate) const UNREGISTER_RING_FDS: u32 = 21;
/// Registers a ring of provided buffers. Since 5.19.
pub(crate) const REGISTER_PBUF_RING: u32 = 22;
/// Takes that registration back. Since 5.19.
pub(crate) const UNREGISTER_PBUF_RING: u32 = 23;
/// Cancels and waits until what matched has ended. Since 6.0.
pub(crate) const REGISTER_SYNC_CANCEL: u32 = 24;
/// Sets the slots that the kernel may choose direct descriptors from. Since 6.0.
pub(crate) const REGISTER_FILE_ALLOC_RANGE: u32 = 25;
/// Asks how far a ring of provided buffers has been used. Since 6.8.
pub(crate) const REGISTER_PBUF_STATUS: u32 = 26;
/// Sets up busy polling of network devices. Since 6.9.
pub(crate) const REGISTER_NAPI: u32 = 27;
/// Ends that busy polling. Since 6.9.
pub(crate) const UNREGISTER_NAPI: u32 = 28;
/// Chooses the clock that waits count by. Since 6.12.
pub(crate) const REGISTER_CLOCK: u32 = 29;
/// Sends a message to a ring without having one. Since 6.13.
pub(crate) const REGISTER_SEND_MSG_RING: u32 = 31;
/// Or'ed to an opcode: the descriptor is a registered ring. Since 6.3, with `FEAT_REG_REG_RING`.
pub(crate) const REGISTER_USE_REGISTERED_RING: u32 = 1 << 31;

/// In `ProbeOp::flags`: the opcode exists.
pub(crate) const OP_SUPPORTED: u16 = 1 << 0;

/// `struct io_sqring_offsets`: where things are in the submission queue's mapping.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SqOffsets {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) ring_mask: u32,
    pub(crate) ring_entries: u32,
    pub(crate) flags: u32,
    pub(crate) dropped: u32,
    pub(crate) array: u32,
    pub(crate) reserved: u32,
    pub(crate) user_addr: u64,
}

/// `struct io_cqring_offsets`: where things are in the completion queue's mapping.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CqOffsets {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) ring_mask: u32,
    pub(crate) ring_entries: u32,
    pub(crate) overflow: u32,
    pub(crate) cqes: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: u32,
    pub(crate) user_addr: u64,
}

/// `struct io_uring_params`: what set-up is asked for, and what it answers.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    pub(crate) sq_entries: u32,
    pub(crate) cq_entries: u32,
    pub(crate) flags: u32,
    pub(crate) sq_thread_cpu: u32,
    pub(crate) sq_thread_idle_ms: u32,
    pub(crate) features: u32,
    pub(crate) wq_fd: u32,
    pub(crate) reserved: [u32; 3],
    pub(crate) sq_off: SqOffsets,
    pub(crate) cq_off: CqOffsets,
}

/// `struct io_uring_getevents_arg`: the argument of an enter with `ENTER_EXT_ARG`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GetEventsArg {
    /// The address of a signal mask, or 0.
    pub(crate) sigmask: u64,
    pub(crate) sigmask_size: u32,
    /// With `FEAT_MIN_TIMEOUT`: how long to gather completions for.
    pub(crate) min_wait_us: u32,
    /// The address of a `struct __kernel_timespec` (two `i64`), or 0 to wait for ever.
    pub(crate) timespec: u64,
}

/// `struct io_uring_rsrc_update`: the argument of `REGISTER_RING_FDS` and its opposite.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RsrcUpdate {
    /// The index wanted, or `u32::MAX` for any; the kernel writes the one it chose.
    pub(crate) offset: u32,
    pub(crate) reserved: u32,
    /// For `REGISTER_RING_FDS`, the ring's descriptor; for its opposite 0, or it is `EINVAL`.
    pub(crate) data: u64,
}

/// `struct io_uring_probe_op`: what is known of one opcode.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProbeOp {
    pub(crate) op: u8,
    pub(crate) reserved: u8,
    pub(crate) flags: u16,
    pub(crate) reserved2: u32,
}

/// `struct io_uring_probe` with room for every opcode that a `u8` can name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) last_op: u8,
    pub(crate) ops_len: u8,
    pub(crate) reserved: u16,
    pub(crate) reserved2: [u32; 3],
    pub(crate) ops: [ProbeOp; 256],
}

// The kernel refuses or misreads a record of another shape, so the shape is checked when compiling.
const _: () = {
    assert!(size_of::<SqOffsets>() == 40 && size_of::<CqOffsets>() == 40);
    assert!(size_of::<Params>() == 120 && align_of::<Params>() == 8);
    assert!(offset_of!(Params, features) == 20);
    assert!(offset_of!(Params, sq_off) == 40 && offset_of!(Params, cq_off) == 80);
    assert!(size_of::<GetEventsArg>() == 24 && size_of::<RsrcUpdate>() == 16);
    assert!(size_of::<ProbeOp>() == 8 && size_of::<Probe>() == 16 + 256 * 8);
    assert!(size_of::<io_uring::Parameters>() == size_of::<Params>());
    assert!(align_of::<io_uring::Parameters>() == align_of::<Params>());
};

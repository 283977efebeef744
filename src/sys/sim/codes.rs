//! The numbers of the kernel's interface that only the simulator reads (`linux/io_uring.h`).

pub(super) const NOP: u8 = 0;
pub(super) const READV: u8 = 1;
pub(super) const WRITEV: u8 = 2;
pub(super) const FSYNC: u8 = 3;
pub(super) const READ_FIXED: u8 = 4;
pub(super) const WRITE_FIXED: u8 = 5;
pub(super) const POLL_ADD: u8 = 6;
pub(super) const POLL_REMOVE: u8 = 7;
pub(super) const SENDMSG: u8 = 9;
pub(super) const RECVMSG: u8 = 10;
pub(super) const TIMEOUT: u8 = 11;
pub(super) const TIMEOUT_REMOVE: u8 = 12;
pub(super) const ACCEPT: u8 = 13;
pub(super) const ASYNC_CANCEL: u8 = 14;
pub(super) const LINK_TIMEOUT: u8 = 15;
pub(super) const CONNECT: u8 = 16;
pub(super) const FALLOCATE: u8 = 17;
pub(super) const OPENAT: u8 = 18;
pub(super) const CLOSE: u8 = 19;
pub(super) const STATX: u8 = 21;
pub(super) const READ: u8 = 22;
pub(super) const WRITE: u8 = 23;
pub(super) const FADVISE: u8 = 24;
pub(super) const SEND: u8 = 26;
pub(super) const RECV: u8 = 27;
pub(super) const SPLICE: u8 = 30;
pub(super) const TEE: u8 = 33;
pub(super) const SHUTDOWN: u8 = 34;
pub(super) const RENAMEAT: u8 = 35;
pub(super) const UNLINKAT: u8 = 36;
pub(super) const MKDIRAT: u8 = 37;
pub(super) const SYMLINKAT: u8 = 38;
pub(super) const LINKAT: u8 = 39;
pub(super) const MSG_RING: u8 = 40;
pub(super) const SETXATTR: u8 = 42;
pub(super) const GETXATTR: u8 = 44;
pub(super) const SOCKET: u8 = 45;
pub(super) const SEND_ZC: u8 = 47;
pub(super) const SENDMSG_ZC: u8 = 48;
pub(super) const FTRUNCATE: u8 = 55;

/// Every opcode that the simulator interprets, with its name.
pub(super) const KNOWN: &[(u8, &str)] = &[
    (NOP, "NOP"),
    (READV, "READV"),
    (WRITEV, "WRITEV"),
    (FSYNC, "FSYNC"),
    (READ_FIXED, "READ_FIXED"),
    (WRITE_FIXED, "WRITE_FIXED"),
    (POLL_ADD, "POLL_ADD"),
    (POLL_REMOVE, "POLL_REMOVE"),
    (SENDMSG, "SENDMSG"),
    (RECVMSG, "RECVMSG"),
    (TIMEOUT, "TIMEOUT"),
    (TIMEOUT_REMOVE, "TIMEOUT_REMOVE"),
    (ACCEPT, "ACCEPT"),
    (ASYNC_CANCEL, "ASYNC_CANCEL"),
    (LINK_TIMEOUT, "LINK_TIMEOUT"),
    (CONNECT, "CONNECT"),
    (FALLOCATE, "FALLOCATE"),
    (OPENAT, "OPENAT"),
    (CLOSE, "CLOSE"),
    (STATX, "STATX"),
    (READ, "READ"),
    (WRITE, "WRITE"),
    (FADVISE, "FADVISE"),
    (SEND, "SEND"),
    (RECV, "RECV"),
    (SPLICE, "SPLICE"),
    (TEE, "TEE"),
    (SHUTDOWN, "SHUTDOWN"),
    (RENAMEAT, "RENAMEAT"),
    (UNLINKAT, "UNLINKAT"),
    (MKDIRAT, "MKDIRAT"),
    (SYMLINKAT, "SYMLINKAT"),
    (LINKAT, "LINKAT"),
    (MSG_RING, "MSG_RING"),
    (SETXATTR, "SETXATTR"),
    (GETXATTR, "GETXATTR"),
    (SOCKET, "SOCKET"),
    (SEND_ZC, "SEND_ZC"),
    (SENDMSG_ZC, "SENDMSG_ZC"),
    (FTRUNCATE, "FTRUNCATE"),
];

/// The same as bits, for a question that every entry asks.
const KNOWN_BITS: u64 = {
    let (mut bits, mut index) = (0, 0);
    while index < KNOWN.len() {
        bits |= 1 << KNOWN[index].0;
        index += 1;
    }
    bits
};

/// Whether the simulator interprets an opcode.
#[inline]
pub(super) fn is_known(opcode: u8) -> bool {
    opcode < 64 && KNOWN_BITS & 1 << opcode != 0
}

/// An opcode's name, for dumps.
pub(super) fn name(opcode: u8) -> &'static str {
    KNOWN.iter().find(|(known, _)| *known == opcode).map_or("unknown", |(_, name)| name)
}

// `IOSQE_` flags.
pub(super) const IO_LINK: u8 = 1 << 2;
pub(super) const IO_HARDLINK: u8 = 1 << 3;
pub(super) const ASYNC: u8 = 1 << 4;
pub(super) const BUFFER_SELECT: u8 = 1 << 5;
pub(super) const CQE_SKIP_SUCCESS: u8 = 1 << 6;

// `IORING_CQE_F_` flags.
pub(super) const F_BUFFER: u32 = 1;
pub(super) const F_MORE: u32 = 1 << 1;
pub(super) const F_NOTIF: u32 = 1 << 3;

// What single opcodes take.
pub(super) const ACCEPT_MULTISHOT: u16 = 1;
pub(super) const RECV_MULTISHOT: u16 = 2;
pub(super) const POLL_MULTISHOT: u32 = 1;
pub(super) const CANCEL_ALL: u32 = 1;
pub(super) const CANCEL_FD: u32 = 2;
pub(super) const CANCEL_ANY: u32 = 4;
pub(super) const TIMEOUT_ABS: u32 = 1;
pub(super) const TIMEOUT_UPDATE: u32 = 2;
pub(super) const TIMEOUT_ETIME_SUCCESS: u32 = 1 << 5;

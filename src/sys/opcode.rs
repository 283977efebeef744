//! The opcodes that this crate has a use for.
//!
//! The list is what [`Features`](super::Features) asks the kernel about. An opcode that is missing
//! costs only what needs it; the blocking pool or an error takes its place.

/// A kind of request that the crate may hand to the kernel.
///
/// Its number is the kernel's `IORING_OP_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Opcode {
    /// Does nothing, by way of the ring.
    Nop = 0,
    /// Reads into several buffers.
    ReadVectored = 1,
    /// Writes from several buffers.
    WriteVectored = 2,
    /// Writes a file's changes to its device.
    Fsync = 3,
    /// Reads into a registered buffer.
    ReadFixed = 4,
    /// Writes from a registered buffer.
    WriteFixed = 5,
    /// Waits until a descriptor is ready.
    PollAdd = 6,
    /// Ends such a wait.
    PollRemove = 7,
    /// Sends a message with an address or control data.
    SendMsg = 9,
    /// Receives such a message.
    RecvMsg = 10,
    /// Takes a connection from a listener.
    Accept = 13,
    /// Asks that an op be ended.
    AsyncCancel = 14,
    /// Bounds the time of the op before it.
    LinkTimeout = 15,
    /// Connects a socket.
    Connect = 16,
    /// Allocates or frees a file's space.
    Fallocate = 17,
    /// Opens a file.
    OpenAt = 18,
    /// Closes a descriptor.
    Close = 19,
    /// Reads a file's metadata.
    Statx = 21,
    /// Reads into one buffer.
    Read = 22,
    /// Writes from one buffer.
    Write = 23,
    /// Says how a file will be used.
    Fadvise = 24,
    /// Sends bytes.
    Send = 26,
    /// Receives bytes.
    Recv = 27,
    /// Opens a file, with rules for resolving its path.
    OpenAt2 = 28,
    /// Moves bytes between a pipe and a descriptor.
    Splice = 30,
    /// Copies bytes between pipes.
    Tee = 33,
    /// Ends a direction of a socket.
    Shutdown = 34,
    /// Renames a file.
    RenameAt = 35,
    /// Removes a file or a directory.
    UnlinkAt = 36,
    /// Makes a directory.
    MkDirAt = 37,
    /// Makes a symbolic link.
    SymlinkAt = 38,
    /// Makes a hard link.
    LinkAt = 39,
    /// Sends a message or a descriptor to another ring.
    MsgRing = 40,
    /// Sets an extended attribute of an open file.
    FSetXattr = 41,
    /// Sets an extended attribute by path.
    SetXattr = 42,
    /// Reads an extended attribute of an open file.
    FGetXattr = 43,
    /// Reads an extended attribute by path.
    GetXattr = 44,
    /// Makes a socket.
    Socket = 45,
    /// Sends bytes without copying them.
    SendZeroCopy = 47,
    /// Sends a message without copying it.
    SendMsgZeroCopy = 48,
    /// Reads again and again into provided buffers.
    ReadMultishot = 49,
    /// Waits for a child process.
    WaitId = 50,
    /// Makes a descriptor of a direct one.
    FixedFdInstall = 54,
    /// Sets a file's length.
    FTruncate = 55,
}

/// Each opcode with the kernel's name for it and the first Linux that has it.
const TABLE: [(Opcode, &str, &str); 44] = [
    (Opcode::Nop, "NOP", "5.1"),
    (Opcode::ReadVectored, "READV", "5.1"),
    (Opcode::WriteVectored, "WRITEV", "5.1"),
    (Opcode::Fsync, "FSYNC", "5.1"),
    (Opcode::ReadFixed, "READ_FIXED", "5.1"),
    (Opcode::WriteFixed, "WRITE_FIXED", "5.1"),
    (Opcode::PollAdd, "POLL_ADD", "5.1"),
    (Opcode::PollRemove, "POLL_REMOVE", "5.1"),
    (Opcode::SendMsg, "SENDMSG", "5.3"),
    (Opcode::RecvMsg, "RECVMSG", "5.3"),
    (Opcode::Accept, "ACCEPT", "5.5"),
    (Opcode::AsyncCancel, "ASYNC_CANCEL", "5.5"),
    (Opcode::LinkTimeout, "LINK_TIMEOUT", "5.5"),
    (Opcode::Connect, "CONNECT", "5.5"),
    (Opcode::Fallocate, "FALLOCATE", "5.6"),
    (Opcode::OpenAt, "OPENAT", "5.6"),
    (Opcode::Close, "CLOSE", "5.6"),
    (Opcode::Statx, "STATX", "5.6"),
    (Opcode::Read, "READ", "5.6"),
    (Opcode::Write, "WRITE", "5.6"),
    (Opcode::Fadvise, "FADVISE", "5.6"),
    (Opcode::Send, "SEND", "5.6"),
    (Opcode::Recv, "RECV", "5.6"),
    (Opcode::OpenAt2, "OPENAT2", "5.6"),
    (Opcode::Splice, "SPLICE", "5.7"),
    (Opcode::Tee, "TEE", "5.8"),
    (Opcode::Shutdown, "SHUTDOWN", "5.11"),
    (Opcode::RenameAt, "RENAMEAT", "5.11"),
    (Opcode::UnlinkAt, "UNLINKAT", "5.11"),
    (Opcode::MkDirAt, "MKDIRAT", "5.15"),
    (Opcode::SymlinkAt, "SYMLINKAT", "5.15"),
    (Opcode::LinkAt, "LINKAT", "5.15"),
    (Opcode::MsgRing, "MSG_RING", "5.18"),
    (Opcode::FSetXattr, "FSETXATTR", "5.19"),
    (Opcode::SetXattr, "SETXATTR", "5.19"),
    (Opcode::FGetXattr, "FGETXATTR", "5.19"),
    (Opcode::GetXattr, "GETXATTR", "5.19"),
    (Opcode::Socket, "SOCKET", "5.19"),
    (Opcode::SendZeroCopy, "SEND_ZC", "6.0"),
    (Opcode::SendMsgZeroCopy, "SENDMSG_ZC", "6.1"),
    (Opcode::ReadMultishot, "READ_MULTISHOT", "6.7"),
    (Opcode::WaitId, "WAITID", "6.7"),
    (Opcode::FixedFdInstall, "FIXED_FD_INSTALL", "6.8"),
    (Opcode::FTruncate, "FTRUNCATE", "6.9"),
];

impl Opcode {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Opcode> {
        TABLE.iter().map(|(opcode, _, _)| *opcode)
    }

    /// The kernel's name, without `IORING_OP_`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The first Linux that has it, for messages; a kernel may have it earlier or lack it later.
    #[must_use]
    pub fn since(self) -> &'static str {
        self.row().2
    }

    /// The number in an SQE.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    fn row(self) -> &'static (Opcode, &'static str, &'static str) {
        let row = TABLE.iter().find(|(opcode, _, _)| *opcode == self);
        row.expect("the table has every opcode, which a test compares")
    }
}

#[cfg(test)]
mod tests {
    use io_uring::opcode;

    use super::*;

    #[test]
    fn numbers_are_those_of_the_crate_that_builds_the_entries() {
        let codes = [
            (Opcode::Nop, opcode::Nop::CODE),
            (Opcode::ReadVectored, opcode::Readv::CODE),
            (Opcode::WriteVectored, opcode::Writev::CODE),
            (Opcode::Fsync, opcode::Fsync::CODE),
            (Opcode::ReadFixed, opcode::ReadFixed::CODE),
            (Opcode::WriteFixed, opcode::WriteFixed::CODE),
            (Opcode::PollAdd, opcode::PollAdd::CODE),
            (Opcode::PollRemove, opcode::PollRemove::CODE),
            (Opcode::SendMsg, opcode::SendMsg::CODE),
            (Opcode::RecvMsg, opcode::RecvMsg::CODE),
            (Opcode::Accept, opcode::Accept::CODE),
            (Opcode::AsyncCancel, opcode::AsyncCancel::CODE),
            (Opcode::LinkTimeout, opcode::LinkTimeout::CODE),
            (Opcode::Connect, opcode::Connect::CODE),
            (Opcode::Fallocate, opcode::Fallocate::CODE),
            (Opcode::OpenAt, opcode::OpenAt::CODE),
            (Opcode::Close, opcode::Close::CODE),
            (Opcode::Statx, opcode::Statx::CODE),
            (Opcode::Read, opcode::Read::CODE),
            (Opcode::Write, opcode::Write::CODE),
            (Opcode::Fadvise, opcode::Fadvise::CODE),
            (Opcode::Send, opcode::Send::CODE),
            (Opcode::Recv, opcode::Recv::CODE),
            (Opcode::OpenAt2, opcode::OpenAt2::CODE),
            (Opcode::Splice, opcode::Splice::CODE),
            (Opcode::Tee, opcode::Tee::CODE),
            (Opcode::Shutdown, opcode::Shutdown::CODE),
            (Opcode::RenameAt, opcode::RenameAt::CODE),
            (Opcode::UnlinkAt, opcode::UnlinkAt::CODE),
            (Opcode::MkDirAt, opcode::MkDirAt::CODE),
            (Opcode::SymlinkAt, opcode::SymlinkAt::CODE),
            (Opcode::LinkAt, opcode::LinkAt::CODE),
            (Opcode::MsgRing, opcode::MsgRingData::CODE),
            (Opcode::FSetXattr, opcode::FSetXattr::CODE),
            (Opcode::SetXattr, opcode::SetXattr::CODE),
            (Opcode::FGetXattr, opcode::FGetXattr::CODE),
            (Opcode::GetXattr, opcode::GetXattr::CODE),
            (Opcode::Socket, opcode::Socket::CODE),
            (Opcode::SendZeroCopy, opcode::SendZc::CODE),
            (Opcode::SendMsgZeroCopy, opcode::SendMsgZc::CODE),
            (Opcode::ReadMultishot, opcode::ReadMulti::CODE),
            (Opcode::WaitId, opcode::WaitId::CODE),
            (Opcode::FixedFdInstall, opcode::FixedFdInstall::CODE),
            (Opcode::FTruncate, opcode::Ftruncate::CODE),
        ];
        for (opcode, code) in codes {
            assert_eq!(opcode.code(), code, "{}", opcode.name());
        }
        assert_eq!(codes.len(), Opcode::all().count());
    }

    #[test]
    fn the_table_is_in_order_and_has_each_once() {
        let codes: Vec<u8> = Opcode::all().map(Opcode::code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn an_opcode_has_the_kernels_name_and_version() {
        assert_eq!(Opcode::SendZeroCopy.name(), "SEND_ZC");
        assert_eq!(Opcode::SendZeroCopy.since(), "6.0");
    }
}

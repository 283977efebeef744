//! What each opcode asks for: the only place that knows the fields of an SQE.
//!
//! A constructor takes every pointer from a borrow that lasts `'op` and fixes, by the type `R`,
//! what the completion means. [`Sqe::detach`] is the one step from the borrow to the kernel's
//! longer use of the memory; the driver's slot makes it, when the op lies in its cell.

#![expect(unsafe_code, reason = "ends the borrow of what the kernel goes on using")]

mod pipes;

use std::ffi::CStr;
use std::marker::PhantomData;
use std::os::fd::IntoRawFd;

use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};

use super::address::SocketAddress;
use super::cqe::{Filled, FilledFromGroup, Number, Taken};
use super::descriptor::Descriptor;
use super::file_options::{Advice, Allocation};
use super::message::MessageHeader;
use super::owned::Owned;
use super::stat::StatBuf;
use crate::buf::{Lent, LentMut, LentSlices};

/// A submission queue entry that borrows from its op and completes as `R`.
pub struct Sqe<'op, R> {
    entry: Entry,
    meaning: PhantomData<Meaning<'op, R>>,
}

/// Borrows as a unique reference does, and makes an `R`.
type Meaning<'op, R> = (&'op mut (), fn() -> R);

/// An entry ready to be pushed: the promise that what it points to stays in place until the op's
/// final completion.
#[derive(Debug)]
pub(crate) struct Prepared(Entry);

impl Prepared {
    #[inline]
    pub(super) fn entry(&self) -> &Entry {
        &self.0
    }

    #[inline]
    pub(crate) fn with_user_data(self, user_data: u64) -> Self {
        Prepared(self.0.user_data(user_data))
    }

    /// Links the next entry to this one.
    #[inline]
    pub(crate) fn linked(self) -> Self {
        Prepared(self.0.flags(Flags::IO_LINK))
    }

    /// Asks for no completion when the op succeeds. Since 5.17.
    #[inline]
    pub(crate) fn silent_success(self) -> Self {
        Prepared(self.0.flags(Flags::SKIP_SUCCESS))
    }
}

impl<R> std::fmt::Debug for Sqe<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.entry.fmt(f)
    }
}

impl<'op, R> Sqe<'op, R> {
    #[inline]
    fn new(entry: Entry) -> Self {
        Sqe { entry, meaning: PhantomData }
    }

    /// `IORING_OP_NOP`, which succeeds as any op that does nothing would. Since 5.1.
    #[inline]
    pub(crate) fn nop() -> Self {
        Sqe::new(opcode::Nop::new().build())
    }

    /// Makes the kernel go to a thread of its own at once, without the first try in passing, which
    /// some opcodes make in another way than one expects. Since 5.6.
    pub(crate) fn off_thread(self) -> Self {
        Sqe::new(self.entry.flags(Flags::ASYNC))
    }

    /// Ends the borrow.
    ///
    /// # Safety
    ///
    /// The op that this entry borrows from stays where it is, untouched, until the kernel has
    /// posted the op's final completion, or its memory is never freed.
    #[inline]
    pub(crate) unsafe fn detach(self) -> Prepared {
        Prepared(self.entry)
    }
}

impl<R> Sqe<'static, R> {
    /// An entry that lends nothing can be pushed as it is.
    #[inline]
    pub(crate) fn into_prepared(self) -> Prepared {
        Prepared(self.entry)
    }
}

fn fd(descriptor: Descriptor) -> types::Fd {
    types::Fd(descriptor.number())
}

/// Sockets and control.
impl<'op> Sqe<'op, ()> {
    /// `IORING_OP_ASYNC_CANCEL` of one op by its user data. Since 5.5.
    #[inline]
    pub(crate) fn cancel(user_data: u64) -> Self {
        Sqe::new(opcode::AsyncCancel::new(user_data).build())
    }

    /// `IORING_OP_LINK_TIMEOUT` for the entry before it. Since 5.5.
    ///
    /// `timespec` holds seconds and nanoseconds, a span or a time of the monotonic clock.
    pub(crate) fn link_timeout(timespec: &'op [i64; 2], absolute: bool) -> Self {
        let timespec: *const [i64; 2] = timespec;
        let flags = if absolute { types::TimeoutFlags::ABS } else { types::TimeoutFlags::empty() };
        // A `types::Timespec` is two 64-bit numbers, as `struct __kernel_timespec` is.
        Sqe::new(opcode::LinkTimeout::new(timespec.cast()).flags(flags).build())
    }

    /// `IORING_OP_CONNECT`. Since 5.5.
    pub(crate) fn connect(socket: Descriptor, address: &'op SocketAddress) -> Self {
        let (start, len) = (address.as_ptr(), address.len());
        Sqe::new(opcode::Connect::new(fd(socket), start, len).build())
    }

    /// `IORING_OP_CLOSE`: once it has completed the number is nobody's. Since 5.6.
    pub(crate) fn close_number(descriptor: Descriptor) -> Self {
        Sqe::new(opcode::Close::new(fd(descriptor)).build())
    }

    /// `IORING_OP_CLOSE`: the descriptor belongs to the entry from here on. Since 5.6.
    pub(crate) fn close(descriptor: Owned) -> Self {
        Sqe::new(opcode::Close::new(types::Fd(descriptor.into_raw_fd())).build())
    }
}

/// Sockets: bytes and connections.
impl<'op> Sqe<'op, Filled> {
    /// A receive without room into several buffers: the kernel would wait for bytes that it then
    /// leaves, where recvmsg(2) returns at once.
    pub(crate) fn nothing_filled() -> Self {
        Sqe::new(opcode::Nop::new().build())
    }

    /// `IORING_OP_RECV`. Since 5.6.
    #[inline]
    pub(crate) fn recv(socket: Descriptor, room: LentMut<'op>, flags: i32) -> Self {
        let recv = opcode::Recv::new(fd(socket), room.start, room.len).flags(flags);
        Sqe::new(recv.build())
    }

    /// `IORING_OP_RECV` that leaves the bytes where they are. Since 5.6.
    pub(crate) fn peek(socket: Descriptor, room: LentMut<'op>) -> Self {
        Sqe::recv(socket, room, libc::MSG_PEEK)
    }

    /// `IORING_OP_RECVMSG` into the pieces that the header points to. Since 5.3.
    pub(crate) fn recv_message(socket: Descriptor, header: &'op mut MessageHeader) -> Self {
        Sqe::new(opcode::RecvMsg::new(fd(socket), header.as_mut_ptr()).build())
    }

    /// As [`recv_message`](Self::recv_message), and leaves the datagram where it is. Since 5.3.
    pub(crate) fn peek_message(socket: Descriptor, header: &'op mut MessageHeader) -> Self {
        let recv = opcode::RecvMsg::new(fd(socket), header.as_mut_ptr());
        Sqe::new(recv.flags(libc::MSG_PEEK as u32).build())
    }

    /// `IORING_OP_READ` at `offset`; `u64::MAX` reads at the file's own position. Since 5.6.
    #[inline]
    pub(crate) fn read(file: Descriptor, room: LentMut<'op>, offset: u64) -> Self {
        let read = opcode::Read::new(fd(file), room.start, room.len).offset(offset);
        Sqe::new(read.build())
    }

    /// `IORING_OP_READ_FIXED` into registered buffer `number`. Since 5.1.
    pub(crate) fn read_fixed(f: Descriptor, room: LentMut<'op>, number: u16, at: u64) -> Self {
        Sqe::new(opcode::ReadFixed::new(fd(f), room.start, room.len, number).offset(at).build())
    }

    /// `IORING_OP_GETXATTR` of a path; without room, the length of the value. Since 5.19.
    pub(crate) fn get_xattr(path: &'op CStr, name: &'op CStr, value: LentMut<'op>) -> Self {
        let (path, name, start) = (path.as_ptr(), name.as_ptr(), value.start.cast());
        Sqe::new(opcode::GetXattr::new(name, start, path, value.len).build())
    }

    /// `IORING_OP_READV` at `offset`. Since 5.1.
    pub(crate) fn readv(file: Descriptor, room: &'op LentSlices, offset: u64) -> Self {
        let (start, count) = room.as_parts();
        let readv = opcode::Readv::new(fd(file), start.cast(), count as u32).offset(offset);
        Sqe::new(readv.build())
    }
}

impl<'op> Sqe<'op, Taken> {
    /// `IORING_OP_SEND`, which raises no SIGPIPE. Since 5.6.
    #[inline]
    pub(crate) fn send(socket: Descriptor, bytes: Lent<'op>, flags: i32) -> Self {
        let flags = flags | libc::MSG_NOSIGNAL;
        Sqe::new(opcode::Send::new(fd(socket), bytes.start, bytes.len).flags(flags).build())
    }

    /// `IORING_OP_SEND` that the kernel goes on with until every byte is sent. Since 5.19; before,
    /// it may send fewer.
    #[inline]
    pub(crate) fn send_whole(socket: Descriptor, bytes: Lent<'op>) -> Self {
        Sqe::send(socket, bytes, libc::MSG_WAITALL)
    }

    /// `IORING_OP_SEND_ZC`, which raises no SIGPIPE: two completions. Since 6.0.
    pub(crate) fn send_zero_copy(socket: Descriptor, bytes: Lent<'op>) -> Self {
        let send = opcode::SendZc::new(fd(socket), bytes.start, bytes.len);
        Sqe::new(send.flags(libc::MSG_NOSIGNAL).build())
    }

    /// `IORING_OP_SENDMSG` of the pieces that the header points to, which raises no SIGPIPE.
    /// Since 5.3.
    pub(crate) fn send_message(socket: Descriptor, header: &'op MessageHeader) -> Self {
        let send = opcode::SendMsg::new(fd(socket), header.as_ptr());
        Sqe::new(send.flags(libc::MSG_NOSIGNAL as u32).build())
    }

    /// As [`send_message`](Self::send_message), and the kernel goes on until every byte is sent.
    /// Since 5.19; before, it may send fewer.
    pub(crate) fn send_message_whole(socket: Descriptor, header: &'op MessageHeader) -> Self {
        let send = opcode::SendMsg::new(fd(socket), header.as_ptr());
        Sqe::new(send.flags((libc::MSG_NOSIGNAL | libc::MSG_WAITALL) as u32).build())
    }

    /// `IORING_OP_WRITE` at `offset`; `u64::MAX` writes at the file's own position. Since 5.6.
    #[inline]
    pub(crate) fn write(file: Descriptor, bytes: Lent<'op>, offset: u64) -> Self {
        let write = opcode::Write::new(fd(file), bytes.start, bytes.len).offset(offset);
        Sqe::new(write.build())
    }

    /// `IORING_OP_WRITE_FIXED` from registered buffer `number`. Since 5.1.
    pub(crate) fn write_fixed(f: Descriptor, bytes: Lent<'op>, number: u16, at: u64) -> Self {
        Sqe::new(opcode::WriteFixed::new(fd(f), bytes.start, bytes.len, number).offset(at).build())
    }

    /// `IORING_OP_WRITEV` at `offset`. Since 5.1.
    pub(crate) fn writev(file: Descriptor, bytes: &'op LentSlices, offset: u64) -> Self {
        let (start, count) = bytes.as_parts();
        let writev = opcode::Writev::new(fd(file), start.cast(), count as u32).offset(offset);
        Sqe::new(writev.build())
    }
}

impl<'op> Sqe<'op, Owned> {
    /// `IORING_OP_ACCEPT`, close-on-exec. Since 5.5.
    pub(crate) fn accept(listener: Descriptor, peer: &'op mut SocketAddress) -> Self {
        let (start, len) = peer.as_mut_ptrs();
        let accept = opcode::Accept::new(fd(listener), start, len).flags(libc::SOCK_CLOEXEC);
        Sqe::new(accept.build())
    }

    /// `IORING_OP_ACCEPT`, a completion for each connection. Since 5.19.
    pub(crate) fn accept_multishot(listener: Descriptor) -> Self {
        Sqe::new(opcode::AcceptMulti::new(fd(listener)).flags(libc::SOCK_CLOEXEC).build())
    }

    /// `IORING_OP_OPENAT` below the working directory, close-on-exec. Since 5.6.
    pub(crate) fn open(path: &'op CStr, flags: i32, mode: u32) -> Self {
        let open = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr())
            .flags(flags | libc::O_CLOEXEC)
            .mode(mode);
        Sqe::new(open.build())
    }
}

impl<'op> Sqe<'op, FilledFromGroup> {
    /// `IORING_OP_RECV` into the op's own memory, read as one that might have been a group's.
    pub(crate) fn recv_plain(socket: Descriptor, room: LentMut<'op>) -> Self {
        Sqe::new(opcode::Recv::new(fd(socket), room.start, room.len).build())
    }

    /// `IORING_OP_RECV` into a buffer of group `group`. Since 5.7; rings of buffers since 5.19.
    #[inline]
    pub(crate) fn recv_from_group(socket: Descriptor, group: u16, len_max: u32) -> Self {
        let recv = opcode::Recv::new(fd(socket), std::ptr::null_mut(), len_max).buf_group(group);
        Sqe::new(recv.build().flags(Flags::BUFFER_SELECT))
    }
}

impl<'op> Sqe<'op, FilledFromGroup> {
    /// `IORING_OP_RECV`, a completion for each buffer of group `group` that was filled. Since 6.0.
    pub(crate) fn recv_multishot(socket: Descriptor, group: u16) -> Self {
        Sqe::new(opcode::RecvMulti::new(fd(socket), group).build())
    }
}

impl<'op> Sqe<'op, Number> {
    /// `IORING_OP_POLL_ADD`: one completion when an event of the mask is there. Since 5.1.
    pub(crate) fn poll(descriptor: Descriptor, events: u32) -> Self {
        Sqe::new(opcode::PollAdd::new(fd(descriptor), events).build())
    }

    /// `IORING_OP_POLL_ADD`, a completion for each wake-up. Since 5.13.
    pub(crate) fn poll_multishot(descriptor: Descriptor, events: u32) -> Self {
        Sqe::new(opcode::PollAdd::new(fd(descriptor), events).multi(true).build())
    }
}

/// Files.
impl<'op> Sqe<'op, ()> {
    /// `IORING_OP_FSYNC`; `data_only` as `fdatasync`. Since 5.1.
    pub(crate) fn fsync(file: Descriptor, data_only: bool) -> Self {
        let flags =
            if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
        Sqe::new(opcode::Fsync::new(fd(file)).flags(flags).build())
    }

    /// `IORING_OP_FALLOCATE`. Since 5.6.
    pub(crate) fn fallocate(file: Descriptor, offset: u64, len: u64, how: Allocation) -> Self {
        let fallocate = opcode::Fallocate::new(fd(file), len).offset(offset).mode(how.to_number());
        Sqe::new(fallocate.build())
    }

    /// `IORING_OP_FADVISE`; a `len` of zero goes to the end of the file. Since 5.6.
    pub(crate) fn fadvise(file: Descriptor, offset: u64, len: u32, advice: Advice) -> Self {
        let len = libc::off_t::from(len);
        let fadvise = opcode::Fadvise::new(fd(file), len, advice.to_number()).offset(offset);
        Sqe::new(fadvise.build())
    }

    /// `IORING_OP_FTRUNCATE`. Since 6.9.
    pub(crate) fn ftruncate(file: Descriptor, len: u64) -> Self {
        Sqe::new(opcode::Ftruncate::new(fd(file), len).build())
    }

    /// `IORING_OP_STATX` of an open file. Since 5.6.
    pub(crate) fn statx_of(file: Descriptor, stat: &'op mut StatBuf) -> Self {
        let statx = opcode::Statx::new(fd(file), c"".as_ptr(), stat.as_mut_ptr().cast())
            .flags(libc::AT_EMPTY_PATH)
            .mask(libc::STATX_BASIC_STATS | libc::STATX_BTIME);
        Sqe::new(statx.build())
    }

    /// `IORING_OP_STATX` of a path; `follow` its last link or not. Since 5.6.
    pub(crate) fn statx(path: &'op CStr, follow: bool, stat: &'op mut StatBuf) -> Self {
        let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
        let start = stat.as_mut_ptr().cast();
        let statx = opcode::Statx::new(types::Fd(libc::AT_FDCWD), path.as_ptr(), start)
            .flags(flags)
            .mask(libc::STATX_BASIC_STATS | libc::STATX_BTIME);
        Sqe::new(statx.build())
    }

    /// `IORING_OP_UNLINKAT` of a file or, with `directory`, of an empty directory. Since 5.11.
    pub(crate) fn unlink(path: &'op CStr, directory: bool) -> Self {
        let flags = if directory { libc::AT_REMOVEDIR } else { 0 };
        let unlink = opcode::UnlinkAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr()).flags(flags);
        Sqe::new(unlink.build())
    }

    /// `IORING_OP_SETXATTR` of a path. Since 5.19.
    pub(crate) fn set_xattr(path: &'op CStr, name: &'op CStr, value: Lent<'op>) -> Self {
        let (path, name, start) = (path.as_ptr(), name.as_ptr(), value.start.cast());
        Sqe::new(opcode::SetXattr::new(name, start, path, value.len).build())
    }

    /// `IORING_OP_RENAMEAT`. Since 5.11.
    pub(crate) fn rename(from: &'op CStr, to: &'op CStr) -> Self {
        let here = types::Fd(libc::AT_FDCWD);
        Sqe::new(opcode::RenameAt::new(here, from.as_ptr(), here, to.as_ptr()).build())
    }

    /// `IORING_OP_MKDIRAT`. Since 5.15.
    pub(crate) fn mkdir(path: &'op CStr, mode: u32) -> Self {
        let mkdir = opcode::MkDirAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr()).mode(mode);
        Sqe::new(mkdir.build())
    }

    /// `IORING_OP_LINKAT`. Since 5.15.
    pub(crate) fn hard_link(original: &'op CStr, link: &'op CStr) -> Self {
        let here = types::Fd(libc::AT_FDCWD);
        Sqe::new(opcode::LinkAt::new(here, original.as_ptr(), here, link.as_ptr()).build())
    }

    /// `IORING_OP_SYMLINKAT`. Since 5.15.
    pub(crate) fn symlink(original: &'op CStr, link: &'op CStr) -> Self {
        let here = types::Fd(libc::AT_FDCWD);
        Sqe::new(opcode::SymlinkAt::new(here, original.as_ptr(), link.as_ptr()).build())
    }
}

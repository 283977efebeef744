//! The ops that scripts are about, and the stage they stand on.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};

use super::datagrams;
use super::kernel::Kernel;
use super::situations::Situation;
use crate::sys::address::SocketAddress;
use crate::sys::{Mapping, Owned, abi, door, eventfd, sim, socket};

/// The op that a script is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Recv,
    RecvAll,
    Peek,
    Read,
    Readv,
    RecvSelected,
    RecvMany,
    Poll,
    PollMany,
    Accept,
    AcceptMany,
    CountRead,
    CountPoll,
    PipeRead,
    PipePoll,
    PipeWrite,
    Splice,
    Tee,
    Datagram,
    DatagramFrom,
    DatagramPeek,
    DatagramRead,
    DatagramPoll,
    DatagramSelected,
    DatagramMany,
}

pub(super) const SUBJECTS: [Subject; 25] = [
    Subject::Recv,
    Subject::RecvAll,
    Subject::Peek,
    Subject::Read,
    Subject::Readv,
    Subject::RecvSelected,
    Subject::RecvMany,
    Subject::Poll,
    Subject::PollMany,
    Subject::Accept,
    Subject::AcceptMany,
    Subject::CountRead,
    Subject::CountPoll,
    Subject::PipeRead,
    Subject::PipePoll,
    Subject::PipeWrite,
    Subject::Splice,
    Subject::Tee,
    Subject::Datagram,
    Subject::DatagramFrom,
    Subject::DatagramPeek,
    Subject::DatagramRead,
    Subject::DatagramPoll,
    Subject::DatagramSelected,
    Subject::DatagramMany,
];

impl Subject {
    pub(super) fn accepts(self) -> bool {
        matches!(self, Subject::Accept | Subject::AcceptMany)
    }

    fn counts(self) -> bool {
        matches!(self, Subject::CountRead | Subject::CountPoll)
    }

    fn is_stream(self) -> bool {
        !self.accepts() && !self.counts() && !self.is_of_pipes() && !self.is_datagram()
    }

    pub(super) fn is_datagram(self) -> bool {
        use Subject::{Datagram, DatagramFrom, DatagramMany, DatagramPeek};
        use Subject::{DatagramPoll, DatagramRead, DatagramSelected};
        matches!(
            self,
            Datagram
                | DatagramFrom
                | DatagramPeek
                | DatagramRead
                | DatagramPoll
                | DatagramSelected
                | DatagramMany
        )
    }

    fn is_of_pipes(self) -> bool {
        use Subject::{PipePoll, PipeRead, PipeWrite, Splice, Tee};
        matches!(self, PipeRead | PipePoll | PipeWrite | Splice | Tee)
    }

    /// Whether a situation makes sense for this op.
    pub(super) fn fits(self, situation: Situation) -> bool {
        match situation {
            Situation::PeerCloses => self.is_stream() || self.is_of_pipes() || self.is_datagram(),
            Situation::PeerShutsDown => self.is_stream(),
            Situation::ShutDown => self.is_stream() || self.is_datagram(),
            // A forced worker polls once more, and how often it says so is its own business.
            Situation::OnAWorker => !matches!(self, Subject::PollMany | Subject::CountPoll),
            _ => true,
        }
    }
}

/// The ends of a pipe, read from and written to, until they are closed.
type Ends = [Option<Owned>; 2];

/// Sockets, pipes, a counter and memory for a script.
pub(super) struct Stage {
    listener: Owned,
    address: SocketAddr,
    pub(super) server: Owned,
    pub(super) client: Option<Owned>,
    counter: Owned,
    others: Vec<Owned>,
    /// An empty pipe, one that is full, and one that is moved to.
    pipes: [Ends; 3],
    /// Two datagram sockets that talk to each other: one that receives, and its peer.
    pub(super) receiver: Owned,
    sender: Option<Owned>,
    /// Buffers that the kernel chooses from; never freed under its hands.
    _group: std::mem::ManuallyDrop<Mapping>,
}

/// `struct io_uring_buf_reg`.
#[repr(C)]
struct Registration {
    addr: u64,
    entries: u32,
    group: u16,
    flags: u16,
    reserved: [u64; 3],
}

impl Stage {
    pub(super) fn new(kernel: &mut Kernel) -> Stage {
        let listener = socket::tcp_socket(false).expect("a socket");
        socket::bind(listener.as_fd(), SocketAddr::from(([127, 0, 0, 1], 0))).expect("an address");
        socket::listen(listener.as_fd(), 16).expect("a listener");
        let address = socket::local_addr(listener.as_fd()).expect("its address");
        let client = connected(kernel, address);
        let accept = opcode::Accept::new(fd(&listener), std::ptr::null_mut(), std::ptr::null_mut());
        let number = kernel.staged(accept.build());
        assert!(number >= 0, "the stage's accept: {number}");
        // SAFETY: the accept has given this descriptor to nobody else.
        let server = unsafe { std::os::fd::FromRawFd::from_raw_fd(number) };
        let counter = eventfd::eventfd().expect("a counter");
        let group = std::mem::ManuallyDrop::new(provide(kernel));
        let client = Some(client);
        let (others, pipes) = (Vec::new(), [pipe(), pipe(), pipe()]);
        let page = vec![7_u8; 4096];
        for _ in 0..16 {
            let write = opcode::Write::new(end(&pipes[1], 1), page.as_ptr(), 4096).build();
            assert_eq!(kernel.staged(write), 4096);
        }
        let (receiver, sender) = datagram_pair(kernel);
        let sender = Some(sender);
        let _group = group;
        Stage {
            listener,
            address,
            server,
            client,
            counter,
            others,
            pipes,
            receiver,
            sender,
            _group,
        }
    }

    /// The op's entry; what it lends is leaked.
    pub(super) fn entry(&self, subject: Subject) -> Entry {
        let room: &'static mut [u8] = Box::leak(Box::new([0_u8; 64]));
        let start = room.as_mut_ptr();
        let (server, listener, counter) = (fd(&self.server), fd(&self.listener), fd(&self.counter));
        match subject {
            Subject::Recv => opcode::Recv::new(server, start, 64).build(),
            Subject::RecvAll => {
                opcode::Recv::new(server, start, 64).flags(libc::MSG_WAITALL).build()
            }
            Subject::Peek => opcode::Recv::new(server, start, 64).flags(libc::MSG_PEEK).build(),
            Subject::Read => opcode::Read::new(server, start, 64).build(),
            Subject::Readv => {
                let pieces = [(start as u64, 3_u64), (start as u64 + 8, 56)];
                let pieces: &'static mut _ = Box::leak(Box::new(pieces));
                opcode::Readv::new(server, pieces.as_ptr().cast(), 2).build()
            }
            Subject::RecvSelected => opcode::Recv::new(server, std::ptr::null_mut(), 64)
                .buf_group(7)
                .build()
                .flags(Flags::BUFFER_SELECT),
            Subject::RecvMany => opcode::RecvMulti::new(server, 7).build(),
            Subject::Poll => opcode::PollAdd::new(server, 1).build(),
            Subject::PollMany => opcode::PollAdd::new(server, 1).multi(true).build(),
            Subject::Accept => {
                opcode::Accept::new(listener, std::ptr::null_mut(), std::ptr::null_mut()).build()
            }
            Subject::AcceptMany => opcode::AcceptMulti::new(listener).build(),
            Subject::CountRead => opcode::Read::new(counter, start, 8).build(),
            Subject::CountPoll => opcode::PollAdd::new(counter, 1).multi(true).build(),
            Subject::PipeRead => opcode::Read::new(end(&self.pipes[0], 0), start, 64).build(),
            Subject::PipePoll => opcode::PollAdd::new(end(&self.pipes[0], 0), 1).build(),
            Subject::PipeWrite => opcode::Write::new(end(&self.pipes[1], 1), start, 64).build(),
            Subject::Splice => {
                let (from, to) = (end(&self.pipes[0], 0), end(&self.pipes[2], 1));
                opcode::Splice::new(from, -1, to, -1, 64).build()
            }
            Subject::Tee => {
                opcode::Tee::new(end(&self.pipes[0], 0), end(&self.pipes[2], 1), 64).build()
            }
            _ => self.datagram_entry(subject, start),
        }
    }

    fn datagram_entry(&self, subject: Subject, start: *mut u8) -> Entry {
        let receiver = fd(&self.receiver);
        match subject {
            Subject::DatagramFrom => {
                opcode::RecvMsg::new(receiver, datagrams::header(start, 64)).build()
            }
            Subject::DatagramPeek => {
                opcode::Recv::new(receiver, start, 64).flags(libc::MSG_PEEK).build()
            }
            Subject::DatagramRead => opcode::Read::new(receiver, start, 64).build(),
            Subject::DatagramPoll => opcode::PollAdd::new(receiver, 1).build(),
            Subject::DatagramSelected => opcode::Recv::new(receiver, std::ptr::null_mut(), 64)
                .buf_group(7)
                .build()
                .flags(Flags::BUFFER_SELECT),
            Subject::DatagramMany => opcode::RecvMulti::new(receiver, 7).build(),
            _ => opcode::Recv::new(receiver, start, 64).build(),
        }
    }

    /// Lets what the op waits for come.
    pub(super) fn make_ready(&mut self, kernel: &mut Kernel, subject: Subject) {
        if subject.accepts() {
            let client = connected(kernel, self.address);
            self.others.push(client);
        } else if subject.counts() {
            eventfd::eventfd_signal(self.counter.as_fd()).expect("a signal");
        } else if subject == Subject::PipeWrite {
            let mut room = [0_u8; 4096];
            let (reader, mut left) = (end(&self.pipes[1], 0), 4096);
            while left > 0 {
                let read = opcode::Read::new(reader, room.as_mut_ptr(), left).build();
                left -= u32::try_from(kernel.staged(read)).expect("bytes");
            }
        } else if subject.is_of_pipes() {
            let write = opcode::Write::new(end(&self.pipes[0], 1), b"0123456789".as_ptr(), 10);
            assert_eq!(kernel.staged(write.build()), 10);
        } else if let (Some(sender), true) = (&self.sender, subject.is_datagram()) {
            let send = opcode::Send::new(fd(sender), b"0123456789".as_ptr(), 10).build();
            assert_eq!(kernel.staged(send), 10);
        } else if let Some(client) = &self.client {
            let bytes = b"0123456789";
            let send = opcode::Send::new(fd(client), bytes.as_ptr(), 10).build();
            assert_eq!(kernel.staged(send), 10);
        }
    }

    /// Closes what the op's file has on its other side.
    pub(super) fn close_peer(&mut self, kernel: &mut Kernel, subject: Subject) {
        match subject {
            _ if subject.is_datagram() => {
                self.sender = None;
                // It hears of that by what it sends.
                let send = opcode::Send::new(fd(&self.receiver), b"x".as_ptr(), 1).build();
                assert_eq!(kernel.staged(send), 1);
            }
            Subject::PipeWrite => self.pipes[1][0] = None,
            _ if subject.is_of_pipes() => self.pipes[0][1] = None,
            _ => self.client = None,
        }
    }

    /// The number that a cancel by descriptor names.
    pub(super) fn target(&self, subject: Subject) -> i32 {
        match subject {
            _ if subject.accepts() => self.listener.as_raw_fd(),
            _ if subject.counts() => self.counter.as_raw_fd(),
            Subject::PipeRead | Subject::PipePoll => end(&self.pipes[0], 0).0,
            Subject::PipeWrite => end(&self.pipes[1], 1).0,
            // By what they move to.
            Subject::Splice | Subject::Tee => end(&self.pipes[2], 1).0,
            _ if subject.is_datagram() => self.receiver.as_raw_fd(),
            _ => self.server.as_raw_fd(),
        }
    }
}

fn fd(owned: &Owned) -> types::Fd {
    types::Fd(owned.as_raw_fd())
}

/// A pipe of whichever kernel this thread has.
pub(super) fn pipe() -> Ends {
    sim::pipe().expect("a pipe").map(|end| Some(Owned::from(end)))
}

pub(super) fn end(pipe: &Ends, which: usize) -> types::Fd {
    fd(pipe[which].as_ref().expect("it is open"))
}

fn connected(kernel: &mut Kernel, address: SocketAddr) -> Owned {
    let client = socket::tcp_socket(false).expect("a socket");
    let address = SocketAddress::from(address);
    let connect = opcode::Connect::new(fd(&client), address.as_ptr(), address.len()).build();
    assert_eq!(kernel.staged(connect), 0);
    client
}

/// Two datagram sockets, each connected to the other.
fn datagram_pair(kernel: &mut Kernel) -> (Owned, Owned) {
    let [one, other] = [datagrams::bound(), datagrams::bound()];
    for (from, to) in [(&one, &other), (&other, &one)] {
        let address = SocketAddress::from(socket::local_addr(to.as_fd()).expect("its address"));
        let connect = opcode::Connect::new(fd(from), address.as_ptr(), address.len()).build();
        assert_eq!(kernel.staged(connect), 0);
    }
    (one, other)
}

/// Registers four buffers of 16 bytes as group 7.
pub(super) fn provide(kernel: &Kernel) -> Mapping {
    let mapping = Mapping::new(8192).expect("two pages");
    let start = mapping.start().as_ptr();
    for id in 0..4_u64 {
        let (addr, rest) = (start as u64 + 4096 + id * 16, 16 | id << 32);
        // SAFETY: the entry lies in the first page of the mapping, which nobody reads yet.
        let entry = unsafe { start.cast::<[u64; 2]>().add(id as usize) };
        // SAFETY: as above.
        unsafe { entry.write([addr, rest]) };
    }
    // SAFETY: the tail lies in the first entry.
    let tail = unsafe { start.add(14) }.cast::<u16>();
    // SAFETY: as above.
    unsafe { tail.write(4) };
    let registration =
        Registration { addr: start as u64, entries: 4, group: 7, flags: 0, reserved: [0; 3] };
    let arg = (&raw const registration).cast_mut().cast();
    // SAFETY: `arg` is one record of the kind this opcode takes, and the mapping is kept.
    unsafe { door::register(kernel.number(), abi::REGISTER_PBUF_RING, arg, 1) }.expect("a group");
    mapping
}

//! Datagrams by themselves: what each entry answers and writes, line by line the same on both kernels.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};

use super::kernel::Kernel;
use super::subjects::provide;
use crate::sys::address::SocketAddress;
use crate::sys::{Owned, sim, socket, socket_options, udp_options};

/// A datagram socket of the loopback.
pub(super) fn bound() -> Owned {
    let socket = socket::udp_socket(false).expect("a socket");
    socket::bind(socket.as_fd(), SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    socket
}

/// A header for one piece and an address, all of it leaked.
pub(super) fn header(start: *mut u8, len: usize) -> *mut libc::msghdr {
    let piece: &'static mut libc::iovec =
        Box::leak(Box::new(libc::iovec { iov_base: start.cast(), iov_len: len }));
    let name: &'static mut SocketAddress = Box::leak(Box::new(SocketAddress::empty()));
    // SAFETY: every field of the header is an integer or a pointer, for which zero is valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (piece, 1);
    (header.msg_name, header.msg_namelen) = (name.as_mut_ptrs().0.cast(), name.len());
    Box::leak(Box::new(header))
}

struct Play {
    kernel: Kernel,
    lines: Vec<(&'static str, i64)>,
}

fn fd(socket: &Owned) -> types::Fd {
    types::Fd(socket.as_raw_fd())
}

fn address(socket: &Owned) -> SocketAddr {
    socket::local_addr(socket.as_fd()).expect("an address")
}

impl Play {
    fn say(&mut self, what: &'static str, entry: Entry) {
        let res = self.kernel.staged(entry);
        self.lines.push((what, i64::from(res)));
    }

    /// Every completion of an entry, with its flags.
    fn items(&mut self, what: &'static str, entry: Entry) {
        self.kernel.push(&entry.user_data(1));
        self.kernel.settle();
        for (_, res, flags) in std::mem::take(&mut self.kernel.items) {
            self.note(what, i64::from(res));
            self.note("its flags", i64::from(flags));
        }
    }

    fn note(&mut self, what: &'static str, value: i64) {
        self.lines.push((what, value));
    }

    fn outcome(&mut self, what: &'static str, done: std::io::Result<()>) {
        let errno = done.err().and_then(|error| error.raw_os_error()).unwrap_or(0);
        self.note(what, i64::from(errno));
    }

    fn send(&mut self, what: &'static str, from: &Owned, len: usize) {
        let bytes: &'static [u8] = vec![7; len].leak();
        let send = opcode::Send::new(fd(from), bytes.as_ptr(), len as u32);
        self.say(what, send.build());
    }

    fn send_to(&mut self, what: &'static str, from: &Owned, len: usize, to: SocketAddr) {
        let header = header(vec![7; len].leak().as_mut_ptr(), len);
        let name: &'static SocketAddress = Box::leak(Box::new(SocketAddress::from(to)));
        // SAFETY: the header is leaked, and no op has it yet.
        let message = unsafe { &mut *header };
        message.msg_name = name.as_ptr().cast_mut().cast();
        message.msg_namelen = name.len();
        self.say(what, opcode::SendMsg::new(fd(from), header).build());
    }

    /// Receives with a header, and says what the kernel has written there.
    fn receive(&mut self, what: &'static str, at: &Owned, len: usize, flags: i32) {
        let header = header(vec![0_u8; len].leak().as_mut_ptr(), len);
        let entry = opcode::RecvMsg::new(fd(at), header).flags(flags as u32).build();
        self.say(what, entry);
        // SAFETY: the op is over, and the header is leaked.
        let message = unsafe { *header };
        self.note("its address", i64::from(message.msg_namelen));
        self.note("its flags", i64::from(message.msg_flags));
    }

    fn connect(&mut self, what: &'static str, from: &Owned, to: Option<SocketAddr>) {
        let to = to.map_or(SocketAddress::nobody(), SocketAddress::from);
        let to: &'static SocketAddress = Box::leak(Box::new(to));
        self.say(what, opcode::Connect::new(fd(from), to.as_ptr(), to.len()).build());
    }
}

/// Receives into buffers that the kernel chooses, one by one and in a stream.
fn selected(play: &mut Play, one: &Owned, other: &Owned) {
    let _group = std::mem::ManuallyDrop::new(provide(&play.kernel));
    let there = address(other);
    for len in [0, 5, 16, 17, 0] {
        play.send_to("send to a buffer", one, len, there);
        let recv = opcode::Recv::new(fd(other), std::ptr::null_mut(), 0).buf_group(7).build();
        play.items("receive into a buffer", recv.flags(Flags::BUFFER_SELECT));
    }
    play.send_to("send to what is left", one, 3, there);
    play.send_to("send more", one, 4, there);
    play.items("receive a stream", opcode::RecvMulti::new(fd(other), 7).build());
    play.receive("receive what it left", other, 10, WAITS_NOT);
}

const WAITS_NOT: i32 = libc::MSG_DONTWAIT;

fn sizes(play: &mut Play, one: &Owned, other: &Owned) {
    let there = address(other);
    play.send("send without a peer", one, 3);
    for len in [0, 1, 9000, 65_507, 65_508, 65_535, 65_536, 100_000] {
        play.send_to("send this many", one, len, there);
    }
    play.receive("receive nothing", other, 10, WAITS_NOT);
    play.receive("receive one byte", other, 10, WAITS_NOT);
    play.receive("receive a part", other, 10, WAITS_NOT);
    play.receive("look at the longest", other, 70_000, WAITS_NOT | libc::MSG_PEEK);
    play.receive("receive into no room", other, 0, WAITS_NOT);
    play.receive("receive what is not there", other, 10, WAITS_NOT);
    play.send_to("send some", one, 500, there);
    play.receive("receive its length", other, 10, WAITS_NOT | libc::MSG_TRUNC);
    play.send_to("send to port zero", one, 1, SocketAddr::from(([127, 0, 0, 1], 0)));
    play.send_to("send to another family", one, 1, (Ipv6Addr::LOCALHOST, 9).into());
    play.send_to("send to everybody", one, 1, SocketAddr::from(([127, 255, 255, 255], 9)));
    let may = udp_options::set_broadcast(one.as_fd(), true);
    play.outcome("let it send to everybody", may);
    play.send_to("send to everybody then", one, 1, SocketAddr::from(([127, 255, 255, 255], 9)));
    play.send_to(
        "send to itself by no address",
        other,
        2,
        (Ipv4Addr::UNSPECIFIED, there.port()).into(),
    );
    play.receive("receive that", other, 10, WAITS_NOT);
    let poll = opcode::PollAdd::new(fd(other), libc::POLLOUT as u32).build();
    play.say("poll for room", poll);
}

fn peers(play: &mut Play, one: &Owned, other: &Owned) {
    let (here, there) = (address(one), address(other));
    play.connect("connect to another family", one, Some((Ipv6Addr::LOCALHOST, 9).into()));
    play.connect("connect", one, Some(there));
    play.note("its peer", i64::from(socket::peer_addr(one.as_fd()).is_ok_and(|at| at == there)));
    play.send("send to the peer", one, 3);
    play.receive("receive from it", other, 10, WAITS_NOT);
    let stranger = bound();
    play.send_to("a stranger sends", &stranger, 4, here);
    play.receive("receive from a stranger", one, 10, WAITS_NOT);
    play.send_to("the peer sends", other, 5, here);
    play.receive("receive from the peer", one, 10, WAITS_NOT);
    let gone = address(&stranger);
    drop(stranger);
    play.connect("connect to nobody", one, Some(gone));
    play.send("send to nobody", one, 3);
    let poll = opcode::PollAdd::new(fd(one), libc::POLLIN as u32).build();
    play.say("poll for an answer", poll);
    play.receive("receive the refusal", one, 10, WAITS_NOT);
    play.receive("receive it again", one, 10, WAITS_NOT);
    play.send("send to nobody again", one, 3);
    play.send("hear of it", one, 3);
    play.send("send once more", one, 3);
    let error = socket_options::take_error(one.as_fd()).expect("a socket");
    play.note("its error", i64::from(error.and_then(|error| error.raw_os_error()).unwrap_or(0)));
    play.connect("connect to all", one, None);
    play.note("its port", i64::from(address(one).port() > 0));
    play.note("its own address", i64::from(address(one).ip() == IpAddr::V4(Ipv4Addr::LOCALHOST)));
    play.note("its peer then", i64::from(socket::peer_addr(one.as_fd()).is_ok()));
    play.send("send to whom", one, 3);
    play.send_to("send to somebody", one, 3, there);
    play.receive("receive once more", other, 10, WAITS_NOT);
    play.note("a new port", i64::from(address(one).port() > 0));
}

fn addresses(play: &mut Play, one: &Owned) {
    let taken = address(one);
    let fresh = || socket::udp_socket(false).expect("a socket");
    let second = fresh();
    play.outcome("bind what is taken", socket::bind(second.as_fd(), taken));
    let stranger = SocketAddr::from(([198, 51, 100, 7], 0));
    play.outcome("bind what is another's", socket::bind(second.as_fd(), stranger));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    play.outcome("bind another family", socket::bind(second.as_fd(), v6));
    play.outcome("bind it", socket::bind(second.as_fd(), ([127, 0, 0, 1], 0).into()));
    play.outcome("bind it again", socket::bind(second.as_fd(), ([127, 0, 0, 1], 0).into()));
    play.outcome("listen", socket::listen(second.as_fd(), 1));
    let shut = socket::shutdown(second.as_fd(), std::net::Shutdown::Both);
    play.outcome("shut down without a peer", shut);
    for set in [socket_options::set_reuse_addr, socket_options::set_reuse_port] {
        let (third, fourth) = (fresh(), fresh());
        for socket in [&third, &fourth] {
            set(socket.as_fd(), true).expect("an option");
        }
        play.outcome("bind one", socket::bind(third.as_fd(), ([127, 0, 0, 1], 0).into()));
        play.outcome("share it", socket::bind(fourth.as_fd(), address(&third)));
    }
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let mut member = |what, group, joins| {
        let here = Ipv4Addr::LOCALHOST;
        let done = udp_options::set_membership_v4(second.as_fd(), group, here, joins);
        play.outcome(what, done);
    };
    member("leave what was not joined", group, false);
    member("join", group, true);
    member("join again", group, true);
    member("leave", group, false);
    member("join what is no group", Ipv4Addr::new(10, 1, 2, 3), true);
    let hops = udp_options::set_multicast_ttl(second.as_fd(), false, 256);
    play.outcome("too many hops", hops);
}

fn play() -> Vec<(&'static str, i64)> {
    let mut play = Play { kernel: Kernel::new(false, 500), lines: Vec::new() };
    let (one, other) = (bound(), bound());
    sizes(&mut play, &one, &other);
    selected(&mut play, &one, &other);
    peers(&mut play, &one, &other);
    addresses(&mut play, &other);
    drop((one, other));
    play.lines
}

#[test]
#[cfg_attr(address_sanitizer, ignore = "its scripts lend memory for good")]
fn datagrams_are_answered_on_both_kernels_alike() {
    let real = play();
    super::install(1, super::Faults::none());
    super::set_lenient(true);
    let simulated = play();
    assert!(sim::violations().is_empty(), "{:?}", sim::violations());
    super::uninstall();
    let differ: Vec<_> = real.iter().zip(&simulated).filter(|(one, other)| one != other).collect();
    assert!(differ.is_empty(), "real and simulated: {differ:#?}");
    assert!(real.len() > 90 && real.len() == simulated.len(), "{} lines", real.len());
}

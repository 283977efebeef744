//! Pins `uring-sys-notes/cancellation.md`: the races, by the set of their legal outcomes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc;
use std::thread;

use io_uring::squeue::Flags;
use io_uring::types::Fd;
use io_uring::{EnterFlags, opcode};

use crate::cancellation::{CANCEL, ERESTARTSYS, OP, cancel, open_fifo, read};
use crate::memory::Lent;
use crate::ring::{Done, TestRing, only};
use crate::scratch::Scratch;
use crate::syscall;

const ROUNDS: usize = 400;

/// What the cancel said and what its target said, how often.
#[derive(Default, Debug)]
struct Outcomes(BTreeMap<(i32, &'static str), usize>);

impl Outcomes {
    fn count(&mut self, done: &[Done]) {
        let (cancel, target) = (only(done, CANCEL).res, only(done, OP).res);
        let target = match -target {
            libc::ECANCELED => "ECANCELED",
            libc::EINTR | ERESTARTSYS => "interrupted",
            error if error <= 0 => "won",
            _ => panic!("the target of a cancel answered {target}"),
        };
        assert!(matches!(-cancel, 0 | libc::ENOENT | libc::EALREADY), "the cancel said {cancel}");
        let agree = match -cancel {
            0 => target == "ECANCELED",
            // Interrupted: by the cancel of an earlier op that ran on the same worker.
            libc::ENOENT => target != "ECANCELED",
            _ => true,
        };
        assert!(agree, "the cancel said {cancel} and its target {target}");
        *self.0.entry((cancel, target)).or_default() += 1;
    }
}

/// Spreads a race: lets up to 200 microseconds go by, more in each of 40 rounds.
fn linger(round: usize) {
    let until = syscall::monotonic_ns() + (round % 40) as u64 * 5_000;
    while syscall::monotonic_ns() < until {
        std::hint::spin_loop();
    }
}

/// The two kinds of ring: where an op's completion waits for the thread, and where it interrupts it.
fn rings() -> [TestRing; 2] {
    [TestRing::new(), TestRing::plain()]
}

/// Lets a cancel race with a connecting client; whoever wins, the client gets its server.
fn race_accepts(ring: &mut TestRing) -> Outcomes {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let mut outcomes = Outcomes::default();
    let (go, rounds) = mpsc::channel::<()>();
    let (sent, clients) = mpsc::channel::<TcpStream>();
    thread::scope(|scope| {
        scope.spawn(move || {
            for () in rounds {
                sent.send(TcpStream::connect(address).expect("connect")).expect("the test listens");
            }
        });
        for round in 0..ROUNDS {
            let none = std::ptr::null_mut();
            let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), none, none.cast()).build();
            ring.push(accept.user_data(OP));
            ring.submit();
            go.send(()).expect("the connector runs");
            linger(round);
            if round % 2 == 0 {
                ring.enter(0, 0, EnterFlags::GETEVENTS).expect("run what is deferred");
            }
            ring.push(cancel(OP));
            let done = ring.collect(2);
            outcomes.count(&done);
            let mut client = clients.recv().expect("a client");
            match only(&done, OP).res {
                accepted if accepted >= 0 => drop(syscall::adopt(accepted)),
                _ => drop(listener.accept().expect("the connection was not lost")),
            }
            assert_eq!(client.read(&mut [0]).expect("the peer's FIN"), 0);
        }
        drop(go);
    });
    outcomes
}

#[test]
fn a_cancelled_accept_may_still_deliver_a_descriptor() {
    for mut ring in rings() {
        println!("(cancel, accept): {:?}", race_accepts(&mut ring));
    }
}

/// Races a cancel with a write of one byte; each round ends with the byte in exactly one place.
fn race_reads(ring: &mut TestRing, flags: Flags) -> Outcomes {
    let (reader, writer) = syscall::pipe(0);
    let mut outcomes = Outcomes::default();
    let (go, rounds) = mpsc::channel::<()>();
    let (said, written) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            for () in rounds {
                syscall::write(&writer, b"x").expect("write");
                said.send(()).expect("the test listens");
            }
        });
        for round in 0..ROUNDS {
            let buf = Lent::zeroed(1);
            ring.push(read(&reader, buf).flags(flags));
            ring.submit();
            go.send(()).expect("the writer runs");
            linger(round);
            if round % 2 == 0 {
                ring.enter(0, 0, EnterFlags::GETEVENTS).expect("run what is deferred");
            }
            ring.push(cancel(OP));
            let done = ring.collect(2);
            outcomes.count(&done);
            written.recv().expect("the byte was written");
            let got = only(&done, OP).res == 1;
            let left = syscall::readable_bytes(&reader);
            assert_eq!(i32::from(got) + left, 1, "the byte is in the op or in the pipe: {done:?}");
            assert_eq!(buf.bytes() == b"x", got);
            if left == 1 {
                syscall::read(&reader, &mut [0]).expect("read");
            }
        }
        drop(go);
    });
    outcomes
}

#[test]
fn a_read_that_wins_against_its_cancel_keeps_its_bytes() {
    for mut ring in rings() {
        println!("(cancel, polled read): {:?}", race_reads(&mut ring, Flags::empty()));
    }
}

#[test]
fn a_read_on_a_worker_that_wins_against_its_cancel_keeps_its_bytes() {
    for mut ring in rings() {
        println!("(cancel, worker's read): {:?}", race_reads(&mut ring, Flags::ASYNC));
    }
}

#[test]
fn a_running_op_of_a_worker_answers_ealready_and_ends_interrupted() {
    let mut ring = TestRing::new();
    let mut outcomes = Outcomes::default();
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    for round in 0..ROUNDS {
        ring.push(open_fifo(&fifo));
        ring.submit();
        linger(round);
        ring.push(cancel(OP));
        outcomes.count(&ring.collect(2));
    }
    println!("(cancel, a worker's open): {outcomes:?}");
    assert!(outcomes.0.keys().all(|(_, target)| *target != "won"), "nobody opened the other end");
}

#[test]
fn a_cancelled_open_may_still_deliver_a_descriptor() {
    let mut ring = TestRing::new();
    let mut outcomes = Outcomes::default();
    let scratch = Scratch::new();
    let fifo = scratch.fifo("fifo");
    let (go, rounds) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let fifo = &fifo;
        scope.spawn(move || {
            let mut write = fs::OpenOptions::new();
            write.write(true).custom_flags(libc::O_NONBLOCK);
            for () in rounds {
                // ENXIO says that no reader waits: the open is not there yet, or not any more.
                drop(write.open(fifo));
            }
        });
        for round in 0..ROUNDS {
            ring.push(open_fifo(fifo));
            ring.submit();
            linger(round * 7);
            go.send(()).expect("the writer runs");
            linger(round);
            ring.push(cancel(OP));
            let done = ring.collect(2);
            outcomes.count(&done);
            if only(&done, OP).res >= 0 {
                drop(syscall::adopt(only(&done, OP).res));
            }
        }
        drop(go);
    });
    println!("(cancel, a worker's open): {outcomes:?}");
}

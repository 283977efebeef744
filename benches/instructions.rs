//! Small loops whose instructions are counted, so that a change of their cost is seen exactly.
//!
//! Time is noisy on a shared machine and instructions are not: the count of one program is the same
//! in every run, but for a few of the allocator's. What one round costs is the difference of two
//! runs, which takes the set-up out:
//!
//! ```text
//! cargo bench --bench instructions --no-run
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/deps/instructions-* yield 10000
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/deps/instructions-* yield 20000
//! ```
//!
//! Only instructions of the program itself count, none of the kernel's. Without a known word the
//! program runs each loop once, a few rounds long, and prints nothing in any case.

use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::task::{Poll, Waker};

use annulus::net::{TcpListener, TcpStream};

/// A word of the command line and the loop it names.
type Named = (&'static str, fn(u64));

const LOOPS: [Named; 5] =
    [("yield", yields), ("spawn", spawns), ("nop", nops), ("wake", wakes), ("echo", echoes)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok());
    let asked = LOOPS.iter().find(|(name, _)| words.iter().any(|word| word == name));
    match asked {
        Some((_, run)) => run(rounds.unwrap_or(10_000)),
        None => LOOPS.iter().for_each(|(_, run)| run(8)),
    }
}

/// Runs `future` on a loop of its own.
fn on_a_loop(future: impl Future<Output = ()>) {
    annulus::run(future).expect("a loop");
}

/// A task that yields: one poll and one wake each.
fn yields(rounds: u64) {
    on_a_loop(async move {
        let task = annulus::spawn(async move {
            for _ in 0..rounds {
                annulus::yield_now().await;
            }
        });
        task.await.expect("the task");
    });
}

/// Tasks that end at once, each awaited before the next.
fn spawns(rounds: u64) {
    on_a_loop(async move {
        for round in 0..rounds {
            let task = annulus::spawn(async move { black_box(round) });
            black_box(task.await.expect("the task"));
        }
    });
}

/// Operations that do nothing, one at a time: one enter each.
fn nops(rounds: u64) {
    on_a_loop(async move {
        for _ in 0..rounds {
            annulus::op::nop().await.expect("a nop");
        }
    });
}

/// Two tasks that wake one another in turn.
fn wakes(rounds: u64) {
    let wakers: Rc<[std::cell::RefCell<Option<Waker>>; 2]> = Rc::default();
    let player = |own: usize| {
        let wakers = Rc::clone(&wakers);
        async move {
            let mut left = rounds;
            poll_fn(|cx| {
                wakers[own].replace(Some(cx.waker().clone()));
                if let Some(other) = wakers[1 - own].take() {
                    other.wake();
                }
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                Poll::Pending
            })
            .await;
        }
    };
    let players = [player(0), player(1)];
    on_a_loop(async move {
        let tasks = players.map(annulus::spawn);
        for task in tasks {
            task.await.expect("the player");
        }
    });
}

/// 64 bytes there and back over a connection of the loop with itself.
fn echoes(rounds: u64) {
    on_a_loop(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let server = annulus::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            echo(&stream).await;
        });
        let stream = TcpStream::connect(address).await.expect("a connection");
        let mut buf = vec![7; 64];
        for _ in 0..rounds {
            let written = stream.write_all(buf).await;
            written.0.expect("a write");
            let read = stream.read(written.1).await;
            assert_eq!(read.0.expect("a read"), 64);
            buf = read.1;
        }
        drop(stream);
        server.await.expect("the server");
    });
}

async fn echo(stream: &TcpStream) {
    let mut buf = vec![0; 64];
    loop {
        let read = stream.read(buf).await;
        if read.0.expect("a read") == 0 {
            return;
        }
        let written = stream.write_all(read.1).await;
        written.0.expect("a write");
        buf = written.1;
    }
}

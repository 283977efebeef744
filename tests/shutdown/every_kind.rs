//! A thousand operations of every kind in flight when the runtime ends.

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use annulus::buf::IoBuf;
use annulus::fs::File;
use annulus::io::{AsyncFd, splice};
use annulus::net::{TcpListener, TcpSocket, TcpStream};
use annulus::{Builder, Runtime, op, spawn};
use tracing::Level;

use super::ends_clean;
use crate::common::bound::{bound_loop, on_either_kernel};
use crate::common::capture::listening_to;
use crate::common::child::Child;
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::{full_pair, half_pair, own_loopback, own_pair, std_pair};
use crate::named_pipe::make_fifo;
use crate::temp::TempDir;

/// Tasks of each kind.
const EACH: usize = 75;

/// Tasks of the kinds that cost a thread of the kernel each, or a descriptor more.
const FEW: usize = 8;

/// What must stay open on this side of the loop while the ops wait.
#[derive(Default)]
struct Others {
    streams: Vec<std::net::TcpStream>,
    full: Vec<TcpStream>,
    addresses: Vec<SocketAddr>,
    foreign: Vec<std::os::unix::net::UnixStream>,
    directories: Vec<TempDir>,
}

fn detach<F: Future + 'static>(future: F) {
    spawn(async move { drop(future.await) }).detach();
}

/// A stream on which nothing ever arrives.
fn quiet(others: &mut Others) -> Rc<TcpStream> {
    let (near, far) = half_pair();
    others.streams.push(far);
    Rc::new(near)
}

fn receives(others: &mut Others, count: &Count) {
    for _ in 0..EACH {
        let streams: [_; 6] = std::array::from_fn(|_| quiet(others));
        let [read, recv, items, peek, readv, readable] = streams;
        let (a, b, c) = (count.buf(100), count.buf(5000), count.buf(1));
        detach(async move { read.read(a).await.0 });
        detach(async move { recv.recv().await });
        detach(async move { items.recv_stream().next().await });
        detach(async move { peek.peek(b).await.0 });
        detach(async move { readv.readv(vec![c, Count::default().buf(9)]).await.0 });
        detach(async move { readable.readable().await });
    }
}

async fn sends(others: &mut Others, count: &Count) {
    let mut full = Vec::new();
    for _ in 0..4 * EACH {
        full.push(spawn(full_pair()));
    }
    let mut streams = Vec::new();
    for pair in full {
        let (near, far) = pair.await.unwrap();
        streams.push(near);
        others.full.push(far);
    }
    let mut next = || Rc::new(streams.pop().unwrap());
    for _ in 0..EACH {
        let [write, whole, zero_copy, writable] = std::array::from_fn(|_| next());
        let (a, b) = (count.full(&[1; 100_000]), count.full(&[2; 5]));
        let c = count.full(&[3; 100_000]);
        detach(async move { zero_copy.send_zc(c).await.0 });
        detach(async move { write.write(a).await.0 });
        detach(async move { whole.write_all(b).await.0 });
        detach(async move { writable.writable().await });
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind_addr(own_loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn accepts(others: &mut Others) {
    for _ in 0..EACH {
        let (one, address) = listener();
        others.addresses.push(address);
        let (many, address) = listener();
        others.addresses.push(address);
        detach(async move { one.accept().await.map(drop) });
        detach(async move { many.incoming().next().await.map(drop) });
    }
}

/// Connects to a listener that has as many connections as it may.
fn connects(others: &mut Others) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(own_loopback()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    for _ in 0..2 {
        others.streams.push(std::net::TcpStream::connect(address).unwrap());
    }
    for _ in 0..EACH {
        let connect = TcpStream::connect_addr(address).unwrap();
        detach(async move { connect.await.map(drop) });
    }
    full
}

fn timed(others: &mut Others, count: &Count) {
    let far_away = Duration::from_secs(3600);
    for _ in 0..EACH {
        let [read, readable] = std::array::from_fn(|_| quiet(others));
        let buf = count.buf(64).slice(..);
        detach(async move { read.read(buf).timeout(far_away).await.0 });
        detach(async move { readable.readable().timeout(far_away).await });
    }
}

/// Files that one waits for, readiness of what others have made, and ops that are linked.
async fn files_and_chains(others: &mut Others, count: &Count) {
    let [dir, other] = [TempDir::new(), TempDir::new()];
    let both_ways = async |dir| {
        let path = make_fifo(dir);
        Rc::new(File::options().read(true).write(true).open(&path).await.unwrap())
    };
    let (fifo, sink) = (both_ways(&dir).await, both_ways(&other).await);
    for _ in 0..FEW {
        let [buf, a, b] = std::array::from_fn(|_| count.buf(64));
        let file = Rc::clone(&fifo);
        detach(async move { file.read_at(buf, 0).await.0 });
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        others.foreign.push(far);
        let waits = AsyncFd::new(near).unwrap();
        detach(async move { waits.readable().await });
        let stream = quiet(others);
        detach(async move {
            let (first, second) = op::chain((stream.read(a), stream.read(b))).await;
            (first.0, second.0)
        });
    }
    // A kernel thread waits for the other side of each of these.
    let lonely = TempDir::new();
    let path = make_fifo(&lonely);
    for _ in 0..FEW {
        let open = File::options().write(true).open(&path);
        detach(async move { open.await.map(drop) });
        let (from, to) = (Rc::clone(&fifo), Rc::clone(&sink));
        detach(async move { splice(&*from, None, &*to, None, 9).await });
    }
    others.directories.extend([dir, other, lonely]);
}

/// Everything in flight; what comes back keeps it there.
async fn launch(count: &Count) -> (Others, TcpListener) {
    let mut others = Others::default();
    files_and_chains(&mut others, count).await;
    receives(&mut others, count);
    sends(&mut others, count).await;
    accepts(&mut others);
    timed(&mut others, count);
    let full = connects(&mut others);
    (others, full)
}

async fn turn(times: usize) {
    for _ in 0..times {
        op::nop().await.unwrap();
    }
}

fn a_thousand_in_flight(runtime: &Runtime, count: &Count) -> Others {
    runtime.block_on(async {
        let (mut others, full) = launch(count).await;
        turn(20).await;
        let metrics = metrics::here();
        metrics::assert_conserved(&metrics);
        assert!(metrics.ops_in_flight >= 1000, "{metrics:?}");
        others.addresses.push(full.local_addr().unwrap());
        // Some that nobody has submitted yet.
        for _ in 0..EACH {
            detach(op::nop());
        }
        others
    })
}

fn binds_again(others: &Others) {
    for address in &others.addresses {
        std::net::TcpListener::bind(address).expect("the port is free at once");
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

fn once(builder: Builder, entries: u32) {
    let count = Count::default();
    let before = descriptors();
    let runtime = builder.entries(entries).build().unwrap();
    let _bound = bound_loop(&runtime);
    let others = a_thousand_in_flight(&runtime, &count);
    assert!(count.alive() >= 5 * EACH, "{} buffers are lent", count.alive());
    let ended = listening_to(Level::DEBUG, |said| {
        ends_clean(runtime);
        let said = said.try_iter().find(|said| said.message() == "a loop has ended");
        said.expect("a loop says how it has ended")
    });
    assert_eq!((ended.number("left"), ended.number("leaked")), (0.0, 0.0), "{ended:?}");
    let (in_flight, enters) = (ended.number("in_flight"), ended.number("enters"));
    println!("{in_flight} operations ended in {enters} system calls");
    assert!(in_flight >= 1000.0, "{ended:?}");
    // A cancel for each op and a close for each descriptor, a queue full of them at a time; what is
    // more is waiting.
    let queue = f64::from(entries);
    assert!(enters <= 4.0 * in_flight / queue + 60.0, "{ended:?}");
    assert_eq!(count.alive(), 0, "buffers that were not freed");
    binds_again(&others);
    drop(others);
    assert_eq!(descriptors(), before, "descriptors after and before");
}

#[test]
fn a_thousand_ops_of_every_kind_end_with_their_runtime() {
    Child::of(concat!(module_path!(), "::a_thousand_ops_of_every_kind_end_with_their_runtime"))
        .run(|| {
            once(Builder::new(), 256);
            once(Builder::new().coop_only(true), 256);
        });
}

#[test]
fn a_thousand_ops_end_through_the_smallest_queues() {
    Child::of(concat!(module_path!(), "::a_thousand_ops_end_through_the_smallest_queues")).run(
        || {
            once(Builder::new().cq_entries(2).buffer_pool(1, 64), 2);
            once(Builder::new().cq_entries(2).coop_only(true), 2);
        },
    );
}

#[test]
fn futures_that_outlive_the_runtime_are_dropped_in_peace() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let count = Count::default();
    let (ops, far) = runtime.block_on(async {
        let (near, far) = half_pair();
        let mut read = near.read(count.buf(8));
        let mut recv = near.recv();
        let mut sleep = annulus::time::sleep(Duration::from_secs(3600));
        let task = spawn(std::future::pending::<()>());
        assert!(crate::common::poll::poll_once(&mut read).await.is_none());
        assert!(crate::common::poll::poll_once(&mut recv).await.is_none());
        assert!(crate::common::poll::poll_once(&mut sleep).await.is_none());
        ((read, recv, sleep, task, near), far)
    });
    ends_clean(runtime);
    assert_eq!(count.alive(), 0, "the loop had the buffer and has dropped it");
    far.set_nonblocking(true).unwrap();
    let closed = |far: &std::net::TcpStream| std::io::Read::read(&mut &*far, &mut [0]).is_ok();
    assert!(!closed(&far), "the handle that lives on keeps the connection open");
    drop(ops);
    assert!(closed(&far), "the last handle closes it");
}

#[test]
fn many_of_each_kind_end_with_their_runtime_on_either_kernel() {
    on_either_kernel(|| {
        for entries in [4, 64] {
            let count = Count::default();
            let runtime = Builder::new().entries(entries).build().unwrap();
            let kept = runtime.block_on(async {
                let mut kept = Vec::new();
                for _ in 0..20 {
                    let streams: [_; 7] = [const { None::<TcpStream> }; 7];
                    let mut near = Vec::new();
                    for _ in streams {
                        let (one, other) = own_pair().await;
                        near.push(Rc::new(one));
                        kept.push(other);
                    }
                    let mut next = || near.pop().unwrap();
                    let (read, recv, items) = (next(), next(), next());
                    let (timed, readable, first, second) = (next(), next(), next(), next());
                    let (a, b) = (count.buf(100), count.buf(64).slice(..));
                    let (c, d) = (count.buf(7), count.buf(9));
                    let far_away = Duration::from_secs(3600);
                    detach(async move { read.read(a).await.0 });
                    detach(async move { recv.recv().await });
                    detach(async move { items.recv_stream().next().await });
                    detach(async move { timed.read(b).timeout(far_away).await.0 });
                    detach(async move { readable.readable().await });
                    detach(async move { op::chain((first.read(c), second.read(d))).await.1.0 });
                    let (one, many) = (listener().0, listener().0);
                    detach(async move { one.accept().await.map(drop) });
                    detach(async move { many.incoming().next().await.map(drop) });
                }
                turn(20).await;
                let metrics = metrics::here();
                metrics::assert_conserved(&metrics);
                assert!(metrics.ops_in_flight >= 160, "{metrics:?}");
                // Some that nobody has submitted yet.
                for _ in 0..EACH {
                    detach(op::nop());
                }
                kept
            });
            assert!(count.alive() >= 60, "{} buffers are lent", count.alive());
            ends_clean(runtime);
            assert_eq!(count.alive(), 0, "buffers that were not freed");
            drop(kept);
        }
    });
}

/// How long this thread has kept a processor busy, in the kernel too.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("/proc");
    let ns = text.split_whitespace().next().expect("a time").parse().expect("a number");
    Duration::from_nanos(ns)
}

/// Not a test of time, which a busy machine cannot pass: it prints.
#[test]
#[ignore = "prints how long it takes"]
fn how_long_it_takes_to_end_a_thousand_ops() {
    for _ in 0..10 {
        let count = Count::default();
        let runtime = Runtime::new().unwrap();
        let others = a_thousand_in_flight(&runtime, &count);
        let (start, worked) = (Instant::now(), processor_time());
        ends_clean(runtime);
        let (ended, worked) = (start.elapsed(), processor_time() - worked);
        binds_again(&others);
        let ports = others.addresses.len();
        let bound = start.elapsed() - ended;
        println!("{ended:?} to end, {worked:?} of the processor; {bound:?} to bind {ports} ports");
        // What the kernel needs for the same descriptors alone, and no loop could do without.
        let streams: Vec<_> = (0..6 * EACH + 2 * 4 * EACH).map(|_| std_pair()).collect();
        let (near, far): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
        let start = Instant::now();
        drop(near);
        println!("    {:?} to close {} sockets without a loop", start.elapsed(), far.len());
    }
}

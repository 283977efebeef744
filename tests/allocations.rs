//! A steady load allocates nothing and makes few system calls.
//!
//! An allocator counts what this thread allocates; the loop, its connections and their clients all
//! run on it.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, Handle, spawn};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _gone = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: promised by the caller.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _gone = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: promised by the caller.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 50;

async fn echo(stream: TcpStream) {
    loop {
        let bytes = stream.recv().await.unwrap();
        if bytes.is_empty() {
            return;
        }
        stream.write_all(bytes).await.into_result().unwrap();
    }
}

/// Sends and awaits `ROUNDS` messages, with the same buffers all the time.
async fn ask(stream: TcpStream) -> TcpStream {
    let mut buf = vec![7u8; 64];
    for _ in 0..ROUNDS {
        let BufResult(sent, back) = stream.write_all(buf).await;
        sent.unwrap();
        let BufResult(read, back) = stream.read(back).await;
        assert_eq!(read.unwrap(), 64);
        buf = back;
    }
    stream
}

#[test]
fn a_steady_echo_allocates_nothing_and_turns_many_requests_with_one_enter() {
    annulus::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(TcpStream::connect_addr(address).unwrap().await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            spawn(echo(stream)).detach();
        }
        // The first pass grows queues, cells and the pool to what the load needs.
        for pass in 0..3 {
            let asking: Vec<_> = clients.drain(..).map(|client| spawn(ask(client))).collect();
            annulus::yield_now().await;
            let before = (COUNT.get(), Handle::current().metrics().unwrap());
            let counted = COUNT.get();
            for task in asking {
                clients.push(task.await.unwrap());
            }
            let allocated = COUNT.get() - counted;
            let enters = Handle::current().metrics().unwrap().enters - before.1.enters;
            let requests = CONNECTIONS * ROUNDS;
            if pass > 0 {
                // The list of clients that comes back may grow, and nothing else.
                assert!(allocated <= 8, "{allocated} allocations in {requests} requests");
                assert!(
                    (enters as f64) < 0.1 * requests as f64,
                    "{enters} enters for {requests} requests"
                );
            }
        }
    })
    .unwrap();
}

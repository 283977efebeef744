//! A steady load allocates nothing and makes few system calls.
//!
//! An allocator counts what this thread allocates; the loop, its connections and their clients all
//! run on it. The HTTP server is the example itself.

#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::rc::Rc;

use annulus::net::{TcpListener, TcpStream};
use annulus::{BufResult, Handle, spawn};

#[path = "../../examples/http/body.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod body;
#[path = "../../examples/http/connection.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod connection;
#[path = "../../examples/http/download.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod download;
#[path = "../../examples/http/files.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod files;
#[path = "../../examples/http/input.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod input;
#[path = "../../examples/http/limits.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod limits;
#[path = "../../examples/http/metrics.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod metrics;
#[path = "../../examples/http/range.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod range;
#[path = "../../examples/http/request.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod request;
#[path = "../../examples/http/response.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod response;
#[path = "../../examples/http/server.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod server;
#[path = "../../examples/http/status.rs"]
#[allow(dead_code, reason = "the example as it is; a test serves one page of it")]
mod status;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes that the allocator has really taken for what this thread uses: each block has a word
    /// before it, and is a multiple of 16 bytes long.
    static IN_USE: Cell<isize> = const { Cell::new(0) };
}

fn note_use(before: usize, after: usize) {
    let taken = |size: usize| if size == 0 { 0 } else { (size + 8).next_multiple_of(16) };
    let change = taken(after) as isize - taken(before) as isize;
    let _gone = IN_USE.try_with(|bytes| bytes.set(bytes.get() + change));
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _gone = COUNT.try_with(|count| count.set(count.get() + 1));
        note_use(0, layout.size());
        // SAFETY: promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note_use(layout.size(), 0);
        // SAFETY: promised by the caller.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _gone = COUNT.try_with(|count| count.set(count.get() + 1));
        note_use(layout.size(), size);
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

/// As many as a table that doubles has lines, but for the root task and the listener: then nothing
/// of what is counted is room to spare.
const IDLE: usize = 250;

/// What a connection that waits for its next request may take in user space: its task, its stream
/// and the operation in flight, in every table. A build with debug assertions keeps with each
/// operation where it was made.
const IDLE_BYTES_MAX: isize = if cfg!(debug_assertions) { 448 } else { 408 };

#[test]
fn an_idle_connection_takes_few_bytes_and_pins_no_buffer() {
    annulus::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::with_capacity(IDLE + 1);
        let mut before = 0;
        for number in 0..=IDLE {
            // The other ends are std's, and take nothing.
            clients.push(std::net::TcpStream::connect(address).unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            spawn(echo(stream)).detach();
            annulus::yield_now().await;
            if number == 0 {
                // The pool of buffers is there, and what else comes with the first.
                before = IN_USE.get();
            }
        }
        let waiting = Handle::current().metrics().unwrap().ops_in_flight;
        let bytes = (IN_USE.get() - before) / IDLE as isize;
        println!("{bytes} bytes for each idle connection");
        assert!(waiting >= IDLE as u64, "{waiting} connections wait");
        assert!(bytes <= IDLE_BYTES_MAX, "{bytes} bytes for each idle connection");
    })
    .unwrap();
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

/// Asks for the page `ROUNDS` times, with the same buffers all the time.
async fn get(stream: TcpStream) -> TcpStream {
    let mut buf = Vec::with_capacity(4096);
    for _ in 0..ROUNDS {
        stream.write_all("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.0.unwrap();
        buf.clear();
        let BufResult(read, back) = stream.read(buf).await;
        read.unwrap();
        assert!(back.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&back));
        buf = back;
    }
    stream
}

#[test]
fn a_steady_http_server_allocates_nothing_and_turns_many_requests_with_one_enter() {
    annulus::run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Rc::new(server::Server::new(limits::Limits::default(), None));
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(TcpStream::connect_addr(address).unwrap().await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            spawn(connection::serve(stream, Rc::clone(&server))).detach();
        }
        for pass in 0..3 {
            let asking: Vec<_> = clients.drain(..).map(|client| spawn(get(client))).collect();
            annulus::yield_now().await;
            let (counted, before) = (COUNT.get(), Handle::current().metrics().unwrap().enters);
            for task in asking {
                clients.push(task.await.unwrap());
            }
            let allocated = COUNT.get() - counted;
            let enters = Handle::current().metrics().unwrap().enters - before;
            let requests = CONNECTIONS * ROUNDS;
            println!("{allocated} allocations and {enters} enters in {requests} requests");
            if pass > 0 {
                // As above.
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

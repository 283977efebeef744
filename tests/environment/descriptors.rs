//! A limit of 64 descriptors, and more clients than that.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use annulus::net::{TcpListener, TcpSocket, TcpStream};
use annulus::sync::Notify;
use annulus::{Builder, SetupCause};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::common::metrics;
use crate::common::net::loopback;
use crate::common::process;

const LIMIT: u64 = 64;
const CLIENTS: u32 = 300;

/// A loop that leaves the limit as it is.
fn runtime() -> annulus::Runtime {
    Builder::new().raise_nofile_limit(false).build().expect("a loop")
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// Clients whose descriptors do not count, each with its number sent.
fn connect(address: SocketAddr) -> Vec<std::net::TcpStream> {
    let connect = |number: u32| {
        let client = std::net::TcpStream::connect(address).expect("room in the backlog");
        let mut client = std::net::TcpStream::from(process::moved_above(client, 512));
        client.write_all(&number.to_le_bytes()).unwrap();
        client
    };
    (0..CLIENTS).map(connect).collect()
}

fn assert_answered(clients: Vec<std::net::TcpStream>) {
    for (number, mut client) in clients.into_iter().enumerate() {
        let mut answer = [0; 4];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(u32::from_le_bytes(answer) as usize, number, "another client's answer");
    }
}

/// What a plain accept loop counts.
#[derive(Default)]
struct Counts {
    served: Cell<u32>,
    refusals: Cell<u32>,
    ended: Notify,
}

async fn echo(stream: TcpStream, counts: Rc<Counts>) {
    // None ends before the limit has been met, however slow the accept loop is.
    while counts.refusals.get() == 0 {
        annulus::op::nop().await.unwrap();
    }
    while let Ok(bytes) = stream.recv().await {
        if bytes.is_empty() || stream.write_all(bytes).await.0.is_err() {
            break;
        }
    }
    let _closed = stream.close().await;
    counts.served.set(counts.served.get() + 1);
    counts.ended.notify_one();
}

/// As anybody would write it: when there is no descriptor, it waits until a connection has ended.
async fn accept(listener: TcpListener, counts: Rc<Counts>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => annulus::spawn(echo(stream, Rc::clone(&counts))).detach(),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
                counts.refusals.set(counts.refusals.get() + 1);
                counts.ended.notified().await;
            }
        }
    }
}

#[test]
fn an_accept_loop_without_descriptors_loses_no_client_and_recovers() {
    let path = concat!(
        module_path!(),
        "::an_accept_loop_without_descriptors_loses_no_client_and_recovers"
    );
    Child::of(path).run(|| {
        process::limit_descriptors(2048);
        let runtime = runtime();
        let _bound = bound_loop(&runtime);
        runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(loopback()).unwrap();
            let listener = socket.listen(1024).unwrap();
            let address = listener.local_addr().unwrap();
            let clients = connect(address);
            process::limit_descriptors(LIMIT);

            let counts = Rc::new(Counts::default());
            let server = annulus::spawn(accept(listener, Rc::clone(&counts)));
            let answered = annulus::spawn_blocking(move || assert_answered(clients));
            answered.await.expect("every client has its answer");
            while counts.served.get() < CLIENTS {
                counts.ended.notified().await;
                counts.ended.notify_one();
                annulus::yield_now().await;
            }
            assert!(counts.refusals.get() > 0, "there were always descriptors");

            // With the rush over, it serves as before.
            let (before, refusals) = (descriptors(), counts.refusals.get());
            for round in 0..100 {
                let client = TcpStream::connect(address).await.expect("a descriptor");
                client.write_all(vec![round; 5]).await.0.unwrap();
                assert_eq!(&*client.recv().await.unwrap(), [round; 5]);
                client.close().await.unwrap();
            }
            while counts.served.get() < CLIENTS + 100 {
                annulus::op::nop().await.unwrap();
            }
            metrics::assert_conserved(&metrics::here());
            assert_eq!((descriptors(), counts.refusals.get()), (before, refusals));
            server.abort();
        });
        assert_eq!(runtime.shutdown_timeout(std::time::Duration::from_secs(60)), 0);
    });
}

#[test]
fn without_a_descriptor_for_the_ring_the_error_says_which_limit() {
    let path =
        concat!(module_path!(), "::without_a_descriptor_for_the_ring_the_error_says_which_limit");
    Child::of(path).run(|| {
        process::limit_descriptors(LIMIT);
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        // The ring finds none, or the second descriptor of a loop does not.
        for _ in 0..2 {
            let error = Builder::new().raise_nofile_limit(false).build().expect_err("no room");
            assert_eq!(error.cause(), SetupCause::TooManyDescriptors, "{error}");
            assert!(error.to_string().contains("ulimit -n"), "{error}");
            drop(hoard.pop());
        }
        hoard.clear();
        runtime().block_on(async {});
    });
}

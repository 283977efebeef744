//! Several tasks that accept from one listener, each giving up now and then, on small queues.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::time::timeout;
use annulus::{Builder, spawn};

use crate::common::bound::bound_loop;
use crate::common::metrics;
use crate::common::net::listener;
use crate::common::soak;

const TASKS: u64 = 6;

async fn serve(stream: TcpStream, served: &Cell<usize>) {
    served.set(served.get() + 1);
    stream.write_all("hello").await.0.unwrap();
    stream.close().await.unwrap();
}

/// Accepts with a patience that a seed decides, in one way or the other.
async fn accept(listener: &TcpListener, random: &mut fastrand::Rng, served: &Cell<usize>) {
    let patience = Duration::from_micros(random.u64(0..200));
    match random.u8(0..3) {
        0 => {
            if let Ok(accepted) = timeout(patience, listener.accept()).await {
                serve(accepted.unwrap().0, served).await;
            }
        }
        1 => {
            if let Ok((stream, _)) = listener.accept().timeout(patience).await {
                serve(stream, served).await;
            }
        }
        _ => {
            let mut incoming = listener.incoming();
            for _ in 0..random.u8(1..4) {
                match timeout(patience, incoming.next()).await {
                    Ok(stream) => serve(stream.unwrap(), served).await,
                    Err(_) => break,
                }
            }
        }
    }
}

#[test]
fn every_connection_is_served_once() {
    let clients = soak::rounds(400, 40_000);
    let mut seeds = soak::seed();
    for (entries, cq_entries) in [(2, 2), (4, 8), (256, 4096)] {
        let builder = Builder::new().entries(entries).cq_entries(cq_entries);
        let runtime = builder.build().unwrap();
        let _bound = bound_loop(&runtime);
        let seed = seeds.u64(..);
        runtime.block_on(async {
            let (listener, address) = listener();
            let listener = Rc::new(listener);
            let calls = annulus::spawn_blocking(move || {
                for _ in 0..clients {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    let mut hello = String::new();
                    stream.read_to_string(&mut hello).unwrap();
                    assert_eq!(hello, "hello");
                }
            });
            let served = Rc::new(Cell::new(0));
            let tasks: Vec<_> = (0..TASKS)
                .map(|task| {
                    let (listener, served) = (Rc::clone(&listener), Rc::clone(&served));
                    let mut random = fastrand::Rng::with_seed(seed ^ task);
                    spawn(async move {
                        loop {
                            accept(&listener, &mut random, &served).await;
                        }
                    })
                })
                .collect();
            calls.await.unwrap();
            assert_eq!(served.get(), clients);
            tasks.iter().for_each(|task| task.abort());
            drop(tasks);
            metrics::settle().await;
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    }
}

//! One connection that is never done does not keep the others waiting.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use annulus::net::TcpStream;

use crate::support::{listen, pair, read_exact, run};

/// A connection that is read and written as fast as it goes, until the test is over.
async fn flood() -> Rc<Cell<u64>> {
    let (writer, reader) = pair().await;
    let moved = Rc::new(Cell::new(0));
    let count = Rc::clone(&moved);
    annulus::spawn(async move {
        let mut buf = vec![1; 256 * 1024];
        loop {
            let (sent, back) = writer.write(buf).await.unwrap();
            count.set(count.get() + sent as u64);
            buf = back;
        }
    })
    .detach();
    annulus::spawn(async move {
        let mut items = reader.recv_stream();
        while let Some(bytes) = items.next().await {
            drop(bytes.unwrap());
        }
    })
    .detach();
    moved
}

async fn echo(stream: TcpStream) {
    let mut buf = vec![0; 64];
    loop {
        let (count, back) = stream.read(buf).await.unwrap();
        if count == 0 {
            return;
        }
        stream.write_all(back[..count].to_vec()).await.into_result().unwrap();
        buf = back;
    }
}

#[test]
fn many_quiet_connections_get_their_turn_beside_flooded_ones() {
    const PINGERS: u32 = 50;
    const PINGS: u32 = 40;
    run(async {
        let floods = [flood().await, flood().await];
        let (listener, address) = listen().await;
        annulus::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                annulus::spawn(echo(stream)).detach();
            }
        })
        .detach();
        let pingers: Vec<_> = (0..PINGERS)
            .map(|i| {
                annulus::spawn(async move {
                    let stream = TcpStream::connect(address).await.unwrap();
                    for ping in 0..PINGS {
                        let word = (i * PINGS + ping).to_le_bytes().to_vec();
                        stream.write_all(word.clone()).await.into_result().unwrap();
                        assert_eq!(read_exact(&stream, 4).await, word);
                    }
                })
            })
            .collect();
        for pinger in pingers {
            pinger.await.unwrap();
        }
        // The floods went on all the time, and so did timers.
        annulus::time::sleep(Duration::from_millis(1)).await;
        assert!(floods.iter().all(|moved| moved.get() > 0));
    });
}

#[test]
fn a_task_that_is_always_ready_lets_connections_go_on() {
    run(async {
        let busy = annulus::spawn(async {
            loop {
                annulus::yield_now().await;
            }
        });
        let (one, other) = pair().await;
        let server = annulus::spawn(echo(other));
        for _ in 0..200 {
            one.write_all("ping").await.into_result().unwrap();
            assert_eq!(read_exact(&one, 4).await, b"ping");
        }
        one.close().await.unwrap();
        server.await.unwrap();
        busy.abort();
    });
}

#[test]
fn a_connection_whose_answers_are_always_there_lets_a_timer_fire() {
    run(async {
        let (one, other) = pair().await;
        annulus::spawn(async move {
            loop {
                other.write_all(vec![1; 64 * 1024]).await.into_result().unwrap();
            }
        })
        .detach();
        let fired = Rc::new(Cell::new(false));
        let fires = Rc::clone(&fired);
        annulus::spawn(async move {
            annulus::time::sleep(Duration::from_millis(5)).await;
            fires.set(true);
        })
        .detach();
        while !fired.get() {
            one.read(vec![0; 16]).await.unwrap();
        }
    });
}

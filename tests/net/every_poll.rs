//! Programs that are dropped at each of their polls: the peer is never left waiting.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};

use crate::common::metrics;
use crate::common::poll::{Dropped, poll_times};
use crate::support::{listen, read_to_end, run, settle};

const REPLY: usize = 600_000;

/// A server of one connection that uses what there is to use.
async fn serve(listener: TcpListener) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.readable().await?;
    let (_, hello) = stream.peek(vec![0; 5]).await.into_result()?;
    let (_, parts) = stream.readv([vec![0; 2], vec![0; 3]]).await.into_result()?;
    assert_eq!(parts.concat(), hello);
    stream.write_vectored_all(vec!["a"; 1500]).await.into_result()?;
    stream.writable().await?;
    let (reader, writer) = stream.into_split();
    writer.write_all(vec![7; REPLY]).await.into_result()?;
    let mut items = reader.recv_stream();
    while let Some(bytes) = items.next().await {
        bytes?;
    }
    drop(items);
    let limited = reader.read(vec![0; 8]).timeout(Duration::from_secs(60));
    assert_eq!(limited.await.into_result()?.0, 0);
    writer.shutdown().await?;
    let stream = reader.reunite(writer).expect("of one connection");
    let mut incoming = listener.incoming();
    let second = incoming.next().await?;
    drop((incoming, second));
    listener.close().await?;
    stream.close().await
}

/// A client of that server.
async fn ask(address: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.write_all("hello").await.into_result()?;
    let mut total = 0;
    while total < REPLY {
        let bytes = stream.recv().await?;
        if bytes.is_empty() {
            return Ok(());
        }
        total += bytes.len();
    }
    stream.shutdown(Shutdown::Write).await?;
    let mut other = TcpStream::connect(address).await?;
    let (_reader, writer) = other.split();
    writer.shutdown().await?;
    read_to_end(&other).await?;
    read_to_end(&stream).await?;
    other.close().await?;
    stream.close().await
}

fn open_descriptors() -> u64 {
    let metrics = metrics::here();
    metrics::assert_conserved(&metrics);
    metrics.descriptors_open
}

#[test]
fn a_server_dropped_anywhere_leaves_no_client_waiting() {
    run(server_dropped_anywhere(Dropped::AtOnce));
    run(server_dropped_anywhere(Dropped::WhenWoken));
}

async fn server_dropped_anywhere(dropped: Dropped) {
    let before = open_descriptors();
    for polls in 0.. {
        let (listener, address) = listen().await;
        let client = annulus::spawn(async move { ask(address).await });
        settle().await;
        let served = poll_times(serve(listener), polls, dropped).await;
        // What the client sees is the end or a reset; that it sees it is the test.
        let asked = client.await.unwrap();
        settle().await;
        assert_eq!(open_descriptors(), before, "after {polls} polls");
        if let Some(served) = served {
            served.unwrap();
            asked.unwrap();
            println!("{polls} polls");
            assert!(polls > 10);
            break;
        }
    }
}

#[test]
fn a_client_dropped_anywhere_leaves_no_server_waiting() {
    run(client_dropped_anywhere(Dropped::AtOnce));
    run(client_dropped_anywhere(Dropped::WhenWoken));
}

async fn client_dropped_anywhere(dropped: Dropped) {
    let before = open_descriptors();
    for polls in 0.. {
        let (listener, address) = listen().await;
        let served = Rc::new(Cell::new(0));
        let count = Rc::clone(&served);
        let server = annulus::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                count.set(count.get() + 1);
                // The first connection is answered, the second only ended.
                if count.get() == 1 {
                    let stream = Rc::new(stream);
                    let reader = Rc::clone(&stream);
                    let reading = annulus::spawn(async move { read_to_end(&reader).await });
                    let answer = stream.write_all(vec![7; REPLY + 1500]).await.0;
                    stream.shutdown(Shutdown::Write).await?;
                    reading.await.expect("no panic")?;
                    answer?;
                } else {
                    read_to_end(&stream).await?;
                    return io::Result::Ok(());
                }
            }
        });
        let asked = poll_times(ask(address), polls, dropped).await;
        settle().await;
        while served.get() == 1 && !server.is_finished() && asked.is_none() {
            settle().await;
            if has_only_an_accept_in_flight() {
                break;
            }
        }
        if asked.is_none() {
            server.abort();
        }
        let server = server.await;
        settle().await;
        assert_eq!(open_descriptors(), before, "after {polls} polls");
        if let Some(asked) = asked {
            asked.unwrap();
            server.unwrap().unwrap();
            assert!(polls > 10);
            break;
        }
    }
}

/// Whether all that the loop waits for is the next connection.
fn has_only_an_accept_in_flight() -> bool {
    metrics::here().ops_in_flight == 1
}

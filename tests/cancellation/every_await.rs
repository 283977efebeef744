//! Programs that are dropped at each of their await points in turn, until they get to their end.

use std::future::Future;
use std::net::Shutdown;
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::time::timeout;
use annulus::{BufResult, Builder, op, spawn};

use crate::common::bound::bound_loop;
use crate::common::counted::Count;
use crate::common::metrics;
use crate::common::net::{listener, pair};
use crate::common::poll::{Dropped, poll_times};

/// Drops a program at its first poll, at its second, and so on, with what it waits for in flight or
/// done; everything comes back each time.
#[track_caller]
fn at_every_await<F: Future<Output = ()>>(program: impl Fn(Count) -> F) {
    for (coop_only, dropped) in
        [(false, Dropped::AtOnce), (false, Dropped::WhenWoken), (true, Dropped::AtOnce)]
    {
        let builder = Builder::new().entries(4).cq_entries(8).buffer_pool(2, 64);
        let runtime = builder.coop_only(coop_only).build().unwrap();
        let _bound = bound_loop(&runtime);
        runtime.block_on(async {
            let count = Count::default();
            let mut polls = 0;
            while poll_times(program(count.clone()), polls, dropped).await.is_none() {
                polls += 1;
                metrics::settle().await;
                assert_eq!(count.alive(), 0, "dropped at poll {polls}");
                while metrics::here().tasks_alive > 0 {
                    annulus::yield_now().await;
                }
            }
            metrics::settle().await;
            assert!(polls > 2, "it has await points");
            assert_eq!((count.alive(), metrics::here().buffers_held), (0, 0));
        });
        assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    }
}

#[test]
fn an_exchange_of_bytes() {
    at_every_await(|count| async move {
        let (near, far) = pair();
        near.write_all(count.full(b"question")).await.0.unwrap();
        let BufResult(read, buf) = far.read(count.buf(4)).await;
        assert_eq!(read.unwrap(), 4);
        let BufResult(write, buf) = far.write(buf).await;
        assert_eq!(write.unwrap(), 4);
        drop(buf);
        assert_eq!(&*near.recv().await.unwrap(), b"ques");
        let BufResult(read, _bufs) = far.readv(vec![count.buf(1), count.buf(9)]).await;
        assert_eq!(read.unwrap(), 4);
        near.shutdown(Shutdown::Write).await.unwrap();
        assert!(far.recv().await.unwrap().is_empty());
        far.close().await.unwrap();
        near.close().await.unwrap();
    });
}

#[test]
fn connections_that_come_in() {
    at_every_await(|count| async move {
        let (listener, address) = listener();
        let client = TcpStream::connect_addr(address).unwrap().await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(count.full(b"x")).await.0.unwrap();
        assert_eq!(&*server.recv().await.unwrap(), b"x");
        let mut incoming = listener.incoming();
        let _second = TcpStream::connect_addr(address).unwrap().await.unwrap();
        drop(incoming.next().await.unwrap());
        let mut items = server.recv_stream();
        client.write_all(count.full(b"y")).await.0.unwrap();
        assert_eq!(&*items.next().await.unwrap().unwrap(), b"y");
        client.close().await.unwrap();
        assert!(items.next().await.is_none());
    });
}

#[test]
fn limits_of_every_kind() {
    at_every_await(|count| async move {
        let (near, far) = pair();
        let soon = Duration::from_micros(200);
        assert!(far.read(count.buf(8)).timeout(soon).await.is_err());
        assert!(timeout(soon, far.recv()).await.is_err());
        assert!(timeout(soon, far.readable().timeout(soon * 100)).await.is_err());
        let cancelled = far.read(count.buf(8)).cancel().await;
        assert!(cancelled.is_err());
        near.write_all(count.full(b"late")).await.0.unwrap();
        let BufResult(read, _buf) = far.read(count.buf(8)).timeout(soon * 1000).await;
        assert_eq!(read.unwrap(), 4);
    });
}

#[test]
fn tasks_that_work_for_the_program() {
    at_every_await(|count| async move {
        let (near, far) = pair();
        let echo = spawn(async move {
            let bytes = far.recv().await.unwrap();
            if bytes.is_empty() {
                return;
            }
            drop(far.write_all(bytes).await);
        });
        near.write_all(count.full(b"ping")).await.0.unwrap();
        let BufResult(read, _buf) = near.read(count.buf(8)).await;
        assert_eq!(read.unwrap(), 4);
        echo.await.unwrap();
        annulus::spawn_blocking(|| ()).await.unwrap();
        op::nop().await.unwrap();
    });
}

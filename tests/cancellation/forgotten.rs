//! Futures that are never dropped: their ops end all the same, with their runtime at the latest.

use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::time::Duration;

use annulus::{Builder, Runtime, op};

use crate::common::bound::bound_loop;
use crate::common::counted::Count;
use crate::common::net::{half_pair, listener};
use crate::common::poll::poll_once;

#[test]
fn forgotten_ops_end_with_their_runtime_and_give_back_all_they_hold() {
    let runtime = Runtime::new().unwrap();
    let _bound = bound_loop(&runtime);
    let count = Count::default();
    let (done, waits, client) = runtime.block_on(async {
        let (stream, mut done) = half_pair();
        let mut read = ManuallyDrop::new(stream.read(count.buf(8)));
        assert!(poll_once(&mut *read).await.is_none());
        done.write_all(b"abc").unwrap();
        let (other, waits) = half_pair();
        let mut read = ManuallyDrop::new(other.read(count.buf(8)));
        assert!(poll_once(&mut *read).await.is_none());
        let mut timed = other.read(count.buf(8)).timeout(Duration::from_secs(3600));
        assert!(poll_once(&mut timed).await.is_none());
        let _timed = ManuallyDrop::new(timed);
        let (listener, address) = listener();
        let mut accept = ManuallyDrop::new(listener.accept());
        assert!(poll_once(&mut *accept).await.is_none());
        let client = std::net::TcpStream::connect(address).unwrap();
        let mut items = stream.recv_stream();
        let _gated_or_pending = poll_once(&mut std::pin::pin!(items.next())).await;
        let _items = ManuallyDrop::new(items);
        op::nop().await.unwrap();
        (done, waits, client)
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
    assert_eq!(count.alive(), 0);
    for far in [&done, &waits, &client] {
        let mut far = far;
        // An end or a reset: nobody has the other end any more.
        assert!(!matches!(far.read(&mut [0; 8]), Ok(1..)));
    }
}

#[test]
fn forgotten_buffers_of_the_pool_leave_the_loop_with_memory_of_its_own() {
    let runtime = Builder::new().buffer_pool(2, 64).build().unwrap();
    let _bound = bound_loop(&runtime);
    runtime.block_on(async {
        let (stream, mut far) = half_pair();
        for round in 0..20_u8 {
            far.write_all(&[round; 10]).unwrap();
            let bytes = ManuallyDrop::new(stream.recv().await.unwrap());
            assert_eq!(bytes[..], [round; 10]);
        }
    });
    assert_eq!(runtime.shutdown_timeout(Duration::from_secs(60)), 0);
}

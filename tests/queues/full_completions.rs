//! More completions than the completion queue has room for.

use std::io::Write;
use std::rc::Rc;

use annulus::spawn;

use super::in_both_modes;
use crate::common::metrics;
use crate::common::net::{half_pair, listener};
use crate::common::poll::poll_once;

#[test]
fn a_thousand_completions_at_once_come_through_a_queue_of_eight() {
    in_both_modes(4, 8, || async {
        let (stream, mut far) = half_pair();
        let stream = Rc::new(stream);
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let stream = Rc::clone(&stream);
                spawn(async move { stream.readable().await })
            })
            .collect();
        while metrics::here().ops_in_flight < 1000 || metrics::here().ops_backlog > 0 {
            annulus::yield_now().await;
        }
        annulus::op::nop().await.unwrap();
        far.write_all(b"x").unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(metrics::here().cq_overflows > 0, "{:?}", metrics::here());
    });
}

#[test]
fn answers_that_overflow_when_no_op_is_in_flight_any_more_are_fetched() {
    in_both_modes(8, 8, || async {
        let (stream, mut far) = half_pair();
        let mut polls: Vec<_> = (0..8).map(|_| stream.readable()).collect();
        for poll in &mut polls {
            assert!(poll_once(poll).await.is_none());
        }
        annulus::op::nop().await.unwrap();
        // Without deferred task work this fills the queue while nobody looks, and the answers to
        // the cancels find no room.
        far.write_all(b"x").unwrap();
        std::thread::yield_now();
        drop(polls);
        annulus::yield_now().await;
    });
}

#[test]
fn a_stream_of_connections_survives_an_overflow() {
    const CLIENTS: usize = 300;
    in_both_modes(4, 8, || async {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let clients = annulus::spawn_blocking(move || {
            let connect = |_| std::net::TcpStream::connect(address).unwrap();
            (0..CLIENTS).map(connect).collect::<Vec<_>>()
        });
        let clients = clients.await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..CLIENTS {
            streams.push(incoming.next().await.unwrap());
        }
        // Each of them is one of the clients, once.
        let mut near: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap().port()).collect();
        let mut far: Vec<_> = streams.iter().map(|s| s.peer_addr().unwrap().port()).collect();
        near.sort_unstable();
        far.sort_unstable();
        assert_eq!(near, far);
    });
}

#[test]
fn a_loop_is_woken_by_other_threads_although_completions_overflow() {
    in_both_modes(4, 8, || async {
        let (stream, mut far) = half_pair();
        let stream = Rc::new(stream);
        for _ in 0..50 {
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let stream = Rc::clone(&stream);
                    spawn(async move { stream.readable().await })
                })
                .collect();
            annulus::op::nop().await.unwrap();
            far.write_all(b"x").unwrap();
            let job = annulus::spawn_blocking(|| 7);
            assert_eq!(job.await.unwrap(), 7);
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            assert_eq!(&*stream.recv().await.unwrap(), b"x");
        }
    });
}

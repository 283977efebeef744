//! Handles used where they do not belong: a sentence says so, and nothing else breaks.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::{Runtime, op, spawn};

use crate::common::bound::bound_loop;
use crate::common::child::Child;
use crate::common::counted::Holds;
use crate::common::net::{half_pair, listener, loopback};
use crate::common::poll::poll_once;

/// What a poll without a loop panics with.
fn poll_outside<F: Future>(future: F) -> String {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let polled = catch_unwind(AssertUnwindSafe(|| drop(future.as_mut().poll(&mut cx))));
    message(polled.expect_err("it was polled outside"))
}

fn message(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(said) => *said,
        Err(payload) => payload.downcast_ref::<&str>().expect("a sentence").to_string(),
    }
}

/// What a poll in the loop of another runtime panics with.
async fn poll_inside<F: Future + 'static>(future: F) -> String {
    let end = spawn(async move { drop(future.await) }).await;
    let error = end.expect_err("it was polled in another loop");
    error.panic_message().expect("a sentence").to_owned()
}

#[track_caller]
fn says(said: String, what: &str) {
    assert!(said.contains(what), "{said}");
}

const OUTSIDE: &str = "outside an annulus loop";
const FOREIGN: &str = "a loop that it does not belong to";

#[test]
fn ops_polled_on_a_thread_without_a_loop_say_so() {
    let path = concat!(module_path!(), "::ops_polled_on_a_thread_without_a_loop_say_so");
    Child::of(path).run(|| {
        let runtime = Runtime::new().unwrap();
        let _bound = bound_loop(&runtime);
        let all = runtime.block_on(async {
            let (stream, _far) = half_pair();
            let (listener, _) = listener();
            let mut flying = stream.read(vec![0; 8]);
            assert!(poll_once(&mut flying).await.is_none());
            // What the op drops on the way touches the loop.
            let holds = stream.read(Holds::new(half_pair().0));
            let connect = TcpStream::connect_addr(loopback()).unwrap();
            (op::nop(), stream.recv(), listener.accept(), connect, holds, flying)
        });
        let outside = move || {
            let (nop, recv, accept, connect, holds, flying) = all;
            says(poll_outside(nop), OUTSIDE);
            says(poll_outside(recv), OUTSIDE);
            says(poll_outside(accept), OUTSIDE);
            says(poll_outside(connect), OUTSIDE);
            says(poll_outside(holds), OUTSIDE);
            says(poll_outside(flying), OUTSIDE);
            says(poll_outside(annulus::time::sleep(Duration::from_secs(1))), "outside a loop");
        };
        thread::spawn(outside).join().unwrap();
        runtime.block_on(op::nop()).unwrap();
    });
}

#[test]
fn handles_used_in_the_loop_of_another_runtime_say_so() {
    let path = concat!(module_path!(), "::handles_used_in_the_loop_of_another_runtime_say_so");
    Child::of(path).run(|| {
        let [home, abroad] = [(); 2].map(|()| Runtime::new().unwrap());
        let _bound = bound_loop(&abroad);
        let (idle, flying, handles) = home.block_on(async {
            let (stream, far) = half_pair();
            let (listener, _) = listener();
            let mut flying = stream.read(Holds::new(half_pair().0));
            assert!(poll_once(&mut flying).await.is_none());
            let holds = stream.read(Holds::new(half_pair().0));
            let connect = TcpStream::connect_addr(loopback()).unwrap();
            let idle = (stream.recv(), listener.accept(), connect, holds);
            let join = spawn(async {});
            (idle, flying, (stream, listener, far, join))
        });
        let (stream, listener, _far, join) = handles;
        abroad.block_on(async move {
            let (recv, accept, connect, holds) = idle;
            says(poll_inside(recv).await, FOREIGN);
            says(poll_inside(accept).await, FOREIGN);
            says(poll_inside(connect).await, FOREIGN);
            says(poll_inside(holds).await, FOREIGN);
            says(poll_inside(flying).await, FOREIGN);
            says(poll_inside(async move { listener.incoming().next().await }).await, FOREIGN);
            says(poll_inside(async move { stream.close().await }).await, FOREIGN);
            says(poll_inside(join).await, "outside the loop of its task");
            op::nop().await.unwrap();
        });
        home.block_on(op::nop()).unwrap();
        assert_eq!(abroad.shutdown_timeout(Duration::from_secs(60)), 0);
        assert_eq!(home.shutdown_timeout(Duration::from_secs(60)), 0);
    });
}

#[test]
fn a_handle_whose_loop_has_ended_says_so_in_the_next_one() {
    let path = concat!(module_path!(), "::a_handle_whose_loop_has_ended_says_so_in_the_next_one");
    Child::of(path).run(|| {
        let first = Runtime::new().unwrap();
        let (stream, mut far) = first.block_on(async { half_pair() });
        drop(first);
        let second = Runtime::new().unwrap();
        let _bound = bound_loop(&second);
        second.block_on(async {
            let read = stream.read(vec![0; 1]);
            says(poll_inside(read).await, FOREIGN);
            assert!(stream.peer_addr().is_ok(), "it is open as long as its handle is there");
        });
        drop(stream);
        assert_eq!(std::io::Read::read(&mut far, &mut [0]).unwrap(), 0);
    });
}

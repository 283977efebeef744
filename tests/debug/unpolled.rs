//! Operations dropped without ever having been polled.

use std::panic::Location;

use annulus::{Builder, Handle, op};

use super::common::bound::bound;
use crate::common::capture::{Said, said_by};

const UNPOLLED: &str = "an operation was dropped without being polled";

fn reports_of(debug: bool, body: impl AsyncFnOnce()) -> Vec<Said> {
    let _bound = bound();
    let said = said_by(|| {
        let runtime = Builder::new().debug(debug).build().expect("a loop");
        runtime.block_on(body());
    });
    said.into_iter().filter(|said| said.message().starts_with(UNPOLLED)).collect()
}

#[test]
fn an_operation_that_was_never_awaited_is_reported_with_the_place_that_made_it() {
    let mut line = 0;
    let said = reports_of(true, async || {
        line = Location::caller().line() + 1;
        drop(op::nop());
    });
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].field("op"), "nop");
    if cfg!(debug_assertions) {
        let made_at = said[0].field("made_at");
        assert!(made_at.contains(&format!("unpolled.rs:{line}:")), "{made_at} for line {line}");
    }
}

#[test]
fn the_place_is_the_users_also_behind_a_method_of_a_stream_or_file() {
    let said = reports_of(true, async || {
        let listener = annulus::net::TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        drop(listener.accept());
        let address = listener.local_addr().expect("its address");
        let stream = annulus::net::TcpStream::connect(address).await.expect("a connection");
        drop(stream.read(vec![0; 8]));
        drop(annulus::fs::File::open("/dev/null"));
        drop(annulus::fs::metadata("/dev/null"));
    });
    let ops: Vec<&str> = said.iter().map(|said| said.field("op")).collect();
    assert_eq!(ops, ["accept", "recv", "open", "statx"], "{said:?}");
    if cfg!(debug_assertions) {
        let is_here = |said: &Said| said.field("made_at").contains("tests/debug/unpolled.rs:");
        assert!(said.iter().all(is_here), "{said:#?}");
    }
}

#[test]
fn each_place_is_reported_once_and_each_operation_counted() {
    let said = reports_of(true, async || {
        for _ in 0..5 {
            drop(op::nop());
        }
        drop(op::nop());
        let metrics = Handle::current().metrics().expect("a loop");
        assert_eq!(metrics.ops_unpolled, 6);
    });
    assert_eq!(said.len(), if cfg!(debug_assertions) { 2 } else { 1 }, "{said:?}");
}

#[test]
fn what_was_polled_or_taken_back_on_purpose_is_not_reported() {
    let said = reports_of(true, async || {
        op::nop().await.expect("a nop");
        let outcome = op::nop().cancel().await;
        assert!(op::is_cancelled(&outcome.expect_err("never submitted")));
        let mut dropped_in_flight = op::nop();
        std::future::poll_fn(|cx| {
            let polled = std::pin::Pin::new(&mut dropped_in_flight).poll(cx);
            assert!(polled.is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(dropped_in_flight);
        assert_eq!(Handle::current().metrics().expect("a loop").ops_unpolled, 0);
    });
    assert!(said.is_empty(), "{said:?}");
}

#[test]
fn nothing_is_reported_when_debug_mode_is_off() {
    let said = reports_of(false, async || {
        drop(op::nop());
        assert_eq!(Handle::current().metrics().expect("a loop").ops_unpolled, 1);
    });
    assert!(said.is_empty(), "{said:?}");
}

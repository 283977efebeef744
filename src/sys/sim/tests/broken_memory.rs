//! Bugs of memory that are planted, each of which Miri must report: `ci/miri.sh` demands it.
//!
//! Without Miri what happens in them is anybody's guess, and with it they end the process.

use std::time::Duration;

use super::*;
use crate::net::{TcpListener, TcpStream};
use crate::plants::plant;
use crate::time::timeout;

/// A read that is given up in flight, by its future or by the kernel's limit, and bytes for it.
async fn give_up_a_read() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _peer) = listener.accept().await?;
    let _given_up = timeout(Duration::from_micros(1), server.read(vec![0; 8])).await;
    let _timed_out = server.read(vec![0; 8]).timeout(Duration::from_micros(1)).await;
    client.write_all("too late").await.into_result()?;
    let _read = server.read(vec![0; 8]).await;
    Ok(())
}

fn with_a_plant(bug: Option<&'static str>) {
    install(1, Faults::none());
    // What the simulator finds by its own means is not asked for.
    super::super::set_panic(false);
    super::super::set_enters_max(1_000_000);
    plant(bug);
    let _done = crate::run(give_up_a_read());
    plant(None);
    uninstall();
}

#[test]
fn without_a_plant_nothing_is_broken() {
    with_a_plant(None);
}

#[test]
#[ignore = "it writes to memory that was freed"]
fn memory_that_is_freed_in_flight() {
    with_a_plant(Some("memory freed early"));
}

#[test]
#[ignore = "it leaks"]
fn a_cell_that_is_lost() {
    with_a_plant(Some("cell freed early"));
}

#[test]
#[ignore = "it breaks the rules of references"]
fn a_cell_that_is_touched_in_flight() {
    with_a_plant(Some("cell touched in flight"));
}

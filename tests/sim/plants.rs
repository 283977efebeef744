//! The simulation finds bugs: each of these is planted, and seen within a thousand seeds.
//!
//! The program is one that a careful user might write; without a plant it passes.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::sim::{Faults, World, explore, plant, random};
use annulus::sync::cross::mpsc;
use annulus::time::{sleep, timeout};
use annulus::{Builder, spawn};

/// How many bytes each connection carries.
const LENGTH: usize = 2000;

fn some_time(most_us: u64) -> Duration {
    Duration::from_micros(random() % most_us)
}

/// Accepts and receives under limits that are often too short, which loses nothing.
async fn server() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:7").await?;
    loop {
        if let Ok(accepted) = timeout(some_time(300), listener.accept()).await {
            let (stream, _peer) = accepted?;
            spawn(async move {
                let mut count = 0;
                while count < LENGTH {
                    let Ok(received) = timeout(some_time(200), stream.recv()).await else {
                        continue;
                    };
                    let bytes = received.expect("bytes");
                    for byte in &*bytes {
                        assert_eq!(usize::from(*byte), count % 251, "the byte at {count}");
                        count += 1;
                    }
                    if bytes.is_empty() {
                        break;
                    }
                }
                let _told = stream.write_all(count.to_string()).await;
            })
            .detach();
        }
    }
}

/// Sends over several connections at once, and learns how many bytes have arrived.
async fn client(to: mpsc::UnboundedSender<usize>) {
    let text: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let (text, to) = (text.clone(), to.clone());
            spawn(async move {
                sleep(some_time(1000)).await;
                let stream = TcpStream::connect("server:7").await?;
                for part in text.chunks(1 + (random() % 700) as usize) {
                    stream.write_all(part.to_vec()).await.into_result()?;
                    sleep(some_time(400)).await;
                }
                let mut answer = Vec::new();
                while !answer.ends_with(b"2000") {
                    let limit = Duration::from_millis(1 + random() % 50);
                    let Ok(bytes) = timeout(limit, stream.recv()).await else { continue };
                    let bytes = bytes?;
                    assert!(!bytes.is_empty(), "the server has lost bytes");
                    answer.extend_from_slice(&bytes);
                }
                let _told = to.send(number);
                io::Result::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task").expect("a conversation");
    }
}

fn program(world: &mut World) {
    let (to, from) = mpsc::unbounded_channel();
    let ends = Rc::new(RefCell::new(Some((to, from))));
    let (to, from) = ends.borrow_mut().take().expect("both");
    let from = Rc::new(RefCell::new(Some(from)));
    let settings = Builder::new().entries(2).buffer_pool(8, 256);
    world.host_with("server", settings, server);
    world.client("client", move || client(to.clone()));
    world.client("observer", move || {
        let mut from = from.borrow_mut().take().expect("started once");
        async move {
            let mut seen = Vec::new();
            while seen.len() < 4 {
                seen.push(from.recv().await.expect("a sender"));
            }
        }
    });
    world.fault_phase(Duration::from_millis(100));
    world.time_limit(Duration::from_millis(500));
    // A full backlog makes who connects try again after seconds.
    let network = Faults::network(world.seed()).without("reset").without("partition");
    let network = network.without("small-backlog");
    world.faults(network.with("cancel-lost", 300).with("accept-wins", 300));
    world.run();
}

/// The number of the first seed that fails with this bug, and how.
fn found(bug: &'static str) -> (u64, String) {
    plant(Some(bug));
    let failed = catch_unwind(AssertUnwindSafe(|| explore(0..1000, program)));
    plant(None);
    let payload = failed.expect_err("a planted bug is found within a thousand seeds");
    let text = *payload.downcast::<String>().expect("a text");
    let seed = text.strip_prefix("seed ").and_then(|rest| rest.split(' ').next());
    let seed = seed.and_then(|seed| seed.parse().ok()).expect("a seed");
    println!("{bug}: found with seed {seed}");
    (seed, text)
}

fn says(bug: &'static str, words: &[&str]) {
    let (_seed, text) = found(bug);
    assert!(words.iter().any(|words| text.contains(words)), "{text}");
}

#[test]
fn without_a_plant_the_program_passes() {
    explore(0..300, program);
}

#[test]
fn an_abandoned_accept_that_leaks_its_descriptor_is_found() {
    says("abandoned accept leaks", &["open", "lost", "stands still", "time limit"]);
}

#[test]
fn a_read_whose_bytes_vanish_on_timeout_is_found() {
    says("bytes vanish on timeout", &["the byte at", "lost bytes", "time limit", "stands still"]);
}

#[test]
fn a_cell_freed_before_the_final_completion_is_found() {
    says("cell freed early", &["not known any more", "open", "stands still", "time limit"]);
}

#[test]
fn a_cancel_dropped_on_a_full_queue_is_found() {
    let words = ["in flight", "stands still", "time limit", "open", "circles"];
    says("cancel dropped on a full queue", &words);
}

#[test]
fn a_wake_lost_at_the_park_handshake_is_found() {
    says("wake lost at the park handshake", &["a wake was lost"]);
}

#[test]
fn a_stale_completion_delivered_to_a_new_operation_is_found() {
    let words = ["the byte at", "lost bytes", "panicked", "open", "stands still", "time limit"];
    says("stale completion delivered", &words);
}

#[test]
fn a_buffer_that_is_not_returned_is_found() {
    says("buffer not returned", &["buffers the kernel has"]);
}

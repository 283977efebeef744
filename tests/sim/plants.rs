//! The simulation finds bugs: each of these is planted, and seen within a thousand seeds.
//!
//! The program is one that a careful user might write; without a plant it passes.

use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use annulus::net::{TcpListener, TcpStream};
use annulus::sim::{Faults, World, explore, plant, random};
use annulus::sync::cross::mpsc;
use annulus::task::{GroupError, TaskGroup};
use annulus::time::{sleep, timeout};
use annulus::{Builder, spawn};

use crate::programs::datagrams::{Rules, exchange};

/// How many bytes each connection carries.
const LENGTH: usize = 2000;

fn some_time(most_us: u64) -> Duration {
    Duration::from_micros(random() % most_us)
}

/// Accepts and receives under limits that are often too short, which loses nothing.
///
/// The conversations are a group: one that finds a wrong byte ends the server, with what is wrong,
/// before its client can learn that nobody listens any more.
async fn server() -> Result<(), GroupError<String>> {
    TaskGroup::scope(async |group| {
        let listener = TcpListener::bind("0.0.0.0:7").await.map_err(text)?;
        loop {
            if let Ok(accepted) = timeout(some_time(300), listener.accept()).await {
                let (stream, _peer) = accepted.map_err(text)?;
                group.spawn(receive(stream));
            }
        }
    })
    .await
}

/// Judges each byte by its place in the stream.
async fn receive(stream: TcpStream) -> Result<(), String> {
    let mut count = 0;
    while count < LENGTH {
        let Ok(received) = timeout(some_time(200), stream.recv()).await else { continue };
        let bytes = received.map_err(text)?;
        if bytes.is_empty() {
            return Err(format!("the stream has lost bytes: it ends after {count}"));
        }
        for byte in &*bytes {
            if usize::from(*byte) != count % 251 {
                return Err(format!("the byte at {count} is {byte}"));
            }
            count += 1;
        }
    }
    let _told = stream.write_all(count.to_string()).await;
    Ok(())
}

fn text(error: io::Error) -> String {
    error.to_string()
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
                // So that a stream which has lost its last bytes ends, and none is waited for.
                stream.shutdown(Shutdown::Write).await?;
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

/// Datagrams that say their number, between two sockets, and nothing that loses any.
fn talk(world: &mut World) {
    let faults = Faults::none().with("latency", 300).with("cancel-lost", 300);
    let rules = Rules::of(&faults);
    world.client("client", move || exchange(fastrand::Rng::with_seed(random()), rules));
    world.fault_phase(Duration::from_millis(100));
    world.time_limit(Duration::from_millis(500));
    world.faults(faults);
    world.run();
}

/// How the first seed that fails with this bug does.
fn found(bug: &'static str) -> String {
    found_by(program, bug)
}

fn found_by(program: fn(&mut World), bug: &'static str) -> String {
    plant(Some(bug));
    let failed = catch_unwind(AssertUnwindSafe(|| explore(0..1000, program)));
    plant(None);
    let payload = failed.expect_err("a planted bug is found within a thousand seeds");
    let text = *payload.downcast::<String>().expect("a text");
    println!("{bug}: {}", text.lines().next().expect("the seed"));
    text
}

/// The line that says what went wrong says one of these. What else is printed is no symptom.
fn says(bug: &'static str, words: &[&str]) {
    check_words(&found(bug), words);
}

fn check_words(text: &str, words: &[&str]) {
    let line = text.lines().find(|line| line.starts_with("simulation: ")).expect("a line");
    println!("{line}");
    assert!(words.iter().any(|words| line.contains(words)), "{text}");
}

#[test]
fn without_a_plant_the_program_passes() {
    explore(0..300, program);
    explore(0..300, talk);
}

#[test]
fn a_datagram_that_vanishes_on_timeout_is_found() {
    let text = found_by(talk, "datagram vanishes on timeout");
    check_words(&text, &["are lost", "time limit"]);
}

#[test]
fn an_abandoned_accept_that_leaks_its_descriptor_is_found() {
    says("abandoned accept leaks", &["stands still", "time limit"]);
}

#[test]
fn a_read_whose_bytes_vanish_on_timeout_is_found() {
    says("bytes vanish on timeout", &["the byte at", "lost bytes"]);
}

#[test]
fn a_cell_freed_before_the_final_completion_is_found() {
    says("cell freed early", &["not known any more"]);
}

/// The simulation follows addresses into freed memory without knowing it; ci/asan.sh wants this to
/// end in a report.
#[test]
#[ignore = "what happens without a sanitizer is anybody's guess"]
fn memory_freed_under_the_kernels_hands_is_seen_by_a_sanitizer() {
    let _never_told = found("memory freed early");
}

#[test]
fn a_cancel_dropped_on_a_full_queue_is_found() {
    says("cancel dropped on a full queue", &["in flight", "stands still", "time limit"]);
}

#[test]
fn a_wake_lost_at_the_park_handshake_is_found() {
    says("wake lost at the park handshake", &["a wake was lost"]);
}

#[test]
fn a_stale_completion_delivered_to_a_new_operation_is_found() {
    // One that nobody has cancelled ends as cancelled, or with what another has read.
    says("stale completion delivered", &["canceled", "the byte at", "lost bytes"]);
}

#[test]
fn a_buffer_that_is_not_returned_is_found() {
    says("buffer not returned", &["buffers the kernel has"]);
}

#[test]
fn a_ready_task_that_is_passed_over_is_found() {
    says("ready task passed over", &["polls after its turn", "after its time"]);
}

#[test]
fn a_ready_task_that_is_forgotten_is_found() {
    says("ready task forgotten", &["after its time", "goes to sleep"]);
}

#[test]
fn a_descriptor_that_is_closed_under_its_operation_is_found() {
    says("descriptor closed under its operation", &["is closed while an operation uses it"]);
}

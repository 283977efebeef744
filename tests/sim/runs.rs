//! What a run says, and that it can be had again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use annulus::net::TcpStream;
use annulus::sim::{Faults, Report, World, explore};
use annulus::time::{sleep, timeout};

use crate::hosts::{echo, read_exactly};

fn failure<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("a failure");
    *payload.downcast::<String>().expect("a text")
}

fn conversation(world: &mut World) -> Report {
    world.host("server", || echo(7));
    for name in ["one", "two", "three"] {
        world.client(name, || async {
            for round in 0..5 {
                let length = 1 + (annulus::sim::random() % 5000) as usize;
                let stream = TcpStream::connect("server:7").await?;
                let text = vec![round; length];
                let (written, read) = annulus::join!(
                    async { stream.write_all(text.clone()).await.into_result().map(drop) },
                    read_exactly(&stream, length),
                );
                written?;
                assert_eq!(read?, text);
            }
            io::Result::Ok(())
        });
    }
    world.faults(Faults::network(world.seed()).without("reset"));
    world.run()
}

#[test]
fn the_same_seed_does_the_same_and_another_does_not() {
    let mut hashes = Vec::new();
    for seed in 0..30 {
        let first = conversation(&mut World::new(seed));
        let second = conversation(&mut World::new(seed));
        assert_eq!(first, second, "seed {seed}");
        hashes.push(first.trace_hash);
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 30);
}

#[test]
fn a_world_that_stands_still_says_who_waits_for_what() {
    let mut world = World::new(1);
    world.host("server", || echo(7));
    world.client("client", || async {
        let stream = TcpStream::connect("server:7").await?;
        drop(stream.recv().await);
        io::Result::Ok(())
    });
    let text = failure(|| world.run());
    assert!(text.contains("the world stands still"), "{text}");
    assert!(text.contains("host server (parked)") && text.contains("host client"), "{text}");
    assert!(text.contains("waits for accept") && text.contains("waits for recv"), "{text}");
    assert!(text.contains("ANNULUS_SIM_SEED=1 ANNULUS_SIM_FAULTS='none' cargo test"), "{text}");
}

#[test]
fn programs_that_do_not_come_to_an_end_are_found() {
    let mut world = World::new(2);
    world.time_limit(Duration::from_secs(60));
    async fn for_ever() {
        loop {
            sleep(Duration::from_secs(1)).await;
        }
    }
    world.client("client", for_ever);
    let text = failure(|| world.run());
    assert!(text.contains("within the time limit"), "{text}");
}

#[test]
fn an_error_or_a_panic_of_a_program_ends_the_run() {
    let mut world = World::new(3);
    world.client("client", || async { Err::<(), _>("no luck") });
    assert!(failure(|| world.run()).contains("the program of client ended with \"no luck\""));
    drop(world);
    let mut world = World::new(3);
    async fn broken() {
        panic!("out of order");
    }
    world.host("server", broken);
    world.client("client", || sleep(Duration::from_secs(1)));
    assert!(failure(|| world.run()).contains("the program of server panicked: out of order"));
}

#[test]
fn a_descriptor_that_is_kept_is_found_at_the_end() {
    let mut world = World::new(4);
    world.client("client", || async {
        let listener = annulus::net::TcpListener::bind("127.0.0.1:7").await?;
        // A handle that outlives its loop keeps its socket.
        let _kept = std::mem::ManuallyDrop::new(listener);
        io::Result::Ok(())
    });
    let text = failure(|| world.run());
    assert!(text.contains("client has left 1 descriptors open"), "{text}");
}

/// A client that takes what one read brings for the whole answer.
fn careless(world: &mut World) {
    world.host("server", || echo(7));
    world.client("client", || async {
        let stream = TcpStream::connect("server:7").await?;
        for _ in 0..20 {
            stream.write_all("hello").await.into_result()?;
            assert_eq!(&*stream.recv().await?, b"hello", "the whole answer");
        }
        io::Result::Ok(())
    });
    world.faults(Faults::network(world.seed()).without("reset"));
    world.run();
}

#[test]
fn an_exploration_shrinks_what_fails_to_the_fault_that_matters() {
    let text = failure(|| explore(0..100, careless));
    let first = text.lines().next().expect("a line");
    assert!(first.contains(" fails with 1 faults of "), "{text}");
    assert!(first.contains(": short-"), "{text}");
    assert!(text.contains("the whole answer"), "{text}");
    // What it says can be done: the same seed with that fault alone fails.
    let line = text.lines().find(|line| line.contains("ANNULUS_SIM_FAULTS=")).expect("how");
    let seed = line.split("ANNULUS_SIM_SEED=").nth(1).and_then(|rest| rest.split(' ').next());
    let seed = seed.and_then(|seed| seed.parse().ok()).expect("a seed");
    let faults: Faults = line.split('\'').nth(1).expect("faults").parse().expect("faults");
    let mut world = World::new(seed);
    world.host("server", || echo(7));
    world.client("client", || async {
        let stream = TcpStream::connect("server:7").await?;
        for _ in 0..20 {
            stream.write_all("hello").await.into_result()?;
            assert_eq!(&*stream.recv().await?, b"hello", "the whole answer");
        }
        io::Result::Ok(())
    });
    world.faults(faults);
    assert!(failure(|| world.run()).contains("the whole answer"));
}

#[test]
fn a_program_that_depends_on_something_else_than_the_seed_is_found() {
    let runs = std::cell::Cell::new(0_u64);
    let text = failure(|| {
        explore(0..1, |world| {
            runs.set(runs.get() + 1);
            let wait = Duration::from_millis(runs.get());
            world.client("client", move || sleep(wait));
            world.run();
        });
    });
    assert!(text.contains("seed 0 did something else"), "{text}");
}

#[test]
fn faults_end_with_their_phase_and_everything_comes_to_its_end() {
    for seed in 0..30 {
        let mut world = World::new(seed);
        world.host("server", || echo(7));
        world.client("client", || async {
            // Persistent, as clients are: until the network lets it.
            loop {
                let round = async {
                    let stream = TcpStream::connect("server:7").await?;
                    stream.write_all("ping").await.into_result()?;
                    read_exactly(&stream, 4).await
                };
                if let Ok(Ok(_)) = timeout(Duration::from_secs(5), round).await {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        world.fault_phase(Duration::from_secs(20));
        world.faults(Faults::none().with("partition", 500).with("crash", 300).with("reset", 20));
        world.run();
    }
}

#[test]
fn a_descriptor_that_a_scope_leaves_behind_is_named() {
    let mut kept = None;
    let text = failure(|| {
        annulus::sim::scope(1, || {
            let opened = annulus::run(async {
                let listener = annulus::net::TcpListener::bind("127.0.0.1:0").await;
                listener.unwrap().into_std().unwrap()
            });
            kept = Some(opened.unwrap());
        });
    });
    assert!(text.contains("left open in the simulation"), "{text}");
    drop(kept);
}

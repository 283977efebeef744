//! Random programs: what a program may do, in any order, with anything going wrong.
//!
//! Two hosts talk over connections whose bytes are known in advance, so that a byte that is lost,
//! doubled or overtaken is seen where it is read, and by datagrams that say their number. Their tasks drop operations at their n-th poll,
//! cancel them, put limits around them, panic, are cancelled, and use channels, groups, files,
//! blocking jobs and timers besides. Whatever fails is an outcome; what must hold is checked.

mod besides;
mod connection;
pub(crate) mod datagrams;
mod disturb;

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use annulus::net::{TcpListener, TcpStream};
use annulus::sim::{Faults, World, explore, random};
use annulus::time::{sleep, timeout};
use annulus::{Builder, spawn};

use self::connection::Connection;
use self::datagrams::Rules;

const PORT: u16 = 7;
/// Where datagrams are answered.
const ANSWERS: u16 = 9;

/// Accepts for ever, whatever an accept fails with.
async fn server() -> io::Result<()> {
    spawn(datagrams::answer(ANSWERS, rng_of(random()))).detach();
    let listener = loop {
        if let Ok(listener) = TcpListener::bind(("0.0.0.0", PORT)).await {
            break listener;
        }
        sleep(Duration::from_millis(1)).await;
    };
    let mut rng = fastrand::Rng::with_seed(random());
    // Files, pipes, chains and jobs on a host that may crash in the middle of them.
    let mut besides: Vec<_> =
        (0..rng.usize(..3)).map(|_| spawn(besides::anything(rng_of(random())))).collect();
    loop {
        if besides.last().is_some_and(annulus::task::JoinHandle::is_finished) {
            if let Some(ended) = besides.pop() {
                disturb::check_end(ended.await);
            }
        }
        let accepted = match rng.u8(..5) {
            3 => {
                let mut incoming = listener.incoming();
                let next = polled_next(&mut incoming, rng.usize(1..4)).await;
                next.map(|stream| stream.and_then(|stream| Ok((stream.peer_addr()?, stream))))
                    .map(|accepted| accepted.map(|(peer, stream)| (stream, peer)))
            }
            // A connection that comes in the very moment is the next accept's.
            0 => timeout(Duration::from_micros(rng.u64(..200)), listener.accept()).await.ok(),
            1 => Some(listener.accept().timeout(Duration::from_micros(rng.u64(..500))).await),
            2 => disturb::polled(listener.accept(), rng.usize(1..4)).await,
            _ => Some(listener.accept().await),
        };
        match accepted {
            Some(Ok((stream, peer))) => {
                let connection = Connection::new(stream, peer.port(), false);
                drop(disturb::task(&mut rng, connection.converse(rng_of(random()))));
            }
            Some(Err(_)) => sleep(Duration::from_micros(rng.u64(1..500))).await,
            None => annulus::yield_now().await,
        }
    }
}

/// Some connections, one after another or at the same time, and other things besides.
async fn client(rules: Rules) {
    let mut rng = rng_of(random());
    let mut tasks = Vec::new();
    for _ in 0..rng.usize(1..28) {
        match rng.u8(..20) {
            0..3 => tasks.push(spawn(besides::anything(rng_of(random())))),
            3 => {
                let exchange = datagrams::exchange(rng_of(random()), rules);
                tasks.push(disturb::task(&mut rng, async { drop(exchange.await) }));
            }
            4 => {
                let ask = datagrams::ask(ANSWERS, rng_of(random()), rules);
                tasks.push(disturb::task(&mut rng, async { drop(ask.await) }));
            }
            _ => {}
        }
        let limit = Duration::from_millis(rng.u64(1..2000));
        let Ok(Ok(stream)) = timeout(limit, TcpStream::connect(("server", PORT))).await else {
            continue;
        };
        let Ok(port) = stream.local_addr().map(|own| own.port()) else { continue };
        let connection = Connection::new(stream, port, true);
        tasks.push(disturb::task(&mut rng, connection.converse(rng_of(random()))));
    }
    for task in tasks {
        match rng.u8(..6) {
            0 => drop(task),
            1 => {
                task.cancel();
                let _end = task.await;
            }
            2 => task.abort(),
            _ => disturb::check_end(task.await),
        }
    }
}

async fn polled_next(
    incoming: &mut annulus::net::Incoming,
    times: usize,
) -> Option<io::Result<TcpStream>> {
    disturb::polled(incoming.next(), times).await
}

fn rng_of(seed: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed)
}

/// One program of a seed.
pub(crate) fn program(world: &mut World) -> u64 {
    let mut rng = rng_of(world.seed());
    let settings = Builder::new()
        .entries([2, 4, 8, 64][rng.usize(..4)])
        .cq_entries([8, 16, 256][rng.usize(..3)])
        .buffer_pool([1, 2, 16][rng.usize(..3)], [64, 256, 4096][rng.usize(..3)])
        .task_budget([1, 3, 64][rng.usize(..3)]);
    let faults = Faults::swarm(world.seed());
    let rules = Rules::of(&faults);
    world.host_with("server", settings.clone(), server);
    for name in ["one", "two"].into_iter().take(rng.usize(1..3)) {
        world.client(name, move || client(rules));
    }
    world.faults(faults);
    world.run().operations
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Runs every second seed, so that two cores share them.
fn programs_of(half: u64) {
    let (from, count) = (number("ANNULUS_SIM_FROM", 0), number("ANNULUS_SIM_SEEDS", 60));
    let operations = Cell::new(0);
    let began = Instant::now();
    explore((from..from + count).filter(|seed| seed % 2 == half), |world| {
        operations.set(operations.get() + program(world));
    });
    let took = began.elapsed().as_secs_f64();
    let each_second = operations.get() as f64 / took;
    println!(
        "random programs: {} seeds from {from}, {} operations in {took:.1} s, {each_second:.0} a second",
        count / 2,
        operations.get(),
    );
}

#[test]
fn random_programs_of_even_seeds_break_no_rule() {
    programs_of(0);
}

#[test]
fn random_programs_of_odd_seeds_break_no_rule() {
    programs_of(1);
}

/// One long conversation instead of many short programs: what the simulator itself can do.
#[test]
#[ignore = "a measurement: cargo test --release --features sim --test sim -- --ignored --nocapture"]
fn how_many_operations_a_second() {
    let mut world = World::new(1);
    world.host("server", crate::hosts::echo_many);
    world.client("client", || async {
        let tasks: Vec<_> = (0..64).map(|_| spawn(crate::hosts::ping_many(5000))).collect();
        for task in tasks {
            task.await.expect("a task").expect("a conversation");
        }
    });
    let began = Instant::now();
    let operations = world.run().operations;
    let each_second = operations as f64 / began.elapsed().as_secs_f64();
    println!("{operations} operations, {each_second:.0} a second");
}

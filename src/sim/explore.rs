//! Many seeds, and what to make of one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure::{self, FAULTS, SEED};
use super::faults::Faults;
use super::world::World;

/// Every so many seeds one is run twice, to see that it does the same.
const TWICE_EVERY: usize = 100;

/// Runs `test` in a world for each of `seeds`, and panics at the first that fails.
///
/// The panic says which seed it was and how to run it again, and what went wrong with the fewest
/// faults: those that were on are turned off one after another, as long as the run still fails. One
/// in a hundred seeds is run twice, and must do the same both times.
///
/// With `ANNULUS_SIM_SEED` in the environment only that seed is run, and with `ANNULUS_SIM_FAULTS`
/// those faults instead of the ones that the test asks for.
///
/// ```
/// use annulus::net::{TcpListener, TcpStream};
/// use annulus::sim::{Faults, explore};
///
/// explore(0..20, |world| {
///     world.host("server", || async {
///         let listener = TcpListener::bind("0.0.0.0:7").await?;
///         let (stream, _peer) = listener.accept().await?;
///         stream.write_all("hello").await.into_result()?;
///         std::io::Result::Ok(())
///     });
///     world.client("client", || async {
///         let stream = TcpStream::connect("server:7").await?;
///         let mut text = Vec::new();
///         while text.len() < 5 { // also when the bytes come one by one
///             text.extend_from_slice(&stream.recv().await?);
///         }
///         assert_eq!(text, b"hello");
///         std::io::Result::Ok(())
///     });
///     world.faults(Faults::network(world.seed()).without("reset"));
///     world.run();
/// });
/// ```
///
/// # Panics
///
/// When a seed fails.
pub fn explore(seeds: impl IntoIterator<Item = u64>, test: impl Fn(&mut World)) {
    if let Some(seed) = from_environment::<u64>(SEED) {
        let mut world = World::new(seed);
        world.replaced = from_environment(FAULTS);
        return test(&mut world);
    }
    for (number, seed) in seeds.into_iter().enumerate() {
        let hash = match attempt(seed, &[], &test) {
            Ok(hash) => hash,
            Err(failed) => panic!("{}", shrink(seed, failed, &test)),
        };
        if number % TWICE_EVERY == 0 {
            let again = attempt(seed, &[], &test).map_err(|failed| failed.how);
            assert!(
                again == Ok(hash),
                "seed {seed} did something else when it was run again: what it does depends on \
                 something besides the seed"
            );
        }
    }
}

/// A run that has failed.
struct Failed {
    how: String,
    faults: Faults,
}

/// Runs one seed, quietly; the hash of what happened.
fn attempt(
    seed: u64,
    left_out: &[&'static str],
    test: &impl Fn(&mut World),
) -> Result<u64, Box<Failed>> {
    let mut world = World::new(seed);
    world.left_out = left_out.to_vec();
    let run = AssertUnwindSafe(|| test(&mut world));
    let outcome = failure::quietly(|| catch_unwind(run));
    match outcome {
        Ok(()) => Ok(world.report().trace_hash),
        Err(payload) => {
            let faults = world.faults.clone();
            failure::quietly(move || drop(world));
            Err(Box::new(Failed { how: failure::message(&*payload), faults }))
        }
    }
}

/// Leaves out every fault without which the run fails as well, and says what is left.
fn shrink(seed: u64, first: Box<Failed>, test: &impl Fn(&mut World)) -> String {
    let all = first.faults.on();
    let mut left_out = Vec::new();
    let mut smallest = first;
    for fault in &all {
        left_out.push(*fault);
        match attempt(seed, &left_out, test) {
            Err(failed) => smallest = failed,
            Ok(_) => drop(left_out.pop()),
        }
    }
    let Failed { how, faults } = *smallest;
    format!(
        "seed {seed} fails with {} faults of {}: {faults}\n{}\n{how}",
        faults.on().len(),
        all.len(),
        failure::again(seed, &faults),
    )
}

fn from_environment<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let value = std::env::var(variable).ok()?;
    let parsed = value.parse().ok();
    assert!(parsed.is_some(), "{variable}=\"{value}\" cannot be read");
    parsed
}

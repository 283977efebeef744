//! Figures, not verdicts: `cargo test --release blocking::tests::speed -- --ignored --nocapture`.
//!
//! What a sleeping core takes to wake is most of a round trip and varies from minute to minute,
//! so each figure stands beside that of two bare threads that hand over a number by `park` and
//! `unpark`, measured in turns with it.

use super::*;
use std::sync::atomic::AtomicBool;

const TURNS: usize = 25;

/// A thread that adds one to the number it is given: the least that a round trip can cost.
struct Bare {
    number: Arc<AtomicUsize>,
    answered: Arc<AtomicBool>,
    thread: Thread,
}

impl Bare {
    fn start() -> Self {
        let (number, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let client = thread::current();
        let thread = thread::spawn({
            let (number, answered) = (number.clone(), answered.clone());
            move || {
                loop {
                    if answered.load(SeqCst) {
                        thread::park();
                        continue;
                    }
                    if number.fetch_add(1, SeqCst) == usize::MAX {
                        return;
                    }
                    answered.store(true, SeqCst);
                    client.unpark();
                }
            }
        });
        Bare { number, answered, thread: thread.thread().clone() }
    }

    fn round_trip(&self, number: usize) -> usize {
        self.number.store(number, SeqCst);
        self.answered.store(false, SeqCst);
        self.thread.unpark();
        while !self.answered.load(SeqCst) {
            thread::park();
        }
        self.number.load(SeqCst)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.number.store(usize::MAX, SeqCst);
        self.answered.store(false, SeqCst);
        self.thread.unpark();
    }
}

/// Nanoseconds for each of `count`.
fn time(count: usize, f: impl FnOnce()) -> u128 {
    let start = Instant::now();
    f();
    start.elapsed().as_nanos() / count as u128
}

fn show(what: &str, mut figures: Vec<u128>) {
    figures.sort_unstable();
    let [least, median, most] = [0, figures.len() / 2, figures.len() - 1].map(|at| figures[at]);
    println!("{what}: median {median} ns, {least} to {most}");
}

#[test]
#[ignore = "prints figures"]
fn round_trip_of_one() {
    let (pool, bare) = (pool(32, 1024), Bare::start());
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(time(1000, || {
            for number in 0..1000 {
                assert_eq!(block_on(pool.spawn(move || number + 1)).expect("ran"), number + 1);
            }
        }));
        least.push(time(1000, || {
            for number in 0..1000 {
                assert_eq!(bare.round_trip(number), number + 1);
            }
        }));
    }
    show("one, round trip", ours);
    show("  between bare threads", least);
    println!("  {:?}", pool.metrics());
}

#[test]
#[ignore = "prints figures"]
fn round_trip_of_a_hundred() {
    let pool = pool(32, 1024);
    let mut figures = Vec::new();
    for _ in 0..TURNS {
        figures.push(time(10_000, || {
            for _ in 0..100 {
                let spawn = |number: usize| pool.spawn(move || number);
                let handles: Vec<_> = (0..100).map(spawn).collect();
                for (number, handle) in handles.into_iter().enumerate() {
                    assert_eq!(block_on(handle).expect("ran"), number);
                }
            }
        }));
    }
    show("a hundred, round trip of each", figures);
    println!("  {:?}", pool.metrics());
}

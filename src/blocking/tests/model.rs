//! Random use of the pool against the one promise: each closure is called once or dropped
//! uncalled, never both, never neither, and the counters say which.

use super::*;

/// xorshift64*: enough to vary a script, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        high as usize % bound
    }
}

/// What became of one closure.
#[derive(Default)]
struct Fate {
    called: AtomicUsize,
    dropped: AtomicUsize,
}

struct Script {
    random: Random,
    gate: Gate,
    fates: Vec<Arc<Fate>>,
    held: Vec<(usize, BlockingHandle<usize>)>,
    cancelled: Vec<usize>,
    refused: usize,
}

impl Script {
    fn closure(&mut self, index: usize) -> impl FnOnce() -> usize + Send + use<> {
        let fate = Arc::new(Fate::default());
        self.fates.push(fate.clone());
        let kind = self.random.below(10);
        let gate = self.gate.clone();
        let captured = OnDrop({
            let fate = fate.clone();
            move || _ = fate.dropped.fetch_add(1, SeqCst)
        });
        move || {
            let _captured = captured;
            fate.called.fetch_add(1, SeqCst);
            match kind {
                0 => std::panic::panic_any(index),
                1 => gate.pass(),
                2 => thread::yield_now(),
                _ => (),
            }
            index
        }
    }

    fn step(&mut self, pool: &BlockingPool) {
        let index = self.fates.len();
        match self.random.below(12) {
            0..4 => {
                let closure = self.closure(index);
                self.held.push((index, pool.spawn(closure)));
            }
            4..6 => {
                let closure = self.closure(index);
                match pool.try_spawn(closure) {
                    Ok(handle) => self.held.push((index, handle)),
                    Err(error) => {
                        drop(error.into_inner());
                        self.refused += 1;
                        self.cancelled.push(index);
                    }
                }
            }
            6 => {
                let closure = self.closure(index);
                if let Poll::Ready(permit) = poll_once(&mut pool.reserve(), Waker::noop()) {
                    self.held.push((index, permit.spawn(closure)));
                } else {
                    self.refused += 1;
                    self.cancelled.push(index);
                }
            }
            7 => drop(self.pick()),
            8 => {
                if let Some((index, mut handle)) = self.pick() {
                    match poll_once(&mut handle, Waker::noop()) {
                        Poll::Ready(outcome) => self.settle(index, outcome),
                        Poll::Pending => self.held.push((index, handle)),
                    }
                }
            }
            9 => drop(poll_once(&mut pool.reserve(), Waker::noop())),
            _ => {
                if let Some((index, handle)) = self.pick() {
                    if handle.cancel() {
                        self.cancelled.push(index);
                    }
                    self.held.push((index, handle));
                }
            }
        }
    }

    fn pick(&mut self) -> Option<(usize, BlockingHandle<usize>)> {
        let count = self.held.len();
        (count > 0).then(|| self.held.swap_remove(self.random.below(count)))
    }

    fn settle(&mut self, index: usize, outcome: Result<usize, JoinError>) {
        match outcome {
            Ok(value) => assert_eq!(value, index),
            Err(error) if error.is_cancelled() => assert!(self.cancelled.contains(&index)),
            Err(error) => assert_eq!(error.into_panic().downcast_ref(), Some(&index)),
        }
    }

    fn finish(mut self, pool: &BlockingPool) -> usize {
        self.gate.open();
        while let Some((index, handle)) = self.held.pop() {
            let outcome = block_on(handle);
            self.settle(index, outcome);
        }
        // Detached jobs may still be on their way.
        let expected = |index| usize::from(!self.cancelled.contains(&index));
        for (index, fate) in self.fates.iter().enumerate() {
            until("settled", || fate.dropped.load(SeqCst) == 1);
            assert_eq!(fate.called.load(SeqCst), expected(index), "job {index}");
        }
        let _ = pool.metrics();
        self.fates.len() - self.refused
    }
}

fn script(seed: u64) -> Script {
    Script {
        random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
        gate: Gate::default(),
        fates: Vec::new(),
        held: Vec::new(),
        cancelled: Vec::new(),
        refused: 0,
    }
}

fn run(seed: u64, givers: u64) {
    println!("seed {seed}, {givers} givers");
    let mut random = Random(seed | 1);
    let config = PoolConfig {
        max_threads: 1 + random.below(4),
        queue: 1 + random.below(8),
        keep_alive: [Duration::ZERO, Duration::from_micros(50), Duration::MAX][random.below(3)],
        ..PoolConfig::default()
    };
    let pool = BlockingPool::new(config);
    let taken: usize = thread::scope(|scope| {
        let givers: Vec<_> = (0..givers)
            .map(|giver| {
                let pool = &pool;
                scope.spawn(move || {
                    let mut script = script(seed * 16 + giver);
                    let _open = OpenAtEnd(script.gate.clone());
                    (0..200).for_each(|_| script.step(pool));
                    script.finish(pool)
                })
            })
            .collect();
        givers.into_iter().map(|giver| giver.join().expect("see above")).sum()
    });
    assert_eq!(pool.shutdown(Duration::MAX), 0);
    let metrics = pool.metrics();
    assert_eq!(metrics.completed + metrics.panicked + metrics.cancelled, taken as u64);
    let now = (metrics.queued, metrics.waiting, metrics.running, metrics.idle, metrics.threads);
    assert_eq!(now, (0, 0, 0, 0, 0));
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("ANNULUS_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 1..60,
    }
}

#[test]
fn every_job_of_one_giver_is_called_once_or_cancelled() {
    seeds().for_each(|seed| run(seed, 1));
}

#[test]
fn every_job_of_three_givers_is_called_once_or_cancelled() {
    seeds().for_each(|seed| run(seed, 3));
}

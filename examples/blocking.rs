//! Work that would block the loop, done beside it.
//!
//! The work is to count primes. Done on the loop it holds up every other task; handed to the
//! blocking pool it does not, and its result, its panic or its cancel comes back as that of a
//! task. A ticker beside it shows the difference.
//!
//! ```text
//! cargo run --release --example blocking
//! ```

use std::cell::Cell;
use std::io;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use annulus::{Builder, Handle, blocking_ready, spawn_blocking, time};

#[path = "shared/interrupt.rs"]
mod interrupt;

use interrupt::Interrupt;

const HELP: &str = "\
Counts primes on the blocking pool, and on the loop for comparison.

Usage: blocking [OPTIONS]

  --jobs NUMBER     how many times [default: 8]
  --threads NUMBER  threads of the pool [default: 2]
  --below NUMBER    count the primes below it [default: 2000000]
  -h, --help        say this";

/// How often the loop is asked whether it is free.
const TICK: Duration = Duration::from_millis(5);

struct Options {
    jobs: usize,
    threads: usize,
    below: u32,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("blocking: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("blocking: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut options = Options { jobs: 8, threads: 2, below: 2_000_000 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("jobs") => options.jobs = arguments.value()?.parse()?,
            Long("threads") => options.threads = arguments.value()?.parse()?,
            Long("below") => options.below = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> io::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    // A short queue: who hands work over faster than it is done waits for its turn.
    let builder = Builder::new().max_blocking_threads(options.threads).blocking_queue(4);
    builder.build()?.block_on(async {
        // Jobs that have begun are brought to their end, those in the queue are dropped.
        let Some(compared) = interrupt.until(compare(options)).await else {
            eprintln!("blocking: interrupted");
            return Ok(ExitCode::from(130));
        };
        compared.map(|()| ExitCode::SUCCESS)
    })
}

async fn compare(options: &Options) -> io::Result<()> {
    let ticker = Ticker::start();
    println!("on the pool: {} primes", on_the_pool(options).await?);
    println!("             {}", ticker.end());

    let ticker = Ticker::start();
    println!("on the loop: {} primes", on_the_loop(options).await);
    println!("             {}", ticker.end());

    panics_and_cancels(options.below).await;
    let pool = Handle::current().metrics().unwrap_or_default().blocking;
    let (completed, waited) = (pool.completed, Duration::from_nanos(pool.wait_total_ns));
    println!(
        "the pool: {completed} jobs completed by {} threads, {waited:.0?} waited in all",
        pool.threads_peak
    );
    Ok(())
}

/// Hands the jobs over as the queue has room, and adds up what comes back.
async fn on_the_pool(options: &Options) -> io::Result<u64> {
    let below = options.below;
    let mut jobs = Vec::new();
    for _ in 0..options.jobs {
        jobs.push(blocking_ready().await.spawn(move || primes(below)));
    }
    let mut sum = 0;
    for job in jobs {
        sum += job.await.map_err(io::Error::other)?;
    }
    Ok(sum)
}

async fn on_the_loop(options: &Options) -> u64 {
    let mut sum = 0;
    for _ in 0..options.jobs {
        sum += primes(options.below);
        // Nothing else runs but here.
        annulus::yield_now().await;
    }
    sum
}

/// What comes back from a job that panics, and from one that is taken back in time.
async fn panics_and_cancels(below: u32) {
    let job = spawn_blocking(move || assert_eq!(primes(below), 0, "this panic is on purpose"));
    if let Err(error) = job.await {
        println!("a job that panics: {error}");
    }
    let jobs: Vec<_> = (0..64).map(|_| spawn_blocking(move || primes(below))).collect();
    let cancelled = jobs.iter().filter(|job| job.cancel()).count();
    println!("of 64 jobs, cancelled before they began: {cancelled}");
    for job in jobs {
        let _ended = job.await;
    }
}

fn primes(below: u32) -> u64 {
    let mut is_composite = vec![false; below as usize];
    let mut count = 0;
    for number in 2..below as usize {
        if is_composite[number] {
            continue;
        }
        count += 1;
        for multiple in (number * number..below as usize).step_by(number) {
            is_composite[multiple] = true;
        }
    }
    count
}

/// A task that wants to run at short intervals, and notes how late it was.
struct Ticker {
    worst: Rc<Cell<Duration>>,
    task: annulus::task::JoinHandle<()>,
}

impl Ticker {
    fn start() -> Ticker {
        let worst = Rc::new(Cell::new(Duration::ZERO));
        let noted = Rc::clone(&worst);
        let task = annulus::spawn(async move {
            loop {
                let due = Instant::now() + TICK;
                time::sleep(TICK).await;
                noted.set(noted.get().max(due.elapsed()));
            }
        });
        Ticker { worst, task }
    }

    fn end(self) -> String {
        self.task.abort();
        format!("the loop was late by {:.1?} at worst", self.worst.get())
    }
}

//! Files without a runtime: plain system calls on the thread, or on a pool of threads, and the tools
//! that a system has for it, where they are installed: `fio` and `cp`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use annulus_bench_kit::files::{self, Blocks, Page};
use annulus_bench_kit::{
    Cost, CountingAllocator, Job, Outcome, Results, Stopwatch, Work, contender,
};

mod fio;
mod pool;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    contender(&[
        Work::once("file-reads", &["pread", "pool-4", "pool-16", "fio", "fio-fixed"], reads),
        Work::once("file-copy", &["cp", "std"], copy),
        Work::once("small-files", &["calls"], small_files),
        Work::once("appends", &["calls"], appends),
    ])
}

fn open(path: &Path, job: &Job) -> std::io::Result<File> {
    let flags = if files::is_direct(job) { libc::O_DIRECT } else { 0 };
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn reads(job: Job) -> Outcome<Results> {
    let path = files::data(&job)?;
    let operations = job.number("operations", 100_000);
    match job.form() {
        "pool-4" => pool::reads(&job, open(&path, &job)?, operations, 4),
        "pool-16" => pool::reads(&job, open(&path, &job)?, operations, 16),
        "fio" | "fio-fixed" => fio::reads(&job, &path),
        _ => {
            let file = open(&path, &job)?;
            let (mut blocks, mut page) = (Blocks::from_seed(0), Page::boxed());
            let watch = Stopwatch::start();
            for _ in 0..operations {
                let (number, at) = blocks.draw();
                file.read_exact_at(&mut page.0, at)?;
                assert!(files::is_block(&page.0, number), "block {number}");
            }
            Ok(Results::of(operations, watch.stop()))
        }
    }
}

fn copy(job: Job) -> Outcome<Results> {
    let (from, to) = (files::data(&job)?, files::directory(&job).join("copy-std"));
    let cost = if job.form() == "cp" { by_cp(&from, &to)? } else { by_std(&from, &to)? };
    std::fs::remove_file(to)?;
    Ok(Results::of(files::BLOCKS / 256, cost))
}

fn by_std(from: &Path, to: &Path) -> Outcome<Cost> {
    let watch = Stopwatch::start();
    std::fs::copy(from, to)?;
    Ok(watch.stop())
}

fn by_cp(from: &Path, to: &Path) -> Outcome<Cost> {
    let (began, cpu) = (Instant::now(), children_cpu());
    // A copy of the bytes, not a second name for them.
    let status = Command::new("cp").arg("--reflink=never").args([from, to]).status()?;
    if !status.success() {
        return Err(format!("cp ended with {status}").into());
    }
    let cpu = children_cpu().saturating_sub(cpu);
    Ok(Cost { wall: began.elapsed(), cpu, allocations: 0, allocated_bytes: 0 })
}

/// Processor time of the programs that were started and have ended.
fn children_cpu() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a valid place for the answer, and zeroes are a value of it.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time =
        |value: libc::timeval| Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1_000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn small_files(job: Job) -> Outcome<Results> {
    let paths: Vec<PathBuf> = files::small_files(&job)?;
    let operations = job.number("operations", 20_000);
    let mut bytes = [0; files::SMALL];
    let watch = Stopwatch::start();
    for path in paths.iter().cycle().take(operations as usize) {
        let mut file = File::open(path)?;
        assert_eq!(file.metadata()?.len(), files::SMALL as u64);
        file.read_exact(&mut bytes)?;
    }
    Ok(Results::of(operations, watch.stop()))
}

fn appends(job: Job) -> Outcome<Results> {
    let path = files::directory(&job).join("log-std");
    let operations = job.number("operations", 200);
    let mut file = File::create(&path)?;
    let block = vec![7; files::BLOCK];
    let watch = Stopwatch::start();
    for _ in 0..operations {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    let cost = watch.stop();
    std::fs::remove_file(path)?;
    Ok(Results::of(operations, cost))
}

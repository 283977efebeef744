//! What the ring itself takes for an operation that does nothing, for a wake from outside, and for a
//! wait that ends with its time.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, ring, tasks};
use io_uring::{opcode, types};

/// As many no-ops at a time as there would be tasks, pushed and reaped with one enter.
pub fn nops(job: Job) -> Outcome<Results> {
    let operations = job.number("operations", 1_000_000);
    let batch = job.number("tasks", 256);
    let mut ring = ring::new_ring(256, 4096)?;
    if job.number("warm", 1) > 0 {
        turn(&mut ring, operations, batch)?;
    }
    let watch = Stopwatch::start();
    turn(&mut ring, operations, batch)?;
    Ok(Results::of(operations, watch.stop()))
}

fn turn(ring: &mut ring::Ring, operations: u64, batch: u64) -> io::Result<()> {
    let mut done = 0;
    for _ in 0..operations / batch {
        for number in 0..batch {
            let entry = opcode::Nop::new().build().user_data(number);
            // SAFETY: a no-op lends nothing.
            unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
        }
        ring.submit_and_wait_for_all(batch as u32)?;
        done += ring.completion().count() as u64;
    }
    assert_eq!(done, operations / batch * batch, "every no-op completes");
    Ok(())
}

/// Another thread writes to an eventfd that the ring reads: the median time from the write to the
/// completion's arrival.
pub fn wakes_across(job: Job) -> Outcome<Results> {
    let count = job.number("operations", 1_000);
    // SAFETY: a new descriptor, which nobody else has.
    let event = unsafe {
        let fd = libc::eventfd(0, libc::EFD_CLOEXEC);
        assert!(fd >= 0, "an eventfd");
        File::from_raw_fd(fd)
    };
    let mut writer = event.try_clone()?;
    let (ask, asked) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel::<Instant>();
    let core = job.text("other").map(|_| job.number("other", 1) as usize);
    let thread = std::thread::spawn(move || {
        if let Some(core) = core {
            // Without it the numbers are noisier, and still true.
            let _ = annulus_bench_kit::pin(core);
        }
        for () in asked {
            std::thread::sleep(Duration::from_micros(200));
            let now = Instant::now();
            let _ = tell.send(now);
            writer.write_all(&1u64.to_ne_bytes()).expect("the event");
        }
    });
    let mut ring = ring::new_ring(8, 64)?;
    let mut times = Vec::new();
    let mut value = [0u8; 8];
    for _ in 0..count {
        ask.send(())?;
        let read = opcode::Read::new(types::Fd(event.as_raw_fd()), value.as_mut_ptr(), 8).build();
        // SAFETY: the value is there until the completion, which is waited for.
        unsafe { ring.submission().push(&read) }?;
        ring.submit_and_wait()?;
        let now = Instant::now();
        assert_eq!(ring.completion().count(), 1, "one read completes");
        times.push(now - told.recv()?);
    }
    drop(ask);
    thread.join().expect("the thread");
    Ok(tasks::of_median(times))
}

/// How late a wait for completions that do not come ends: the median of many, of one to three
/// milliseconds, for which the kernel is asked as they are.
pub fn lateness(job: Job) -> Outcome<Results> {
    let mut ring = ring::new_ring(8, 64)?;
    let mut late = Vec::new();
    for number in 0..job.number("operations", 200) {
        let asked = tasks::nap(number);
        let began = Instant::now();
        let waited = ring.submit_and_wait_for(asked);
        let took = began.elapsed();
        assert_eq!(waited.unwrap_err().raw_os_error(), Some(libc::ETIME), "the time is up");
        late.push(took.saturating_sub(asked));
    }
    Ok(tasks::of_median(late))
}

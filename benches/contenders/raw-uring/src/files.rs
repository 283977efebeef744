//! Random reads by the ring alone: `depth` in flight, each completion followed by the next read.
//!
//! Forms: `own` reads into memory of the process's own; `fixed` into buffers that were registered
//! with the ring.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use annulus_bench_kit::files::{self, BLOCK, Blocks, Page};
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, ring};
use io_uring::{opcode, types};

pub fn reads(job: Job) -> Outcome<Results> {
    let path = files::data(&job)?;
    let (operations, depth) = (job.number("operations", 100_000), job.number("depth", 1));
    let flags = if files::is_direct(&job) { libc::O_DIRECT } else { 0 };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let fd = types::Fd(file.as_raw_fd());
    // Before the ring, so that they are dropped after it.
    let mut pages: Vec<(Box<Page>, u64)> = (0..depth).map(|_| (Page::boxed(), 0)).collect();
    let mut ring = ring::new_ring(256, 1024)?;
    let fixed = job.form() == "fixed";
    if fixed {
        let buffers: Vec<_> = pages
            .iter_mut()
            .map(|(page, _)| libc::iovec { iov_base: page.0.as_mut_ptr().cast(), iov_len: BLOCK })
            .collect();
        // SAFETY: the pages stay where they are, and are there as long as the ring.
        unsafe { ring.submitter().register_buffers(&buffers) }?;
    }
    let mut blocks = Blocks::from_seed(0);
    let mut idle: Vec<u64> = (0..depth).collect();
    let (mut asked, mut done) = (0, 0);
    let watch = Stopwatch::start();
    while done < operations {
        while asked < operations {
            let Some(slot) = idle.pop() else { break };
            let (page, number) = &mut pages[slot as usize];
            let (block, at) = blocks.draw();
            *number = block;
            let (buf, length) = (page.0.as_mut_ptr(), BLOCK as u32);
            let read = if fixed {
                opcode::ReadFixed::new(fd, buf, length, slot as u16).offset(at).build()
            } else {
                opcode::Read::new(fd, buf, length).offset(at).build()
            };
            // SAFETY: the page is there until its completion: all are waited for.
            unsafe { ring.submission().push(&read.user_data(slot)) }?;
            asked += 1;
        }
        ring.submit_and_wait()?;
        for entry in ring.completion() {
            let slot = entry.user_data();
            let (page, number) = &pages[slot as usize];
            assert_eq!(entry.result(), BLOCK as i32, "a whole block");
            assert!(files::is_block(&page.0, *number), "block {number}");
            idle.push(slot);
            done += 1;
        }
    }
    Ok(Results::of(operations, watch.stop()))
}

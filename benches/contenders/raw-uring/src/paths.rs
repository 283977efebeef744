//! Copies, small files and appends by the ring alone.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use annulus_bench_kit::files::{self, BLOCK, BLOCKS, SMALL};
use annulus_bench_kit::ring::Ring;
use annulus_bench_kit::{Job, Outcome, Results, Stopwatch, ring};
use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};

/// Bytes that are read and written at a time.
const PIECE: usize = 1 << 20;

/// Submits one entry, whose memory is the caller's until then, and waits for its result.
fn one(ring: &mut Ring, entry: &Entry) -> Outcome<u32> {
    // SAFETY: the callers keep what the entry names until this has returned.
    unsafe { ring.submission().push(entry) }?;
    ring.submit_and_wait()?;
    let completion = ring.completion().next().ok_or("no completion")?;
    outcome(completion.result())
}

fn outcome(result: i32) -> Outcome<u32> {
    u32::try_from(result).map_err(|_| std::io::Error::from_raw_os_error(-result).into())
}

/// The whole large file, a piece read and then written at a time.
pub fn copy(job: Job) -> Outcome<Results> {
    let (from, to) = (files::data(&job)?, files::directory(&job).join("copy-raw"));
    let watch = Stopwatch::start();
    let mut ring = ring::new_ring(8, 16)?;
    let (source, target) = (File::open(from)?, File::create(&to)?);
    let [source_fd, target_fd] = [&source, &target].map(|file| types::Fd(file.as_raw_fd()));
    let (mut piece, mut at) = (vec![0; PIECE], 0);
    loop {
        let read = opcode::Read::new(source_fd, piece.as_mut_ptr(), PIECE as u32).offset(at);
        let length = one(&mut ring, &read.build())?;
        if length == 0 {
            break;
        }
        let mut written = 0;
        while written < length {
            let rest = &piece[written as usize..length as usize];
            let write = opcode::Write::new(target_fd, rest.as_ptr(), rest.len() as u32);
            written += one(&mut ring, &write.offset(at + u64::from(written)).build())?;
        }
        at += u64::from(length);
    }
    drop((source, target));
    let cost = watch.stop();
    assert_eq!(std::fs::metadata(&to)?.len(), BLOCKS * BLOCK as u64, "a whole copy");
    std::fs::remove_file(to)?;
    Ok(Results::of(BLOCKS / 256, cost))
}

/// Blocks that are on the disk before the next is written: a write and a sync, linked.
pub fn appends(job: Job) -> Outcome<Results> {
    let path = files::directory(&job).join("log-raw");
    let operations = job.number("operations", 200);
    let mut ring = ring::new_ring(8, 16)?;
    let file = File::create(&path)?;
    let (fd, block) = (types::Fd(file.as_raw_fd()), vec![7u8; BLOCK]);
    let watch = Stopwatch::start();
    for number in 0..operations {
        let write = opcode::Write::new(fd, block.as_ptr(), BLOCK as u32);
        let write = write.offset(number * BLOCK as u64).build().flags(Flags::IO_LINK);
        let sync = opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build();
        // SAFETY: the block is there until both have ended, which is waited for.
        unsafe { ring.submission().push_multiple(&[write, sync]) }?;
        ring.submit_and_wait_for_all(2)?;
        let results = ring.completion().map(|entry| entry.result());
        assert!(results.eq([BLOCK as i32, 0]), "a whole block on the disk");
    }
    let cost = watch.stop();
    assert_eq!(std::fs::metadata(&path)?.len(), operations * BLOCK as u64, "all blocks");
    std::fs::remove_file(path)?;
    Ok(Results::of(operations, cost))
}

/// One file after another: opened, asked, read, closed.
struct Visit {
    next: usize,
    fd: i32,
    stat: Box<libc::statx>,
    bytes: Box<[u8; SMALL]>,
    step: Step,
}

enum Step {
    Open,
    Ask,
    Read,
    Close,
}

impl Visit {
    fn entry(&mut self, paths: &[CString]) -> Entry {
        let fd = types::Fd(self.fd);
        match self.step {
            Step::Open => {
                let path = paths[self.next % paths.len()].as_ptr();
                opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path).flags(libc::O_CLOEXEC).build()
            }
            Step::Ask => {
                let place = (&raw mut *self.stat).cast();
                let ask = opcode::Statx::new(fd, c"".as_ptr(), place).flags(libc::AT_EMPTY_PATH);
                ask.mask(libc::STATX_SIZE).build()
            }
            Step::Read => opcode::Read::new(fd, self.bytes.as_mut_ptr(), SMALL as u32).build(),
            Step::Close => opcode::Close::new(fd).build(),
        }
    }

    /// What comes after a result; whether the file is done with.
    fn ended(&mut self, result: u32) -> bool {
        self.step = match self.step {
            Step::Open => {
                self.fd = i32::try_from(result).expect("a descriptor");
                Step::Ask
            }
            Step::Ask => {
                assert_eq!(self.stat.stx_size, SMALL as u64);
                Step::Read
            }
            Step::Read => {
                assert_eq!(result as usize, SMALL);
                Step::Close
            }
            Step::Close => Step::Open,
        };
        matches!(self.step, Step::Open)
    }
}

fn name(path: &Path) -> Outcome<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Opens, asks, reads and closes small files, `depth` at a time.
pub fn small_files(job: Job) -> Outcome<Results> {
    let paths = files::small_files(&job)?;
    let paths: Vec<CString> = paths.iter().map(|path| name(path)).collect::<Outcome<_>>()?;
    let (operations, depth) = (job.number("operations", 20_000), job.number("depth", 1));
    // Before the ring, so that what it writes to is dropped after it.
    let mut visits: Vec<Visit> = (0..depth as usize)
        .map(|next| Visit {
            next,
            fd: -1,
            // SAFETY: zeroes are a value of it.
            stat: Box::new(unsafe { std::mem::zeroed() }),
            bytes: Box::new([0; SMALL]),
            step: Step::Open,
        })
        .collect();
    let mut ring = ring::new_ring(256, 1024)?;
    let (mut asked, mut done) = (0, 0);
    let mut ready: Vec<usize> = (0..visits.len()).collect();
    let watch = Stopwatch::start();
    while done < operations {
        for slot in ready.drain(..) {
            let opens = matches!(visits[slot].step, Step::Open);
            if opens && asked == operations {
                continue;
            }
            asked += u64::from(opens);
            let entry = visits[slot].entry(&paths).user_data(slot as u64);
            // SAFETY: the paths, and the visit's own memory in its boxes, are there until the last
            // completion has come.
            unsafe { ring.submission().push(&entry) }?;
        }
        ring.submit_and_wait()?;
        for entry in ring.completion() {
            let slot = entry.user_data() as usize;
            let visit = &mut visits[slot];
            if visit.ended(outcome(entry.result())?) {
                visit.next += depth as usize;
                done += 1;
            }
            ready.push(slot);
        }
    }
    Ok(Results::of(operations, watch.stop()))
}

//! A file's way through memory, part by part.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use annulus::BufResult;
use annulus::buf::{IoBuf, Slice};
use annulus::fs::File;
use annulus::task::TaskGroup;
use indicatif::{ProgressBar, ProgressStyle};

/// How much a task takes at a time.
const PART_BYTES: usize = 512 * 1024;

/// What is done with the parts of two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Copy,
    Verify,
}

/// Takes two files through memory, with some tasks at one time; how many bytes that were.
///
/// The length of the first one is where it seems to end: what it has beyond, because it grew or
/// because it is no real file, comes afterwards.
///
/// # Errors
///
/// The first one that a task met; the other tasks are cancelled then.
pub(crate) async fn run(
    purpose: Purpose,
    from: &File,
    to: &File,
    len: u64,
    tasks: usize,
) -> io::Result<u64> {
    let (from, to) = (from.try_clone()?, to.try_clone()?);
    let job = Rc::new(Job { purpose, from, to, len, next: Cell::new(0), bar: bar(purpose, len) });
    let group = TaskGroup::scope(async |group| {
        for _ in 0..tasks {
            group.spawn(Rc::clone(&job).parts());
        }
        Ok(())
    });
    group.await?;
    let end = job.rest().await?;
    job.bar.finish_and_clear();
    Ok(end)
}

fn bar(purpose: Purpose, len: u64) -> ProgressBar {
    let message = match purpose {
        Purpose::Copy => "copying",
        Purpose::Verify => "verifying",
    };
    let template = "{msg:9} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(len).with_message(message).with_style(style)
}

/// Two files and how far they are.
struct Job {
    purpose: Purpose,
    from: File,
    to: File,
    len: u64,
    /// Where the part begins that nobody has taken yet.
    next: Cell<u64>,
    bar: ProgressBar,
}

impl Job {
    /// Takes part after part until there is none.
    async fn parts(self: Rc<Self>) -> io::Result<()> {
        let mut buffers = Buffers::default();
        loop {
            let begin = self.next.get();
            let end = self.len.min(begin + PART_BYTES as u64);
            if begin == end {
                return Ok(());
            }
            self.next.set(end);
            let mut at = begin;
            while at < end {
                match self.part(&mut buffers, at, (end - at) as usize).await? {
                    0 => return Err(io::Error::other("it became shorter meanwhile")),
                    count => at += count as u64,
                }
            }
        }
    }

    /// What the file has beyond its length.
    async fn rest(&self) -> io::Result<u64> {
        let mut buffers = Buffers::default();
        let mut at = self.len;
        loop {
            match self.part(&mut buffers, at, PART_BYTES).await? {
                0 => return Ok(at),
                count => at += count as u64,
            }
        }
    }

    /// Reads up to `room` bytes and does what is to be done with them; how many that were.
    async fn part(&self, buffers: &mut Buffers, at: u64, room: usize) -> io::Result<usize> {
        let read = self.from.read_at(buffers.take(room), at).await;
        let count = buffers.give(read)?;
        if self.purpose == Purpose::Copy {
            let written = self.to.write_all_at(buffers.take(count), at).await;
            buffers.give(written)?;
        } else {
            let mut other = std::mem::take(&mut buffers.other);
            other.reserve_exact(PART_BYTES);
            let BufResult(read, other) = self.to.read_exact_at(other.slice(..count), at).await;
            buffers.other = other.into_inner();
            read?;
            if buffers.one[..count] != buffers.other[..count] {
                return Err(io::Error::other(format!("the copy differs past byte {at}")));
            }
        }
        self.bar.inc(count as u64);
        Ok(count)
    }
}

/// The memory of a task, which goes to the kernel and comes back.
#[derive(Default)]
struct Buffers {
    one: Vec<u8>,
    /// What the copy has, when it is verified.
    other: Vec<u8>,
}

impl Buffers {
    /// The first `len` bytes, to be read into or written.
    fn take(&mut self, len: usize) -> Slice<Vec<u8>> {
        let mut buffer = std::mem::take(&mut self.one);
        buffer.reserve_exact(PART_BYTES.saturating_sub(buffer.len()));
        buffer.slice(..len)
    }

    fn give<T>(&mut self, result: BufResult<T, Slice<Vec<u8>>>) -> io::Result<T> {
        self.one = result.1.into_inner();
        result.0
    }
}

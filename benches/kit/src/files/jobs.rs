//! Jobs with files, the same for every runtime.
//!
//! A runtime says how it opens, reads and writes, in [`Reads`] and [`Files`]; the loops around that are
//! here. What a runtime has a function of its own for, such as a copy, it may do by that.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::{BLOCK, BLOCKS, Blocks, SMALL, data, directory, is_block, is_direct};
use crate::tasks::Tasks;
use crate::{Job, Outcome, Results, Stopwatch, Work};

/// A runtime whose tasks may keep what belongs to one thread.
pub trait LocalTasks: Tasks {
    /// Runs `future`, which may call [`spawn_local`](Self::spawn_local).
    fn run_local<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Self::block_on(future)
    }

    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static;
}

/// A way of reading whole blocks.
pub trait Reads: 'static {
    type Runtime: LocalTasks;
    type File: 'static;
    /// The memory of a block.
    type Page: 'static;

    fn open(path: PathBuf, direct: bool) -> impl Future<Output = io::Result<Self::File>>;

    /// Called `depth` times, inside the runtime, before anything is timed.
    fn page() -> Self::Page;

    /// Reads a block at `at`, all of it.
    fn read(
        file: &Self::File,
        page: Self::Page,
        at: u64,
    ) -> impl Future<Output = io::Result<Self::Page>>;

    fn bytes(page: &Self::Page) -> &[u8];
}

/// A runtime with files.
pub trait Files: LocalTasks {
    type File: 'static;

    fn open(path: PathBuf) -> impl Future<Output = io::Result<Self::File>>;

    /// A new file to write to, or an old one made empty.
    fn create(path: PathBuf) -> impl Future<Output = io::Result<Self::File>>;

    fn size(file: &Self::File) -> impl Future<Output = io::Result<u64>>;

    /// Reads into the capacity of `buf`, which comes back with what there was: nothing at the end.
    fn read(
        file: &mut Self::File,
        buf: Vec<u8>,
        at: u64,
    ) -> impl Future<Output = io::Result<Vec<u8>>>;

    /// Writes all of `buf`.
    fn write(
        file: &mut Self::File,
        buf: Vec<u8>,
        at: u64,
    ) -> impl Future<Output = io::Result<Vec<u8>>>;

    /// Until the data are on the disk.
    fn sync(file: &Self::File) -> impl Future<Output = io::Result<()>>;

    fn close(file: Self::File) -> impl Future<Output = io::Result<()>>;

    /// By reads and writes of a mebibyte, where there is no function for it.
    fn copy(from: PathBuf, to: PathBuf) -> impl Future<Output = io::Result<()>> {
        async {
            let (mut from, mut to) = (Self::open(from).await?, Self::create(to).await?);
            let (mut buf, mut at) = (Vec::with_capacity(1 << 20), 0);
            loop {
                buf.clear();
                buf = Self::read(&mut from, buf, at).await?;
                if buf.is_empty() {
                    break;
                }
                let length = buf.len() as u64;
                buf = Self::write(&mut to, buf, at).await?;
                at += length;
            }
            Self::close(from).await?;
            Self::close(to).await
        }
    }
}

/// [`Files`] for a runtime whose files read and write at a place, with buffers that they own meanwhile:
/// `$pair` is what they come back as, with the outcome and the buffer; `$size` asks `$file`.
#[macro_export]
macro_rules! positional_files {
    (
        $runtime:ty, $pair:pat => ($outcome:ident, $buf:ident), |$file:ident| $size:expr
        $(, $own:item)*
    ) => {
        impl Files for $runtime {
            type File = File;

            fn open(path: PathBuf) -> impl Future<Output = io::Result<File>> {
                File::open(path)
            }

            fn create(path: PathBuf) -> impl Future<Output = io::Result<File>> {
                File::create(path)
            }

            async fn size($file: &File) -> io::Result<u64> {
                Ok($size)
            }

            async fn read(file: &mut File, buf: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
                let $pair = file.read_at(buf, at).await;
                $outcome.map(|_| $buf)
            }

            async fn write(file: &mut File, buf: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
                let $pair = file.write_all_at(buf, at).await;
                $outcome.map(|()| $buf)
            }

            fn sync(file: &File) -> impl Future<Output = io::Result<()>> {
                file.sync_data()
            }

            fn close(file: File) -> impl Future<Output = io::Result<()>> {
                file.close()
            }

            $($own)*
        }
    };
}

/// What runtimes with files can do beside reading blocks, for a contender's table.
pub const fn works<R: Files>() -> [Work; 3] {
    [
        Work::once("file-copy", &["own"], copy::<R>),
        Work::once("small-files", &["own"], small_files::<R>),
        Work::once("appends", &["own"], appends::<R>),
    ]
}

/// Random blocks, `depth` tasks with one read each in flight.
pub fn reads<R: Reads>(job: Job) -> Outcome<Results> {
    let (path, direct) = (data(&job)?, is_direct(&job));
    let (operations, depth) = (job.number("operations", 100_000), job.number("depth", 1));
    let cost = R::Runtime::run_local(async move {
        let file = Rc::new(R::open(path, direct).await?);
        let pages: Vec<_> = (0..depth).map(|_| R::page()).collect();
        let watch = Stopwatch::start();
        let tasks: Vec<_> = (0..depth)
            .zip(pages)
            .map(|(seed, page)| {
                let task = read_blocks::<R>(Rc::clone(&file), page, seed, operations / depth);
                R::Runtime::spawn_local(task)
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        io::Result::Ok(watch.stop())
    })?;
    Ok(Results::of(operations / depth * depth, cost))
}

async fn read_blocks<R: Reads>(
    file: Rc<R::File>,
    mut page: R::Page,
    seed: u64,
    count: u64,
) -> io::Result<()> {
    let mut blocks = Blocks::from_seed(seed);
    for _ in 0..count {
        let (number, at) = blocks.draw();
        page = R::read(&file, page, at).await?;
        assert!(is_block(R::bytes(&page), number), "block {number}");
    }
    Ok(())
}

/// The whole large file, the start of the runtime included.
fn copy<R: Files>(job: Job) -> Outcome<Results> {
    let (from, to) = (data(&job)?, directory(&job).join("copy"));
    let watch = Stopwatch::start();
    R::run_local(R::copy(from, to.clone()))?;
    let cost = watch.stop();
    assert_eq!(std::fs::metadata(&to)?.len(), BLOCKS * BLOCK as u64, "a whole copy");
    std::fs::remove_file(to)?;
    Ok(Results::of(BLOCKS / 256, cost))
}

/// Opens, asks, reads and closes small files, `depth` at a time.
fn small_files<R: Files>(job: Job) -> Outcome<Results> {
    let paths = super::small_files(&job)?;
    let (operations, depth) = (job.number("operations", 20_000), job.number("depth", 1));
    let cost = R::run_local(async move {
        let watch = Stopwatch::start();
        let tasks: Vec<_> = (0..depth)
            .map(|task| {
                let own = paths.iter().skip(task as usize).step_by(depth as usize);
                R::spawn_local(visit::<R>(own.cloned().collect(), operations / depth))
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        io::Result::Ok(watch.stop())
    })?;
    Ok(Results::of(operations / depth * depth, cost))
}

async fn visit<R: Files>(paths: Vec<PathBuf>, count: u64) -> io::Result<()> {
    let mut buf = Vec::with_capacity(SMALL);
    for path in paths.iter().cycle().take(count as usize) {
        let mut file = R::open(path.clone()).await?;
        assert_eq!(R::size(&file).await?, SMALL as u64);
        buf.clear();
        buf = R::read(&mut file, buf, 0).await?;
        assert_eq!(buf.len(), SMALL);
        R::close(file).await?;
    }
    Ok(())
}

/// Blocks that are on the disk before the next is written.
fn appends<R: Files>(job: Job) -> Outcome<Results> {
    let path = directory(&job).join("log");
    let operations = job.number("operations", 200);
    let name = path.clone();
    let cost = R::run_local(async move {
        let mut file = R::create(name).await?;
        let watch = Stopwatch::start();
        let mut block = vec![7; BLOCK];
        for number in 0..operations {
            block = R::write(&mut file, block, number * BLOCK as u64).await?;
            R::sync(&file).await?;
        }
        io::Result::Ok(watch.stop())
    })?;
    assert_eq!(std::fs::metadata(&path)?.len(), operations * BLOCK as u64, "all blocks");
    std::fs::remove_file(path)?;
    Ok(Results::of(operations, cost))
}

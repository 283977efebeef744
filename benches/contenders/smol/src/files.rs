//! Files: `smol::fs`, and for blocks at their places, which it has no function for, plain calls on
//! the threads for what blocks.

use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, Files, LocalTasks, Page, Reads};
use smol::fs::File;
use smol::io::{AsyncReadExt, AsyncWriteExt};

use crate::tasks::{EXECUTOR, Smol};

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Smol>().to_vec();
    works.push(Work::once("file-reads", &["blocking"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Smol {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        EXECUTOR.with(|executor| executor.spawn(future))
    }
}

struct Blocks;

impl Reads for Blocks {
    type Runtime = Smol;
    type File = Arc<std::fs::File>;
    type Page = Box<Page>;

    async fn open(path: PathBuf, direct: bool) -> io::Result<Self::File> {
        let flags = if direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new().read(true).custom_flags(flags).open(path).map(Arc::new)
    }

    fn page() -> Box<Page> {
        Page::boxed()
    }

    fn read(
        file: &Self::File,
        mut page: Box<Page>,
        at: u64,
    ) -> impl Future<Output = io::Result<Box<Page>>> {
        let file = Arc::clone(file);
        smol::unblock(move || file.read_exact_at(&mut page.0, at).map(|()| page))
    }

    fn bytes(page: &Box<Page>) -> &[u8] {
        &page.0
    }
}

/// A file is read and written from where the last time ended, which is where the jobs do it.
impl Files for Smol {
    type File = File;

    fn open(path: PathBuf) -> impl Future<Output = io::Result<File>> {
        File::open(path)
    }

    fn create(path: PathBuf) -> impl Future<Output = io::Result<File>> {
        File::create(path)
    }

    async fn size(file: &File) -> io::Result<u64> {
        Ok(file.metadata().await?.len())
    }

    async fn read(file: &mut File, mut buf: Vec<u8>, _: u64) -> io::Result<Vec<u8>> {
        buf.resize(buf.capacity(), 0);
        let read = file.read(&mut buf).await?;
        buf.truncate(read);
        Ok(buf)
    }

    async fn write(file: &mut File, buf: Vec<u8>, _: u64) -> io::Result<Vec<u8>> {
        file.write_all(&buf).await?;
        file.flush().await?;
        Ok(buf)
    }

    fn sync(file: &File) -> impl Future<Output = io::Result<()>> {
        file.sync_data()
    }

    async fn close(file: File) -> io::Result<()> {
        drop(file);
        Ok(())
    }

    async fn copy(from: PathBuf, to: PathBuf) -> io::Result<()> {
        smol::fs::copy(from, to).await.map(|_| ())
    }
}

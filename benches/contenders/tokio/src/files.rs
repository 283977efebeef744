//! Files: `tokio::fs`, and for blocks at their places, which it has no function for, plain calls on
//! the runtime's threads for what blocks.

use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, Files, LocalTasks, Page, Reads};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};

use crate::tasks::Tokio;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Tokio>().to_vec();
    works.push(Work::once("file-reads", &["blocking"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Tokio {
    fn run_local<F>(future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        crate::tasks::runtime().block_on(LocalSet::new().run_until(future))
    }

    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = spawn_local(future);
        async move { task.await.expect("the task") }
    }
}

struct Blocks;

impl Reads for Blocks {
    type Runtime = Tokio;
    type File = Arc<std::fs::File>;
    type Page = Box<Page>;

    async fn open(path: PathBuf, direct: bool) -> io::Result<Self::File> {
        let flags = if direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new().read(true).custom_flags(flags).open(path).map(Arc::new)
    }

    fn page() -> Box<Page> {
        Page::boxed()
    }

    async fn read(file: &Self::File, mut page: Box<Page>, at: u64) -> io::Result<Box<Page>> {
        let file = Arc::clone(file);
        let read = spawn_blocking(move || file.read_exact_at(&mut page.0, at).map(|()| page));
        read.await.expect("the job")
    }

    fn bytes(page: &Box<Page>) -> &[u8] {
        &page.0
    }
}

/// A file is read and written from where the last time ended, which is where the jobs do it.
impl Files for Tokio {
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
        file.read_buf(&mut buf).await?;
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
        tokio::fs::copy(from, to).await.map(|_| ())
    }
}

//! Files.

use std::future::Future;
use std::io;
use std::path::PathBuf;

use annulus::BufResult;
use annulus::buf::{FixedBuf, FixedBufs, IoBuf, IoBufMut};
use annulus::fs::File;
use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, BLOCK, Files, LocalTasks, Page, Reads};
use bytes::buf::UninitSlice;

use crate::tasks::Annulus;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Annulus>().to_vec();
    works.push(Work::once("file-reads", &["own", "fixed"], |job| match job.form() {
        "fixed" => files::reads::<Fixed>(job),
        _ => files::reads::<Own>(job),
    }));
    works
}

impl LocalTasks for Annulus {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = annulus::spawn(future);
        async move { task.await.expect("the task") }
    }
}

async fn open(path: PathBuf, direct: bool) -> io::Result<File> {
    File::options().read(true).direct(direct).open(path).await
}

/// Reads into memory of the process's own.
struct Own;

/// A page as a buffer.
struct Aligned {
    page: Box<Page>,
    filled: usize,
}

impl IoBuf for Aligned {
    fn as_init(&self) -> &[u8] {
        &self.page.0[..self.filled]
    }
}

impl IoBufMut for Aligned {
    fn as_uninit(&mut self) -> &mut UninitSlice {
        UninitSlice::new(&mut self.page.0)
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.filled = self.filled.max(len);
    }
}

impl Reads for Own {
    type Runtime = Annulus;
    type File = File;
    type Page = Aligned;

    fn open(path: PathBuf, direct: bool) -> impl Future<Output = io::Result<File>> {
        open(path, direct)
    }

    fn page() -> Aligned {
        Aligned { page: Page::boxed(), filled: 0 }
    }

    async fn read(file: &File, mut page: Aligned, at: u64) -> io::Result<Aligned> {
        page.filled = 0;
        let BufResult(read, page) = file.read_at(page, at).await;
        read.map(|_| page)
    }

    fn bytes(page: &Aligned) -> &[u8] {
        page.as_init()
    }
}

/// Reads into memory that the ring knows beforehand.
struct Fixed;

/// As many as the deepest job has in flight.
const FIXED: u16 = 128;

thread_local! {
    static BUFS: FixedBufs = FixedBufs::register(FIXED, BLOCK).expect("registered buffers");
}

impl Reads for Fixed {
    type Runtime = Annulus;
    type File = File;
    type Page = FixedBuf;

    fn open(path: PathBuf, direct: bool) -> impl Future<Output = io::Result<File>> {
        open(path, direct)
    }

    fn page() -> FixedBuf {
        BUFS.with(|bufs| bufs.get().expect("no job is deeper"))
    }

    async fn read(file: &File, mut page: FixedBuf, at: u64) -> io::Result<FixedBuf> {
        page.clear();
        let BufResult(read, page) = file.read_fixed_at(page, at).await;
        read.map(|_| page)
    }

    fn bytes(page: &FixedBuf) -> &[u8] {
        page
    }
}

annulus_bench_kit::positional_files! {
    Annulus, BufResult(outcome, buf) => (outcome, buf), |file| file.metadata().await?.len(),
    async fn copy(from: PathBuf, to: PathBuf) -> io::Result<()> {
        annulus::fs::copy(from, to).await.map(|_| ())
    }
}

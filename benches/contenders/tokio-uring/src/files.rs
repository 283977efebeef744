//! Files.

use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, BLOCK, Files, LocalTasks, Page, Reads};
use tokio_uring::buf::{IoBuf, IoBufMut};
use tokio_uring::fs::{File, OpenOptions};

use crate::tasks::TokioUring;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<TokioUring>().to_vec();
    works.push(Work::once("file-reads", &["own"], files::reads::<Blocks>));
    works
}

impl LocalTasks for TokioUring {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = tokio_uring::spawn(future);
        async move { task.await.expect("the task") }
    }
}

struct Blocks;

/// A page as a buffer.
struct Aligned {
    page: Box<Page>,
    filled: usize,
}

// SAFETY: the page is on the heap, so it stays where it is, and all of it is initialised.
unsafe impl IoBuf for Aligned {
    fn stable_ptr(&self) -> *const u8 {
        self.page.0.as_ptr()
    }

    fn bytes_init(&self) -> usize {
        self.filled
    }

    fn bytes_total(&self) -> usize {
        BLOCK
    }
}

// SAFETY: as above.
unsafe impl IoBufMut for Aligned {
    fn stable_mut_ptr(&mut self) -> *mut u8 {
        self.page.0.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.filled = self.filled.max(len);
    }
}

impl Reads for Blocks {
    type Runtime = TokioUring;
    type File = File;
    type Page = Aligned;

    async fn open(path: PathBuf, direct: bool) -> io::Result<File> {
        let flags = if direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new().read(true).custom_flags(flags).open(path).await
    }

    fn page() -> Aligned {
        Aligned { page: Page::boxed(), filled: 0 }
    }

    async fn read(file: &File, mut page: Aligned, at: u64) -> io::Result<Aligned> {
        page.filled = 0;
        let (read, page) = file.read_at(page, at).await;
        read.map(|_| page)
    }

    fn bytes(page: &Aligned) -> &[u8] {
        &page.page.0[..page.filled]
    }
}

annulus_bench_kit::positional_files! {
    TokioUring, (outcome, buf) => (outcome, buf), |file| file.statx().await?.stx_size
}

//! Files.

use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, BLOCK, Files, LocalTasks, Page, Reads};
use monoio::buf::IoBufMut;
use monoio::fs::{File, OpenOptions};

use crate::tasks::Monoio;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Monoio>().to_vec();
    works.push(Work::once("file-reads", &["own"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Monoio {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        monoio::spawn(future)
    }
}

struct Blocks;

/// A page as a buffer.
struct Aligned {
    page: Box<Page>,
    filled: usize,
}

// SAFETY: the page is on the heap, so it stays where it is, and all of it is initialised.
unsafe impl IoBufMut for Aligned {
    fn write_ptr(&mut self) -> *mut u8 {
        self.page.0.as_mut_ptr()
    }

    fn bytes_total(&mut self) -> usize {
        BLOCK
    }

    unsafe fn set_init(&mut self, len: usize) {
        self.filled = len;
    }
}

impl Reads for Blocks {
    type Runtime = Monoio;
    type File = File;
    type Page = Aligned;

    async fn open(path: PathBuf, direct: bool) -> io::Result<File> {
        let flags = if direct { libc::O_DIRECT } else { 0 };
        OpenOptions::new().read(true).custom_flags(flags).open(path).await
    }

    fn page() -> Aligned {
        Aligned { page: Page::boxed(), filled: 0 }
    }

    async fn read(file: &File, page: Aligned, at: u64) -> io::Result<Aligned> {
        let (read, page) = file.read_at(page, at).await;
        read.map(|_| page)
    }

    fn bytes(page: &Aligned) -> &[u8] {
        &page.page.0[..page.filled]
    }
}

annulus_bench_kit::positional_files! {
    Monoio, (outcome, buf) => (outcome, buf), |file| file.metadata().await?.len()
}

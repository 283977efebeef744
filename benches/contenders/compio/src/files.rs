//! Files.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::path::PathBuf;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, Files, LocalTasks, Page, Reads};
use compio::BufResult;
use compio::buf::{IoBuf, IoBufMut, SetLen};
use compio::fs::{File, OpenOptions};
use compio::io::{AsyncReadAt, AsyncWriteAtExt};

use crate::tasks::Compio;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Compio>().to_vec();
    works.push(Work::once("file-reads", &["own"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Compio {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = compio::runtime::spawn(future);
        async move { task.await.expect("the task") }
    }
}

struct Blocks;

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

impl SetLen for Aligned {
    unsafe fn set_len(&mut self, len: usize) {
        self.filled = len;
    }
}

impl IoBufMut for Aligned {
    fn as_uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        let page = &mut self.page.0;
        // SAFETY: bytes are also bytes that may be uninitialised, and only a read makes use of that.
        unsafe { std::slice::from_raw_parts_mut(page.as_mut_ptr().cast(), page.len()) }
    }
}

impl Reads for Blocks {
    type Runtime = Compio;
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
        let BufResult(read, page) = file.read_at(page, at).await;
        read.map(|_| page)
    }

    fn bytes(page: &Aligned) -> &[u8] {
        page.as_init()
    }
}

annulus_bench_kit::positional_files! {
    Compio, BufResult(outcome, buf) => (outcome, buf), |file| file.metadata().await?.len()
}

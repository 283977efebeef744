//! Files. It has no `fdatasync`, so its appends take an `fsync`.

use std::ffi::CString;
use std::future::Future;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, Files, LocalTasks, Page, Reads};
use kimojio::OwnedFd;
use kimojio::operations::{self, OFlags};

use crate::tasks::Kimojio;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Kimojio>().to_vec();
    works.push(Work::once("file-reads", &["own"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Kimojio {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = operations::spawn_task(future);
        async move {
            match task.await {
                Ok(output) => output,
                Err(_) => panic!("the task"),
            }
        }
    }
}

async fn open(path: PathBuf, flags: OFlags) -> io::Result<OwnedFd> {
    let path = CString::new(path.into_os_string().into_vec())?;
    Ok(operations::open(&path, flags | OFlags::CLOEXEC, 0o644.into()).await?)
}

struct Blocks;

impl Reads for Blocks {
    type Runtime = Kimojio;
    type File = OwnedFd;
    type Page = Box<Page>;

    fn open(path: PathBuf, direct: bool) -> impl Future<Output = io::Result<OwnedFd>> {
        let past = if direct { OFlags::DIRECT } else { OFlags::empty() };
        open(path, OFlags::RDONLY | past)
    }

    fn page() -> Box<Page> {
        Page::boxed()
    }

    async fn read(file: &OwnedFd, mut page: Box<Page>, at: u64) -> io::Result<Box<Page>> {
        let read = operations::pread(file, &mut page.0, at).await?;
        assert_eq!(read, page.0.len(), "a whole block");
        Ok(page)
    }

    fn bytes(page: &Box<Page>) -> &[u8] {
        &page.0
    }
}

impl Files for Kimojio {
    type File = OwnedFd;

    fn open(path: PathBuf) -> impl Future<Output = io::Result<OwnedFd>> {
        open(path, OFlags::RDONLY)
    }

    fn create(path: PathBuf) -> impl Future<Output = io::Result<OwnedFd>> {
        open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)
    }

    async fn size(file: &OwnedFd) -> io::Result<u64> {
        Ok(operations::fstat(file).await?.stx_size)
    }

    async fn read(file: &mut OwnedFd, mut buf: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        buf.resize(buf.capacity(), 0);
        let read = operations::pread(file, &mut buf, at).await?;
        buf.truncate(read);
        Ok(buf)
    }

    async fn write(file: &mut OwnedFd, buf: Vec<u8>, mut at: u64) -> io::Result<Vec<u8>> {
        let mut rest = &buf[..];
        while !rest.is_empty() {
            let written = operations::pwrite(file, rest, at).await?;
            (rest, at) = (&rest[written..], at + written as u64);
        }
        Ok(buf)
    }

    async fn sync(file: &OwnedFd) -> io::Result<()> {
        Ok(operations::fsync(file).await?)
    }

    async fn close(file: OwnedFd) -> io::Result<()> {
        Ok(operations::close(file).await?)
    }
}

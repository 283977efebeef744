//! Files: its `BufferedFile` for the page cache, and its `DmaFile` past it. Reads come in memory of
//! its own.

use std::future::Future;
use std::io;
use std::path::PathBuf;

use annulus_bench_kit::Work;
use annulus_bench_kit::files::{self, BLOCK, Files, LocalTasks, Reads};
use glommio::io::{BufferedFile, DmaFile, ReadResult};

use crate::tasks::Glommio;

pub fn works() -> Vec<Work> {
    let mut works = files::works::<Glommio>().to_vec();
    works.push(Work::once("file-reads", &["own"], files::reads::<Blocks>));
    works
}

impl LocalTasks for Glommio {
    fn spawn_local<F>(future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        glommio::spawn_local(future)
    }
}

struct Blocks;

enum Either {
    Cached(BufferedFile),
    Direct(DmaFile),
}

impl Reads for Blocks {
    type Runtime = Glommio;
    type File = Either;
    type Page = Option<ReadResult>;

    async fn open(path: PathBuf, direct: bool) -> io::Result<Either> {
        Ok(if direct {
            Either::Direct(DmaFile::open(path).await?)
        } else {
            Either::Cached(BufferedFile::open(path).await?)
        })
    }

    fn page() -> Option<ReadResult> {
        None
    }

    async fn read(file: &Either, last: Option<ReadResult>, at: u64) -> io::Result<Self::Page> {
        // Its memory can then be used for this one.
        drop(last);
        Ok(Some(match file {
            Either::Cached(file) => file.read_at(at, BLOCK).await?,
            Either::Direct(file) => file.read_at_aligned(at, BLOCK).await?,
        }))
    }

    fn bytes(page: &Option<ReadResult>) -> &[u8] {
        page.as_deref().unwrap_or_default()
    }
}

impl Files for Glommio {
    type File = BufferedFile;

    async fn open(path: PathBuf) -> io::Result<BufferedFile> {
        Ok(BufferedFile::open(path).await?)
    }

    async fn create(path: PathBuf) -> io::Result<BufferedFile> {
        Ok(BufferedFile::create(path).await?)
    }

    async fn size(file: &BufferedFile) -> io::Result<u64> {
        Ok(file.file_size().await?)
    }

    async fn read(file: &mut BufferedFile, mut buf: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        buf.extend_from_slice(&file.read_at(at, buf.capacity()).await?);
        Ok(buf)
    }

    async fn write(file: &mut BufferedFile, buf: Vec<u8>, at: u64) -> io::Result<Vec<u8>> {
        // It keeps the vector that it is given.
        assert_eq!(file.write_at(buf.clone(), at).await?, buf.len(), "all of it");
        Ok(buf)
    }

    async fn sync(file: &BufferedFile) -> io::Result<()> {
        Ok(file.fdatasync().await?)
    }

    async fn close(file: BufferedFile) -> io::Result<()> {
        Ok(file.close().await?)
    }
}

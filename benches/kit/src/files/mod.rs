//! What the jobs with files have in common: the file, its blocks, and buffers that `O_DIRECT` takes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::Job;

mod jobs;

pub use jobs::{Files, LocalTasks, Reads, reads, works};

pub const BLOCK: usize = 4096;
/// 256 MiB: more than a processor's caches, less than a machine's memory.
pub const BLOCKS: u64 = 1 << 16;
/// Small files, and their bytes.
pub const SMALL_FILES: u64 = 1_000;
pub const SMALL: usize = 1_024;

/// A block's memory, aligned as `O_DIRECT` wants it.
#[repr(align(4096))]
#[derive(Debug, Clone)]
pub struct Page(pub [u8; BLOCK]);

impl Page {
    pub fn boxed() -> Box<Page> {
        Box::new(Page([0; BLOCK]))
    }
}

/// Where the job's files are.
pub fn directory(job: &Job) -> PathBuf {
    job.text("dir").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Whether reads go past the page cache.
pub fn is_direct(job: &Job) -> bool {
    job.number("direct", 0) == 1
}

/// The large file, which the first job makes; in the page cache unless it is read past it.
pub fn data(job: &Job) -> io::Result<PathBuf> {
    let path = directory(job).join("data");
    let bytes = BLOCKS * BLOCK as u64;
    if std::fs::metadata(&path).is_ok_and(|found| found.len() == bytes) {
        if !is_direct(job) {
            read_whole(&path)?;
        }
        return Ok(path);
    }
    let mut file = File::create(&path)?;
    let mut block = [0u8; BLOCK];
    for number in 0..BLOCKS {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok(path)
}

fn read_whole(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; 1 << 20];
    while file.read(&mut piece)? > 0 {}
    Ok(())
}

/// The directory of the small files, which the first job makes.
pub fn small_files(job: &Job) -> io::Result<Vec<PathBuf>> {
    let folder = directory(job).join("small");
    std::fs::create_dir_all(&folder)?;
    let paths: Vec<_> = (0..SMALL_FILES).map(|number| folder.join(number.to_string())).collect();
    for path in &paths {
        if !path.is_file() {
            std::fs::write(path, vec![7; SMALL])?;
        }
    }
    Ok(paths)
}

/// Blocks in an order that is the same in every run.
#[derive(Debug, Clone)]
pub struct Blocks(u64);

impl Blocks {
    pub fn from_seed(seed: u64) -> Self {
        Blocks(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A block's number and its place in the file.
    pub fn draw(&mut self) -> (u64, u64) {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let block = self.0 % BLOCKS;
        (block, block * BLOCK as u64)
    }
}

/// Whether a block is the one that was asked for.
pub fn is_block(bytes: &[u8], number: u64) -> bool {
    bytes.len() == BLOCK && bytes[..8] == number.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_in_the_file_and_spread_over_it() {
        let mut blocks = Blocks::from_seed(1);
        let drawn: Vec<_> = (0..1000).map(|_| blocks.draw()).collect();
        assert!(drawn.iter().all(|(block, at)| *block < BLOCKS && *at == block * 4096));
        assert!(drawn.iter().filter(|(block, _)| *block < BLOCKS / 2).count() > 400);
        let mut again = Blocks::from_seed(1);
        assert_eq!(again.draw(), drawn[0]);
    }

    #[test]
    fn a_page_is_aligned_and_knows_its_number() {
        let mut page = Page::boxed();
        assert_eq!(page.0.as_ptr() as usize % 4096, 0);
        page.0[..8].copy_from_slice(&77u64.to_le_bytes());
        assert!(is_block(&page.0, 77));
        assert!(!is_block(&page.0, 78));
    }
}

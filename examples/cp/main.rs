//! Copies a file, with several parts of it on their way at one time.
//!
//! The parts are read and written by a few tasks, each with a buffer of its own; whoever is done
//! takes the next part. The copy is made beside its destination and moved there when it is
//! complete, so an interrupted copy leaves what was there before.
//!
//! ```text
//! cargo run --release --example cp -- --verify SOURCE DESTINATION
//! ```

mod copy;
mod options;

#[path = "../shared/interrupt.rs"]
mod interrupt;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use annulus::fs::{self, File, Metadata, OpenOptions};
use annulus::{Runtime, task};
use indicatif::BinaryBytes;

use copy::Purpose;
use interrupt::Interrupt;
use options::Options;

fn main() -> ExitCode {
    let options = match Options::from_command_line() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("cp: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    Runtime::new()?.block_on(async {
        let began = Instant::now();
        let is_verified = options.verify;
        // A task can be cancelled, and cleans up then.
        let mut copying = annulus::spawn(copy_file(options));
        let joined = match interrupt.until(&mut copying).await {
            Some(joined) => joined,
            None => {
                copying.cancel();
                let _cancelled = copying.await;
                eprintln!("cp: interrupted; the destination is as it was");
                return Ok(ExitCode::from(130));
            }
        };
        let (destination, bytes) = joined.map_err(io::Error::other)??;
        let (bytes, time) = (BinaryBytes(bytes), began.elapsed());
        let verified = if is_verified { ", verified" } else { "" };
        println!("{}: {bytes} in {time:.2?}{verified}", destination.display());
        Ok(ExitCode::SUCCESS)
    })
}

/// Copies the file; where to, and how many bytes it has.
async fn copy_file(options: Options) -> io::Result<(PathBuf, u64)> {
    let Options { source, destination, jobs, verify, sync } = options;
    let from = File::open(&source).await.map_err(|error| told("read", &source, &error))?;
    let metadata = from.metadata().await?;
    if !metadata.is_file() {
        return Err(told("copy", &source, &io::Error::other("it is no regular file")));
    }
    let destination = place(&source, &metadata, destination).await?;
    // A link stays one: what it leads to is replaced.
    let target = fs::canonicalize(&destination).await.unwrap_or_else(|_| destination.clone());

    let draft = draft_of(&target);
    let to =
        create(&draft, &metadata).await.map_err(|error| told("write", &destination, &error))?;
    let unfinished = draft.clone();
    let clean_up = task::defer(async move { drop(fs::remove_file(unfinished).await) });

    let len = copy::run(Purpose::Copy, &from, &to, metadata.len(), jobs).await;
    let len = len.map_err(|error| told("copy", &source, &error))?;
    if verify {
        let verified = copy::run(Purpose::Verify, &from, &to, len, jobs).await;
        verified.map_err(|error| told("verify", &draft, &error))?;
    }
    if sync {
        to.sync_all().await.map_err(|error| told("sync", &draft, &error))?;
    }
    to.close().await.map_err(|error| told("write", &draft, &error))?;
    fs::rename(&draft, &target).await.map_err(|error| told("write", &destination, &error))?;
    clean_up.disarm();
    Ok((destination, len))
}

/// Where the copy is to be: a directory takes it under the name of the source.
async fn place(
    source: &Path,
    metadata: &Metadata,
    mut destination: PathBuf,
) -> io::Result<PathBuf> {
    if fs::metadata(&destination).await.is_ok_and(|there| there.is_dir()) {
        destination.push(source.file_name().unwrap_or_default());
    }
    match fs::metadata(&destination).await {
        Ok(there) if (there.dev(), there.ino()) == (metadata.dev(), metadata.ino()) => {
            Err(told("copy", source, &io::Error::other("that is the destination, too")))
        }
        Ok(there) if there.is_dir() => {
            Err(told("write", &destination, &io::ErrorKind::IsADirectory.into()))
        }
        // The copy would take the place of the device or the pipe.
        Ok(there) if !there.is_file() => {
            Err(told("write", &destination, &io::Error::other("it is no regular file")))
        }
        _ => Ok(destination),
    }
}

/// A name beside the destination, which nothing else has.
fn draft_of(destination: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(destination.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    destination.with_file_name(name)
}

async fn create(draft: &Path, metadata: &Metadata) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Read again when the copy is verified.
    options.read(true).write(true).create_new(true).mode(metadata.mode() & 0o777);
    options.open(draft).await
}

fn told(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display()))
}

//! Prints files, reading one part while the part before it is printed.
//!
//! Reading goes through the loop; printing may block for as long as whoever reads the output likes
//! to, so it is done on the blocking pool, with a buffer that goes there and comes back.
//!
//! ```text
//! cargo run --release --example cat README.md
//! ```

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use annulus::fs::File;
use annulus::io::{AsyncRead, Positioned, stdin};
use annulus::{BlockingHandle, BufResult, Runtime, spawn_blocking};

#[path = "shared/interrupt.rs"]
mod interrupt;

use interrupt::Interrupt;

const HELP: &str = "\
Prints files one after another.

Usage: cat FILE...

  -           the standard input
  -h, --help  say this";

/// How much is read at a time.
const PART_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let paths = match paths() {
        Ok(Some(paths)) => paths,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("cat: {error}; try --help");
            return ExitCode::from(2);
        }
    };
    match run(&paths) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn paths() -> Result<Option<Vec<PathBuf>>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut paths = Vec::new();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(path) => paths.push(PathBuf::from(path)),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    if paths.is_empty() { Err("there is no file to print".into()) } else { Ok(Some(paths)) }
}

fn run(paths: &[PathBuf]) -> io::Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    Runtime::new()?.block_on(async {
        match interrupt.until(print_all(paths)).await {
            Some(all) => Ok(if all? { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
            None => Ok(ExitCode::from(130)),
        }
    })
}

/// Prints the files that can be read; whether all of them could.
async fn print_all(paths: &[PathBuf]) -> io::Result<bool> {
    let mut printer = Printer::default();
    let mut all = true;
    for path in paths {
        match print(path, &mut printer).await {
            Ok(()) => {}
            // Whoever reads the output has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(true),
            Err(error) => {
                eprintln!("cat: {}: {error}", path.display());
                all = false;
            }
        }
    }
    printer.end().await?;
    Ok(all)
}

async fn print(path: &Path, printer: &mut Printer) -> io::Result<()> {
    if path == Path::new("-") {
        return print_from(&mut stdin()?, printer).await;
    }
    let file = File::open(path).await?;
    print_from(&mut Positioned::new(&file, 0), printer).await
}

async fn print_from(reader: &mut impl AsyncRead, printer: &mut Printer) -> io::Result<()> {
    loop {
        let BufResult(read, buf) = reader.read(printer.take_buffer()).await;
        let count = read?;
        if count == 0 {
            return Ok(());
        }
        printer.print(buf, count).await?;
    }
}

/// Prints buffers on the blocking pool, one at a time.
#[derive(Default)]
struct Printer {
    printing: Option<BlockingHandle<io::Result<Vec<u8>>>>,
    spare: Option<Vec<u8>>,
}

impl Printer {
    fn take_buffer(&mut self) -> Vec<u8> {
        self.spare.take().unwrap_or_else(|| Vec::with_capacity(PART_BYTES))
    }

    /// Begins to print the first `count` bytes when those before are printed.
    async fn print(&mut self, buf: Vec<u8>, count: usize) -> io::Result<()> {
        self.end().await?;
        self.printing = Some(spawn_blocking(move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(&buf[..count])?;
            stdout.flush()?;
            Ok(buf)
        }));
        Ok(())
    }

    /// Waits until everything is printed.
    async fn end(&mut self) -> io::Result<()> {
        if let Some(printing) = self.printing.take() {
            self.spare = Some(printing.await.map_err(io::Error::other)??);
        }
        Ok(())
    }
}

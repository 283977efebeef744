//! `fio` with its io_uring engine, where it is installed: what others measure files with.

use std::path::Path;
use std::process::Command;

use annulus_bench_kit::{Job, Outcome, Results};

pub fn reads(job: &Job, path: &Path) -> Outcome<Results> {
    let mut command = Command::new("fio");
    command.args(["--name=reads", "--ioengine=io_uring", "--rw=randread", "--bs=4k"]);
    command.args(["--time_based", "--runtime=500ms", "--output-format=json"]);
    command.arg(format!("--filename={}", path.display()));
    command.arg(format!("--iodepth={}", job.number("depth", 1)));
    command.arg(format!("--direct={}", job.number("direct", 0)));
    // Of itself it throws the file out of the page cache first.
    command.arg("--invalidate=0");
    if job.form() == "fio-fixed" {
        command.args(["--fixedbufs=1", "--registerfiles=1"]);
    }
    let output = command.output().map_err(|error| format!("fio: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers = (|| {
        let read = &said[said.find("\"read\"")?..];
        Some((number(read, "iops")?, number(&said, "usr_cpu")?, number(&said, "sys_cpu")?))
    })();
    let (rate, user, system) = numbers.ok_or("fio said nothing that could be read")?;
    if rate <= 0.0 {
        return Err("fio read nothing".into());
    }
    // The shares are of one core, in per cent.
    let cpu = (user + system) / 100.0 / rate * 1e9;
    Ok(Results::new().with("operations", 1.0).with("wall_ns", 1e9 / rate).with("cpu_ns", cpu))
}

/// The first number with this name.
fn number(text: &str, name: &str) -> Option<f64> {
    let rest = &text[text.find(&format!("\"{name}\""))?..];
    let rest = rest.split_once(':')?.1.trim_start();
    let end = rest.find([',', '\n', '}']).unwrap_or(rest.len());
    rest[..end].trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let text = "{ \"read\" : { \"iops\" : 1234.5, \"x\" : 1 }, \"usr_cpu\" : 12.5\n}";
        assert_eq!(number(text, "iops"), Some(1234.5));
        assert_eq!(number(text, "usr_cpu"), Some(12.5));
        assert_eq!(number(text, "sys_cpu"), None);
    }
}

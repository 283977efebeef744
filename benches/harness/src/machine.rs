//! The machine that a report was made on.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
    pub rustc: String,
    /// The commit of the library, with a mark where the tree was changed.
    pub commit: String,
    /// What the kernel does against attacks that makes system calls dear.
    pub mitigations: Vec<String>,
    /// The load of the machine when the run began: above a few tenths, times are noise.
    pub load_before: f64,
    pub hypervisor: bool,
    /// The programs that a run may use, with their versions.
    #[serde(default)]
    pub tools: Vec<String>,
}

impl Machine {
    pub fn look() -> Machine {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Machine {
            processor: field(&cpuinfo, "model name").unwrap_or_else(|| "unknown".into()),
            cores: std::thread::available_parallelism().map_or(0, |cores| cores.get()),
            memory_gib: memory_gib(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            rustc: output("rustc", &["--version"]),
            commit: output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            mitigations: mitigations(),
            load_before: load(),
            hypervisor: cpuinfo.contains(" hypervisor"),
            tools: tools(),
        }
    }
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn memory_gib() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = field(&text, "MemTotal")
        .and_then(|value| value.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / f64::from(1 << 20)
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

fn mitigations() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?;
            let active = text.trim().strip_prefix("Mitigation: ")?.to_owned();
            Some(format!("{}: {active}", entry.file_name().to_string_lossy()))
        })
        .collect();
    found.sort();
    found
}

/// Those that are there. Each names itself and its version somewhere in its first line.
fn tools() -> Vec<String> {
    ["wrk", "fio", "cp", "strace", "valgrind"]
        .into_iter()
        .filter_map(|tool| {
            let output = Command::new(tool).arg("--version").output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            version(tool, text.lines().next()?)
        })
        .collect()
}

/// `wrk 4.1.0` of `wrk debian/4.1.0-3build1 [epoll] …`, `fio 3.36` of `fio-3.36`.
fn version(tool: &str, line: &str) -> Option<String> {
    let digits = &line[line.find(|letter: char| letter.is_ascii_digit())?..];
    let end = digits.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    Some(format!("{tool} {}", digits[..end.unwrap_or(digits.len())].trim_end_matches('.')))
}

/// The first line that a program writes, or "unknown".
fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or("unknown".into())
}

/// The present day and time in UTC, as `2026-11-28 14:05`.
pub fn utc_now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

/// The date of a day counted from 1970-01-01, by the calendar's 400-year cycle.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_785), (2026, 11, 28));
    }

    #[test]
    fn versions_are_found_in_what_tools_say() {
        let of = |tool, line| version(tool, line).expect("a version");
        assert_eq!(of("wrk", "wrk debian/4.1.0-3build1 [epoll] Copyright"), "wrk 4.1.0");
        assert_eq!(of("fio", "fio-3.36"), "fio 3.36");
        assert_eq!(of("cp", "cp (GNU coreutils) 9.4"), "cp 9.4");
        assert_eq!(version("cp", "nonsense"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let machine = Machine::look();
        assert!(machine.cores > 0);
        assert!(machine.memory_gib > 0.0);
        assert!(!machine.kernel.is_empty());
    }
}

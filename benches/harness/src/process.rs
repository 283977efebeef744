//! A contender at work: a process on its own core, and what can be seen of it from outside.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use annulus_bench_kit::Cores;

use crate::Error;
use crate::patience::{self, output_within};
use crate::protocol::{self, Line};

/// What to run it under, such as a profiler, and the words of its job.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// A program with its arguments, before the contender's own.
    pub under: Vec<String>,
    pub words: Vec<String>,
}

impl Launch {
    /// The words of one work in one form.
    pub fn new(work: &str, form: &str) -> Self {
        Launch { under: Vec::new(), words: vec![work.into(), format!("form={form}")] }
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.words.push(format!("{key}={value}"));
        self
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = match self.under.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(&self.words).stdin(Stdio::null()).stdout(Stdio::piped());
        give_all_cores(&mut command);
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        LAST_COMMAND.set(format!("{name} {}", self.words.join(" ")));
        command
    }
}

thread_local! {
    static LAST_COMMAND: Cell<String> = const { Cell::new(String::new()) };
}

/// The command line of the contender that was launched last, for the report; taken once.
pub fn last_command() -> Option<String> {
    Some(LAST_COMMAND.take()).filter(|command| !command.is_empty())
}

/// The cores that this program was given, before it kept itself to one.
static ALL_CORES: OnceLock<Cores> = OnceLock::new();

/// Keeps this program, which generates the load, on its core.
pub fn keep_to(core: usize) -> Result<(), Error> {
    let all = Cores::current()?;
    ALL_CORES.get_or_init(|| all);
    annulus_bench_kit::pin(core).map_err(|error| format!("core {core} cannot be had: {error}"))?;
    Ok(())
}

/// A contender starts with all cores, and keeps itself to one where its job says so: it must not
/// inherit the load generator's.
fn give_all_cores(command: &mut Command) {
    if let Some(cores) = ALL_CORES.get() {
        // SAFETY: between its birth and its program the process makes one system call, and
        // allocates nothing.
        unsafe { command.pre_exec(move || cores.keep()) };
    }
}

/// No job takes so long; one that does hangs, and the others are still to be measured.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a job that ends by itself.
pub fn run_once(program: &Path, launch: &Launch) -> Result<BTreeMap<String, f64>, Error> {
    let output = output_within(launch.command(program), PATIENCE)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in text.lines() {
        match protocol::parse(line)? {
            Line::Result(numbers) => return Ok(numbers),
            Line::Failed(reason) => return Err(reason.into()),
            _ => {}
        }
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("it ended with {} and no result: {}", output.status, last_words(&said)).into())
}

/// What a panic says, or else the last line.
fn last_words(said: &str) -> &str {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let panic = lines.clone().skip_while(|line| !line.contains("panicked at")).nth(1);
    panic.or_else(|| lines.next_back()).unwrap_or("it said nothing")
}

/// User-space instructions of a whole job that ends by itself, by callgrind.
pub fn callgrind_once(program: &Path, launch: &Launch) -> Result<u64, Error> {
    let tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let launch = Launch { under: tool.map(str::to_owned).to_vec(), words: launch.words.clone() };
    let output = output_within(launch.command(program), PATIENCE * 2)?;
    let said = String::from_utf8_lossy(&output.stderr);
    match parse_collected(&said) {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("callgrind ended with {}", output.status).into()),
    }
}

/// The count in what callgrind says at its end.
fn parse_collected(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.split_once("Collected :")?.1.trim().parse().ok()
}

/// A server under measurement; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    pub port: u16,
    counters: u64,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub fn start(program: &Path, launch: &Launch) -> Result<Server, Error> {
        Server::start_within(program, launch, PATIENCE)
    }

    fn start_within(program: &Path, launch: &Launch, limit: Duration) -> Result<Server, Error> {
        let mut child = launch.command(program).stderr(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("a server without an output")?;
        let mut server = Server { child, output: BufReader::new(output), port: 0, counters: 0 };
        let mut line = String::new();
        patience::until_readable(server.output.get_ref(), limit)?;
        server.output.read_line(&mut line)?;
        if line.is_empty() {
            return Err(server.last_words().into());
        }
        match protocol::parse(&line)? {
            Line::Ready { port, counters } => {
                (server.port, server.counters) = (port, counters);
                Ok(server)
            }
            Line::Failed(reason) => Err(reason.into()),
            other => Err(format!("instead of listening it said {other:?}").into()),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Why the server is gone, if it is; asked when something else has failed.
    pub fn reason_of_death(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten()?;
        Some(self.last_words())
    }

    fn last_words(&mut self) -> String {
        let status = self.child.wait().map_or("no status".into(), |status| status.to_string());
        let mut line = String::new();
        let _ = self.output.read_line(&mut line);
        if let Ok(Line::Failed(reason)) = protocol::parse(&line) {
            return reason;
        }
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        format!("the server ended with {status}: {}", last_words(&said))
    }

    /// The processor time of the server so far.
    pub fn cpu(&self) -> Result<Duration, Error> {
        process_cpu(self.child.id())
    }

    /// What the server has used so far.
    pub fn usage(&self) -> Result<Usage, Error> {
        let pid = self.child.id();
        let (user, system) = user_and_system(pid)?;
        let [allocations, allocated_bytes, noted_syscalls] = self.counters()?;
        Ok(Usage {
            cpu: process_cpu(pid)?,
            user,
            system,
            resident: resident_bytes(pid)?,
            allocations,
            allocated_bytes,
            noted_syscalls,
        })
    }

    fn counters(&self) -> Result<[u64; 3], Error> {
        let mut counters = [0u64; 3];
        let length = size_of_val(&counters);
        let ours = libc::iovec { iov_base: counters.as_mut_ptr().cast(), iov_len: length };
        let theirs = libc::iovec { iov_base: self.counters as *mut libc::c_void, iov_len: length };
        let pid = self.child.id() as libc::pid_t;
        // SAFETY: `ours` is valid for writes of its length; the other address belongs to another
        // process, and the kernel checks it.
        let read = unsafe { libc::process_vm_readv(pid, &ours, 1, &theirs, 1, 0) };
        if read != length as isize {
            let error = std::io::Error::last_os_error();
            return Err(format!("the server's counters cannot be read: {error}").into());
        }
        Ok(counters)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server has used since it began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processor time of all its threads, to the nanosecond.
    pub cpu: Duration,
    /// The part of it in user space, and that in the kernel, in units of the kernel's clock tick
    /// (10 ms as a rule): good for a ratio over seconds.
    pub user: Duration,
    pub system: Duration,
    pub resident: u64,
    pub allocations: u64,
    pub allocated_bytes: u64,
    /// System calls that it counted itself, which only the hand-written loops do.
    pub noted_syscalls: u64,
}

/// The processor time of another process, by its own clock.
fn process_cpu(pid: u32) -> Result<Duration, Error> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is a valid place for the answer.
    let outcome = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
    if outcome != 0 {
        return Err("the server's clock cannot be found".into());
    }
    clock_time(clock)
}

/// The processor time of this thread.
pub fn thread_cpu() -> Duration {
    clock_time(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default()
}

fn clock_time(clock: libc::clockid_t) -> Result<Duration, Error> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    if unsafe { libc::clock_gettime(clock, &mut time) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

fn user_and_system(pid: u32) -> Result<(Duration, Duration), Error> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (user, system) = parse_stat(&text).ok_or("the server's stat cannot be read")?;
    // SAFETY: a plain number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let time = |count: u64| Duration::from_secs_f64(count as f64 / ticks);
    Ok((time(user), time(system)))
}

/// Fields 14 and 15 of `/proc/PID/stat`, behind a name that may hold spaces and brackets.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let rest = &text[text.rfind(')')? + 2..];
    let mut words = rest.split(' ').skip(11);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Memory of a process that is its own: neither a file's nor shared.
fn resident_bytes(pid: u32) -> Result<u64, Error> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let anonymous = text
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    Ok(anonymous.ok_or("the server's status cannot be read")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_are_found_behind_any_name() {
        let text = "12 (a) b (c)) S 1 12 12 0 -1 4194560 100 0 0 0 17 42 0 0 20 0 1 0 5 6 7";
        assert_eq!(parse_stat(text), Some((17, 42)));
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn a_process_can_be_seen_from_outside() {
        let own = std::process::id();
        assert!(process_cpu(own).expect("a clock") > Duration::ZERO);
        assert!(resident_bytes(own).expect("memory") > 0);
        user_and_system(own).expect("times");
    }

    #[test]
    fn of_what_a_program_says_the_panic_counts() {
        let panic = "hello\nthread 'main' panicked at src/a.rs:1:2:\nno room\nnote: run with\n";
        assert_eq!(last_words(panic), "no room");
        assert_eq!(last_words("one\ntwo\n\n"), "two");
        assert_eq!(last_words(""), "it said nothing");
    }

    #[test]
    fn a_server_that_never_listens_is_ended() {
        let words = ["-c", "exec sleep 600"].map(str::to_owned).to_vec();
        let launch = Launch { under: Vec::new(), words };
        let limit = Duration::from_millis(20);
        let error =
            Server::start_within(Path::new("/bin/sh"), &launch, limit).expect_err("silence");
        assert!(patience::is_over(&error), "{error}");
    }

    #[test]
    fn a_contender_does_not_inherit_the_load_generators_core() {
        std::thread::spawn(|| {
            let all = Cores::current().expect("the cores").count();
            let first = (0..1024).find(|core| keep_to(*core).is_ok()).expect("a core");
            let mut command = Command::new("nproc");
            give_all_cores(&mut command);
            let said = command.output().expect("nproc").stdout;
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            assert_eq!(said, all.to_string(), "kept to core {first}");
        })
        .join()
        .expect("the thread");
    }

    #[test]
    fn what_does_not_speak_the_protocol_is_an_error_with_its_words() {
        let launch = Launch { under: Vec::new(), words: vec!["-c".into(), "echo hello".into()] };
        let error = Server::start(Path::new("/bin/sh"), &launch).expect_err("no server");
        assert!(error.to_string().contains("hello"), "{error}");
        let launch = Launch { under: Vec::new(), words: vec!["-c".into(), "echo oh >&2".into()] };
        let error = Server::start(Path::new("/bin/sh"), &launch).expect_err("no server");
        assert!(error.to_string().contains("oh"), "{error}");
    }
}

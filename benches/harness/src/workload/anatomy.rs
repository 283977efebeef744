//! What a request is made of: system calls, instructions, allocations.

use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Cell, Entrant, Workload, served};
use crate::load::{Exchange, Window, closed_loop, connect, counted};
use crate::options::Options;
use crate::process::{Launch, Server};
use crate::results::{Better, Metric, Results, Sample};
use crate::targets::{self, Target};
use crate::{Error, callgrind, counter};

/// Counts that need a tool beside the server and would disturb its times.
#[derive(Debug, Default)]
pub struct Anatomy {
    /// Why the last measurement lacks some of its numbers.
    shortfalls: RefCell<Vec<String>>,
}

/// Exchanges under a tool.
const COUNTED: u64 = 4000;

impl Workload for Anatomy {
    fn name(&self) -> &'static str {
        "anatomy"
    }

    fn title(&self) -> &'static str {
        "What a request is made of"
    }

    fn about(&self) -> &'static str {
        "Counts instead of times. Instructions are those of user space: by the processor's counters \
         where the machine has them, else by callgrind, over 4 000 exchanges. System calls are counted by `strace -c` where it is installed (under \
         which the server is slower, so more requests come together in one turn; equally for \
         all), else by the hand-written loops themselves. Allocations are counted by the \
         allocator that all servers have, over a measurement without any tool."
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![
            Metric::new("instructions", "user instructions", "1/request", Better::Less),
            Metric::new("syscalls", "system calls", "1/request", Better::Less),
            Metric::new("allocations", "allocations", "1/request", Better::Less),
            Metric::new("allocated", "allocated", "bytes/request", Better::Less),
        ]
    }

    fn cells(&self, options: &Options) -> Vec<Cell> {
        let mut cells = vec![Cell::new("echo-64", "echo of 64 B, 64 connections").with("http", 0)];
        if !options.quick {
            cells.push(Cell::new("http-64", "HTTP, 64 connections").with("http", 1));
        }
        cells
    }

    fn work(&self, cell: &Cell) -> &'static str {
        if cell.get("http") == 1 { "http" } else { "echo" }
    }

    fn all_forms(&self) -> bool {
        true
    }

    fn rounds(&self, _: &Options) -> usize {
        1
    }

    fn measure(&self, cell: &Cell, entrant: &Entrant, options: &Options) -> Result<Sample, Error> {
        let exchange = if cell.get("http") == 1 { Exchange::hello(1) } else { Exchange::echo(64) };
        let launch = served::launch(self.work(cell), entrant, options);
        let subject = Subject { entrant, launch, exchange, options };
        let mut sample = Sample::new();
        subject.allocations(&mut sample)?;
        // Where a tool is missing or does not know a system call, the other numbers still count.
        for (key, count) in
            [("instructions", subject.instructions()), ("syscalls", subject.syscalls())]
        {
            match count {
                Ok(count) => drop(sample.insert(key.into(), count)),
                Err(error) => self.shortfalls.borrow_mut().push(format!("{key}: {error}")),
            }
        }
        Ok(sample)
    }

    fn shortfalls(&self) -> Vec<String> {
        self.shortfalls.take()
    }

    fn targets(&self, results: &Results) -> Vec<Target> {
        let Some(workload) = results.workload(self.name()) else { return Vec::new() };
        let mut rows = Vec::new();
        for cell in workload.cells.iter().filter(|cell| cell.entry("annulus").is_some()) {
            let target = "≤ the raw ring's in the same form + 350";
            let row = Target::of(cell, "user instructions", "instructions", target);
            let raw = row.raw_ring;
            rows.push(row.decide(|ours, raw| ours <= raw + 350.0, raw));
            rows.extend(targets::at_most(cell, "system calls", "syscalls", 0.07, "≤ 0.07"));
            rows.extend(targets::at_most(cell, "allocations", "allocations", 0.0005, "0"));
        }
        rows
    }
}

const CONNECTIONS: usize = 64;

struct Subject<'a> {
    entrant: &'a Entrant,
    launch: Launch,
    exchange: Exchange,
    options: &'a Options,
}

impl Subject<'_> {
    fn start(&self, launch: &Launch) -> Result<Server, Error> {
        Server::start(&self.entrant.contender.program, launch)
    }

    fn window(&self) -> Window {
        Window { warm_up: self.options.warm_up, measure: self.options.measure }
    }

    fn allocations(&self, sample: &mut Sample) -> Result<(), Error> {
        let server = self.start(&self.launch)?;
        let streams = connect(server.port, CONNECTIONS, &self.exchange)?;
        let mut usages = Vec::new();
        let load = closed_loop(&streams, &self.exchange, self.window(), || {
            usages.push(server.usage()?);
            Ok(())
        })?;
        let each = |before: u64, after: u64| (after - before) as f64 / load.requests.max(1) as f64;
        let (before, after) = (&usages[0], &usages[1]);
        sample.insert("allocations".into(), each(before.allocations, after.allocations));
        sample.insert("allocated".into(), each(before.allocated_bytes, after.allocated_bytes));
        Ok(())
    }

    fn instructions(&self) -> Result<f64, Error> {
        if counter::available() {
            return self.instructions_by_counter();
        }
        let program = &self.entrant.contender.program;
        let profile =
            callgrind::count(program, &self.launch, &self.exchange, CONNECTIONS, COUNTED)?;
        Ok(profile.instructions as f64 / profile.requests as f64)
    }

    fn instructions_by_counter(&self) -> Result<f64, Error> {
        let server = self.start(&self.launch)?;
        let streams = connect(server.port, CONNECTIONS, &self.exchange)?;
        let counter = counter::Counter::open(server.pid())?;
        let mut counts = Vec::new();
        let load = closed_loop(&streams, &self.exchange, self.window(), || {
            counts.push(counter.read()?);
            Ok(())
        })?;
        Ok((counts[1] - counts[0]) as f64 / load.requests.max(1) as f64)
    }

    fn syscalls(&self) -> Result<f64, Error> {
        let server = self.start(&self.launch)?;
        let streams = connect(server.port, CONNECTIONS, &self.exchange)?;
        let short = Window { warm_up: Duration::ZERO, measure: self.options.measure / 2 };
        let strace = Command::new("strace")
            .args(["-c", "-f", "-U", "calls", "-p", &server.pid().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(strace) = strace else { return self.noted_syscalls(&server, &streams, short) };
        wait_until_traced(server.pid())?;
        // strace counts from when it is attached, the load from when it begins: nothing else
        // happens between.
        let requests = counted(&streams, &self.exchange, COUNTED)?;
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(strace.id() as libc::pid_t, libc::SIGINT) };
        let said = strace.wait_with_output()?.stderr;
        let total = parse_total(&String::from_utf8_lossy(&said)).ok_or("strace counted nothing")?;
        Ok(total as f64 / requests as f64)
    }

    fn noted_syscalls(
        &self,
        server: &Server,
        streams: &[std::net::TcpStream],
        window: Window,
    ) -> Result<f64, Error> {
        let mut noted = Vec::new();
        let load = closed_loop(streams, &self.exchange, window, || {
            noted.push(server.usage()?.noted_syscalls);
            Ok(())
        })?;
        match noted[1] - noted[0] {
            0 => Err("system calls are not counted: strace is not installed".into()),
            count => Ok(count as f64 / load.requests.max(1) as f64),
        }
    }
}

/// Until another process, which was just started, has attached itself.
fn wait_until_traced(pid: u32) -> Result<(), Error> {
    for _ in 0..200 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        if tracer.is_some_and(|tracer| tracer.trim() != "0") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("strace could not attach itself".into())
}

/// The calls of the table's last line.
fn parse_total(text: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strace_says_is_read() {
        let strace = "    calls\n---------\n      300\n       12\n---------\n      312 total\n";
        assert_eq!(parse_total(strace), Some(312));
        assert_eq!(parse_total("strace: attach: not permitted\n"), None);
    }
}

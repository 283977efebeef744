//! Metrics in Prometheus' text format.

use std::fmt::{self, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::metrics::{MetricKind, Metrics};
use crate::histogram::Histogram;

/// The bounds of those buckets that are written: 128 ns to 17 s, each twice the one before. What is
/// outside is counted in the first or in the one without a bound.
const SHOWN: RangeInclusive<Duration> =
    Duration::from_nanos(1 << 7)..=Duration::from_nanos(1 << 34);

impl Metrics {
    /// Appends the metrics in Prometheus' text format, each labelled with the loop's number.
    ///
    /// ```
    /// # annulus::run(async {
    /// let mut text = String::new();
    /// annulus::Handle::current().metrics().unwrap().prometheus_text(&mut text);
    /// assert!(text.contains("# TYPE annulus_tasks_alive gauge"));
    /// # }).unwrap();
    /// ```
    pub fn prometheus_text(&self, text: &mut String) {
        for (name, kind, value) in self.iter() {
            self.line(text, name, kind, Self::help(name), value as f64);
        }
        let pool = &self.blocking;
        let (counter, gauge) = (MetricKind::Counter, MetricKind::Gauge);
        let seconds = |ns: u64| ns as f64 / 1e9;
        for (name, kind, help, value) in [
            ("blocking_threads", gauge, "Threads of the blocking pool.", pool.threads as f64),
            ("blocking_idle", gauge, "Threads of the pool that wait.", pool.idle as f64),
            ("blocking_queued", gauge, "Jobs in the queue.", pool.queued as f64),
            ("blocking_waiting", gauge, "Jobs beyond the queue's limit.", pool.waiting as f64),
            ("blocking_running", gauge, "Jobs that run.", pool.running as f64),
            ("blocking_completed", counter, "Jobs that have ended.", pool.completed as f64),
            ("blocking_panicked", counter, "Jobs that panicked.", pool.panicked as f64),
            ("blocking_cancelled", counter, "Jobs taken back in time.", pool.cancelled as f64),
            (
                "blocking_wait_seconds",
                counter,
                "Time that jobs waited.",
                seconds(pool.wait_total_ns),
            ),
            ("blocking_run_seconds", counter, "Time that jobs ran.", seconds(pool.run_total_ns)),
        ] {
            self.line(text, name, kind, help, value);
        }
        for (name, help, times) in [
            ("poll_seconds", "Time that polls of tasks took.", &self.poll_times),
            ("enter_seconds", "Time that system calls of the loop took.", &self.enter_times),
        ] {
            if let Some(times) = times {
                self.histogram(text, name, help, times);
            }
        }
    }

    fn histogram(&self, text: &mut String, name: &str, help: &str, times: &Histogram) {
        let id = self.id;
        let mut write = |line: fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _infallible = text.write_fmt(line);
        };
        write(format_args!("# HELP annulus_{name} {help}\n# TYPE annulus_{name} histogram\n"));
        let mut below = 0;
        for (bound, count) in times.buckets() {
            below += count;
            if SHOWN.contains(&bound) {
                let bound = bound.as_nanos() as f64 / 1e9;
                write(format_args!(
                    "annulus_{name}_bucket{{loop=\"{id}\",le=\"{bound}\"}} {below}\n"
                ));
            }
        }
        let sum = times.sum().as_nanos() as f64 / 1e9;
        write(format_args!(
            "annulus_{name}_bucket{{loop=\"{id}\",le=\"+Inf\"}} {below}\n\
             annulus_{name}_sum{{loop=\"{id}\"}} {sum}\n\
             annulus_{name}_count{{loop=\"{id}\"}} {below}\n"
        ));
    }

    fn line(&self, text: &mut String, name: &str, kind: MetricKind, help: &str, value: f64) {
        let (kind, suffix) = match kind {
            MetricKind::Counter => ("counter", "_total"),
            MetricKind::Gauge => ("gauge", ""),
        };
        let id = self.id;
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "# HELP annulus_{name}{suffix} {help}\n# TYPE annulus_{name}{suffix} {kind}\n\
             annulus_{name}{suffix}{{loop=\"{id}\"}} {value}\n"
        );
    }
}

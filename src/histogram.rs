//! Durations counted into fixed buckets.
//!
//! What it is for: knowing how long polls and system calls took, for the price of a bit count and
//! two additions each, without allocating and without losing any.

use std::fmt;
use std::time::Duration;

/// How many buckets there are; the last one has no upper bound.
const BUCKETS: usize = 64;

/// How often durations of which length occurred.
///
/// There are 64 buckets whose bounds are powers of two, in nanoseconds: the first counts what took
/// at most 1 ns, the one after it what took more than that and at most 2 ns, then 4 ns, and so on;
/// the last counts all that took more than 2^62 ns, which is 146 years. So a duration is known to a
/// factor of two, and the sum of all exactly.
///
/// ```
/// use std::time::Duration;
///
/// let runtime = annulus::Builder::new().histograms(true).build()?;
/// let polls = runtime.block_on(async {
///     annulus::spawn(async {}).await.unwrap();
///     annulus::Handle::current().metrics().unwrap().poll_times.unwrap()
/// });
/// assert_eq!(polls.count(), 1);
/// assert!(polls.quantile(0.5).unwrap() < Duration::from_secs(1));
/// # Ok::<(), annulus::SetupError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum_ns: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Histogram { counts: [0; BUCKETS], sum_ns: 0 }
    }

    /// Counts one duration.
    #[inline]
    pub(crate) fn record(&mut self, ns: u64) {
        self.counts[bucket_of(ns)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All durations together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// The upper bound of each bucket, itself included, and how many durations are in the bucket
    /// (not in those below it). The last bucket has no bound and says [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let bound = |index| if index + 1 < BUCKETS { bound_of(index) } else { Duration::MAX };
        self.counts.iter().enumerate().map(move |(index, &count)| (bound(index), count))
    }

    /// The bound of the bucket in which the given share of all durations is reached, the shortest
    /// first: `quantile(0.99)` is at least as long as 99 of 100. `None` when nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let wanted = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = self.buckets().find(|(_, in_bucket)| {
            seen += in_bucket;
            seen >= wanted
        });
        reached.filter(|_| count > 0).map(|(bound, _)| bound)
    }

    /// Adds what another one has counted, of another loop for instance.
    pub fn merge(&mut self, other: &Histogram) {
        for (own, others) in self.counts.iter_mut().zip(&other.counts) {
            *own += others;
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }
}

/// The bucket that a duration belongs to: the smallest power of two that is not below it.
#[inline]
fn bucket_of(ns: u64) -> usize {
    let bits = u64::BITS - ns.saturating_sub(1).leading_zeros();
    (bits as usize).min(BUCKETS - 1)
}

fn bound_of(index: usize) -> Duration {
    Duration::from_nanos(1 << index)
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .field("median", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.quantile(1.0))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_the_bucket_whose_bound_is_the_next_power_of_two() {
        for (ns, bound) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (1024, 1024)] {
            let mut histogram = Histogram::new();
            histogram.record(ns);
            let (found, _) = histogram.buckets().find(|(_, count)| *count == 1).expect("one");
            assert_eq!(found, Duration::from_nanos(bound), "{ns}");
        }
        assert_eq!(bucket_of(1 << 62), 62);
        assert_eq!(bucket_of((1 << 62) + 1), 63);
        assert_eq!(bucket_of(u64::MAX), 63);
    }

    #[test]
    fn nothing_is_lost_also_when_two_are_merged() {
        let seed = 0x5eed;
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut one, mut two) = (Histogram::new(), Histogram::new());
        let mut sum = 0;
        for round in 0..1000 {
            let bits = random.u32(1..40);
            let ns = random.u64(0..1 << bits);
            sum += ns;
            if round % 2 == 0 { one.record(ns) } else { two.record(ns) }
        }
        one.merge(&two);
        assert_eq!(one.count(), 1000);
        assert_eq!(one.sum(), Duration::from_nanos(sum));
        assert_eq!(one.buckets().map(|(_, count)| count).sum::<u64>(), 1000);
    }

    #[test]
    fn a_quantile_is_the_bound_below_which_its_share_lies() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), None);
        (0..99).for_each(|_| histogram.record(100));
        histogram.record(1_000_000);
        assert_eq!(histogram.quantile(0.0), Some(Duration::from_nanos(128)));
        assert_eq!(histogram.quantile(0.99), Some(Duration::from_nanos(128)));
        assert_eq!(histogram.quantile(1.0), Some(Duration::from_nanos(1 << 20)));
    }
}

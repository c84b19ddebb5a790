//! Durations counted in buckets that double: no allocation, no lock, no clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const BUCKETS: usize = 32;
/// The first bucket counts up to 2^6 ns = 64 ns, the last but one up to 2^36 ns = 69 s.
const FIRST_POWER: u32 = 6;

/// How often which duration was met. Whoever measures has one of its own and hands copies out; they add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// Bucket `i` counts durations above bucket `i - 1`'s bound and up to 2^(i + 6) ns; the last one all that are longer.
    buckets: [u64; BUCKETS],
    sum_ns: u64,
}

impl Histogram {
    /// Nothing met.
    #[must_use]
    pub const fn new() -> Self {
        Histogram { buckets: [0; BUCKETS], sum_ns: 0 }
    }

    /// Counts a duration of `ns` nanoseconds.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        let power = u64::BITS - ns.saturating_sub(1).leading_zeros();
        let place = power.saturating_sub(FIRST_POWER) as usize;
        if let Some(bucket) = self.buckets.get_mut(place.min(BUCKETS - 1)) {
            *bucket += 1;
        }
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// Durations counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// The bounds of the buckets with how many durations each counts, shortest first; `None`: longer than every bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        (FIRST_POWER..).zip(self.buckets).map(|(power, count)| {
            let is_last = power as usize == FIRST_POWER as usize + BUCKETS - 1;
            ((!is_last).then(|| Duration::from_nanos(1 << power)), count)
        })
    }

    /// A bound that `share` (0 to 1) of the durations do not exceed; none where nothing was counted or they are longer
    /// than every bound.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let needed = (self.count() as f64 * share).ceil().max(1.0);
        let mut below = 0;
        let bucket = self.buckets().find(|(_, count)| {
            below += count;
            below as f64 >= needed
        });
        bucket.and_then(|(bound, _)| bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        durations.iter().for_each(|ns| histogram.record(*ns));
        histogram
    }

    #[test]
    fn a_duration_is_counted_under_the_smallest_bound_that_it_does_not_exceed() {
        for (ns, bound) in [(0, 64), (1, 64), (64, 64), (65, 128), (1 << 20, 1 << 20), ((1 << 20) + 1, 1 << 21)] {
            let met: Vec<_> = of(&[ns]).buckets().filter(|(_, count)| *count > 0).collect();
            assert_eq!(met, [(Some(Duration::from_nanos(bound)), 1)], "{ns} ns");
        }
        for ns in [(1 << 36) + 1, u64::MAX] {
            let met: Vec<_> = of(&[ns]).buckets().filter(|(_, count)| *count > 0).collect();
            assert_eq!(met, [(None, 1)], "{ns} ns");
        }
        assert_eq!(of(&[1 << 36]).quantile(1.0), Some(Duration::from_nanos(1 << 36)));
    }

    #[test]
    fn histograms_of_shards_add_up_to_that_of_all() {
        let mut sum = of(&[1, 100, 5_000]);
        sum.merge(&of(&[70, u64::MAX]));
        assert_eq!(sum, of(&[u64::MAX, 5_000, 70, 100, 1]));
        assert_eq!((sum.count(), sum.sum()), (5, Duration::from_nanos(u64::MAX)));
    }

    #[test]
    fn a_quantile_is_a_bound_and_silent_where_there_is_none() {
        let mostly_short = of(&[[60; 99].as_slice(), &[3_000_000]].concat());
        assert_eq!(mostly_short.quantile(0.5), Some(Duration::from_nanos(64)));
        assert_eq!(mostly_short.quantile(0.99), Some(Duration::from_nanos(64)));
        assert_eq!(mostly_short.quantile(0.999), Some(Duration::from_nanos(1 << 22)));
        assert_eq!(of(&[]).quantile(0.5), None);
        assert_eq!(of(&[u64::MAX]).quantile(0.5), None);
    }
}

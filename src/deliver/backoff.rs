//! How long to wait before something is tried again.

use std::time::Duration;

use super::Pace;

/// The longest wait another side can ask for.
const MOST_ASKED: Duration = Duration::from_secs(600);

/// Exponential back-off with full jitter: each wait is a random one between the floor and a bound that doubles.
#[derive(Debug)]
pub(super) struct Backoff {
    pace: Pace,
    bound: Duration,
    state: u64,
}

impl Backoff {
    pub(super) fn new(pace: Pace, seed: u64) -> Backoff {
        Backoff { pace, bound: pace.floor * 2, state: seed }
    }

    /// After a success.
    pub(super) fn reset(&mut self) {
        self.bound = self.pace.floor * 2;
    }

    /// The next wait; at least what the other side `asked` for, within reason.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let bound = self.bound.min(self.pace.ceiling);
        self.bound = (bound * 2).min(self.pace.ceiling);
        let span = bound.saturating_sub(self.pace.floor);
        let drawn = span.mul_f64(self.fraction());
        let own = (self.pace.floor + drawn).min(self.pace.ceiling);
        asked.map_or(own, |asked| asked.min(MOST_ASKED).max(own))
    }

    /// Uniform from 0 to 1: SplitMix64 (Steele, Lea, Flood, 2014).
    fn fraction(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_ceiling_and_differ_between_outputs() {
        let (mut one, mut other) = (Backoff::new(Pace::default(), 1), Backoff::new(Pace::default(), 2));
        let waits: Vec<_> = (0..40).map(|_| one.next(None)).collect();
        assert!(waits.iter().all(|wait| (Duration::from_millis(100)..=Duration::from_secs(60)).contains(wait)));
        assert!(waits[0] <= Duration::from_millis(200), "the first is short: {:?}", waits[0]);
        assert!(waits[20..].iter().sum::<Duration>() > Duration::from_secs(300), "the later are long");
        assert_ne!(waits, (0..40).map(|_| other.next(None)).collect::<Vec<_>>());
        one.reset();
        assert!(one.next(None) <= Duration::from_millis(200));
    }

    #[test]
    fn a_wait_the_other_side_asks_for_is_kept_but_not_for_days() {
        let mut backoff = Backoff::new(Pace::default(), 1);
        assert_eq!(backoff.next(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.next(Some(Duration::from_secs(1_000_000))), MOST_ASKED);
    }
}

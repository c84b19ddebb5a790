//! When lost frames become an alert: a minute in which more than the configured share was lost, then once an hour while that
//! goes on, and once more when a minute was whole again.

use std::time::Duration;

use super::news::{News, NewsKind};
use crate::encode::human::Count;

/// How long a share is taken over.
const MINUTE: Duration = Duration::from_secs(60);
/// How often a loss that goes on is told again, in minutes.
const AGAIN: u32 = 60;

/// What came and what did not, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) frames: u64,
    /// Lost by the kernel, by interfaces, between shards.
    pub(super) lost: [u64; 3],
    /// Flow updates that judgement had no room for.
    pub(super) updates: u64,
}

impl Tally {
    fn since(self, before: Tally) -> Tally {
        let mut lost = self.lost;
        for (lost, before) in lost.iter_mut().zip(before.lost) {
            *lost = lost.saturating_sub(before);
        }
        Tally {
            frames: self.frames.saturating_sub(before.frames),
            lost,
            updates: self.updates.saturating_sub(before.updates),
        }
    }

    fn all_lost(self) -> u64 {
        self.lost.iter().sum()
    }
}

/// Watches the loss, minute by minute.
#[derive(Clone, Debug)]
pub(super) struct LossWatch {
    /// Frames of 100,000 that may be lost.
    allowed: u32,
    begun_ns: u64,
    before: Tally,
    /// Minutes that loss has gone on.
    minutes: u32,
}

impl LossWatch {
    pub(super) fn new(allowed: u32, now_ns: u64) -> Self {
        LossWatch { allowed, begun_ns: now_ns, before: Tally::default(), minutes: 0 }
    }

    /// How much may be lost from now on.
    pub(super) fn allow(&mut self, allowed: u32) {
        self.allowed = allowed;
    }

    /// Looks at the tally; news where a minute is over and something is to be told.
    pub(super) fn look(&mut self, now_ns: u64, tally: Tally) -> Option<News> {
        if now_ns.saturating_sub(self.begun_ns) < MINUTE.as_nanos() as u64 {
            return None;
        }
        self.begun_ns = now_ns;
        let minute = tally.since(std::mem::replace(&mut self.before, tally));
        let (lost, all) = (minute.all_lost(), minute.frames.saturating_add(minute.all_lost()));
        let is_too_much =
            lost.saturating_mul(100_000) > all.saturating_mul(u64::from(self.allowed)) || minute.updates > 0;
        let was = self.minutes;
        self.minutes = if is_too_much { was + 1 } else { 0 };
        match (is_too_much, was) {
            (true, was) if was.is_multiple_of(AGAIN) => {
                Some(News { kind: NewsKind::Trouble, text: describe(minute, lost, all) })
            }
            (false, 1..) => {
                let text = format!("no more frames are lost than allowed; that was so for {was} minutes");
                Some(News { kind: NewsKind::Recovered, text })
            }
            _ => None,
        }
    }
}

fn describe(minute: Tally, lost: u64, all: u64) -> String {
    let [kernel, interface, between] = minute.lost.map(Count);
    let share = lost as f64 * 100.0 / all.max(1) as f64;
    let mut text = format!(
        "{} of {} frames were lost in the last minute ({share:.2} %): {kernel} by the kernel's full ring, {interface} by the interfaces, {between} between shards",
        Count(lost),
        Count(all)
    );
    if minute.updates > 0 {
        text.push_str(&format!("; {} flow updates were not judged", Count(minute.updates)));
    }
    text.push_str("; what hosts did meanwhile may be missing (docs/deploy.md says what helps)");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told over minutes in which so many of 1,000 frames are lost.
    fn told(allowed: u32, lost: &[u64]) -> Vec<(usize, NewsKind)> {
        let mut watch = LossWatch::new(allowed, 0);
        let (mut tally, mut told) = (Tally::default(), Vec::new());
        for (minute, lost) in lost.iter().enumerate() {
            tally.frames += 1_000 - lost;
            tally.lost[0] += lost;
            let end = (minute as u64 + 1) * 60_000_000_000;
            assert_eq!(watch.look(end - 1, tally), None);
            told.extend(watch.look(end, tally).map(|news| (minute, news.kind)));
        }
        told
    }

    #[test]
    fn loss_above_the_threshold_is_told_once_and_so_is_its_end() {
        let trouble = NewsKind::Trouble;
        assert_eq!(told(100, &[0, 1, 2, 2, 0, 0, 5]), [(2, trouble), (4, NewsKind::Recovered), (6, trouble)]);
        assert_eq!(told(0, &[0, 1, 0]), [(1, trouble), (2, NewsKind::Recovered)]);
        assert_eq!(told(100_000, &[999, 1_000]), []);
    }

    #[test]
    fn loss_that_goes_on_is_told_again_every_hour() {
        let minutes: Vec<usize> = told(0, &[9; 130]).into_iter().map(|(minute, _)| minute).collect();
        assert_eq!(minutes, [0, 60, 120]);
    }

    #[test]
    fn updates_that_were_not_judged_are_loss_even_where_every_frame_was_read() {
        let mut watch = LossWatch::new(100, 0);
        let tally = Tally { frames: 1_000_000, updates: 1, ..Tally::default() };
        let news = watch.look(60_000_000_000, tally).unwrap();
        assert!(news.text.contains("1 flow updates were not judged"), "{}", news.text);
    }
}

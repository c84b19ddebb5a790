//! Packet time while the machine's clock is set.
//!
//! The kernel stamps frames by the time of day, which somebody may set. A step of it must neither end flows that live nor
//! keep dead ones, so packet time goes on as if nothing had happened, and then runs faster or slower by half until it is
//! the time of day again: after a step of an hour, two hours later. Steps show by comparison with the time since boot,
//! which counts while the machine sleeps and is never set (`CLOCK_BOOTTIME`, clock_gettime(2)).
//!
//! A clock that was far behind, as after a boot without network, is followed at once: nobody can wait for it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::capture::live::Timing;
use crate::net::Timestamp;

/// What a difference must be for a step; less is the steering of NTP.
const STEP: Duration = Duration::from_millis(100);

/// What is worked off in hours; a clock that was further behind is followed.
const MOST: Duration = Duration::from_secs(6 * 3_600);

/// How long frames from before a step may still be on their way.
const SETTLED: Duration = Duration::from_secs(5);

/// What the machine's clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Time of day.
    pub(super) wall: Timestamp,
    /// Time since boot, nanoseconds.
    pub(super) boot_ns: u64,
}

/// The machine's clocks.
pub(super) fn read() -> Reading {
    let nanos = |clock| {
        let time = clock_gettime(clock).map(Duration::from).unwrap_or_default();
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    };
    Reading { wall: Timestamp::from_nanos(nanos(ClockId::CLOCK_REALTIME)), boot_ns: nanos(STEADY) }
}

#[cfg(target_os = "linux")]
const STEADY: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const STEADY: ClockId = ClockId::CLOCK_MONOTONIC;

/// Makes packet time of the time of day.
#[derive(Clone, Debug)]
pub(super) struct PacketClock {
    last: Reading,
    correction_ns: i64,
    earliest: Timestamp,
    settled_ns: u64,
}

impl PacketClock {
    /// From now on.
    pub(super) fn new(now: Reading) -> Self {
        PacketClock { last: now, correction_ns: 0, earliest: Timestamp::ZERO, settled_ns: 0 }
    }

    /// Packet time by what the clocks say now, and by how much the time of day was set since the last time, nanoseconds.
    pub(super) fn at(&mut self, now: Reading) -> (Timing, Option<i64>) {
        let elapsed = now.boot_ns.saturating_sub(self.last.boot_ns);
        let moved = signed(now.wall.as_nanos(), self.last.wall.as_nanos()).saturating_sub_unsigned(elapsed);
        let before = self.packet_time(self.last.wall);
        let step = (moved.unsigned_abs() > STEP.as_nanos() as u64).then_some(moved);
        if let Some(step) = step {
            let correction = self.correction_ns.saturating_sub(step);
            let is_followed = correction.saturating_neg() > MOST.as_nanos() as i64;
            self.correction_ns = if is_followed { 0 } else { correction };
            self.earliest = before;
            self.settled_ns = now.boot_ns.saturating_add(SETTLED.as_nanos() as u64);
        } else {
            let most = i64::try_from(elapsed / 2).unwrap_or(i64::MAX);
            self.correction_ns -= self.correction_ns.clamp(-most, most);
        }
        if now.boot_ns >= self.settled_ns {
            self.earliest = Timestamp::ZERO;
        }
        self.last = now;
        let (correction_ns, earliest) = (self.correction_ns, self.earliest);
        (Timing { now: self.packet_time(now.wall), correction_ns, earliest }, step)
    }

    fn packet_time(&self, wall: Timestamp) -> Timestamp {
        Timestamp::from_nanos(wall.as_nanos().saturating_add_signed(self.correction_ns))
    }
}

fn signed(now: u64, before: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(before)).unwrap_or(if now > before { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: u64 = 1_000_000_000;
    const START: u64 = 1_790_000_000 * S;

    fn reading(wall_ns: u64, boot_ns: u64) -> Reading {
        Reading { wall: Timestamp::from_nanos(wall_ns), boot_ns }
    }

    /// Seconds from start to the packet time after each of `seconds`, where the clock is set by `step_s` after the tenth.
    fn after_step(step_s: i64, seconds: &[u64]) -> Vec<f64> {
        let mut clock = PacketClock::new(reading(START, 0));
        let mut times = Vec::new();
        for tenth in 1..=seconds.iter().max().unwrap() * 10 {
            let boot = tenth * S / 10;
            let wall = (START + boot).saturating_add_signed(if tenth > 100 { step_s * S as i64 } else { 0 });
            let (timing, step) = clock.at(reading(wall, boot));
            assert_eq!(step.is_some(), tenth == 101 && step_s != 0, "at {tenth}");
            if tenth % 10 == 0 && seconds.contains(&(tenth / 10)) {
                times.push((timing.now.as_nanos() as f64 - START as f64) / 1e9);
            }
        }
        times
    }

    #[test]
    fn after_a_step_of_an_hour_packet_time_goes_on_and_is_right_again_two_hours_later() {
        for (step, at_20, at_end) in [(3_600, 25.0, 11_000.0), (-3_600, 15.0, 3_800.0)] {
            let times = after_step(step, &[10, 20, 7_400]);
            assert!((times[0] - 10.0).abs() < 0.001, "{times:?}");
            assert!((times[1] - at_20).abs() < 0.2, "{times:?}");
            assert!((times[2] - at_end).abs() < 0.2, "{times:?}");
        }
    }

    #[test]
    fn a_clock_that_was_days_behind_is_followed_at_once() {
        let times = after_step(10 * 86_400, &[10, 11]);
        assert!((times[1] - (11.0 + 864_000.0)).abs() < 0.001, "{times:?}");
    }

    #[test]
    fn a_sleeping_machine_and_a_steered_clock_are_no_step() {
        let mut clock = PacketClock::new(reading(START, 0));
        let (timing, step) = clock.at(reading(START + 3_600 * S, 3_600 * S));
        assert_eq!((timing.now.as_nanos(), timing.correction_ns, step), (START + 3_600 * S, 0, None));
        let (timing, step) = clock.at(reading(START + 3_601 * S + S / 20, 3_601 * S));
        assert_eq!((timing.now.as_nanos(), timing.correction_ns, step), (START + 3_601 * S + S / 20, 0, None));
    }

    proptest! {
        #[test]
        fn packet_time_never_goes_back_by_more_than_a_step_that_is_none(
            moves in proptest::collection::vec((0u64..5_000_000_000, -7_200_000_000_000i64..7_200_000_000_000), 1..60),
        ) {
            let (mut clock, mut wall, mut boot) = (PacketClock::new(reading(START, 0)), START, 0);
            let mut last = Timestamp::from_nanos(START);
            for (elapsed, step) in moves {
                boot += elapsed;
                wall = (wall + elapsed).saturating_add_signed(step);
                let (timing, _) = clock.at(reading(wall, boot));
                prop_assert!(last.since(timing.now) <= STEP, "{last} then {}", timing.now);
                last = timing.now;
            }
        }
    }
}

//! The machine's clock is set by an hour while flows go on. This sets the clock of the machine it runs on, for some seconds:
//! only with BORDERFLOW_CLOCK_TEST=1, and alone (`cargo test --test live clock`).

use std::thread;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

use super::capture::exchanges;
use super::daemon::Setup;
use super::network::Network;
use super::records::text;

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).unwrap().into()
}

/// The time of day, set wrong; right again once this is gone, by the clock that nobody sets.
struct WrongClock {
    right: Duration,
    since: Duration,
}

impl WrongClock {
    fn new() -> WrongClock {
        WrongClock { right: read(ClockId::CLOCK_REALTIME), since: read(ClockId::CLOCK_MONOTONIC) }
    }

    /// Seconds before or after the right time.
    fn set(&self, seconds: i64) {
        let right = self.right + (read(ClockId::CLOCK_MONOTONIC) - self.since);
        let wrong = TimeSpec::from_duration(right) + TimeSpec::new(seconds, 0);
        clock_settime(ClockId::CLOCK_REALTIME, wrong).unwrap();
    }
}

impl Drop for WrongClock {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Seconds since midnight of an RFC 3339 time, and nanoseconds.
fn time(record: &serde_json::Value, path: &str) -> f64 {
    let clock = text(record, path).split(['T', 'Z']).nth(1).unwrap();
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn a_clock_that_is_set_by_an_hour_splits_no_flow_and_ends_none() {
    if std::env::var_os("BORDERFLOW_CLOCK_TEST").is_none() {
        return println!("skipped: it sets this machine's clock; BORDERFLOW_CLOCK_TEST=1 runs it");
    }
    let Some(network) = Network::new() else { return };
    let mut daemon = Setup::new(&network, "sensor").start();
    let mut frames = 0;
    let mut send = |daemon: &super::daemon::Daemon<'_>| {
        network.send(&exchanges(1, 5), "a", 1_000);
        frames += 10;
        daemon.wait_for("borderflow_frames_read_total", |read| read >= f64::from(frames));
    };
    let begun = read(ClockId::CLOCK_MONOTONIC);
    let midnight = |time: Duration| time.as_secs_f64() % 86_400.0;
    let right_start = midnight(read(ClockId::CLOCK_REALTIME));
    send(&daemon);
    let clock = WrongClock::new();
    for step in [3_600, 0, -3_600, 0] {
        clock.set(step);
        thread::sleep(Duration::from_millis(700));
        send(&daemon);
    }
    drop(clock);
    for told in ["the clock was set forward by 3600 s", "the clock was set back by 3600 s"] {
        daemon.wait_until_said(told);
        daemon.wait_for_alert(told);
    }
    assert_eq!(daemon.metric("borderflow_flows_open"), 5.0);
    let elapsed = (read(ClockId::CLOCK_MONOTONIC) - begun).as_secs_f64();
    let flows = daemon.stop().flows;
    assert_eq!(flows.len(), 5, "{flows:?}");
    for flow in &flows {
        assert_eq!((&flow["source"]["packets"], &flow["destination"]["packets"]), (&5.into(), &5.into()), "{flow}");
        let (start, end) = (time(flow, "event.start"), time(flow, "event.end"));
        assert!((start - right_start).abs() < 2.0, "it began at {right_start}: {flow}");
        // While packet time comes to agree with the clock again, it runs faster or slower by half.
        assert!(end > start + 1.0 && end - start < 1.5 * elapsed, "it lasted less than {elapsed}: {flow}");
    }
}

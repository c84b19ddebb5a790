//! Frames that the kernel could not keep are counted, every one, and told.

use std::thread;
use std::time::{Duration, SystemTime};

use borderflow_testkit::{Frame, Host, Link, udp_frame};

use super::capture::{CHINESE, exchange, exchange_between};
use super::daemon::{Daemon, Setup};
use super::network::Network;
use super::records::text;
use super::tools::{setting, wait};

const FLOOD: usize = 20_000;

/// Conversations of no interest, more than the smallest ring holds.
fn flood() -> Vec<Frame> {
    let host = |n: usize| Host::new(&format!("10.8.{}.{}", n / 200, n % 200 + 1));
    let frame =
        |n: usize| udp_frame(&Link::Ethernet, 0, (host(n % 500), 5_000), (host(n % 500 + 500), 5_001), &[1; 1_000]);
    (0..FLOOD).map(frame).collect()
}

/// The figures of a metric by shard.
fn by_shard(daemon: &Daemon<'_>, name: &str) -> [f64; 2] {
    let (_, metrics) = daemon.ask("/metrics");
    let of = |shard: usize| {
        let label = format!("{name}{{interface=\"b\",shard=\"{shard}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&label)).unwrap().parse::<f64>().unwrap()
    };
    [of(0), of(1)]
}

/// With BORDERFLOW_LIVE_MINUTES=2 it waits for the alert about loss, too, which comes after a minute.
#[test]
fn every_frame_that_the_ring_had_no_room_for_is_counted_and_alerts_say_so() {
    let Some(network) = Network::new() else { return };
    let settings = ["capture.ring_bytes=1048576", "capture.shards=2", "capture.loss_alert_per_100000=0"];
    let daemon = Setup::new(&network, "sensor").set(&settings).start();
    network.send(&exchange(1), "a", 1_000);
    daemon.wait_for_frames(2);
    daemon.process.signal("STOP");
    network.send(&flood(), "a", 1_000_000);
    thread::sleep(Duration::from_millis(500));
    daemon.process.signal("CONT");
    let (read, lost) = ("borderflow_capture_frames_total", "borderflow_capture_frames_lost_total");
    let sum = |name| by_shard(&daemon, name).iter().sum::<f64>();
    wait("all frames to be read or counted as lost", || sum(read) + sum(lost) == (FLOOD + 2) as f64);
    let lost = by_shard(&daemon, lost);
    println!("{FLOOD} frames into rings of 1 MiB while it stood still: lost by shard {lost:?}");
    assert!(lost.iter().all(|lost| *lost > 1_000.0), "{lost:?}");
    assert!(by_shard(&daemon, "borderflow_capture_ring_overruns_total").iter().all(|times| *times >= 1.0));
    // What a shard has seen and not seen is told once in a minute of packet time.
    let into_minute = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 60;
    thread::sleep(Duration::from_secs(60 - into_minute) + Duration::from_secs(2));
    let more = (1..=30).flat_map(|n| exchange_between(("10.0.0.1", 40_000 + n), (CHINESE, 9_999)));
    network.send(&more.collect::<Vec<_>>(), "a", 1_000);
    let alerts = || daemon.setup.records().alerts;
    let is_update = |alert: &serde_json::Value| text(alert, "event.action") == "finding-updated";
    wait("the alert that more was sent", || alerts().iter().any(is_update));
    let alert = alerts().into_iter().find(is_update).unwrap();
    let told = alert["borderflow"]["coverage"]["frames_lost"].as_f64();
    assert_eq!(told, Some(lost.iter().sum()), "{alert}");
    if setting("BORDERFLOW_LIVE_MINUTES", 0) > 0 {
        daemon.wait_for_alert("frames were lost in the last minute");
    }
    daemon.stop();
}

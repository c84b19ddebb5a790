//! How long it takes from a packet to its alert in the output.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use borderflow_testkit::Prng;

use super::capture::{demo, exchange};
use super::daemon::Setup;
use super::network::Network;
use super::tools::{PATIENCE, Process, setting};

/// What an alert may take.
const BOUND: Duration = Duration::from_secs(1);

/// Sends what makes a finding at random moments, and measures until the alert's line is in the file: milliseconds, sorted.
fn measure(network: &Network, setup: &Setup<'_>, first: u32, times: u64) -> Vec<u128> {
    let (mut sender, mut random) = (network.sender("a"), Prng::new(u64::from(first)));
    let file = setup.path("alerts.ndjson");
    let mut delays = Vec::new();
    for number in first..first + times as u32 {
        thread::sleep(Duration::from_millis(random.between(20, 400)));
        let [_, a, b, c] = number.to_be_bytes();
        let asset = format!("\"10.{a}.{b}.{c}\"");
        let frames = exchange(number);
        sender.send(&frames[0]);
        sender.send(&frames[1]);
        let sent = Instant::now();
        while !fs::read_to_string(&file).unwrap_or_default().contains(&asset) {
            assert!(sent.elapsed() < PATIENCE, "no alert about {asset}");
            thread::sleep(Duration::from_millis(1));
        }
        delays.push(sent.elapsed().as_millis());
    }
    delays.sort_unstable();
    delays
}

fn report(of: &str, delays: &[u128]) {
    let at = |share: usize| delays[(delays.len() - 1) * share / 100];
    println!(
        "{of}: {} alerts, from packet to line in milliseconds: least {}, median {}, 90 % {}, most {}",
        delays.len(),
        at(0),
        at(50),
        at(90),
        at(100)
    );
    assert!(at(100) < BOUND.as_millis(), "{of}: {delays:?} ms");
}

/// BORDERFLOW_LIVE_ALERTS=1000 is the long form.
#[test]
fn an_alert_is_in_the_output_within_a_second_of_its_packet() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").set(&["capture.shards=2"]).start();
    let times = setting("BORDERFLOW_LIVE_ALERTS", 20);
    report("on a silent line", &measure(&network, &daemon.setup, 0x01_00_00, times));
    let mut tcpreplay = network.tool("tcpreplay");
    tcpreplay.args(["--quiet", "--preload-pcap", "--intf1", "a", "--pps=2000", "--loop=0"]).arg(demo());
    let _load = Process::start(tcpreplay.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()));
    daemon.wait_for("borderflow_frames_read_total", |frames| frames > 1_000.0);
    report("beside 2 000 frames a second", &measure(&network, &daemon.setup, 0x02_00_00, times));
    daemon.stop();
}

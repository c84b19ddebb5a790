//! Memory is what the configuration allows, whatever comes.

use std::fs;

use borderflow_testkit::{Frame, Host, Link, Prng, udp_frame};

use super::daemon::{Daemon, Setup};
use super::network::Network;
use super::tools::setting;

/// A datagram between a random asset and a random host, one in four of which is in China.
fn random_frame(random: &mut Prng) -> Frame {
    let byte = |random: &mut Prng| random.below(256);
    let asset = format!("10.{}.{}.{}", byte(random), byte(random), byte(random));
    let first =
        if random.below(4) == 0 { "47.97".to_owned() } else { format!("{}.{}", random.between(60, 99), byte(random)) };
    let remote = format!("{first}.{}.{}", byte(random), byte(random));
    // Behind two routers, as most hosts on a span port are.
    let (asset, remote) =
        (Host::new(&asset).with_mac([2, 0, 0, 0, 0, 1]), Host::new(&remote).with_mac([2, 0, 0, 0, 0, 2]));
    let ends = [(asset, random.between(1_024, 65_535) as u16), (remote, 9_999)];
    let [from, to] = if random.below(2) == 0 { ends } else { [ends[1], ends[0]] };
    udp_frame(&Link::Ethernet, 0, from, to, &[1; 40])
}

fn resident_bytes(daemon: &Daemon<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}

/// When everything that is learned of hosts, whose room is fixed, is full.
const FULL: u64 = 3_000_000;

/// BORDERFLOW_LIVE_FLOWS=8000000 is the long form, in which memory must stay flat in the second half.
#[test]
fn a_flood_of_random_flows_takes_no_more_memory_than_the_configuration_allows() {
    let Some(network) = Network::new() else { return };
    let count = setting("BORDERFLOW_LIVE_FLOWS", 400_000);
    let settings = [
        "flow.max_flows=20000",
        "detect.max_findings=1000",
        "ledger.max_ledgers=10000",
        "daemon.max_waiting_updates=10000",
        "capture.ring_bytes=1048576",
    ];
    let daemon = Setup::new(&network, "sensor").without_flow_records().set(&settings).start();
    let (mut sender, mut random) = (network.sender("a"), Prng::new(3));
    let mut most = [0, 0];
    for number in 0..count {
        sender.send(&random_frame(&mut random));
        if number % 5_000 == 0 {
            let half = usize::from(number >= count / 2);
            most[half] = resident_bytes(&daemon).max(most[half]);
        }
    }
    let limit = daemon.metric("borderflow_memory_limit_bytes");
    let [read, lost] =
        ["borderflow_capture_frames_total", "borderflow_capture_frames_lost_total"].map(|name| daemon.metric(name));
    let mib = most.map(|bytes| bytes >> 20);
    println!(
        "{count} random flows ({read} frames read, {lost} lost): at most {} MiB in the first half, {} MiB in the second; limit {} MiB",
        mib[0],
        mib[1],
        limit as u64 >> 20
    );
    assert!(read > count as f64 / 4.0, "too little was read: {read}");
    assert!((most[0].max(most[1]) as f64) < limit, "{most:?} of {limit}");
    if count / 2 >= FULL {
        assert!(most[1] < most[0] + (8 << 20), "it grows: {mib:?} MiB");
    }
    let held = ["borderflow_flows_open", "borderflow_findings_open"].map(|name| daemon.metric(name));
    // Flows are bounded in 64 parts, each rounded up.
    assert!(held[0] <= 20_064.0 && held[1] <= 2_000.0, "flows and findings held: {held:?}");
    daemon.stop();
}

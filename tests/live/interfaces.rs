//! Interfaces that come and go: the daemon says so in its log, in an alert and to whoever asks, and goes on.

use std::thread;
use std::time::Duration;

use super::capture::exchanges;
use super::daemon::{Daemon, Setup};
use super::network::Network;
use super::records::text;
use super::tools::{Process, wait};

/// The assets of which flows were recorded.
fn assets(flows: &[serde_json::Value]) -> Vec<&str> {
    let mut assets: Vec<&str> = flows.iter().map(|flow| text(flow, "source.ip")).collect();
    assets.sort_unstable();
    assets
}

/// Whether it sees anything, as a probe is told.
fn is_ready(daemon: &Daemon<'_>) -> bool {
    let (status, said) = daemon.ask("/readyz");
    assert!(status == 200 || (status == 503 && said.contains("no interface is up")), "{status}: {said}");
    status == 200
}

#[test]
fn an_interface_deleted_under_load_and_made_again_is_read_again() {
    let Some(network) = Network::new() else { return };
    let mut daemon = Setup::new(&network, "sensor").start();
    network.send(&exchanges(1, 20), "a", 1_000);
    daemon.wait_for_frames(40);
    let file = network.path("load.pcap");
    std::fs::write(&file, borderflow_testkit::Pcap::microseconds(1).write(&exchanges(1, 5_000))).unwrap();
    let mut tcpreplay = network.tool("tcpreplay");
    tcpreplay.args(["--quiet", "--intf1", "a", "--pps=2000"]).arg(&file);
    let load = Process::start(tcpreplay.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()));
    daemon.wait_for("borderflow_frames_read_total", |frames| frames > 500.0);
    network.ip("link del dev a");
    daemon.wait_until_said("nothing of it is seen until it is back");
    wait("/readyz to say no", || !is_ready(&daemon));
    assert_eq!(daemon.metric("borderflow_interface_gone"), 1.0);
    drop(load);
    network.cable("a", "b");
    daemon.wait_until_said("is back and read again");
    wait("/readyz to say yes", || is_ready(&daemon));
    let before = daemon.metric("borderflow_frames_read_total");
    network.send(&exchanges(60_001, 20), "a", 1_000);
    daemon.wait_for("borderflow_frames_read_total", |frames| frames >= before + 40.0);
    assert_eq!(daemon.metric("borderflow_interface_reopened_total"), 1.0);
    for alert in ["nothing of it is seen until it is back", "is back and read again"] {
        daemon.wait_for_alert(alert);
    }
    let flows = daemon.stop().flows;
    let assets = assets(&flows);
    for asset in ["10.0.0.1", "10.0.0.20", "10.0.234.97", "10.0.234.116"] {
        assert!(assets.contains(&asset), "no flow of {asset}");
    }
}

#[test]
fn a_link_that_goes_down_and_comes_up_is_told_and_read_again() {
    // The far end of the cable, as when somebody unplugs it; the interface itself, as when somebody switches it off.
    for end in ["a", "b"] {
        let Some(network) = Network::new() else { return };
        let mut daemon = Setup::new(&network, "sensor").start();
        network.send(&exchanges(1, 5), "a", 1_000);
        daemon.wait_for_frames(10);
        network.ip(&format!("link set dev {end} down"));
        daemon.wait_until_said("interface b: the link is down");
        wait("/readyz to say no", || !is_ready(&daemon));
        network.ip(&format!("link set dev {end} up"));
        daemon.wait_until_said("interface b: the link is up");
        wait("/readyz to say yes", || is_ready(&daemon));
        network.send(&exchanges(6, 5), "a", 1_000);
        daemon.wait_for_frames(20);
        for alert in ["the link is down", "the link is up"] {
            daemon.wait_for_alert(alert);
        }
        assert_eq!(assets(&daemon.stop().flows).len(), 10);
    }
}

#[test]
fn an_interface_keeps_being_read_when_it_is_renamed() {
    let Some(network) = Network::new() else { return };
    let mut daemon = Setup::new(&network, "sensor").start();
    network.send(&exchanges(1, 5), "a", 1_000);
    daemon.wait_for_frames(10);
    network.ip("link set dev b down");
    network.ip("link set dev b name span0");
    network.ip("link set dev span0 up");
    daemon.wait_until_said("interface b is now called span0");
    daemon.wait_until_said("span0 is back and read again");
    network.send(&exchanges(6, 5), "a", 1_000);
    daemon.wait_for_frames(20);
    assert_eq!(assets(&daemon.stop().flows).len(), 10);
}

#[test]
fn an_interface_whose_name_another_has_taken_is_missed_when_it_goes() {
    let Some(network) = Network::new() else { return };
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let version: Vec<u32> = release.split(['.', '-']).take(2).filter_map(|part| part.parse().ok()).collect();
    if version < vec![6, 2] {
        println!("skipped: Linux {release} renames no interface that is up");
        return;
    }
    let mut daemon = Setup::new(&network, "sensor").start();
    network.cable("c", "d");
    network.ip("link set dev b name was-b");
    network.ip("link set dev d name b");
    daemon.wait_until_said("interface b is now called was-b");
    network.ip("link del dev was-b");
    daemon.wait_until_said("nothing of it is seen until it is back");
    daemon.wait_until_said("interface b is back and read again");
    network.send(&exchanges(1, 5), "c", 1_000);
    daemon.wait_for_frames(10);
    assert_eq!(assets(&daemon.stop().flows).len(), 5);
}

#[test]
fn an_interface_that_is_missing_at_the_start_is_waited_for_while_the_other_is_read() {
    let Some(network) = Network::new() else { return };
    let mut daemon = Setup::new(&network, "sensor").args("-i b -i d").start();
    daemon.wait_until_said("waiting for it");
    network.send(&exchanges(1, 5), "a", 1_000);
    daemon.wait_for_frames(10);
    assert!(is_ready(&daemon));
    network.cable("c", "d");
    daemon.wait_until_said("interface d is back and read again");
    network.send(&exchanges(6, 5), "c", 1_000);
    daemon.wait_for_frames(20);
    daemon.wait_for_alert("waiting for it");
    assert_eq!(assets(&daemon.stop().flows).len(), 10);
}

#[test]
fn without_any_of_its_interfaces_it_does_not_begin_and_names_those_there_are() {
    let Some(network) = Network::new() else { return };
    for args in ["-i nosuch", "-i nosuch -i neither"] {
        let (status, said) = Setup::new(&network, "sensor").args(args).fail();
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("nosuch") && said.contains("the interfaces here: a, b, lo"), "{said}");
    }
    let (status, said) = Setup::new(&network, "sensor").args("").fail();
    assert!(matches!(status, Some(1 | 2)), "{status:?} {said}");
    assert!(said.contains("name one with -i"), "{said}");
}

#[test]
fn without_permission_it_says_which_it_needs() {
    let Some(network) = Network::new() else { return };
    let setup = Setup::new(&network, "sensor").by("/usr/bin/setpriv --bounding-set -net_raw --inh-caps -net_raw");
    let (status, said) = setup.fail();
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("interface b: not allowed to capture") && said.contains("cap_net_raw"), "{said}");
}

/// Frames of an interface that is quiet for a while are read when they come.
#[test]
fn a_silent_line_is_no_trouble() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").start();
    thread::sleep(Duration::from_millis(2_500));
    assert!(is_ready(&daemon) && daemon.ask("/healthz").0 == 200);
    network.send(&exchanges(1, 1), "a", 1_000);
    daemon.wait_for_frames(2);
    assert_eq!(daemon.metric("borderflow_shard_stalls_total"), 0.0);
    assert!(daemon.setup.self_alerts().is_empty());
    daemon.stop();
}

//! Configuration, databases and catalogues are taken over while packets flow; what cannot be used changes nothing.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use borderflow_testkit::Pcap;

use super::capture::{CHINESE, exchange_between, exchange_with, exchanges, root};
use super::daemon::{Daemon, Setup};
use super::network::Network;
use super::records::{insist_on_flows, text};
use super::tools::{Process, run, setting, wait};

const RELOADS: &str = "borderflow_configuration_reloads_total";
const FAILURES: &str = "borderflow_configuration_reload_failures_total";

/// Asks for a reload, and waits until one is done.
fn reload(daemon: &Daemon<'_>) {
    let before = daemon.metric(RELOADS);
    daemon.process.signal("HUP");
    daemon.wait_for(RELOADS, |reloads| reloads > before);
}

/// The messages of alerts about an asset.
fn told(daemon: &Daemon<'_>, asset: &str) -> Vec<String> {
    let alerts = daemon.setup.records().alerts;
    let of_asset =
        alerts.iter().filter(|alert| text(alert, "source.ip") == asset || text(alert, "destination.ip") == asset);
    of_asset.map(|alert| text(alert, "message").to_owned()).collect()
}

/// Sends an exchange of an asset and waits for what is told of it.
fn tell(network: &Network, daemon: &Daemon<'_>, asset: &str, remote: &str) -> String {
    network.send(&exchange_with(asset, remote), "a", 1_000);
    wait("the alert", || !told(daemon, asset).is_empty());
    told(daemon, asset).remove(0)
}

/// Hangs up 1,000 times while flows go on. BORDERFLOW_LIVE_SECONDS=600 is the long form.
#[test]
fn a_thousand_hangups_under_load_lose_no_packet_and_break_no_flow() {
    let Some(network) = Network::new() else { return };
    let seconds = setting("BORDERFLOW_LIVE_SECONDS", 8);
    let daemon = Setup::new(&network, "sensor").set(&["capture.shards=2"]).start();
    let recording = network.record("b");
    // Flows that go on from the first second to the last, with packets all the time.
    let rounds = (0..seconds).flat_map(|_| exchanges(1, 1_000)).collect::<Vec<_>>();
    let file = network.path("load.pcap");
    fs::write(&file, Pcap::microseconds(1).write(&rounds)).unwrap();
    let mut tcpreplay = network.tool("tcpreplay");
    tcpreplay.args(["--quiet", "--preload-pcap", "--intf1", "a", "--pps=2000"]).arg(&file);
    let mut load = Process::start(tcpreplay.stdout(Stdio::null()).stderr(Stdio::null()));
    let pause = seconds as f64 * 0.8 / 1_000.0;
    let hangups =
        format!("i=0; while [ $i -lt 1000 ]; do kill -HUP {}; sleep {pause}; i=$((i+1)); done", daemon.process.id());
    run(Command::new("sh").args(["-c", &hangups]));
    load.end();
    daemon.wait_for_frames(rounds.len());
    let reloads = daemon.metric(RELOADS);
    println!("1,000 hangups in {seconds} s made {reloads} reloads, beside {} frames", rounds.len());
    assert!(reloads >= 3.0 && daemon.metric(FAILURES) == 0.0);
    assert!(daemon.setup.self_alerts().is_empty(), "{:?}", daemon.setup.self_alerts());
    let setup = daemon.setup.clone();
    let found = daemon.stop();
    let expected = setup.replay(&recording.end(rounds.len()));
    assert_eq!(found.flows.len(), 1_000);
    insist_on_flows("with hangups", &found.flows, &expected.flows);
}

#[test]
fn a_new_policy_holds_from_the_reload_on_and_flows_go_on() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").start();
    assert!(tell(&network, &daemon, "10.0.0.1", CHINESE).starts_with("10.0.0.1 sent"));
    // Of no interest yet: an American network.
    let american = "17.253.144.10";
    network.send(&exchange_with("10.0.0.2", american), "a", 1_000);
    daemon.wait_for_frames(4);
    let policy = "[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.3\"]\n\
                  [[jurisdictions.flag]]\ncountry = \"US\"\nrisk = 90\nbasis = \"a test\"\n";
    let _changed = daemon.setup.clone().policy(policy);
    reload(&daemon);
    assert!(daemon.said().contains("reloaded"), "{}", daemon.said());
    assert!(tell(&network, &daemon, "10.0.0.3", american).starts_with("pump (10.0.0.3) sent"));
    // The flow that was there before goes on, and is judged anew.
    network.send(&exchange_with("10.0.0.2", american), "a", 1_000);
    let second = exchange_between(("10.0.0.2", 40_001), (american, 9_999));
    network.send(&second, "a", 1_000);
    wait("the alert about 10.0.0.2", || !told(&daemon, "10.0.0.2").is_empty());
    let flows = daemon.stop().flows;
    let continued: Vec<_> =
        flows.iter().filter(|flow| text(flow, "source.ip") == "10.0.0.2" && flow["source"]["port"] == 40_000).collect();
    assert_eq!(continued.len(), 1, "{continued:?}");
    assert_eq!(continued[0]["source"]["packets"], 2, "{continued:?}");
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing_and_an_alert_says_why() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").set(&["daemon.reload_on_change=false"]).start();
    let good = fs::read_to_string(daemon.setup.path("config.toml")).unwrap();
    fs::write(daemon.setup.path("config.toml"), format!("{good}\n[jurisdictions]\npreset = \"none\"\nexmpt = []\n"))
        .unwrap();
    daemon.process.signal("HUP");
    daemon.wait_for(FAILURES, |failures| failures == 1.0);
    daemon.wait_for_alert("reload refused, what was in force stays");
    let alerts = daemon.setup.self_alerts();
    let line = good.lines().count() + 4;
    let place = format!("config.toml:{line}");
    assert!(alerts[0].contains("exmpt") && alerts[0].contains(&place), "no {place} in {alerts:?}");
    assert_eq!(daemon.metric("borderflow_configuration_reload_failed"), 1.0);
    assert!(tell(&network, &daemon, "10.0.0.1", CHINESE).contains("China"), "the old policy stays");
    fs::write(daemon.setup.path("config.toml"), good).unwrap();
    thread::sleep(Duration::from_millis(1_100));
    reload(&daemon);
    wait("the good one to be in force", || daemon.metric("borderflow_configuration_reload_failed") == 0.0);
    daemon.stop();
}

#[test]
fn a_changed_configuration_is_taken_over_without_a_signal_and_what_needs_a_restart_is_named() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").start();
    let policy = "[monitor]\nhome = [\"10.0.0.0/8\", \"47.0.0.0/8\"]\n[flow]\nmax_flows = 5000\n";
    let _changed = daemon.setup.clone().policy(policy);
    daemon.wait_for(RELOADS, |reloads| reloads == 1.0);
    daemon.wait_for("borderflow_configuration_needs_restart", |keys| keys == 1.0);
    assert!(daemon.said().contains("only after a restart: [flow]"), "{}", daemon.said());
    // China's 47.0.0.0/8 is home: nobody sends anything anywhere.
    network.send(&exchange_with("10.0.0.1", CHINESE), "a", 1_000);
    daemon.wait_for_frames(2);
    assert!(daemon.stop().alerts.is_empty());
}

/// A country database that says so of 47.254.128.0/18.
fn database(country: &[u8; 2]) -> Vec<u8> {
    let mut bytes = fs::read(root().join("tests/data/mmdb/dbip-country-lite.mmdb")).unwrap();
    let place = bytes.windows(3).position(|text| text == b"\x42DE").unwrap();
    bytes[place + 1..place + 3].copy_from_slice(country);
    bytes
}

#[test]
fn a_database_written_over_in_place_never_breaks_it_and_is_taken_over_once_it_is_whole() {
    let Some(network) = Network::new() else { return };
    let remote = "47.254.128.1";
    let setup = Setup::new(&network, "sensor").policy("[geoip]\ncountry = \"geo.mmdb\"\n");
    let path = setup.path("geo.mmdb");
    fs::write(&path, database(b"DE")).unwrap();
    let daemon = setup.start();
    assert!(tell(&network, &daemon, "10.0.0.1", remote).contains("located in DE"));
    let new = database(b"CN");
    for (number, length) in [0, 100, new.len() / 2, new.len() - 20].into_iter().enumerate() {
        // Cut short in place, as by cp: whoever maps the file and reads on gets SIGBUS.
        fs::write(&path, &new[..length]).unwrap();
        thread::sleep(Duration::from_millis(1_100));
        daemon.process.signal("HUP");
        daemon.wait_for(FAILURES, |failures| failures > number as f64);
        let told = tell(&network, &daemon, &format!("10.0.1.{number}"), remote);
        assert!(told.contains("located in DE"), "what was in force stays: {told}");
    }
    daemon.wait_for_alert("geo.mmdb");
    fs::write(&path, &new).unwrap();
    wait("the whole database", || daemon.metric("borderflow_configuration_reload_failed") == 0.0);
    assert!(tell(&network, &daemon, "10.0.0.2", remote).contains("located in CN"));
    daemon.stop();
}

//! Starting, stopping, being killed: nothing that was seen is lost, nothing is told twice.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use borderflow_testkit::{Pcap, Prng};

use super::capture::{demo, exchanges, root};
use super::daemon::Setup;
use super::network::Network;
use super::records::{Records, ids, insist_on_alerts, insist_on_flows, text};
use super::tools::{Process, setting};

fn demo_policy() -> String {
    fs::read_to_string(root().join("demo/config.toml")).unwrap()
}

/// The ids of findings that were opened.
fn findings(records: &Records) -> BTreeSet<String> {
    let is_opened = |alert: &&serde_json::Value| text(alert, "event.action") == "finding-opened";
    let id = |alert| text(alert, "borderflow.finding.id").to_owned();
    records.alerts.iter().filter(is_opened).map(id).collect()
}

#[test]
fn what_came_before_sigterm_is_judged_and_written_and_the_next_start_goes_on_with_it() {
    let Some(network) = Network::new() else { return };
    let setup = Setup::new(&network, "sensor").policy(&demo_policy());
    let (recording, daemon) = (network.record("b"), setup.start());
    let frames = network.replay(&demo(), "a", 4_000);
    let begun = Instant::now();
    let found = daemon.stop();
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?} to stop", begun.elapsed());
    let expected = setup.replay(&recording.end(frames));
    insist_on_flows("stopped at once", &found.flows, &expected.flows);
    insist_on_alerts("stopped at once", &found, &expected);
    assert_eq!(ids(&setup.journal(&[])), ids(&found.alerts), "journal and output");

    let mut daemon = setup.start();
    daemon.wait_until_said("findings and");
    let again = network.replay(&demo(), "a", 4_000);
    daemon.wait_for_frames(again);
    let both = daemon.stop();
    assert_eq!(both.flows.len(), 2 * found.flows.len());
    assert!(found.alerts.len() < both.alerts.len());
    assert_eq!(findings(&both), findings(&found), "the same traffic again opens nothing anew");
    let unique: HashSet<String> = ids(&both.alerts).into_iter().collect();
    assert_eq!(unique.len(), both.alerts.len(), "an alert was written twice");
}

/// BORDERFLOW_LIVE_KILLS=100 is the long form.
#[test]
fn killed_under_load_it_loses_nothing_that_the_journal_holds_and_goes_on() {
    let Some(network) = Network::new() else { return };
    let setup = Setup::new(&network, "sensor");
    let kills = setting("BORDERFLOW_LIVE_KILLS", 5);
    let file = network.path("load.pcap");
    fs::write(&file, Pcap::microseconds(1).write(&exchanges(1, 60_000))).unwrap();
    let mut tcpreplay = network.tool("tcpreplay");
    tcpreplay.args(["--quiet", "--preload-pcap", "--intf1", "a", "--pps=300", "--loop=0"]).arg(&file);
    let load = Process::start(tcpreplay.stdout(Stdio::null()).stderr(Stdio::null()));
    let (mut random, mut known) = (Prng::new(9), Vec::new());
    for number in 0..kills {
        let mut daemon = setup.start();
        thread::sleep(Duration::from_millis(random.between(300, 1_500)));
        daemon.process.kill();
        let held = ids(&setup.journal(&["--kind", "egress"]));
        assert_eq!(held.get(..known.len()), Some(known.as_slice()), "the journal lost something at kill {number}");
        known = held;
    }
    drop(load);
    let daemon = setup.start();
    thread::sleep(Duration::from_millis(500));
    let found = daemon.stop();
    let held = ids(&setup.journal(&[]));
    assert!(known.len() > 100, "too little happened: {}", known.len());
    let unique: HashSet<&String> = held.iter().collect();
    assert_eq!(unique.len(), held.len(), "an alert is in the journal twice");
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    ids(&found.alerts).into_iter().for_each(|id| *written.entry(id).or_default() += 1);
    let lost = held.iter().filter(|id| !written.contains_key(*id)).count();
    let doubled = written.values().filter(|times| **times > 1).count();
    println!("{kills} kills: {} alerts, {lost} lost, {doubled} written twice", held.len());
    assert_eq!(lost, 0, "alerts that the output never got");
    // At-least-once: what was written and not yet noted as written comes again, with the same id.
    assert!(doubled <= 64 * kills as usize, "{doubled} alerts were written twice");
    let assets: Vec<&str> = found
        .alerts
        .iter()
        .filter(|alert| text(alert, "event.action") == "finding-opened")
        .map(|alert| text(alert, "borderflow.finding.id"))
        .collect();
    let unique: HashSet<&&str> = assets.iter().collect();
    assert!(assets.len() - unique.len() <= doubled, "a finding was opened twice");
}

/// What systemd hears, in order, until `until` comes; watchdog and status messages are counted apart.
fn hear(socket: &UnixDatagram, until: &str) -> (Vec<String>, usize) {
    let (mut heard, mut alive, mut buffer) = (Vec::new(), 0, [0; 4_096]);
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}; waited for {until}: {heard:?}"));
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message == "WATCHDOG=1" {
            alive += 1;
        } else if !message.starts_with("STATUS=") {
            heard.push(message.clone());
        }
        if message == until {
            return (heard, alive);
        }
    }
}

#[test]
fn systemd_hears_that_it_is_ready_alive_reloading_and_stopping() {
    let Some(network) = Network::new() else { return };
    let path = network.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let setup = Setup::new(&network, "sensor");
    let setup = setup.env("NOTIFY_SOCKET", path.to_str().unwrap()).env("WATCHDOG_USEC", "1000000");
    let daemon = setup.start();
    assert_eq!(hear(&socket, "READY=1").0, ["READY=1"]);
    // It captures by then.
    network.send(&exchanges(1, 1), "a", 1_000);
    daemon.wait_for_frames(2);
    let begun = Instant::now();
    for _ in 0..6 {
        hear(&socket, "WATCHDOG=1");
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "6 signs of life took {:?}", begun.elapsed());
    thread::sleep(Duration::from_millis(1_200));
    daemon.process.signal("HUP");
    let (heard, _) = hear(&socket, "READY=1");
    assert!(heard[0].starts_with("RELOADING=1\nMONOTONIC_USEC="), "{heard:?}");
    assert_eq!(heard.len(), 2, "{heard:?}");
    daemon.stop();
    assert_eq!(hear(&socket, "STOPPING=1").0, ["STOPPING=1"]);
}

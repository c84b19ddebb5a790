//! What the daemon may do once it runs, seen from outside; and how little it needs to start.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::capture::exchanges;
use super::daemon::{Daemon, Setup, executable};
use super::network::Network;
use super::tools::{run, tool, wait};

const NOBODY: u32 = 65_534;

/// The status of every thread by the kernel: its name, and what stands there.
fn threads(daemon: &Daemon<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.process.id())).unwrap();
    let status = |task: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once(":\t"));
        let status: BTreeMap<String, String> =
            lines.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
        (status["Name"].clone(), status)
    };
    tasks.map(status).collect()
}

const NET_RAW: u64 = 1 << 13;

/// Insists that every thread is confined, and that one alone can open interfaces.
fn insist_on_confinement(daemon: &Daemon<'_>) {
    for expected in ["interfaces", "shard-0", "shard-1", "judge", "journal"] {
        // A thread names itself once it runs.
        wait(expected, || threads(daemon).iter().any(|(name, _)| name == expected));
    }
    for (name, status) in &threads(daemon) {
        let kept = if name == "interfaces" { NET_RAW } else { 0 };
        for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
            let held = u64::from_str_radix(&status[set], 16).unwrap();
            assert_eq!(held & !kept, 0, "{set} of thread {name}");
            assert!(held == kept || set != "CapEff", "{set} of thread {name}");
        }
        assert_eq!(status["NoNewPrivs"], "1", "thread {name}");
        assert_eq!(status["Seccomp"], "2", "thread {name}");
    }
}

/// Insists that it captures.
fn insist_on_capture(network: &Network, daemon: &Daemon<'_>) {
    network.send(&exchanges(1, 5), "a", 1_000);
    daemon.wait_for_frames(10);
}

#[test]
fn no_thread_keeps_a_capability_but_the_one_that_opens_interfaces() {
    let Some(network) = Network::new() else { return };
    let daemon = Setup::new(&network, "sensor").set(&["capture.shards=2"]).start();
    insist_on_confinement(&daemon);
    insist_on_capture(&network, &daemon);
    daemon.stop();
}

#[test]
fn started_as_root_it_becomes_the_user_it_is_told_and_still_opens_interfaces_again() {
    let Some(network) = Network::new() else { return };
    let setup = Setup::new(&network, "sensor").set(&["sandbox.user=nobody", "capture.shards=2"]).owned_by(NOBODY);
    let mut daemon = setup.start();
    insist_on_confinement(&daemon);
    let nobody = [NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string()].join("\t");
    for (name, status) in threads(&daemon) {
        assert_eq!(status["Uid"], nobody, "thread {name}");
        assert_eq!(status["Gid"], nobody, "thread {name}");
        assert!(matches!(status["Groups"].as_str(), "" | "65534"), "thread {name}: {}", status["Groups"]);
    }
    insist_on_capture(&network, &daemon);
    network.ip("link del dev a");
    daemon.wait_until_said("nothing of it is seen until it is back");
    network.cable("a", "b");
    daemon.wait_until_said("is back and read again");
    let found = daemon.stop();
    assert_eq!(found.flows.len(), 5);
    assert!(!found.alerts.is_empty());
}

#[test]
fn it_runs_without_root_with_one_ambient_capability() {
    let Some(network) = Network::new() else { return };
    let Some(setpriv) = tool("setpriv") else { return println!("skipped: no setpriv here") };
    let wrapper = format!(
        "{} --reuid {NOBODY} --regid {NOBODY} --clear-groups --inh-caps +net_raw --ambient-caps +net_raw",
        setpriv.get_program().to_str().unwrap()
    );
    let setup = Setup::new(&network, "sensor").set(&["capture.shards=2"]).by(&wrapper).owned_by(NOBODY);
    let daemon = setup.start();
    insist_on_confinement(&daemon);
    insist_on_capture(&network, &daemon);
    assert_eq!(daemon.stop().flows.len(), 5);
}

#[test]
fn it_runs_without_root_with_the_capability_on_its_file() {
    let Some(network) = Network::new() else { return };
    let (Some(setpriv), Some(mut setcap)) = (tool("setpriv"), tool("setcap")) else {
        return println!("skipped: no setpriv or setcap here");
    };
    let program = network.path("borderflow");
    fs::copy(executable(), &program).unwrap();
    run(setcap.arg("cap_net_raw=ep").arg(&program));
    run(Command::new("chmod").arg("755").arg(&program));
    let wrapper =
        format!("{} --reuid {NOBODY} --regid {NOBODY} --clear-groups", setpriv.get_program().to_str().unwrap());
    let setup =
        Setup::new(&network, "sensor").set(&["capture.shards=2"]).program(&program).by(&wrapper).owned_by(NOBODY);
    let daemon = setup.start();
    insist_on_confinement(&daemon);
    insist_on_capture(&network, &daemon);
    assert_eq!(daemon.stop().flows.len(), 5);
}

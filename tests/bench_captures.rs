//! The captures of the benchmarks hold what they say: otherwise a fast number means nothing.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "../benches/captures/mix.rs"]
mod mix;
#[path = "../benches/captures/output.rs"]
mod output;
#[path = "../benches/captures/quic.rs"]
mod quic;
#[path = "../benches/captures/small.rs"]
mod small;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use borderflow_testkit::program::Program;
use output::Output;
use serde_json::Value;

#[test]
fn the_mix_is_of_every_protocol_and_every_hello_in_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let flows = flows(&mix(folder.path(), "mix.pcap"));
    let mut named: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for flow in &flows {
        let protocol = flow["network"]["protocol"].as_str().unwrap_or("none").to_owned();
        let has_name = flow["tls"]["client"]["server_name"].as_str().is_some_and(|name| name.ends_with(".example"));
        *named.entry((protocol, has_name)).or_default() += 1;
    }
    let count = |protocol: &str, has_name| named.get(&(protocol.to_owned(), has_name)).copied().unwrap_or(0);
    for (protocol, has_name, least) in
        [("dns", false, 300), ("ntp", false, 20), ("http", false, 60), ("tls", true, 250), ("quic", true, 140)]
    {
        assert!(count(protocol, has_name) > least, "{protocol} with a name {has_name}: {named:?}");
        assert_eq!(count(protocol, true).min(count(protocol, false)), 0, "some {protocol} are not read: {named:?}");
    }
}

#[test]
fn the_mix_is_as_large_as_asked_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a", "b"].map(|name| fs::read(mix(folder.path(), name)).unwrap());
    assert!(first == second, "two runs gave two captures");
    // A few large sessions are much of so small a mix.
    assert!((6_000_000..14_000_000).contains(&first.len()), "{} bytes", first.len());
}

#[test]
fn unremarkable_servers_make_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let alerts = |anywhere| {
        let path = folder.path().join(format!("{anywhere}.pcap"));
        let mut output = Output::create(path.to_str().unwrap()).unwrap();
        small::write(&mut output, 3_000, 300, anywhere).unwrap();
        output.finish().unwrap();
        replay(&path, &["--alerts", "-"]).lines().count()
    };
    assert_eq!(alerts(0), 0);
    assert!(alerts(100) > 10);
}

/// 10 MB in 1,000 sessions.
fn mix(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let mut output = Output::create(path.to_str().unwrap()).unwrap();
    mix::write(&mut output, 10_000_000, 1_000).unwrap();
    output.finish().unwrap();
    path
}

fn flows(capture: &Path) -> Vec<Value> {
    let records = replay(capture, &["--alerts", "/dev/null", "--flows", "/dev/stdout"]);
    records.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn replay(capture: &Path, options: &[&str]) -> String {
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), capture.parent().unwrap());
    let outcome = program.arg("replay").args(options).arg(capture).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    outcome.stdout
}

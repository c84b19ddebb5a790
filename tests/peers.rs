//! Real peers of remote management, recorded with the truth of what happened (`tests/peers/README.md`): who is managed, how
//! surely, who opened the connection, by what protocol, with what login, in how many sessions, with which commands.
//!
//! The truth is what happened, also where encryption hides it. Every difference is in [`EXPLAINED`]; one that is not, and
//! one that is there no more, fails.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use borderflow_testkit::program::Program;
use serde_json::Value;

/// Where the peers abroad are: what the program is told to flag.
const ABROAD: [&str; 2] = ["198.51.100.0/24", "2001:db8:ab::/48"];
/// Where only the peers behind relays are.
const BEHIND_RELAYS: [&str; 1] = ["203.0.113.0/24"];

/// What is found otherwise than it happened: capture, protocol, what differs with the value found, and why.
const EXPLAINED: [(&str, &str, &str, &str); 23] = [
    ("cwmp", "cwmp", "sessions 2", "a bare connection request is management: it makes the device call"),
    ("cwmp", "cwmp", "direction both", "the request comes in, the session goes out"),
    ("cwmp", "cwmp", "control 2", "the request is a command"),
    ("cwmp", "cwmp", "login granted", "the request was answered 200"),
    ("http-admin", "http", "login tried", "that a login was granted shows only in request and answer together"),
    ("ipmi", "ipmi", "read 5", "a session's own commands are reads too: device id, privilege level"),
    ("mqtt", "mqtt", "login none", "the asset logs in at the broker: that is no login of the other side"),
    ("mqtt", "mqtt", "write 1", "what a topic does to a device is the device's own affair: a publish is a write"),
    ("mqtt", "mqtt", "control 0", "the same"),
    ("opcua", "opcua", "read 5", "the client library opens and closes a session and looks up names"),
    ("rdp", "rdp", "login none", "encrypted"),
    ("rdp-refused", "rdp", "sessions 1", "without NLA the host draws a login screen: to an onlooker a session"),
    ("rlogin", "rsh", "control 1", "rsh carries its command, `id`, in the clear"),
    ("s7comm", "s7comm", "program 3", "the station answers the controller, which asks for the block and its end"),
    ("smb", "smb", "read 6", "the client opens, asks about and lists by commands of their own"),
    ("smb", "smb", "write 2", "a file is created, then written"),
    ("smb", "smb", "control 1", "a connection to ADMIN$ is more than a file's"),
    ("snmp", "snmp", "sessions 5", "a refused set is answered like any other"),
    ("snmp", "snmp", "read 13", "an empty get before version 3 is encrypted"),
    ("snmp", "snmp", "write 2", "the set that was refused"),
    ("snmp", "snmp", "login none", "a community is no login"),
    ("snmp", "login-failed", "flows 0", "the refused set counts as a session"),
    ("rdp-refused", "login-failed", "flows 0", "it counts as a session"),
];

/// One finding, or what should be one, by what can be compared.
type Found = BTreeMap<&'static str, String>;
/// Asset, class and protocol of remote management; asset and rule of others.
type Key = (String, String, String);

#[test]
fn remote_management_is_found_as_it_happened() {
    let (mut unexplained, mut met) = (Vec::new(), BTreeSet::new());
    let captures = captures();
    assert!(captures.len() > 30, "only {} captures", captures.len());
    for capture in &captures {
        let name = capture.file_stem().unwrap().to_str().unwrap();
        for (of, what) in differences(&expected(&truth(capture)), &found(&replay(capture, &ABROAD))) {
            match EXPLAINED.iter().position(|entry| (entry.0, entry.1, entry.2) == (name, of.as_str(), what.as_str())) {
                Some(entry) => _ = met.insert(entry),
                None => unexplained.push(format!("{name}: {of}: found {what}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "not as it happened:\n{}", unexplained.join("\n"));
    let stale: Vec<_> =
        (0..EXPLAINED.len()).filter(|entry| !met.contains(entry)).map(|entry| EXPLAINED[entry]).collect();
    assert!(stale.is_empty(), "explained, but as it happened: {stale:?}");
}

#[test]
fn the_peer_behind_a_relay_is_found_where_only_it_is_abroad() {
    for capture in captures() {
        let behind: BTreeSet<String> = truth(&capture).iter().filter_map(outside_behind).collect();
        let alerts = replay(&capture, &BEHIND_RELAYS);
        let peers: BTreeSet<String> = alerts
            .iter()
            .filter_map(|alert| alert["borderflow"]["relayed_peer"]["ip"].as_str())
            .map(str::to_owned)
            .collect();
        assert_eq!(behind, peers, "{}", capture.display());
        let flows: u64 = closing(&alerts).map(|alert| alert["borderflow"]["finding"]["flows"].as_u64().unwrap()).sum();
        let relayed = truth(&capture).iter().filter(|entry| outside_behind(entry).is_some()).count() as u64;
        assert_eq!(flows, relayed, "flows to peers behind relays in {}", capture.display());
        for alert in &alerts {
            assert_eq!(alert["rule"]["id"], "egress", "{}: {}", capture.display(), alert["message"]);
        }
    }
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/captures");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "pcap")).collect();
    captures.sort();
    captures
}

fn truth(capture: &Path) -> Vec<Value> {
    let text = fs::read_to_string(capture.with_extension("json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The peer of the asset behind a relay abroad.
fn outside_behind(entry: &Value) -> Option<String> {
    entry["behind"].as_str().filter(|peer| !peer.starts_with("10.")).map(str::to_owned)
}

/// The alerts of a replay where the prefixes are flagged.
fn replay(capture: &Path, flagged: &[&str]) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    let places: Vec<String> =
        flagged.iter().map(|prefix| format!("[[geoip.override]]\nprefix = \"{prefix}\"\ncountry = \"CN\"\n")).collect();
    let home = "[monitor]\nhome = [\"10.20.0.0/24\", \"2001:db8:20::/64\"]\n";
    fs::write(directory.path().join("config.toml"), home.to_owned() + &places.concat()).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory.path());
    let outcome = program.args(["replay", "-c", "config.toml", "--alerts", "-", "--format", "ecs"]).arg(capture).run();
    assert_eq!(outcome.status, Some(0), "{}: {}", capture.display(), outcome.stderr);
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn closing(alerts: &[Value]) -> impl Iterator<Item = &Value> {
    alerts.iter().filter(|alert| alert["borderflow"]["finding"]["step"] == "closed")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("none").to_owned()
}

/// What should be found: of what is managed, and of tools that are recognised, one finding each; of refused logins from
/// outside the failures.
fn expected(truth: &[Value]) -> BTreeMap<Key, Found> {
    let mut expected = BTreeMap::new();
    for entry in truth {
        let is_tool = entry["class"] == "B";
        let sessions = entry["sessions"].as_u64().unwrap();
        if entry["managed"] == true || is_tool {
            let key = (text(&entry["asset"]), text(&entry["class"]), text(&entry["protocol"]));
            add_session(expected.entry(key).or_default(), entry, sessions);
        } else if entry["login"] == "refused" && entry["direction"] == "inbound" {
            let found: &mut Found = expected.entry(failures()).or_default();
            add(found, "flows", sessions);
        }
    }
    expected
}

fn failures() -> Key {
    (String::new(), String::new(), "login-failed".to_owned())
}

fn add_session(found: &mut Found, entry: &Value, sessions: u64) {
    add(found, "sessions", sessions);
    for kind in KINDS {
        add(found, kind, entry["commands"][kind].as_u64().unwrap());
    }
    let login = if entry["login"] == "granted" { "granted" } else { "none" };
    let before = found.get("login").is_some_and(|login| login == "granted");
    found.insert("login", if before { "granted" } else { login }.to_owned());
    found.insert("direction", text(&entry["direction"]));
}

const KINDS: [&str; 4] = ["read", "write", "control", "program"];

fn add(found: &mut Found, what: &'static str, count: u64) {
    let before: u64 = found.get(what).map_or(0, |count| count.parse().unwrap());
    found.insert(what, (before + count).to_string());
}

/// What the last alerts say of management and failed logins.
fn found(alerts: &[Value]) -> BTreeMap<Key, Found> {
    let mut found = BTreeMap::new();
    for alert in closing(alerts) {
        let told = &alert["borderflow"];
        let management = &told["management"];
        if management.is_object() {
            let key = (text(&told["asset"]["name"]), text(&management["class"]), text(&management["protocol"]));
            let mut facts: Found = KINDS.map(|kind| (kind, management["commands"][kind].to_string())).into();
            facts.insert("sessions", management["sessions"].to_string());
            facts.insert("login", text(&management["login"]));
            facts.insert("direction", text(&management["direction"]));
            assert!(found.insert(key, facts).is_none(), "two findings of one: {}", alert["message"]);
        } else if alert["rule"]["id"] == "login-failed" {
            found.insert(failures(), Found::from([("flows", told["finding"]["flows"].to_string())]));
        } else {
            // What a session moves over other connections: files, and what the asset sends itself.
            let rule = text(&alert["rule"]["id"]);
            assert!(["egress", "attempt"].contains(&rule.as_str()), "{}", alert["message"]);
        }
    }
    found
}

/// By protocol or rule, what is found otherwise, with the value found.
fn differences(expected: &BTreeMap<Key, Found>, found: &BTreeMap<Key, Found>) -> Vec<(String, String)> {
    let nothing = Found::new();
    let keys: BTreeSet<&Key> = expected.keys().chain(found.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let (want, got) = (expected.get(key).unwrap_or(&nothing), found.get(key).unwrap_or(&nothing));
        if want.is_empty() || got.is_empty() {
            let what = if got.contains_key("flows") || want.contains_key("flows") { "flows" } else { "sessions" };
            differences.push((key.2.clone(), format!("{what} {}", got.get(what).map_or("0", String::as_str))));
            continue;
        }
        let other = got.iter().filter(|(what, value)| want.get(*what) != Some(value));
        differences.extend(other.map(|(what, value)| (key.2.clone(), format!("{what} {value}"))));
    }
    differences
}

//! What a SIEM may rely on: every field of every record has the name, type and values of `contract/ecs.tsv`, numbers
//! add up, and identities are the same whenever the same capture is read.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use borderflow_testkit::program::Program;
use borderflow_testkit::tls::ClientHello;
use borderflow_testkit::{
    Conversation, Frame, Host, Link, Pcap, Prng, Side, icmp_echo, icmp_unreachable, mqtt, packet_frame, sctp, turn,
    udp_frame,
};
use serde_json::Value;

/// A row of the schema.
struct Field {
    kind: &'static str,
    records: BTreeSet<&'static str>,
    always: BTreeSet<&'static str>,
    values: BTreeSet<&'static str>,
}

fn schema() -> BTreeMap<&'static str, Field> {
    let rows = include_str!("contract/ecs.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or("");
        let (name, kind, records, values) = (cell(), cell(), cell(), cell());
        let field = Field {
            kind,
            records: records.split(' ').map(|record| record.trim_end_matches('!')).collect(),
            always: records.split(' ').filter_map(|record| record.strip_suffix('!')).collect(),
            values: values.split(',').filter(|value| !value.is_empty()).collect(),
        };
        (name, field)
    };
    rows.map(row).collect()
}

struct Records {
    alerts: Vec<Value>,
    flows: Vec<Value>,
}

impl Records {
    /// Each record with its kind.
    fn all(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let alerts = self.alerts.iter().map(|record| ("alert", record));
        alerts.chain(self.flows.iter().map(|record| ("flow", record)))
    }
}

fn replay(args: &[&str], directory: &Path) -> Records {
    let program = Program::new(env!("CARGO_BIN_EXE_borderflow"), directory).args(["replay", "--flows", "flows"]);
    let outcome = program.args(args).run();
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let parse = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Records { alerts: parse(&outcome.stdout), flows: parse(&fs::read_to_string(directory.join("flows")).unwrap()) }
}

fn demo(threads: &str) -> Records {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");
    let (config, capture) = (format!("{folder}/config.toml"), format!("{folder}/demo.pcapng"));
    replay(&["-c", &config, "--threads", threads, &capture], tempfile::tempdir().unwrap().path())
}

/// What the demo does not have: other transports, a one-sided mirror, tags and a tunnel; what hides names, and a relay.
fn oddities() -> Records {
    let (home, remote) = (Host::new("10.0.0.7"), Host::new("47.97.1.10"));
    let talk = |port| Conversation::new(home, port, remote, 443).at(5_000_000_000);
    let of = |protocol, bytes: &[u8]| packet_frame(&Link::Ethernet, 6_000_000_000, home, remote, protocol, bytes);
    let inner = udp_frame(&Link::Ethernet, 0, (home, 40_000), (remote, 123), &[9; 48]);
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0], &inner.data[..]].concat();
    let mut frames = vec![
        of(1, &icmp_echo(home.ip, remote.ip, false, 1, 1, b"ping")),
        of(1, &icmp_unreachable(home.ip, remote.ip, &inner.data[14..])),
        of(132, &sctp(2_905, 2_905, 7, b"data")),
        of(2, &[0x16, 0, 0, 0, 239, 1, 2, 3]),
        udp_frame(&Link::Ethernet, 7_000_000_000, (home, 50_000), (Host::new("10.0.0.8"), 4_789), &vxlan),
    ];
    frames.extend(talk(40_001).only(Side::Client).open().client(&[7; 3_000]).frames());
    let tagged: Vec<Frame> = talk(40_002).over(Link::Vlan(vec![20, 7])).open().client(&[7; 100]).frames();
    // The second frame of a hundred bytes is lost to the capture: acknowledged and never seen.
    let gap = talk(40_003).open().client(&[7; 1_000]).client(&[8; 1_000]).client(&[9; 1_000]).frames();
    frames.extend(gap.into_iter().enumerate().filter(|(index, _)| *index != 5).map(|(_, frame)| frame));
    frames.extend(tagged);
    frames.extend(hidden_and_relayed(home, remote));
    frames.sort_by_key(|frame| frame.timestamp_ns);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("c.pcap"), Pcap::microseconds(1).write(&frames)).unwrap();
    let accepted = "exception=[{name=\"relay\", reason=\"r\", approver=\"a\", ticket=\"T-1\", expires=\"2030-01-01\", \
                    destinations=[\"61.177.173.14\"]}]";
    replay(&["--set", accepted, "--set", "ledger.hour_bytes=2000", "c.pcap"], directory.path())
}

/// DNS over TLS, a file server's greeting, a broker that publishes, and a relay that names the peer behind it.
fn hidden_and_relayed(home: Host, remote: Host) -> Vec<Frame> {
    let talk = |to: Host, port| Conversation::new(home, 41_000, to, port).at(8_000_000_000).open();
    let relay = Host::new("192.0.2.9");
    let hello = ClientHello::of_device("dns.alidns.com").record(&mut Prng::new(3));
    let connect = mqtt::connect("meter-7", "meter", "********", 60);
    let peer = "61.177.173.14:50000".parse().unwrap();
    let (asked, agreed) = (turn::create_permission([5; 12], peer), turn::permitted([5; 12]));
    let at = |second: u64, from, to, bytes: &[u8]| udp_frame(&Link::Ethernet, second * 1_000_000_000, from, to, bytes);
    let mut frames =
        vec![at(9, (home, 41_001), (relay, 3_478), &asked), at(10, (relay, 3_478), (home, 41_001), &agreed)];
    frames.extend(talk(remote, 853).client(&hello).server(&[7; 90]).frames());
    frames.extend(talk(remote, 21).server(b"220 FTP server ready\r\n").client(b"USER meter\r\n").frames());
    let broker = talk(remote, 1_883).exchange(Side::Client, &connect, &mqtt::connack());
    frames.extend(broker.wait(1_000_000_000).server(&mqtt::publish("meters/7/set", b"off")).frames());
    frames
}

/// Every value of a record under its dotted name; the elements of a list share the list's.
fn leaves<'a>(name: &str, value: &'a Value, out: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, value, out);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| leaves(name, element, out)),
        leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            out.push((name.to_owned(), leaf))
        }
    }
}

fn has_type(kind: &str, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match kind {
        "keyword" => !text.is_empty() && text.len() <= 1_024,
        "text" => !text.is_empty(),
        "long" => value.as_i64().is_some_and(|number| number >= 0),
        "score" => value.as_u64().is_some_and(|number| number <= 100),
        "port" => value.as_u64().is_some_and(|number| number <= 65_535),
        "boolean" => value.is_boolean(),
        "ip" => text.parse::<std::net::IpAddr>().is_ok(),
        "country" => text.len() == 2 && text.chars().all(|c| c.is_ascii_uppercase()),
        "mac" => text.split('-').count() == 6 && text.split('-').all(|pair| u8::from_str_radix(pair, 16).is_ok()),
        "date" => text.len() == 30 && text.ends_with('Z') && text.as_bytes()[10] == b'T' && text.as_bytes()[19] == b'.',
        other => panic!("{other} is no type of the schema"),
    }
}

#[test]
fn every_field_of_every_record_is_in_the_schema_with_its_type_and_values() {
    let schema = schema();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for records in [demo("1"), oddities()] {
        for (kind, record) in records.all() {
            let mut found = Vec::new();
            leaves("", record, &mut found);
            for (name, value) in &found {
                let field =
                    schema.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the schema: {record}"));
                assert!(field.records.contains(kind), "{name} in a record of kind {kind}");
                assert!(has_type(field.kind, value), "{name} is no {}: {value}", field.kind);
                let allowed = field.values.is_empty() || value.as_str().is_some_and(|text| field.values.contains(text));
                assert!(allowed, "{name} may not be {value}");
                met.insert(name.clone());
            }
            for (name, _) in schema.iter().filter(|(_, field)| field.always.contains(kind)) {
                assert!(found.iter().any(|(found, _)| found == name), "{name} is missing: {record}");
            }
        }
    }
    // What is told of an alert's flow is what is told of a flow.
    let rare = |name: &str| {
        let seldom = ["missed_bytes_received", "encrypted_hello", "http.response.server", "truncated", "whole_bytes"];
        name.starts_with("borderflow.flow.")
            || name.starts_with("tls.server.")
            || seldom.iter().any(|field| name.ends_with(field))
    };
    let unmet: Vec<_> = schema.keys().filter(|name| !met.contains(**name) && !rare(name)).collect();
    assert!(unmet.is_empty(), "nothing shows these fields: {unmet:?}");
}

#[test]
fn the_kind_of_a_record_agrees_with_its_categories() {
    let records = demo("1");
    for alert in &records.alerts {
        assert_eq!(alert["event"]["kind"], "alert");
        assert_eq!(alert["event"]["category"], serde_json::json!(["network", "intrusion_detection"]));
        assert_eq!(alert["event"]["dataset"], "borderflow.alert");
        assert_eq!(alert["event"]["action"], format!("finding-{}", step(alert)));
    }
    for flow in &records.flows {
        assert_eq!(flow["event"]["kind"], "event");
        assert_eq!(flow["event"]["category"], serde_json::json!(["network"]));
        assert_eq!(flow["event"]["dataset"], "borderflow.flow");
    }
}

#[test]
fn volumes_and_times_of_a_record_add_up() {
    for records in [demo("1"), oddities()] {
        for (_, record) in records.all() {
            for unit in ["bytes", "packets"] {
                let of = |side: &str| record[side][unit].as_u64().unwrap();
                assert_eq!(of("network"), of("source") + of("destination"), "{unit}: {record}");
            }
            let event = &record["event"];
            let (start, end) = (event["start"].as_str().unwrap(), event["end"].as_str().unwrap());
            assert_eq!(start[..10], end[..10], "both captures are of one day");
            assert_eq!(event["duration"].as_u64(), nanos_of_day(end).checked_sub(nanos_of_day(start)), "{record}");
        }
    }
}

fn nanos_of_day(time: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| time[range].parse::<u64>().unwrap();
    ((number(11..13) * 60 + number(14..16)) * 60 + number(17..19)) * 1_000_000_000 + number(20..29)
}

fn step(alert: &Value) -> &str {
    alert["borderflow"]["finding"]["step"].as_str().unwrap()
}

fn ids(records: &Records) -> Vec<&str> {
    records.alerts.iter().map(|alert| alert["event"]["id"].as_str().unwrap()).collect()
}

#[test]
fn an_alert_has_the_same_id_whenever_the_capture_is_read_and_no_other_has_it() {
    let (first, again) = (demo("1"), demo("3"));
    assert_eq!(ids(&first), ids(&again));
    let distinct: BTreeSet<&str> = ids(&first).into_iter().collect();
    assert_eq!(distinct.len(), first.alerts.len());
}

#[test]
fn a_finding_opens_once_grows_and_closes_once() {
    let records = demo("1");
    let mut findings: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for alert in &records.alerts {
        let finding = &alert["borderflow"]["finding"];
        findings.entry(finding["id"].as_str().unwrap()).or_default().push(alert);
    }
    assert_eq!(findings.len(), 17);
    for (id, alerts) in findings {
        let steps: Vec<&str> = alerts.iter().map(|alert| step(alert)).collect();
        let (&first, rest) = steps.split_first().unwrap();
        let (&last, between) = rest.split_last().unwrap();
        assert_eq!((first, last), ("opened", "closed"), "{id}");
        assert!(between.iter().all(|&step| step == "updated"), "{id}: {steps:?}");
        for (number, alert) in alerts.iter().enumerate() {
            assert_eq!(alert["borderflow"]["finding"]["number"], number, "{id}");
        }
        let sent = |alert: &&Value| alert["borderflow"]["finding"]["payload_bytes_sent"].as_u64().unwrap();
        assert!(alerts.is_sorted_by_key(sent), "{id} shrinks");
    }
}

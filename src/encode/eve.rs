//! EVE, the JSON of Suricata (<https://docs.suricata.io/en/suricata-8.0.0/output/eve/eve-json-format.html>): alerts as
//! `alert`, flow records as `flow`.
//!
//! What EVE has no field for is in an object `borderflow` beside them. `flow_id` is the same for an alert and the
//! record of its flow. Signatures are numbered from 1,750,000, inside the range 1,000,000 to 1,999,999 that
//! sidallocation.org leaves to local use: see [`SIGNATURES`]. To-server is what the initiator sent.

use std::hash::Hasher as _;

use serde_json::{Map, Value, json};

use super::json::put;
use super::mapping::{Level, Row, capitals, fill, first, same, time};
use super::record::{Kind, Record};

/// The signature of each rule; a rule without one of its own has the first.
const SIGNATURES: [(&str, u32); 9] = [
    ("", 1_750_000),
    ("egress", 1_750_001),
    ("remote-management", 1_750_002),
    ("login-failed", 1_750_003),
    ("attempt", 1_750_004),
    ("flagged-device", 1_750_005),
    ("volume", 1_750_006),
    ("self", 1_750_007),
    ("test", 1_750_008),
];

/// What both kinds have.
pub(super) const ROWS: &[Row] = &[
    ("timestamp", "@timestamp", moment),
    ("src_ip", "source.ip", same),
    ("src_port", "source.port", same),
    ("dest_ip", "destination.ip", same),
    ("dest_port", "destination.port", same),
    ("proto", "network.transport", protocol),
    ("app_proto", "network.protocol", same),
    ("community_id", "network.community_id", same),
    ("icmp_type", "borderflow.icmp_type", same),
    ("flow.bytes_toserver", "source.bytes", same),
    ("flow.bytes_toclient", "destination.bytes", same),
    ("flow.pkts_toserver", "source.packets", same),
    ("flow.pkts_toclient", "destination.packets", same),
    ("tls.sni", "tls.client.server_name", first),
    ("tls.version", "tls.version", tls_version),
    ("tls.subject", "tls.server.x509.subject", distinguished),
    ("tls.issuerdn", "tls.server.x509.issuer", distinguished),
    ("http.hostname", "url.domain", first),
    ("http.http_method", "http.request.method", same),
    ("http.http_user_agent", "user_agent.original", same),
    ("http.status", "http.response.status_code", same),
];

/// The alert itself.
pub(super) const ALERT: &[Row] = &[
    ("alert.signature_id", "rule.id", signature),
    ("alert.signature", "rule.name", same),
    ("alert.category", "threat.tactic.name", same),
    ("alert.metadata.tag", "threat.technique.id", tag),
];

/// `record` as one event.
pub(super) fn event(record: &Record) -> Map<String, Value> {
    let mut event = Map::new();
    fill(&mut event, record, ROWS);
    if let Some(id) = flow_id(record) {
        put(&mut event, "flow_id", id.into());
    }
    let tags: Vec<Value> = ["network.vlan.id", "network.inner.vlan.id"]
        .into_iter()
        .filter_map(|path| record.text(path)?.parse::<u16>().ok().map(Value::from))
        .collect();
    if !tags.is_empty() {
        put(&mut event, "vlan", tags.into());
    }
    match record.kind() {
        Kind::Alert => alert(&mut event, record),
        Kind::Flow => flow(&mut event, record),
    }
    ours(&mut event, record);
    event
}

fn alert(event: &mut Map<String, Value>, record: &Record) {
    put(event, "event_type", "alert".into());
    let (severity, word) = match Level::of(record) {
        Level::Critical => (1, "Critical"),
        Level::High => (1, "Major"),
        Level::Medium => (2, "Minor"),
        Level::Low => (3, "Minor"),
        Level::None => (4, "Informational"),
    };
    put(
        event,
        "alert",
        json!({
            "action": "allowed", "gid": 1, "rev": 1, "signature_id": 1_750_000, "signature": "borderflow",
            "category": "Misc activity", "severity": severity, "metadata": { "signature_severity": [word] },
        }),
    );
    fill(event, record, ALERT);
}

fn flow(event: &mut Map<String, Value>, record: &Record) {
    put(event, "event_type", "flow".into());
    for (key, path) in [("flow.start", "event.start"), ("flow.end", "event.end")] {
        if let Some(time) = record.field(path).or(record.field("@timestamp")).and_then(moment) {
            put(event, key, time);
        }
    }
    put(event, "flow.age", (record.number("event.duration").unwrap_or_default() / 1_000_000_000).into());
    let state = match record.text("borderflow.tcp_state") {
        Some("closing" | "closed" | "reset") => "closed",
        _ if record.flag("borderflow.answered") => "established",
        _ => "new",
    };
    let reason = match record.text("borderflow.end_reason") {
        Some("idle") => "timeout",
        Some("end_of_input") => "shutdown",
        _ => "forced",
    };
    put(event, "flow.state", state.into());
    put(event, "flow.reason", reason.into());
}

/// What EVE has no field for.
fn ours(event: &mut Map<String, Value>, record: &Record) {
    let mut ours = record.field("borderflow").and_then(Value::as_object).cloned().unwrap_or_default();
    let kept = [
        ("event_id", "event.id"),
        ("event_action", "event.action"),
        ("event_severity", "event.severity"),
        ("message", "message"),
        ("rule_id", "rule.id"),
        ("hostname", "observer.hostname"),
        ("version", "observer.version"),
        ("direction", "network.direction"),
        ("domain", "destination.domain"),
    ];
    for (key, path) in kept {
        if let Some(value) = record.field(path) {
            put(&mut ours, key, value.clone());
        }
    }
    put(event, "borderflow", ours.into());
}

/// `2025-09-03T08:15:00.000000+0000`.
fn moment(value: &Value) -> Option<Value> {
    let text = time(value)?.to_string();
    Some(format!("{}+0000", text.get(..26)?).into())
}

/// As Suricata writes it; a number where it has no name.
fn protocol(transport: &Value) -> Option<Value> {
    match transport.as_str()? {
        "ipv6-icmp" => Some("IPv6-ICMP".into()),
        _ => capitals(transport),
    }
}

fn tls_version(version: &Value) -> Option<Value> {
    match version.as_str()? {
        "3.0" => Some("SSLv3".into()),
        version => Some(format!("TLS {version}").into()),
    }
}

/// A distinguished name in the manner of Suricata: `C=CN, O=Example, CN=device`.
fn distinguished(party: &Value) -> Option<Value> {
    let parts = [("C", "country"), ("O", "organization"), ("CN", "common_name")];
    let parts = parts.into_iter().filter_map(|(key, field)| Some(format!("{key}={}", party.get(field)?.as_str()?)));
    let name = parts.collect::<Vec<_>>().join(", ");
    (!name.is_empty()).then(|| name.into())
}

fn signature(rule: &Value) -> Option<Value> {
    let rule = rule.as_str()?;
    SIGNATURES.into_iter().find(|(known, _)| *known == rule).map(|(_, number)| number.into())
}

fn tag(technique: &Value) -> Option<Value> {
    technique.as_str().map(|technique| json!([technique]))
}

/// 53 bits of the community id, which every reader of JSON keeps (RFC 7493, 2.2).
fn flow_id(record: &Record) -> Option<u64> {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.write(record.text("network.community_id")?.as_bytes());
    Some(hash.finish() >> 11)
}

/// FNV-1a, 64 bits (RFC 9923).
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

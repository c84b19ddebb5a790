//! Open Cybersecurity Schema Framework 1.8.0 (<https://schema.ocsf.io/1.8.0>): alerts as Detection Finding (2004),
//! flow records as Network Activity (4001).
//!
//! The flow behind an alert is the one entry of `evidences`; what speaks for a jurisdiction is in `enrichments`, each
//! about the address it was read from. What the schema has no attribute for is kept under `unmapped` with its own
//! names. `src_endpoint` is the initiator; bytes are those of IP packets. Times are milliseconds.

use serde_json::{Map, Value, json};

use super::json::put;
use super::mapping::{Level, Row, fill, first, integer, list, millis, nanos_to_millis, same};
use super::record::{Kind, Record};
use super::shorten::remove;

/// What both classes have.
pub(super) const HEAD: &[Row] = &[
    ("time", "@timestamp", millis),
    ("start_time", "event.start", millis),
    ("end_time", "event.end", millis),
    ("duration", "event.duration", nanos_to_millis),
    ("message", "message", same),
    ("metadata.uid", "event.id", same),
    ("metadata.log_name", "event.dataset", same),
    ("metadata.log_source", "observer.hostname", same),
    ("metadata.product.vendor_name", "observer.vendor", same),
    ("metadata.product.name", "observer.product", same),
    ("metadata.product.version", "observer.version", same),
    ("metadata.is_truncated", "borderflow.truncated", same),
    ("metadata.untruncated_size", "borderflow.whole_bytes", kilobytes),
];

/// The finding of an alert.
pub(super) const FINDING: &[Row] = &[
    ("activity_id", "borderflow.finding.step", activity),
    ("activity_name", "borderflow.finding.step", activity_name),
    ("risk_score", "event.risk_score", same),
    ("count", "borderflow.finding.flows", same),
    ("finding_info.uid", "borderflow.finding.id", same),
    ("finding_info.title", "rule.name", same),
    ("finding_info.desc", "event.reason", same),
    ("finding_info.types", "rule.id", list),
    ("finding_info.first_seen_time", "event.start", millis),
    ("finding_info.last_seen_time", "event.end", millis),
    ("finding_info.modified_time", "@timestamp", millis),
    ("finding_info.related_events_count", "borderflow.finding.flows", same),
    ("finding_info.analytic.uid", "rule.id", same),
    ("finding_info.analytic.name", "rule.name", same),
    ("finding_info.analytic.desc", "rule.description", same),
    ("finding_info.attacks", "threat", attacks),
    ("resources", "borderflow.asset", resources),
];

/// A connection: of the event itself, or of its evidence.
pub(super) const NETWORK: &[Row] = &[
    ("src_endpoint.ip", "source.ip", same),
    ("src_endpoint.port", "source.port", same),
    ("src_endpoint.mac", "source.mac", same),
    ("src_endpoint.location.country", "source.geo.country_iso_code", same),
    ("src_endpoint.autonomous_system.number", "source.as.number", same),
    ("src_endpoint.autonomous_system.name", "source.as.organization.name", same),
    ("dst_endpoint.ip", "destination.ip", same),
    ("dst_endpoint.port", "destination.port", same),
    ("dst_endpoint.mac", "destination.mac", same),
    ("dst_endpoint.hostname", "destination.domain", same),
    ("dst_endpoint.svc_name", "network.protocol", same),
    ("dst_endpoint.vlan_uid", "network.vlan.id", same),
    ("dst_endpoint.location.country", "destination.geo.country_iso_code", same),
    ("dst_endpoint.autonomous_system.number", "destination.as.number", same),
    ("dst_endpoint.autonomous_system.name", "destination.as.organization.name", same),
    ("connection_info.direction_id", "network.direction", direction),
    ("connection_info.direction", "network.direction", direction_name),
    ("connection_info.boundary_id", "network.direction", boundary),
    ("connection_info.boundary", "network.direction", boundary_name),
    ("connection_info.protocol_num", "network.iana_number", integer),
    ("connection_info.protocol_name", "network.transport", same),
    ("connection_info.protocol_ver_id", "network.type", ip_version),
    ("connection_info.community_uid", "network.community_id", same),
    ("ja4_fingerprint_list", "tls.client.ja4", ja4),
];

/// What Network Activity adds.
pub(super) const FLOW: &[Row] = &[
    ("app_name", "network.protocol", same),
    ("is_src_dst_assignment_known", "borderflow.initiator_basis", is_sure),
    ("traffic.bytes", "network.bytes", same),
    ("traffic.packets", "network.packets", same),
    ("traffic.bytes_out", "source.bytes", same),
    ("traffic.packets_out", "source.packets", same),
    ("traffic.bytes_in", "destination.bytes", same),
    ("traffic.packets_in", "destination.packets", same),
];

/// Inside `tls`, which must have a version.
const TLS: &[Row] =
    &[("version", "tls.version", same), ("cipher", "tls.cipher", same), ("sni", "tls.client.server_name", first)];

/// Sets of ECS that OCSF has no attributes for, or not for all they hold.
const UNMAPPED: [&str; 7] = ["borderflow", "tls", "url", "http", "user_agent", "dns", "ssh"];

/// What of `borderflow` attributes hold whole.
const MAPPED: [&str; 5] = ["evidence", "truncated", "whole_bytes", "missed_bytes_sent", "missed_bytes_received"];

/// What attributes hold of other sets.
const MAPPED_BELOW: [&str; 7] = [
    "borderflow.finding.id",
    "borderflow.finding.step",
    "borderflow.finding.flows",
    "borderflow.asset.name",
    "borderflow.asset.criticality",
    "borderflow.asset.owner",
    "tls.client.ja4",
];

/// Names that follow from the numbers beside them; a shortened event goes without.
const CAPTIONS: [&str; 4] = ["category_name", "class_name", "activity_name", "severity"];

/// `record` as one event.
pub(super) fn event(record: &Record) -> Map<String, Value> {
    let mut event = Map::new();
    put(&mut event, "metadata.version", "1.8.0".into());
    put(&mut event, "metadata.product.name", "borderflow".into());
    fill(&mut event, record, HEAD);
    let level = Level::of(record);
    put(&mut event, "severity_id", (level as u8 + 1).into());
    put(&mut event, "severity", severity(level).into());
    match record.kind() {
        Kind::Alert => finding(&mut event, record, level),
        Kind::Flow => flow(&mut event, record),
    }
    if record.is_shortened() {
        CAPTIONS.iter().for_each(|caption| drop(event.remove(*caption)));
    }
    let unmapped = unmapped(record);
    if !unmapped.is_empty() {
        put(&mut event, "unmapped", unmapped.into());
    }
    event
}

fn finding(event: &mut Map<String, Value>, record: &Record, level: Level) {
    classify(event, 2004, 0, "Unknown");
    put(event, "finding_info.uid", record.text("event.id").unwrap_or("unknown").into());
    put(event, "finding_info.analytic.type_id", 1.into());
    put(event, "finding_info.analytic.type", "Rule".into());
    fill(event, record, FINDING);
    let is_closed = record.text("borderflow.finding.step") == Some("closed");
    let (status_id, status) = match (record.field("borderflow.exception").is_some(), is_closed) {
        (true, _) => (3, "Suppressed"),
        (false, true) => (99, "Closed"),
        (false, false) => (1, "New"),
    };
    put(event, "status_id", status_id.into());
    put(event, "status", status.into());
    put(event, "is_alert", (level > Level::None && !is_closed).into());
    if let Some((id, name)) = confidence(record) {
        put(event, "confidence_id", id.into());
        put(event, "confidence", name.into());
    }
    let evidence = connection(record);
    if evidence.contains_key("src_endpoint") || evidence.contains_key("dst_endpoint") {
        put(event, "evidences", json!([evidence]));
    }
    let enrichments = enrichments(record);
    if !enrichments.is_empty() {
        put(event, "enrichments", enrichments.into());
    }
    retype(event, 2004);
}

fn flow(event: &mut Map<String, Value>, record: &Record) {
    let is_reset = record.text("borderflow.tcp_state") == Some("reset");
    let (activity, name) = match (is_reset, record.flag("borderflow.answered")) {
        (true, true) => (3, "Reset"),
        (true, false) => (5, "Refuse"),
        (false, false) => (4, "Fail"),
        (false, true) if record.text("borderflow.tcp_state") == Some("closed") => (2, "Close"),
        (false, true) => (6, "Traffic"),
    };
    classify(event, 4001, activity, name);
    // A sensor at a mirror port is neither end.
    put(event, "observation_point_id", 3.into());
    put(event, "observation_point", "Neither".into());
    event.extend(connection(record));
    fill(event, record, FLOW);
    let missed = ["borderflow.missed_bytes_sent", "borderflow.missed_bytes_received"];
    let missed: Vec<u64> = missed.into_iter().filter_map(|path| record.number(path)).collect();
    if !missed.is_empty() {
        put(event, "traffic.bytes_missed", missed.into_iter().fold(0, u64::saturating_add).into());
    }
    retype(event, 4001);
}

/// The class, its category, and the activity.
fn classify(event: &mut Map<String, Value>, class: u64, activity: u64, name: &str) {
    let (category, class_name) = if class == 2004 { (2, "Detection Finding") } else { (4, "Network Activity") };
    put(event, "category_uid", category.into());
    put(event, "category_name", if class == 2004 { "Findings" } else { "Network Activity" }.into());
    put(event, "class_uid", class.into());
    put(event, "class_name", class_name.into());
    put(event, "activity_id", activity.into());
    put(event, "activity_name", name.into());
}

/// `type_uid` follows from the class and what the activity came to be.
fn retype(event: &mut Map<String, Value>, class: u64) {
    let activity = event.get("activity_id").and_then(Value::as_u64).unwrap_or_default();
    put(event, "type_uid", (class * 100 + activity).into());
}

fn connection(record: &Record) -> Map<String, Value> {
    let mut connection = Map::new();
    if record.field("network").is_some() {
        // Required, and unknown unless the record says it.
        put(&mut connection, "connection_info.direction_id", 0.into());
    }
    fill(&mut connection, record, NETWORK);
    let mut tls = Map::new();
    fill(&mut tls, record, TLS);
    if tls.contains_key("version") {
        put(&mut connection, "tls", tls.into());
    }
    connection
}

/// Each piece of evidence, about the address of the flagged end, or of the asset where its maker is what counts.
fn enrichments(record: &Record) -> Vec<Value> {
    let (home, flagged) = match record.text("network.direction") {
        Some("inbound") => (("dst_endpoint", "destination.ip"), ("src_endpoint", "source.ip")),
        _ => (("src_endpoint", "source.ip"), ("dst_endpoint", "destination.ip")),
    };
    let one = |item: &Value| {
        let kind = item.get("kind").and_then(Value::as_str)?;
        let (end, path) = if kind == "made" { home } else { flagged };
        let mut data = item.as_object()?.clone();
        let provider = data.remove("source");
        let mut enrichment = Map::new();
        put(&mut enrichment, "name", format!("evidences.{end}.ip").into());
        put(&mut enrichment, "value", record.text(path)?.into());
        put(&mut enrichment, "type", "jurisdiction".into());
        put(&mut enrichment, "data", data.into());
        if let Some(provider) = provider {
            put(&mut enrichment, "provider", provider);
        }
        Some(Value::Object(enrichment))
    };
    record.list("borderflow.evidence").iter().filter_map(one).collect()
}

/// What no attribute holds.
fn unmapped(record: &Record) -> Map<String, Value> {
    let mut sets = Map::new();
    for set in UNMAPPED {
        let fields = record.field(set).and_then(Value::as_object).into_iter().flatten();
        let left = fields.filter(|(name, _)| set != "borderflow" || !MAPPED.contains(&name.as_str()));
        let left: Map<String, Value> = left.map(|(name, value)| (name.clone(), value.clone())).collect();
        if !left.is_empty() {
            sets.insert(set.to_owned(), left.into());
        }
    }
    for held in MAPPED_BELOW {
        remove(&mut sets, held);
    }
    sets
}

/// The strongest evidence.
fn confidence(record: &Record) -> Option<(u8, &'static str)> {
    let strengths = record.list("borderflow.evidence").iter().filter_map(|item| item.get("strength")?.as_str());
    let ranked = strengths.filter_map(|strength| match strength {
        "weak" => Some((1, "Low")),
        "medium" => Some((2, "Medium")),
        "strong" => Some((3, "High")),
        _ => None,
    });
    ranked.max()
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::None => "Informational",
        Level::Low => "Low",
        Level::Medium => "Medium",
        Level::High => "High",
        Level::Critical => "Critical",
    }
}

fn kilobytes(value: &Value) -> Option<Value> {
    value.as_u64().map(|bytes| bytes.div_ceil(1_000).into())
}

/// Looks `value` up among words.
fn lookup<T: Into<Value> + Copy>(value: &Value, words: &[(&str, T)]) -> Option<Value> {
    let word = value.as_str()?;
    words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| (*meaning).into())
}

fn activity(step: &Value) -> Option<Value> {
    lookup(step, &[("opened", 1), ("updated", 2), ("closed", 3)])
}

fn activity_name(step: &Value) -> Option<Value> {
    lookup(step, &[("opened", "Create"), ("updated", "Update"), ("closed", "Close")])
}

fn direction(direction: &Value) -> Option<Value> {
    lookup(direction, &[("inbound", 1), ("outbound", 2), ("internal", 3), ("external", 99)])
}

fn direction_name(direction: &Value) -> Option<Value> {
    let words = [("inbound", "Inbound"), ("outbound", "Outbound"), ("internal", "Lateral"), ("external", "External")];
    lookup(direction, &words)
}

fn boundary(direction: &Value) -> Option<Value> {
    lookup(direction, &[("inbound", 3), ("outbound", 3), ("internal", 2), ("external", 3)])
}

fn boundary_name(direction: &Value) -> Option<Value> {
    let words = [("inbound", "External"), ("outbound", "External"), ("internal", "Internal"), ("external", "External")];
    lookup(direction, &words)
}

fn ip_version(version: &Value) -> Option<Value> {
    lookup(version, &[("ipv4", 4), ("ipv6", 6)])
}

/// Who began is known where the handshake or a request shows it.
fn is_sure(basis: &Value) -> Option<Value> {
    basis.as_str().map(|basis| matches!(basis, "syn" | "synack" | "grammar").into())
}

fn ja4(fingerprints: &Value) -> Option<Value> {
    let one = |value: &Value| json!({ "type_id": 1, "type": "JA4", "value": value });
    Some(list(fingerprints)?.as_array()?.iter().map(one).collect())
}

/// A technique with a dot is a sub-technique.
fn attacks(threat: &Value) -> Option<Value> {
    let named = |set: &Value| {
        let (uid, name) = (set.get("id"), set.get("name"));
        let pairs = [("uid", uid), ("name", name)].into_iter().filter_map(|(key, value)| Some((key, value?.clone())));
        pairs.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>()
    };
    let mut attack = Map::new();
    if let Some(tactic) = threat.get("tactic") {
        put(&mut attack, "tactic", named(tactic).into());
    }
    if let Some(technique) = threat.get("technique") {
        let is_sub = technique.get("id").and_then(Value::as_str).is_some_and(|id| id.contains('.'));
        put(&mut attack, if is_sub { "sub_technique" } else { "technique" }, named(technique).into());
    }
    (!attack.is_empty()).then(|| json!([attack]))
}

/// The asset, as the resource that is affected.
fn resources(asset: &Value) -> Option<Value> {
    let mut resource = Map::new();
    for (key, field) in [("name", "name"), ("criticality", "criticality"), ("owner.name", "owner")] {
        if let Some(value) = asset.get(field) {
            put(&mut resource, key, value.clone());
        }
    }
    put(&mut resource, "role_id", 3.into());
    put(&mut resource, "role", "Affected".into());
    Some(json!([resource]))
}

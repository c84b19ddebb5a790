//! ArcSight Common Event Format, version 0 ("Micro Focus Security ArcSight Common Event Format, Implementation
//! Standard", revision 25): `CEF:0|vendor|product|version|class|name|severity|key=value …`.
//!
//! In the header `\` and `|` are escaped by `\`, in a value `\` and `=`; line breaks in values are `\n` and `\r`. Every
//! other character that ends a line or reorders text becomes U+FFFD. `in` counts what flowed from source to
//! destination, `out` what came back, as the standard has it. IPv6 addresses are `c6a2` and `c6a3`.

use std::io::Write as _;

use serde_json::Value;

use super::human::is_unprintable;
use super::mapping::{Row, colons, ipv4, ipv6, millis, same, tenth};
use super::record::{Kind, Record};

/// The header; severity is that of the alert on a scale of ten.
pub(super) const HEAD: &[Row] = &[
    ("(vendor)", "observer.vendor", same),
    ("(product)", "observer.product", same),
    ("(version)", "observer.version", same),
    ("(class)", "rule.id", same),
    ("(name)", "rule.name", same),
    ("(severity)", "event.severity", same),
];

/// The extension. `key:label` is a custom field with what its label says.
pub(super) const ROWS: &[Row] = &[
    ("rt", "@timestamp", millis),
    ("start", "event.start", millis),
    ("end", "event.end", millis),
    ("externalId", "event.id", same),
    ("act", "event.action", same),
    ("cat", "event.dataset", same),
    ("dvchost", "observer.hostname", same),
    ("src", "source.ip", ipv4),
    ("c6a2:Source IPv6 Address", "source.ip", ipv6),
    ("spt", "source.port", same),
    ("smac", "source.mac", colons),
    ("dst", "destination.ip", ipv4),
    ("c6a3:Destination IPv6 Address", "destination.ip", ipv6),
    ("dpt", "destination.port", same),
    ("dmac", "destination.mac", colons),
    ("dhost", "destination.domain", same),
    ("proto", "network.transport", same),
    ("app", "network.protocol", same),
    ("deviceDirection", "network.direction", direction),
    ("in", "source.bytes", same),
    ("out", "destination.bytes", same),
    ("cnt", "borderflow.finding.flows", same),
    ("requestClientApplication", "user_agent.original", same),
    ("cs1:asset", "borderflow.asset.name", same),
    ("cs2:jurisdiction", "borderflow.jurisdiction.iso_code", same),
    ("cs3:entity", "borderflow.entity.name", same),
    ("cs4:finding", "borderflow.finding.id", same),
    ("cs5:technique", "threat.technique.id", same),
    ("cs6:exception", "borderflow.exception.name", same),
    ("cn1:payloadBytesSent", "borderflow.finding.payload_bytes_sent", same),
    ("cn1:payloadBytesSent", "borderflow.payload_bytes_sent", same),
    ("cn2:payloadBytesReceived", "borderflow.finding.payload_bytes_received", same),
    ("cn2:payloadBytesReceived", "borderflow.payload_bytes_received", same),
    ("cn3:asNumber", "borderflow.entity.as_number", same),
    ("flexString1:communityId", "network.community_id", same),
    ("flexString2:managementClass", "borderflow.management.class", same),
    ("borderflowTruncated", "borderflow.truncated", same),
    ("reason", "event.reason", same),
    ("msg", "message", same),
];

/// Appends `record`.
pub(super) fn event(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(b"CEF:0");
    for part in header(record) {
        out.push(b'|');
        escape(part, b"\\|", out);
    }
    // A Vec takes everything.
    let _ = write!(out, "|{}|", tenth(record));
    let mut separator: &[u8] = b"";
    for (key, field, convert) in ROWS {
        let Some(value) = record.field(field).and_then(convert) else { continue };
        let (key, label) = key.split_once(':').unwrap_or((key, ""));
        out.extend_from_slice(separator);
        let _ = write!(out, "{key}=");
        print(&value, &mut |text, out| escape(text, b"\\=", out), out);
        if !label.is_empty() {
            let _ = write!(out, " {key}Label={label}");
        }
        separator = b" ";
    }
}

/// Vendor, product, version, class and name.
pub(super) fn header(record: &Record) -> [&str; 5] {
    let (class, name) = match record.kind() {
        Kind::Alert => ("alert", "Alert"),
        Kind::Flow => ("flow", "Flow ended"),
    };
    [
        record.text("observer.vendor").unwrap_or("Borderflow"),
        record.text("observer.product").unwrap_or("borderflow"),
        record.text("observer.version").unwrap_or("-"),
        record.text("rule.id").unwrap_or(class),
        record.text("rule.name").unwrap_or(name),
    ]
}

/// Appends a value as text, each text of it through `escape`; several are separated by `, `.
pub(super) fn print(value: &Value, escape: &mut dyn FnMut(&str, &mut Vec<u8>), out: &mut Vec<u8>) {
    match value {
        Value::String(text) => escape(text, out),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                print(value, escape, out);
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
        Value::Object(_) => escape(&value.to_string(), out),
    }
}

/// Appends `text` with a backslash before each of `marks`; line breaks too where `=` is one of them.
fn escape(text: &str, marks: &[u8], out: &mut Vec<u8>) {
    let is_value = marks.contains(&b'=');
    let is_mark = |c: char| u8::try_from(c).is_ok_and(|byte| marks.contains(&byte));
    let mut rest = text;
    while let Some(at) = rest.find(|c| is_mark(c) || is_unprintable(c)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = tail.chars();
        match characters.next() {
            Some('\n') if is_value => out.extend_from_slice(b"\\n"),
            Some('\r') if is_value => out.extend_from_slice(b"\\r"),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some('=') => out.extend_from_slice(b"\\="),
            Some('|') => out.extend_from_slice(b"\\|"),
            Some(_) | None => out.extend_from_slice("\u{fffd}".as_bytes()),
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn direction(direction: &Value) -> Option<Value> {
    match direction.as_str()? {
        "inbound" => Some(0.into()),
        "outbound" => Some(1.into()),
        _ => None,
    }
}

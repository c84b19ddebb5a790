//! IBM Log Event Extended Format 2.0 (<https://www.ibm.com/docs/en/dsm?topic=overview-leef-event-components>):
//! `LEEF:2.0|vendor|product|version|event|x09|key=value<tab>…`, times in milliseconds since the epoch.
//!
//! The format has no escape, so each character that ends a field, a line or the header, or that reorders text, becomes
//! U+FFFD. A value may hold `=`: its key ends at the first one.

use std::io::Write as _;

use super::cef::{header, print};
use super::human::is_unprintable;
use super::mapping::{Row, colons, millis, same, tenth};
use super::record::Record;

/// The header.
pub(super) const HEAD: &[Row] = &[
    ("(vendor)", "observer.vendor", same),
    ("(product)", "observer.product", same),
    ("(version)", "observer.version", same),
    ("(event)", "rule.id", same),
    ("sev", "event.severity", same),
];

/// The attributes: those that IBM defines, then our own.
pub(super) const ROWS: &[Row] = &[
    ("devTime", "@timestamp", millis),
    ("cat", "event.action", same),
    ("proto", "network.transport", same),
    ("src", "source.ip", same),
    ("srcPort", "source.port", same),
    ("srcMAC", "source.mac", colons),
    ("srcBytes", "source.bytes", same),
    ("srcPackets", "source.packets", same),
    ("dst", "destination.ip", same),
    ("dstPort", "destination.port", same),
    ("dstMAC", "destination.mac", colons),
    ("dstBytes", "destination.bytes", same),
    ("dstPackets", "destination.packets", same),
    ("totalPackets", "network.packets", same),
    ("policy", "rule.name", same),
    ("resource", "borderflow.asset.name", same),
    ("url", "destination.domain", same),
    ("eventId", "event.id", same),
    ("dataset", "event.dataset", same),
    ("start", "event.start", millis),
    ("end", "event.end", millis),
    ("sensor", "observer.hostname", same),
    ("app", "network.protocol", same),
    ("direction", "network.direction", same),
    ("communityId", "network.community_id", same),
    ("findingId", "borderflow.finding.id", same),
    ("findingFlows", "borderflow.finding.flows", same),
    ("payloadBytesSent", "borderflow.finding.payload_bytes_sent", same),
    ("payloadBytesSent", "borderflow.payload_bytes_sent", same),
    ("payloadBytesReceived", "borderflow.finding.payload_bytes_received", same),
    ("payloadBytesReceived", "borderflow.payload_bytes_received", same),
    ("jurisdiction", "borderflow.jurisdiction.iso_code", same),
    ("entity", "borderflow.entity.name", same),
    ("asNumber", "borderflow.entity.as_number", same),
    ("managementClass", "borderflow.management.class", same),
    ("exception", "borderflow.exception.name", same),
    ("technique", "threat.technique.id", same),
    ("userAgent", "user_agent.original", same),
    ("truncated", "borderflow.truncated", same),
    ("reason", "event.reason", same),
    ("message", "message", same),
];

/// Appends `record`.
pub(super) fn event(record: &Record, out: &mut Vec<u8>) {
    out.extend_from_slice(b"LEEF:2.0");
    let [vendor, product, version, class, _] = header(record);
    for part in [vendor, product, version, class] {
        out.push(b'|');
        replace(part, "|", out);
    }
    // A Vec takes everything.
    let _ = write!(out, "|x09|sev={}", tenth(record).max(1));
    for (key, field, convert) in ROWS {
        let Some(value) = record.field(field).and_then(convert) else { continue };
        let _ = write!(out, "\t{key}=");
        print(&value, &mut |text, out| replace(text, "", out), out);
    }
}

/// Appends `text`, printable and without `marks`.
fn replace(text: &str, marks: &str, out: &mut Vec<u8>) {
    for (index, plain) in text.split(|c| is_unprintable(c) || marks.contains(c)).enumerate() {
        if index > 0 {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
        out.extend_from_slice(plain.as_bytes());
    }
}

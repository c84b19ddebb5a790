//! What leaves a record, and in which order, where it is larger than its transport takes.
//!
//! 1. Where each piece of evidence comes from, and its date; legal bases and reasons that stand twice.
//! 2. The device as the network shows it; what payloads said; addresses of cards, VLANs, counters of packets.
//! 3. The flow behind the alert, details of management, coverage and volume.
//! 4. Texts longer than 256 bytes are cut to that, lists to four.
//! 5. Reasons, technique and names of countries and networks.
//! 6. The evidence, and texts longer than 128 bytes.
//! 7. Everything but [`ESSENTIAL`], with texts of 96 bytes at most.
//! 8. Everything but [`LEAST`], then texts are cut to 48 bytes, then the exception, the direction and the action go
//!    and the name of the asset is cut to 16 bytes.
//!
//! A text that is cut ends with `…`. No time, address or identifier of ours is longer than 48 bytes.

use serde_json::{Map, Value};

use super::Record;
use super::human::Printable;
use super::json::put;

/// One act of shortening.
pub(super) enum Step {
    /// These fields go.
    Drop(&'static [&'static str]),
    /// Texts of more bytes than this are cut, and lists of more values.
    Cut { text_bytes: usize, values: usize },
    /// This text is cut.
    CutField { path: &'static str, text_bytes: usize },
    /// Only these fields stay.
    Keep(&'static [&'static str]),
}

pub(super) const STEPS: [Step; 13] = [
    Step::Drop(&[
        "borderflow.evidence.source",
        "borderflow.evidence.date",
        "borderflow.jurisdiction.basis",
        "borderflow.severity.reasons",
    ]),
    Step::Drop(&[
        "borderflow.asset.device",
        "tls",
        "url",
        "http",
        "user_agent",
        "dns",
        "ssh",
        "source.mac",
        "destination.mac",
        "source.packets",
        "destination.packets",
        "network.packets",
        "network.vlan",
        "network.inner",
        "borderflow.banner",
        "borderflow.mqtt_client_id",
        "borderflow.tunnel_path",
    ]),
    Step::Drop(&[
        "borderflow.flow",
        "borderflow.management.functions",
        "borderflow.management.details",
        "borderflow.management.commands",
        "borderflow.management.exchanges",
        "borderflow.coverage",
        "borderflow.volume",
    ]),
    Step::Cut { text_bytes: 256, values: 4 },
    Step::Drop(&[
        "event.reason",
        "event.risk_score",
        "event.duration",
        "rule.description",
        "related",
        "source.geo.country_name",
        "destination.geo.country_name",
        "source.as.organization",
        "destination.as.organization",
        "threat.framework",
        "threat.tactic.name",
        "threat.technique.name",
        "borderflow.jurisdiction.name",
        "borderflow.asset.owner",
        "borderflow.asset.supplier",
    ]),
    Step::Cut { text_bytes: 128, values: 4 },
    Step::Drop(&["borderflow.evidence"]),
    Step::Keep(ESSENTIAL),
    Step::Cut { text_bytes: 96, values: 2 },
    Step::Keep(LEAST),
    Step::Cut { text_bytes: 48, values: 1 },
    Step::Drop(&["borderflow.exception", "network.direction", "event.action"]),
    Step::CutField { path: "borderflow.asset.name", text_bytes: 16 },
];

/// What stays longest.
pub(super) const ESSENTIAL: &[&str] = &[
    "@timestamp",
    "message",
    "ecs.version",
    "event.kind",
    "event.category",
    "event.type",
    "event.module",
    "event.dataset",
    "event.id",
    "event.action",
    "event.start",
    "event.end",
    "event.severity",
    "source.ip",
    "source.port",
    "source.bytes",
    "destination.ip",
    "destination.port",
    "destination.domain",
    "destination.bytes",
    "network.transport",
    "network.direction",
    "network.community_id",
    "rule.id",
    "rule.name",
    "observer.vendor",
    "observer.product",
    "observer.version",
    "observer.hostname",
    "borderflow.truncated",
    "borderflow.whole_bytes",
    "borderflow.finding",
    "borderflow.asset.name",
    "borderflow.jurisdiction.iso_code",
    "borderflow.entity",
    "borderflow.severity.level",
    "borderflow.management.class",
    "borderflow.exception.name",
    "borderflow.answered",
    "borderflow.payload_bytes_sent",
    "borderflow.payload_bytes_received",
];

/// What no record goes without.
const LEAST: &[&str] = &[
    "@timestamp",
    "ecs.version",
    "event.kind",
    "event.module",
    "event.dataset",
    "event.id",
    "event.action",
    "event.severity",
    "source.ip",
    "source.port",
    "destination.ip",
    "destination.port",
    "network.transport",
    "network.direction",
    "rule.id",
    "observer.version",
    "borderflow.truncated",
    "borderflow.whole_bytes",
    "borderflow.finding.id",
    "borderflow.finding.step",
    "borderflow.asset.name",
    "borderflow.jurisdiction.iso_code",
    "borderflow.exception.name",
];

impl Step {
    /// Whether it changed anything.
    pub(super) fn apply(&self, record: &mut Record) -> bool {
        match self {
            Step::Drop(paths) => {
                let fields = record.value_mut();
                paths.iter().fold(false, |changed, path| remove(fields, path) | changed)
            }
            Step::Cut { text_bytes, values } => cut_all(record.value_mut(), *text_bytes, *values),
            Step::CutField { path, text_bytes } => {
                let mut names = path.split('.');
                let first = names.next().and_then(|name| record.value_mut().get_mut(name));
                let field = first.and_then(|first| names.try_fold(first, |value, name| value.get_mut(name)));
                field.is_some_and(|field| cut(field, *text_bytes, usize::MAX))
            }
            Step::Keep(paths) => {
                let mut kept = Map::new();
                for path in *paths {
                    if let Some(value) = record.field(path) {
                        put(&mut kept, path, value.clone());
                    }
                }
                let changed = kept != *record.value();
                *record.value_mut() = kept;
                changed
            }
        }
    }
}

/// Removes the field at a dotted path, from each object of a list, and the objects that it leaves empty.
pub(super) fn remove(object: &mut Map<String, Value>, path: &str) -> bool {
    let Some((first, rest)) = path.split_once('.') else { return object.remove(path).is_some() };
    let Some(value) = object.get_mut(first) else { return false };
    let mut changed = false;
    if let Some(inner) = value.as_object_mut() {
        changed = remove(inner, rest);
        if inner.is_empty() {
            object.remove(first);
        }
    } else if let Some(values) = value.as_array_mut() {
        for inner in values.iter_mut().filter_map(Value::as_object_mut) {
            changed |= remove(inner, rest);
        }
    }
    changed
}

fn cut_all(object: &mut Map<String, Value>, text_bytes: usize, values: usize) -> bool {
    object.values_mut().fold(false, |changed, value| cut(value, text_bytes, values) | changed)
}

fn cut(value: &mut Value, text_bytes: usize, values: usize) -> bool {
    match value {
        Value::String(text) if text.len() > text_bytes => {
            *text = cut_text(text, text_bytes);
            true
        }
        Value::Array(list) => {
            let changed = list.len() > values;
            list.truncate(values);
            list.iter_mut().fold(changed, |changed, value| cut(value, text_bytes, values) | changed)
        }
        Value::Object(object) => cut_all(object, text_bytes, values),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// `text`, printable, in at most `most_bytes`, ending with `…`.
pub(super) fn cut_text(text: &str, most_bytes: usize) -> String {
    const MARK: char = '…';
    let mut cut = Printable(text).to_string();
    let room = most_bytes.saturating_sub(MARK.len_utf8());
    let end = (0..=room).rev().find(|at| cut.is_char_boundary(*at));
    cut.truncate(end.unwrap_or_default());
    cut.push(MARK);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut_text("kamera u brány číslo dvě", 14), "kamera u br…");
        assert_eq!(cut_text("ááááááá", 8), "áá…");
        assert_eq!(cut_text("a\u{202e}bcdefghijk", 8), "a\u{fffd}b…", "what reorders is replaced first");
    }

    #[test]
    fn a_field_leaves_every_object_of_a_list_and_no_empty_object_behind() {
        let mut fields: Map<String, Value> =
            serde_json::from_str(r#"{"a":{"b":{"c":1}},"l":[{"x":1,"y":2},{"y":3}],"n":4}"#).unwrap();
        assert!(remove(&mut fields, "a.b.c") && remove(&mut fields, "l.x") && !remove(&mut fields, "n.x"));
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"l":[{"y":2},{"y":3}],"n":4}"#);
    }
}

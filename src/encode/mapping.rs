//! Rows that lead from ECS fields to the keys of another format, and what becomes of a value on the way.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::net::Timestamp;

use super::Record;
use super::json::put;
use super::record::timestamp;

/// The key of the other format (dotted where it is JSON), the ECS field, and how the value is written; a value that
/// cannot be written so leaves no key.
pub(super) type Row = (&'static str, &'static str, Convert);

/// How a value is written.
pub(super) type Convert = fn(&Value) -> Option<Value>;

/// Puts what `record` has for `rows` into `object`.
pub(super) fn fill(object: &mut Map<String, Value>, record: &Record, rows: &[Row]) {
    for (key, field, convert) in rows {
        if let Some(value) = record.field(field).and_then(convert) {
            put(object, key, value);
        }
    }
}

/// As it is.
pub(super) fn same(value: &Value) -> Option<Value> {
    Some(value.clone())
}

/// The first of several.
pub(super) fn first(value: &Value) -> Option<Value> {
    match value.as_array() {
        Some(values) => values.first().cloned(),
        None => Some(value.clone()),
    }
}

/// A list, also of one.
pub(super) fn list(value: &Value) -> Option<Value> {
    Some(if value.is_array() { value.clone() } else { Value::Array(vec![value.clone()]) })
}

/// A time in milliseconds since the epoch.
pub(super) fn millis(value: &Value) -> Option<Value> {
    time(value).map(|time| time.as_millis().into())
}

/// Nanoseconds in milliseconds.
pub(super) fn nanos_to_millis(value: &Value) -> Option<Value> {
    value.as_u64().map(|nanos| (nanos / 1_000_000).into())
}

/// A number that ECS keeps as a keyword.
pub(super) fn integer(value: &Value) -> Option<Value> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).map(Value::from)
}

/// An IPv4 address.
pub(super) fn ipv4(value: &Value) -> Option<Value> {
    address(value).filter(IpAddr::is_ipv4).map(|_| value.clone())
}

/// An IPv6 address.
pub(super) fn ipv6(value: &Value) -> Option<Value> {
    address(value).filter(IpAddr::is_ipv6).map(|_| value.clone())
}

/// A MAC address with colons.
pub(super) fn colons(value: &Value) -> Option<Value> {
    value.as_str().map(|mac| mac.replace('-', ":").into())
}

/// In capitals.
pub(super) fn capitals(value: &Value) -> Option<Value> {
    value.as_str().map(|text| text.to_ascii_uppercase().into())
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(timestamp)
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

/// How grave an alert is, in steps that every format knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Nothing to act on: a flow record, an accepted risk.
    None,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub(super) fn of(record: &Record) -> Level {
        match record.number("event.severity") {
            None | Some(0) => Level::None,
            Some(1..30) => Level::Low,
            Some(30..60) => Level::Medium,
            Some(60..80) => Level::High,
            Some(80..) => Level::Critical,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

/// `event.severity` on a scale of ten.
pub(super) fn tenth(record: &Record) -> u64 {
    (record.number("event.severity").unwrap_or_default().min(100) + 5) / 10
}

//! A record of ours read back: the ECS JSON of an alert or a flow, with getters by dotted path.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::net::Timestamp;

use super::EncodeError;
use super::json::put;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step of a finding, or what the sensor says of itself (`event.dataset` is `borderflow.alert`).
    Alert,
    /// A flow that ended (`borderflow.flow`).
    Flow,
}

/// A parsed record. Every getter answers for every path: what is not there, or of another type, is `None` or empty.
#[derive(Clone, Debug)]
pub struct Record {
    kind: Kind,
    fields: Map<String, Value>,
}

/// As much of a record as shows whose it is; the rest only has to be JSON.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event: EventHead<'a>,
    #[serde(rename = "@timestamp")]
    _timestamp: IgnoredAny,
}

#[derive(Deserialize)]
struct EventHead<'a> {
    dataset: &'a str,
}

impl Kind {
    fn of(dataset: &str) -> Result<Self, EncodeError> {
        match dataset {
            "borderflow.alert" => Ok(Kind::Alert),
            "borderflow.flow" => Ok(Kind::Flow),
            other => Err(EncodeError::NotOurs(format!("event.dataset is {other:?}"))),
        }
    }
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// The bytes are not one JSON object with `@timestamp` and an `event.dataset` of ours.
    pub fn parse(body: &[u8]) -> Result<Self, EncodeError> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(not_ours)?;
        let mut record = Record { kind: Kind::Alert, fields };
        record.kind = Kind::of(record.text("event.dataset").unwrap_or_default())?;
        match record.text("@timestamp") {
            Some(_) => Ok(record),
            None => Err(EncodeError::NotOurs("@timestamp is missing".to_owned())),
        }
    }

    /// Whether [`Record::parse`] would read `body`, without keeping it.
    pub(super) fn check(body: &[u8]) -> Result<Kind, EncodeError> {
        let head: Head<'_> = serde_json::from_slice(body).map_err(not_ours)?;
        Kind::of(head.event.dataset)
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The value at a dotted path such as `source.geo.country_iso_code`.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.fields.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// The text at a path; the first of several.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.list(path).first().and_then(Value::as_str)
    }

    /// The number at a path.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<u64> {
        self.field(path).and_then(Value::as_u64)
    }

    /// Whether the path holds `true`.
    #[must_use]
    pub fn flag(&self, path: &str) -> bool {
        self.field(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The values at a path; one value is a list of one.
    #[must_use]
    pub fn list(&self, path: &str) -> &[Value] {
        match self.field(path) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(values)) => values,
            Some(value) => std::slice::from_ref(value),
        }
    }

    /// The time at a path, written as RFC 3339 in UTC.
    #[must_use]
    pub fn time(&self, path: &str) -> Option<Timestamp> {
        self.text(path).and_then(timestamp)
    }

    /// True where fields were left out of it.
    #[must_use]
    pub fn is_shortened(&self) -> bool {
        self.flag("borderflow.truncated")
    }

    pub(super) fn mark_shortened(&mut self, whole_bytes: usize) {
        if self.is_shortened() {
            return;
        }
        put(&mut self.fields, "borderflow.truncated", Value::Bool(true));
        put(&mut self.fields, "borderflow.whole_bytes", whole_bytes.into());
    }

    pub(super) fn value(&self) -> &Map<String, Value> {
        &self.fields
    }

    pub(super) fn value_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.fields
    }
}

fn not_ours(error: serde_json::Error) -> EncodeError {
    EncodeError::NotOurs(error.to_string())
}

/// `2025-09-03T08:15:00.000000005Z`, with up to nine digits of fraction or none; `None` for anything else.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.strip_suffix('Z').filter(|text| text.is_ascii())?;
    let (whole, fraction) = bytes.split_once('.').unwrap_or((bytes, ""));
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if whole.len() != 19 || fraction.len() > 9 || marks.iter().any(|(at, mark)| whole.get(*at..at + 1) != Some(mark)) {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = whole.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let nanos = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse::<u32>().ok()? };
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    Some(Timestamp::from_parts(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second, nanos))
}

/// Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was_written() {
        for nanos in [0, 951_782_400_000_000_000, 1_756_887_300_000_000_005, u64::MAX, 1_709_164_800_123_456_789] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(timestamp(&time.to_string()), Some(time));
        }
        assert_eq!(timestamp("2025-09-03T08:15:00.5Z").map(Timestamp::as_millis), Some(1_756_887_300_500));
        assert_eq!(timestamp("2025-09-03T08:15:00Z").map(Timestamp::as_secs), Some(1_756_887_300));
        for bad in ["", "Z", "2025-09-03 08:15:00Z", "2025-13-03T08:15:00Z", "+025-09-03T08:15:00Z", "éééééééééZ"]
        {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_none_of_ours_is_said_to_be_so() {
        let bodies = [
            "",
            "[]",
            "{}",
            r#"{"event":{"dataset":"zeek.conn"},"@timestamp":"x"}"#,
            r#"{"event":{"dataset":"borderflow.alert"}}"#,
            r#"{"event":{"dataset":"borderflow.alert"},"@timestamp":"x"} {}"#,
        ];
        for body in bodies {
            let (parsed, checked) = (Record::parse(body.as_bytes()), Record::check(body.as_bytes()));
            assert!(matches!(parsed, Err(EncodeError::NotOurs(_))), "{body}");
            assert!(matches!(checked, Err(EncodeError::NotOurs(_))), "{body}");
        }
    }

    #[test]
    fn getters_answer_for_every_path() {
        let body = r#"{"@timestamp":"x","event":{"dataset":"borderflow.flow"},"dns":{"question":{"name":["a","b"]}}}"#;
        let record = Record::parse(body.as_bytes()).unwrap();
        assert_eq!(record.kind(), Kind::Flow);
        assert_eq!((record.text("dns.question.name"), record.list("dns.question.name").len()), (Some("a"), 2));
        assert_eq!((record.text("dns"), record.number("event.dataset"), record.time("@timestamp")), (None, None, None));
        assert!(record.list("no.such.path").is_empty() && !record.flag(""));
    }
}

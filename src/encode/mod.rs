//! Alerts and flows as bytes: one format per file, pure functions.
//!
//! [`ecs`] writes what the judge says as one JSON record, the native form and what the journal keeps. Every other
//! format is a mapping of that record: a table of rows from ECS fields to its own keys, so it serves alerts, flow
//! records and what a journal exports alike, and does with any field missing.
//!
//! A record that is larger than its transport takes is not cut: fields leave it in the order of `shorten` until it
//! fits, and it says that it was shortened.

mod cef;
mod eve;
mod leef;
mod line;
mod mapping;
mod ocsf;
mod pen;
mod record;
mod shorten;

pub mod ecs;
pub mod human;
pub mod json;
pub mod text;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use record::{Kind, Record};

/// How an alert or a flow record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Elastic Common Schema 9: JSON.
    Ecs,
    /// Open Cybersecurity Schema Framework 1.8: JSON.
    Ocsf,
    /// ArcSight Common Event Format 0.
    Cef,
    /// IBM Log Event Extended Format 2.0.
    Leef,
    /// Suricata's EVE: JSON.
    Eve,
    /// A line for people, and a table at the end of a replay.
    Text(Style),
}

/// Whether text may carry colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// ANSI colours.
    Coloured,
}

/// Whether a record kept all its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Everything is there.
    Whole,
    /// Fields were left out to keep to the limit; the record says so.
    Shortened,
}

/// Why a record cannot be written.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    /// The bytes are no record of this program.
    #[error("not a record of borderflow: {0}")]
    NotOurs(String),
    /// Not even what an alert must say fits.
    #[error("{format} needs {needed_bytes} bytes for the least it must say; the output takes {max_bytes}")]
    TooSmall {
        /// The format.
        format: Format,
        /// Size of the shortest form.
        needed_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
}

/// A name that is no format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("no format is called \"{asked}\"; there are {}", Format::NAMES.map(|(name, _)| name).join(", "))]
pub struct UnknownFormat {
    asked: String,
}

impl Format {
    /// Every format by the name that the configuration and the command line use.
    pub const NAMES: [(&'static str, Format); 6] = [
        ("ecs", Format::Ecs),
        ("ocsf", Format::Ocsf),
        ("cef", Format::Cef),
        ("leef", Format::Leef),
        ("eve", Format::Eve),
        ("text", Format::Text(Style::Plain)),
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Ecs => "ecs",
            Format::Ocsf => "ocsf",
            Format::Cef => "cef",
            Format::Leef => "leef",
            Format::Eve => "eve",
            Format::Text(_) => "text",
        }
    }

    /// Media type of one record (RFC 6838).
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        if self.is_json() { "application/json" } else { "text/plain; charset=utf-8" }
    }

    /// True where a record is one JSON object.
    #[must_use]
    pub const fn is_json(self) -> bool {
        matches!(self, Format::Ecs | Format::Ocsf | Format::Eve)
    }

    /// The smallest limit, in bytes, that every record of ours fits: 480, which each syslog receiver must accept
    /// (RFC 5424, 6.1), or 1,024 for JSON.
    #[must_use]
    pub const fn least_bytes(self) -> usize {
        if self.is_json() { 1_024 } else { 480 }
    }

    /// The ECS fields that the format writes under keys of its own, each with its key, in the order of the record;
    /// none for ECS itself and for text.
    #[must_use]
    pub fn fields(self) -> Vec<(&'static str, &'static str)> {
        let tables: &[&[mapping::Row]] = match self {
            Format::Ecs | Format::Text(_) => &[],
            Format::Ocsf => &[ocsf::HEAD, ocsf::FINDING, ocsf::NETWORK, ocsf::FLOW],
            Format::Cef => &[cef::HEAD, cef::ROWS],
            Format::Leef => &[leef::HEAD, leef::ROWS],
            Format::Eve => &[eve::ROWS, eve::ALERT],
        };
        tables.iter().flat_map(|rows| rows.iter()).map(|(key, field, _)| (*field, *key)).collect()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Format::NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, format)| format).ok_or_else(|| UnknownFormat { asked: name.to_owned() })
    }
}

/// Appends `body`, one ECS record of ours, in `format` and in at most `max_bytes`, without a line break.
///
/// ECS that fits is copied as it is.
///
/// # Errors
/// `body` is no record of ours, or its shortest form does not fit, which [`Format::least_bytes`] rules out for
/// records this program makes. Nothing is appended then.
pub fn record(format: Format, body: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> Result<Fit, EncodeError> {
    if format == Format::Ecs && body.len() <= max_bytes && json::is_plain(body) {
        Record::check(body)?;
        out.extend_from_slice(body);
        return Ok(Fit::Whole);
    }
    let mut record = Record::parse(body)?;
    let too_small = |needed_bytes| EncodeError::TooSmall { format, needed_bytes, max_bytes };
    let append: fn(&Record, &mut Vec<u8>) = match format {
        Format::Text(style) => return line::event(&record, style, max_bytes, out).map_err(too_small),
        Format::Ecs => |record, out| json::write(record.value(), out),
        Format::Ocsf => |record, out| json::write(&ocsf::event(record), out),
        Format::Cef => cef::event,
        Format::Leef => leef::event,
        Format::Eve => |record, out| json::write(&eve::event(record), out),
    };
    let start = out.len();
    append(&record, out);
    if out.len() - start <= max_bytes {
        return Ok(if record.is_shortened() { Fit::Shortened } else { Fit::Whole });
    }
    record.mark_shortened(body.len());
    for step in &shorten::STEPS {
        if !step.apply(&mut record) {
            continue;
        }
        out.truncate(start);
        append(&record, out);
        if out.len() - start <= max_bytes {
            return Ok(Fit::Shortened);
        }
    }
    let needed_bytes = out.len() - start;
    out.truncate(start);
    Err(too_small(needed_bytes))
}

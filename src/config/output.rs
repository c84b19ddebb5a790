//! `[[output]]` and `[[flow_output]]`: where alerts and flow records go, each kind with keys of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::source::Sources;
use super::table::{Reader, Table};
use super::transport;
use super::value::{Parsed, integer};
use crate::deliver::{self, Filter, FlowOptions, Target, WhenFull};
use crate::detect::Assets;
use crate::encode::Format;
use crate::net::Country;

/// `[[output]]`: where alerts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Unique among all outputs.
    pub name: String,
    /// Transport.
    pub target: Target,
    /// How an alert is written.
    pub format: Format,
    /// Which alerts.
    pub filter: Filter,
}

impl Output {
    /// For the delivery of the journal's entries.
    #[must_use]
    pub fn delivery(&self) -> deliver::Options {
        deliver::Options {
            name: self.name.clone(),
            target: self.target.clone(),
            format: self.format,
            filter: self.filter.clone(),
        }
    }
}

/// What `kinds` can name: the rules, and alerts about the sensor itself.
const RULES: [&str; 7] = ["egress", "attempt", "flagged-device", "remote-management", "login-failed", "volume", "self"];

const FORMATS: [&str; 6] = ["ecs", "ocsf", "cef", "leef", "eve", "text"];

/// Keys of every `[[output]]`.
const KEYS: [&str; 7] = ["name", "kind", "format", "min_severity", "assets", "jurisdictions", "kinds"];
/// Keys of every `[[flow_output]]`.
const FLOW_KEYS: [&str; 4] = ["name", "kind", "queue_bytes", "when_full"];
/// Kinds that flow records can go to.
const FLOW_KINDS: [&str; 3] = ["file", "nats", "kafka"];

/// What no two outputs share.
#[derive(Default)]
pub(super) struct Taken {
    names: HashMap<String, Range<usize>>,
    files: HashMap<PathBuf, Range<usize>>,
}

pub(super) fn outputs(
    tables: &[Spanned<Table>],
    taken: &mut Taken,
    sources: &Sources<'_>,
) -> Result<Vec<Output>, ConfigError> {
    tables.iter().map(|table| output(table, taken, sources)).collect()
}

fn output(table: &Spanned<Table>, taken: &mut Taken, sources: &Sources<'_>) -> Result<Output, ConfigError> {
    let allowed = |kind: &str| KEYS.into_iter().chain(transport::keys(kind)).collect();
    let reader = Reader::new(table, sources, "an output", &transport::KINDS, allowed)?;
    let name = name(&reader, taken, sources)?;
    let target = transport::target(&reader, "borderflow.alert.{kind}", "borderflow.alerts")?;
    is_free(&reader, &target, taken, sources)?;
    let format = reader.word("format", &FORMATS)?.and_then(|name| name.parse().ok()).unwrap_or(Format::Ecs);
    if matches!(target, Target::Elasticsearch(_)) && !format.is_json() {
        return Err(reader.invalid("format", "Elasticsearch takes JSON only; expected ecs, ocsf or eve"));
    }
    Ok(Output { name, target, format, filter: filter(&reader)? })
}

pub(super) fn flow_outputs(
    tables: &[Spanned<Table>],
    taken: &mut Taken,
    sources: &Sources<'_>,
) -> Result<Vec<FlowOptions>, ConfigError> {
    tables.iter().map(|table| flow_output(table, taken, sources)).collect()
}

fn flow_output(table: &Spanned<Table>, taken: &mut Taken, sources: &Sources<'_>) -> Result<FlowOptions, ConfigError> {
    let allowed = |kind: &str| FLOW_KEYS.into_iter().chain(transport::keys(kind)).collect();
    let reader = Reader::new(table, sources, "a flow output", &FLOW_KINDS, allowed)?;
    let name = name(&reader, taken, sources)?;
    let target = transport::target(&reader, "borderflow.flow", "borderflow.flows")?;
    is_free(&reader, &target, taken, sources)?;
    let queue_bytes = reader.read("queue_bytes", integer::<1_048_576, 17_179_869_184, usize, _>)?.unwrap_or(64 << 20);
    let when_full = match reader.word("when_full", &["drop_new", "block"])? {
        Some("block") => WhenFull::Block,
        _ => WhenFull::DropNew,
    };
    Ok(FlowOptions { name, target, queue_bytes, when_full })
}

fn name(reader: &Reader<'_>, taken: &mut Taken, sources: &Sources<'_>) -> Result<String, ConfigError> {
    let name = reader.needed_text("name")?;
    let span = reader.value("name").map(Spanned::span).unwrap_or_default();
    if let Some(before) = taken.names.insert(name.clone(), span) {
        return Err(reader.invalid("name", format!("another output is called {name:?} ({})", sources.place(&before))));
    }
    Ok(name)
}

fn is_free(reader: &Reader<'_>, target: &Target, taken: &mut Taken, sources: &Sources<'_>) -> Result<(), ConfigError> {
    let path = match target.file() {
        Some(path) => path.to_owned(),
        None if *target == Target::Stdout => PathBuf::from("-"),
        None => return Ok(()),
    };
    let span = reader.value("path").or(reader.value("kind")).map(Spanned::span).unwrap_or_default();
    match taken.files.insert(path, span) {
        Some(before) => {
            let (key, what) =
                if *target == Target::Stdout { ("kind", "standard output") } else { ("path", "this file") };
            Err(reader.invalid(key, format!("another output writes to {what} ({})", sources.place(&before))))
        }
        None => Ok(()),
    }
}

/// The assets that an output wants must be some: a misspelt name would get nothing, and nobody would notice.
pub(super) fn check_assets(table: &Spanned<Table>, assets: &Assets, sources: &Sources<'_>) -> Result<(), ConfigError> {
    let allowed = |kind: &str| KEYS.into_iter().chain(transport::keys(kind)).collect();
    let reader = Reader::new(table, sources, "an output", &transport::KINDS, allowed)?;
    let is_known = |name: &String| {
        name.parse::<IpAddr>().is_ok() || assets.declared().iter().any(|asset| asset.name.eq_ignore_ascii_case(name))
    };
    match reader.texts("assets")?.iter().find(|name| !is_known(name)) {
        Some(unknown) => Err(reader.invalid("assets", format!("{unknown:?} is the name of no [[asset]]"))),
        None => Ok(()),
    }
}

fn filter(reader: &Reader<'_>) -> Result<Filter, ConfigError> {
    let countries = reader.read("jurisdictions", Vec::<Parsed<Country>>::deserialize)?.unwrap_or_default();
    let kinds = reader.texts("kinds")?;
    if let Some(unknown) = kinds.iter().find(|kind| !RULES.contains(&kind.as_str())) {
        return Err(reader.invalid("kinds", format!("unknown value `{unknown}` (allowed: {})", RULES.join(", "))));
    }
    Ok(Filter {
        min_severity: reader.read("min_severity", integer::<0, 100, u8, _>)?.unwrap_or(0),
        assets: reader.texts("assets")?,
        jurisdictions: countries.into_iter().map(|Parsed(country)| country.to_string()).collect(),
        kinds,
    })
}

/// Seconds as a duration.
pub(super) fn seconds(written: Option<u64>, default: u64) -> Duration {
    Duration::from_secs(written.unwrap_or(default))
}

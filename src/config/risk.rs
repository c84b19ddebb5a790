//! Accepted risks and thresholds: `[[exception]]`, `[[threshold]]` and `[ledger]`.

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use toml::Spanned;

use super::ConfigError;
use super::schema::Asn;
use super::source::Sources;
use super::value::{Parsed, Text, integer, one_of};
use crate::attribute::Suffix;
use crate::detect::{Activity, Assets, Exception, ExceptionScope, Schedule, Threshold};
use crate::net::{Country, Prefix, Timestamp};

/// `[ledger]`: what assets may send to one entity, and how many ledgers are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Ledger {
    /// Payload bytes in an hour; 0: any number.
    #[serde(deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    pub hour_bytes: u64,
    /// In a day.
    #[serde(deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    pub day_bytes: u64,
    /// In 30 days.
    #[serde(deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    pub month_bytes: u64,
    /// Ledgers at most.
    #[serde(deserialize_with = "integer::<1, 10_000_000, _, _>")]
    pub max_ledgers: u32,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger { hour_bytes: 100_000_000, day_bytes: 500_000_000, month_bytes: 2_000_000_000, max_ledgers: 200_000 }
    }
}

impl Ledger {
    /// What holds for assets that no `[[threshold]]` names.
    pub(super) fn threshold(&self) -> Threshold {
        Threshold {
            assets: Vec::new(),
            sectors: Vec::new(),
            bytes: [self.hour_bytes, self.day_bytes, self.month_bytes].map(bound),
        }
    }
}

fn bound(bytes: u64) -> Option<u64> {
    (bytes > 0).then_some(bytes)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ThresholdEntry {
    #[serde(default)]
    assets: Vec<Spanned<Parsed<Text>>>,
    #[serde(default)]
    sectors: Vec<Spanned<Parsed<Text>>>,
    #[serde(default, deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    hour_bytes: u64,
    #[serde(default, deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    day_bytes: u64,
    #[serde(default, deserialize_with = "integer::<0, 1_000_000_000_000_000, _, _>")]
    month_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ExceptionEntry {
    name: Spanned<Parsed<Text>>,
    reason: Parsed<Text>,
    approver: Parsed<Text>,
    ticket: Option<Parsed<Text>>,
    expires: Spanned<Parsed<Timestamp>>,
    #[serde(default)]
    assets: Vec<Spanned<Parsed<Text>>>,
    #[serde(default)]
    addresses: Vec<Parsed<Prefix>>,
    #[serde(default)]
    sectors: Vec<Spanned<Parsed<Text>>>,
    #[serde(default)]
    jurisdictions: Vec<Parsed<Country>>,
    #[serde(default)]
    entities: Vec<Parsed<Text>>,
    #[serde(default)]
    asns: Vec<Asn>,
    #[serde(default)]
    destinations: Vec<Parsed<Prefix>>,
    #[serde(default)]
    domains: Vec<Parsed<Suffix>>,
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default)]
    days: Vec<Day>,
    from: Option<Spanned<TimeOfDay>>,
    to: Option<TimeOfDay>,
    #[serde(default)]
    utc_offset: Offset,
}

#[derive(Clone, Copy, Debug)]
struct Kind(&'static str);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_of(deserializer, &Activity::IDS).map(Kind)
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[derive(Clone, Copy, Debug)]
struct Day(usize);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = one_of(deserializer, &DAYS)?;
        Ok(Day(DAYS.iter().position(|day| *day == name).unwrap_or_default()))
    }
}

/// Minutes since midnight, from `22:30`.
#[derive(Clone, Copy, Debug)]
struct TimeOfDay(u16);

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let minutes = minutes(&text).filter(|minutes| *minutes <= 24 * 60);
        let problem = || D::Error::custom(format_args!("{text:?}: expected a time of day such as 22:30"));
        minutes.map(TimeOfDay).ok_or_else(problem)
    }
}

/// Minutes by which local time is ahead of UTC, from `+01:00`.
#[derive(Clone, Copy, Debug, Default)]
struct Offset(i16);

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let signed = match text.split_at_checked(1) {
            Some(("+", rest)) => minutes(rest).map(|minutes| minutes as i16),
            Some(("-", rest)) => minutes(rest).map(|minutes| -(minutes as i16)),
            _ => None,
        };
        let problem = || D::Error::custom(format_args!("{text:?}: expected an offset from UTC such as +01:00"));
        signed.filter(|minutes| minutes.abs() <= 14 * 60).map(Offset).ok_or_else(problem)
    }
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|c| c.is_ascii_digit());
    let (hours, minutes) =
        (Some(hours).filter(|part| two_digits(part))?, Some(minutes).filter(|part| two_digits(part))?);
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60 && hours <= 24).then_some(hours * 60 + minutes)
}

/// Thresholds for some assets first, then the one for all.
pub(super) fn thresholds(
    entries: &[Spanned<ThresholdEntry>],
    ledger: &Ledger,
    assets: &Assets,
    sources: &Sources<'_>,
) -> Result<Vec<Threshold>, ConfigError> {
    let own = entries.iter().map(|entry| {
        if entry.get_ref().assets.is_empty() && entry.get_ref().sectors.is_empty() {
            let problem = "holds for no asset; give assets or sectors, or set the bounds for all in [ledger]";
            return Err(sources.invalid(entry.span(), problem));
        }
        let entry = entry.get_ref();
        if let Some(sector) = unknown_sector(&entry.sectors, assets) {
            return Err(nobody(sector, "sector", sources));
        }
        Ok(Threshold {
            assets: named(&entry.assets, assets, sources)?,
            sectors: texts(&entry.sectors),
            bytes: [entry.hour_bytes, entry.day_bytes, entry.month_bytes].map(bound),
        })
    });
    own.chain([Ok(ledger.threshold())]).collect()
}

pub(super) fn exceptions(
    entries: Vec<ExceptionEntry>,
    assets: &Assets,
    sources: &Sources<'_>,
) -> Result<Vec<Exception>, ConfigError> {
    let mut seen = std::collections::HashMap::new();
    entries
        .into_iter()
        .map(|entry| {
            let Parsed(Text(name)) = entry.name.get_ref();
            if let Some(before) = seen.insert(name.clone(), entry.name.span()) {
                let problem = format!("another exception is called {name:?} ({})", sources.place(&before));
                return Err(sources.invalid(entry.name.span(), problem));
            }
            exception(entry, assets, sources)
        })
        .collect()
}

fn exception(entry: ExceptionEntry, assets: &Assets, sources: &Sources<'_>) -> Result<Exception, ConfigError> {
    if let Some(sector) = unknown_sector(&entry.sectors, assets) {
        return Err(nobody(sector, "sector", sources));
    }
    let schedule = schedule(&entry, sources)?;
    let scope = ExceptionScope {
        assets: named(&entry.assets, assets, sources)?,
        addresses: values(entry.addresses),
        sectors: texts(&entry.sectors),
        jurisdictions: values(entry.jurisdictions),
        entities: entry.entities.into_iter().map(|Parsed(Text(name))| name).collect(),
        asns: entry.asns.into_iter().map(|Asn(asn)| asn).collect(),
        destinations: values(entry.destinations),
        suffixes: values(entry.domains),
        kinds: entry.kinds.into_iter().map(|Kind(kind)| kind).collect(),
    };
    let Parsed(Text(name)) = entry.name.get_ref();
    if scope.is_unbounded() {
        let problem = format!(
            "exception {name:?} would accept everything; give at least one of assets, addresses, sectors, jurisdictions, \
             entities, asns, destinations, domains"
        );
        return Err(sources.invalid(entry.name.span(), problem));
    }
    let (Parsed(Text(reason)), Parsed(Text(approver))) = (entry.reason, entry.approver);
    Ok(Exception {
        name: name.clone(),
        reason,
        approver,
        ticket: entry.ticket.map(|Parsed(Text(ticket))| ticket),
        expires: entry.expires.get_ref().0,
        scope,
        schedule,
    })
}

fn schedule(entry: &ExceptionEntry, sources: &Sources<'_>) -> Result<Option<Schedule>, ConfigError> {
    let (from, to) = match (&entry.from, entry.to) {
        (None, None) if entry.days.is_empty() && entry.utc_offset.0 == 0 => return Ok(None),
        (None, None) if entry.days.is_empty() => {
            let problem = "utc_offset without a schedule; give days, or from and to";
            return Err(sources.invalid(entry.name.span(), problem));
        }
        (None, None) => (0, 0),
        (Some(from), Some(TimeOfDay(to))) => (from.get_ref().0 % (24 * 60), to % (24 * 60)),
        (Some(_), None) | (None, Some(_)) => {
            return Err(
                sources.invalid(entry.name.span(), "a schedule needs both from and to, such as 22:00 and 04:00")
            );
        }
    };
    let mut days = [entry.days.is_empty(); 7];
    for Day(day) in &entry.days {
        if let Some(day) = days.get_mut(*day) {
            *day = true;
        }
    }
    Ok(Some(Schedule { days, from_minute: from, to_minute: to, utc_offset_minutes: entry.utc_offset.0 }))
}

fn values<T>(list: Vec<Parsed<T>>) -> Vec<T> {
    list.into_iter().map(|Parsed(value)| value).collect()
}

fn texts(list: &[Spanned<Parsed<Text>>]) -> Vec<String> {
    list.iter().map(|text| text.get_ref().0.0.clone()).collect()
}

/// Names of assets that are declared, or addresses of hosts that are not, as the judge names them.
pub(super) fn named(
    list: &[Spanned<Parsed<Text>>],
    assets: &Assets,
    sources: &Sources<'_>,
) -> Result<Vec<String>, ConfigError> {
    list.iter()
        .map(|written| {
            let name = &written.get_ref().0.0;
            if assets.declared().iter().any(|asset| asset.name.eq_ignore_ascii_case(name)) {
                return Ok(name.clone());
            }
            let Ok(address) = name.parse::<IpAddr>() else { return Err(nobody(written, "name", sources)) };
            match assets.identify(address, None).and_then(|key| assets.declaration(key)) {
                Some(asset) => {
                    let problem = format!("{name} is an address of asset {:?}; give its name", asset.name);
                    Err(sources.invalid(written.span(), problem))
                }
                None => Ok(address.to_string()),
            }
        })
        .collect()
}

fn unknown_sector<'a>(list: &'a [Spanned<Parsed<Text>>], assets: &Assets) -> Option<&'a Spanned<Parsed<Text>>> {
    let is_known = |sector: &str| {
        let mut sectors = assets.declared().iter().filter_map(|asset| asset.sector.as_deref());
        sectors.any(|known| known.eq_ignore_ascii_case(sector))
    };
    list.iter().find(|sector| !is_known(&sector.get_ref().0.0))
}

/// A misspelt name would accept nothing, and nobody would notice.
fn nobody(written: &Spanned<Parsed<Text>>, what: &str, sources: &Sources<'_>) -> ConfigError {
    sources.invalid(written.span(), format!("{:?} is the {what} of no [[asset]]", written.get_ref().0.0))
}

//! The TOML as written. Single values are checked while they are read; what concerns several is checked in `check`.

use serde::Deserialize;
use serde::de::Deserializer;
use toml::Spanned;

use super::daemon::{Capture, Daemon, Log, Metrics, Sandbox};
use super::risk::{ExceptionEntry, Ledger, ThresholdEntry};
use super::section::{Decode, Detect, Flow};
use super::table::Table;
use super::value::{Parsed, Text, integer, one_of};
use crate::attribute::Suffix;
use crate::detect::{Criticality, Preset};
use crate::net::{Country, MacAddr, Prefix};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct Document {
    pub(super) monitor: Monitor,
    pub(super) asset: Vec<AssetEntry>,
    pub(super) jurisdictions: JurisdictionsTable,
    pub(super) detect: Detect,
    pub(super) ledger: Ledger,
    pub(super) threshold: Vec<Spanned<ThresholdEntry>>,
    pub(super) exception: Vec<ExceptionEntry>,
    pub(super) journal: JournalTable,
    pub(super) capture: Capture,
    pub(super) daemon: Daemon,
    pub(super) sandbox: Sandbox,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) flow: Flow,
    pub(super) decode: Decode,
    pub(super) geoip: GeoipTable,
    pub(super) operator: Vec<OperatorEntry>,
    pub(super) service: Vec<ServiceEntry>,
    pub(super) output: Vec<Spanned<Table>>,
    pub(super) flow_output: Vec<Spanned<Table>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct Monitor {
    pub(super) home: Vec<Spanned<Parsed<Prefix>>>,
}

/// Private and shared addresses: what a network that was not described most likely calls its own.
pub(super) const DEFAULT_HOME: [&str; 5] =
    ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

impl Default for Monitor {
    fn default() -> Self {
        let prefixes = DEFAULT_HOME.iter().filter_map(|text| text.parse().ok());
        Monitor { home: prefixes.map(|prefix| Spanned::new(0..0, Parsed(prefix))).collect() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct AssetEntry {
    pub(super) name: Spanned<Parsed<Text>>,
    #[serde(default)]
    pub(super) addresses: Vec<Spanned<Parsed<Prefix>>>,
    #[serde(default)]
    pub(super) macs: Vec<Spanned<Parsed<MacAddr>>>,
    pub(super) sector: Option<Parsed<Text>>,
    #[serde(default)]
    pub(super) criticality: Criticality,
    pub(super) supplier: Option<Parsed<Text>>,
    pub(super) owner: Option<Parsed<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct JurisdictionsTable {
    #[serde(deserialize_with = "preset")]
    pub(super) preset: &'static Preset,
    pub(super) exempt: Vec<Spanned<Parsed<Country>>>,
    pub(super) flag: Vec<FlagEntry>,
}

impl Default for JurisdictionsTable {
    fn default() -> Self {
        JurisdictionsTable { preset: &Preset::DEFAULT, exempt: Vec::new(), flag: Vec::new() }
    }
}

fn preset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Preset, D::Error> {
    let name = one_of(deserializer, Preset::NAMES)?;
    Ok(Preset::named(name).unwrap_or(&Preset::DEFAULT))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct FlagEntry {
    pub(super) country: Spanned<Parsed<Country>>,
    #[serde(deserialize_with = "integer::<0, 100, _, _>")]
    pub(super) risk: u8,
    pub(super) basis: Parsed<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct GeoipTable {
    pub(super) country: Option<Spanned<String>>,
    pub(super) asn: Option<Spanned<String>>,
    pub(super) operators: Option<Spanned<String>>,
    pub(super) services: Option<Spanned<String>>,
    pub(super) tools: Option<Spanned<String>>,
    pub(super) review: bool,
    #[serde(rename = "override")]
    pub(super) overrides: Vec<OverrideEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct OverrideEntry {
    pub(super) prefix: Spanned<Parsed<Prefix>>,
    pub(super) country: Option<Parsed<Country>>,
    #[serde(default, deserialize_with = "asn")]
    pub(super) asn: Option<u32>,
    pub(super) organization: Option<Parsed<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct OperatorEntry {
    pub(super) asn: Spanned<Asn>,
    pub(super) name: Parsed<Text>,
    pub(super) jurisdiction: Parsed<Country>,
    pub(super) source: Parsed<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ServiceEntry {
    pub(super) suffix: Spanned<Parsed<Suffix>>,
    pub(super) vendor: Parsed<Text>,
    pub(super) device_class: Parsed<Text>,
    pub(super) jurisdiction: Parsed<Country>,
    pub(super) source: Parsed<Text>,
}

/// Number of an autonomous system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asn(pub(super) u32);

impl<'de> Deserialize<'de> for Asn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        integer::<1, 4_294_967_294, _, _>(deserializer).map(Asn)
    }
}

/// AS 0 is reserved (RFC 7607), and so is the last number (RFC 7300).
fn asn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    integer::<1, 4_294_967_294, _, _>(deserializer).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct JournalTable {
    pub(super) path: Option<Spanned<String>>,
    #[serde(deserialize_with = "integer::<1_048_576, 17_592_186_044_416, _, _>")]
    pub(super) max_bytes: u64,
    #[serde(deserialize_with = "integer::<1, 36_500, _, _>")]
    pub(super) max_days: u32,
}

impl Default for JournalTable {
    fn default() -> Self {
        JournalTable { path: None, max_bytes: 4 << 30, max_days: 400 }
    }
}

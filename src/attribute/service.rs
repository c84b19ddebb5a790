//! Whose service a host name or an address is.
//!
//! A name matches by suffix on a label boundary, the longest suffix wins. Names are compared as A-labels (RFC 5890), as
//! DNS and TLS carry them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;

use super::catalogue::{CatalogueError, Confidence, OwnerId, Row, RowError, Status, Text, shipped};
use super::lookup::Places;
use crate::net::{Country, Prefix, PrefixMap};

/// Columns of `geoip/services.tsv`.
pub(super) const COLUMNS: [&str; 11] = [
    "match",
    "ports",
    "vendor",
    "device_class",
    "jurisdiction",
    "status",
    "role",
    "confidence",
    "source",
    "date",
    "note",
];
const BULK_COLUMNS: [&str; 4] = ["match", "vendor", "jurisdiction", "list"];
const BULK_SOURCE: &str = "v2fly/domain-list-community c975ccef (MIT)";
const BULK_DATE: &str = "2026-11";

/// What a name or an address of a vendor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceRole {
    /// A service of the vendor for its devices, programs or users.
    VendorService,
    /// A customer of the vendor's cloud: tells who operates, not whose service it is.
    CloudTenant,
    /// A name of a content delivery network: tells who operates.
    Cdn,
    /// A resolver.
    Dns,
    /// A collector of usage data.
    Telemetry,
    /// A rendezvous of remote administration.
    RemoteAdmin,
}

impl ServiceRole {
    /// True where the vendor only operates the network for somebody else.
    #[must_use]
    pub const fn is_operation(self) -> bool {
        matches!(self, ServiceRole::CloudTenant | ServiceRole::Cdn)
    }

    /// True where an address in this role is announced from many places.
    pub(super) const fn is_anycast(self) -> bool {
        matches!(self, ServiceRole::Cdn | ServiceRole::Dns)
    }
}

impl FromStr for ServiceRole {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "vendor_service" => ServiceRole::VendorService,
            "cloud_tenant" => ServiceRole::CloudTenant,
            "cdn" => ServiceRole::Cdn,
            "dns" => ServiceRole::Dns,
            "telemetry" => ServiceRole::Telemetry,
            "remote_admin" => ServiceRole::RemoteAdmin,
            _ => return Err("expected vendor_service, cloud_tenant, cdn, dns, telemetry or remote_admin"),
        })
    }
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// A name and every name below it: lower-case A-labels without a dot at either end.
    Suffix(Text),
    /// Addresses.
    Prefix(Prefix),
}

impl std::fmt::Display for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Match::Suffix(suffix) => f.pad(suffix),
            Match::Prefix(prefix) => f.pad(&prefix.to_string()),
        }
    }
}

/// A service of a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What matches.
    pub matches: Match,
    /// IP protocol numbers and ports an address must have been contacted at; empty: any.
    pub ports: Vec<(u8, u16)>,
    /// Whose it is.
    pub vendor: Text,
    /// Kind of device or program: `ip_camera`, `pv_inverter`, `cloud`, …
    pub device_class: Text,
    /// Jurisdiction of the vendor's controlling parent.
    pub jurisdiction: Country,
    /// Whether it counts.
    pub status: Status,
    /// What it is for.
    pub role: ServiceRole,
    /// How sure that is.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: Text,
    /// When that was looked at; empty for the user's own word.
    pub date: Text,
    /// Anything else a reviewer should know.
    pub note: Text,
    pub(super) owner: OwnerId,
}

/// Why a text is no [`Suffix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a host name in lower-case ASCII such as example.cn (other scripts as xn-- labels), without a dot at either end"
)]
pub struct SuffixError;

/// A host name as the catalogue writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffix(pub String);

impl Suffix {
    /// True of the name itself and of every name below it.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        let Some(at) = name.len().checked_sub(self.0.len()) else { return false };
        let (above, below) = name.as_bytes().split_at(at);
        below.eq_ignore_ascii_case(self.0.as_bytes()) && (above.is_empty() || above.ends_with(b"."))
    }
}

impl FromStr for Suffix {
    type Err = SuffixError;

    fn from_str(text: &str) -> Result<Self, SuffixError> {
        let is_label = |label: &str| {
            let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_');
            (1..=63).contains(&label.len())
                && label.bytes().all(plain)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.len() <= 253 && text.split('.').all(is_label);
        let is_address = text.parse::<IpAddr>().is_ok();
        if is_name && !is_address { Ok(Suffix(text.to_owned())) } else { Err(SuffixError) }
    }
}

impl Service {
    /// A user's own row.
    #[must_use]
    pub fn of_user(
        suffix: Suffix,
        vendor: String,
        device_class: String,
        jurisdiction: Country,
        source: String,
    ) -> Self {
        Service {
            matches: Match::Suffix(suffix.0.into()),
            ports: Vec::new(),
            vendor: vendor.into(),
            device_class: device_class.into(),
            jurisdiction,
            status: Status::Listed,
            role: ServiceRole::VendorService,
            confidence: Confidence::High,
            source: source.into(),
            date: Text::default(),
            note: Text::default(),
            owner: OwnerId::default(),
        }
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Self, RowError> {
        let matches = match row.text(0)? {
            prefix if prefix.contains('/') => Match::Prefix(row.parsed(0)?),
            suffix => row.parsed::<Suffix>(0).map(|_| Match::Suffix(suffix))?,
        };
        Ok(Service {
            matches,
            ports: row.parsed::<Ports>(1)?.0,
            vendor: row.text(2)?,
            device_class: row.text(3)?,
            jurisdiction: row.parsed(4)?,
            status: row.parsed(5)?,
            role: row.parsed(6)?,
            confidence: row.parsed(7)?,
            source: row.text(8)?,
            date: row.text(9)?,
            note: row.optional(10),
            owner: OwnerId::default(),
        })
    }

    fn is_contacted_at(&self, service: Option<(u8, u16)>) -> bool {
        self.ports.is_empty() || service.is_some_and(|service| self.ports.contains(&service))
    }
}

/// The names of whole companies, which say less than a curated row.
pub(super) fn bulk() -> Result<Vec<Service>, CatalogueError> {
    let mut rows = Vec::new();
    shipped("geoip/services-bulk.tsv", include_str!("../../geoip/services-bulk.tsv"), &BULK_COLUMNS, |row| {
        let suffix = row.text(0)?;
        row.parsed::<Suffix>(0)?;
        rows.push(Service {
            matches: Match::Suffix(suffix),
            ports: Vec::new(),
            vendor: row.text(1)?,
            device_class: Text::Borrowed("any"),
            jurisdiction: row.parsed(2)?,
            status: Status::Listed,
            role: ServiceRole::VendorService,
            confidence: Confidence::Low,
            source: Text::Borrowed(BULK_SOURCE),
            date: Text::Borrowed(BULK_DATE),
            note: row.optional(3),
            owner: OwnerId::default(),
        });
        Ok(())
    })?;
    Ok(rows)
}

/// `tcp/515 udp/111`.
struct Ports(Vec<(u8, u16)>);

impl FromStr for Ports {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |word: &str| {
            let (protocol, port) = word.split_once('/')?;
            let number = match protocol {
                "tcp" => 6,
                "udp" => 17,
                _ => return None,
            };
            Some((number, port.parse().ok()?))
        };
        let ports: Option<Vec<_>> = text.split_whitespace().map(port).collect();
        ports.map(Ports).ok_or("expected ports such as: tcp/515 udp/111")
    }
}

/// Services by name and by address.
#[derive(Debug, Default)]
pub struct Services {
    rows: Vec<Service>,
    by_suffix: Places,
    by_prefix: PrefixMap<u32>,
}

impl Services {
    /// Of these rows; of two for one match the later counts. Rows under review count only if `review`.
    #[must_use]
    pub fn new(rows: Vec<Service>, review: bool) -> Self {
        let mut services = Services::default();
        let mut places: HashMap<String, usize> = HashMap::with_capacity(rows.len());
        for row in rows {
            let place = *places.entry(row.matches.to_string()).or_insert(services.rows.len());
            match services.rows.get_mut(place) {
                Some(before) => *before = row,
                None => services.rows.push(row),
            }
        }
        for (row, place) in services.rows.iter().zip(0..).filter(|(row, _)| review || row.status == Status::Listed) {
            match &row.matches {
                Match::Suffix(suffix) => services.by_suffix.insert_end(suffix, place),
                Match::Prefix(prefix) => {
                    services.by_prefix.insert(*prefix, place);
                }
            }
        }
        services
    }

    /// The service of `name`: the longest suffix that is listed.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<&Service> {
        self.by_suffix.longest_end(name, |place, suffix| {
            let row = self.rows.get(place as usize)?;
            match &row.matches {
                Match::Suffix(known) => known.eq_ignore_ascii_case(suffix).then_some(row),
                Match::Prefix(_) => None,
            }
        })
    }

    /// The service of each name that has one.
    pub fn match_all<'s, 'n>(
        &'s self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> impl Iterator<Item = (&'n str, &'s Service)> {
        names.into_iter().filter_map(|name| Some((name, self.of_name(name)?)))
    }

    /// The service at `address`, contacted at an IP protocol number and port.
    #[must_use]
    pub fn of_address(&self, address: IpAddr, service: Option<(u8, u16)>) -> Option<&Service> {
        let (_, place) = self.by_prefix.longest(address)?;
        self.rows.get(*place as usize).filter(|row| row.is_contacted_at(service))
    }

    /// Every row, those that do not count too: bulk names first, then as `geoip/services.tsv` has them, then the user's.
    #[must_use]
    pub fn rows(&self) -> &[Service] {
        &self.rows
    }
}

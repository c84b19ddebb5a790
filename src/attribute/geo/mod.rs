//! Country and autonomous system of an address.
//!
//! Two roles, *country* and *ASN*, each filled by the data shipped inside the binary or by a MaxMind database the
//! user brings. Both become the same sorted columns at start-up, so a look-up is two binary searches, allocates
//! nothing and cannot fail; whatever is wrong with a file is said once, by [`Databases::open`].
//!
//! * *located* is the country of the address alone. A database's `registered_country` (of the network's holder) and
//!   `represented_country` are other questions and are never substituted: an address without `country` is unknown.
//! * Codes that name no country (`EU`, `AP`, `ZZ`, `A1`, …) are unknown, which is not "clean".
//! * An IPv6 address that carries an IPv4 address by a standard is looked up as that IPv4 address.
//! * Private, loopback, multicast and documentation addresses are the caller's business: databases answer whatever
//!   they hold for them.

mod carried;
mod catalogue;
#[cfg_attr(not(test), expect(dead_code, reason = "build.rs, which includes this file too, encodes"))]
mod columns;
mod error;
mod mmdb;
pub mod ranges;
mod record;
mod shipped;

pub use carried::carried_v4;
pub use error::GeoError;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::net::{Country, Prefix, PrefixMap};
use columns::{Table, UNKNOWN};
use ranges::RangeList;

/// What a database is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Country of an address.
    Country,
    /// Autonomous system of an address, and its organisation.
    Asn,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Role::Country => "country",
            Role::Asn => "ASN",
        })
    }
}

/// What the databases know of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// Country the address is located in.
    pub country: Option<Country>,
    /// Number of the autonomous system that announces it.
    pub asn: Option<u32>,
    /// Organisation that holds the autonomous system.
    pub organization: Option<&'a str>,
}

/// The user's own word on a prefix; it stands above the databases, and the longest prefix above the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Addresses it is about.
    pub prefix: Prefix,
    /// Their country; none leaves the database's.
    pub country: Option<Country>,
    /// Their AS number; none leaves the database's. One given drops the database's organisation with its number.
    pub asn: Option<u32>,
    /// Their organisation; none leaves the database's.
    pub organization: Option<String>,
}

/// Where the answers of one role come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is asked for.
    pub role: Role,
    /// Name of the data set (a user's file: its `database_type`).
    pub name: String,
    /// The user's file; none for the data shipped in the binary.
    pub path: Option<PathBuf>,
    /// Day the data was made, `YYYY-MM-DD`.
    pub date: String,
    /// Licence of shipped data.
    pub licence: Option<String>,
    /// Line the licence of shipped data asks to be shown.
    pub attribution: Option<String>,
    /// Where shipped data is from.
    pub url: Option<String>,
    /// Number of address ranges after equal neighbours became one, those without an answer included.
    pub range_count: usize,
}

/// Country and ASN databases with the user's overrides, ready for look-ups.
#[derive(Debug)]
pub struct Databases {
    countries: Table,
    /// By row of `countries`.
    country_codes: Vec<Option<Country>>,
    networks: Table,
    overrides: PrefixMap<Override>,
    sources: Vec<Source>,
}

impl Databases {
    /// The databases shipped in the binary.
    ///
    /// # Errors
    /// [`GeoError::Shipped`] where the binary itself is damaged.
    pub fn embedded() -> Result<Self, GeoError> {
        Self::open(None, None)
    }

    /// The user's databases; a role without a path is filled by the shipped one.
    ///
    /// The files are read into memory and not kept open, so replacing them while the program runs is safe.
    ///
    /// # Errors
    /// Whatever makes a file unfit for its role, each naming the file and what to do: see [`GeoError`].
    pub fn open(country: Option<&Path>, asn: Option<&Path>) -> Result<Self, GeoError> {
        let (countries, country_source) = Self::load(Role::Country, country)?;
        let (networks, asn_source) = Self::load(Role::Asn, asn)?;
        let country_codes = (0..countries.row_count()).map(|row| record::country(countries.entry(row).1)).collect();
        let sources = vec![country_source, asn_source];
        Ok(Databases { countries, country_codes, networks, overrides: PrefixMap::default(), sources })
    }

    fn load(role: Role, path: Option<&Path>) -> Result<(Table, Source), GeoError> {
        match path {
            Some(path) => mmdb::open(role, path),
            None => shipped::open(role),
        }
    }

    /// These databases with the user's word above them; of two overrides for one prefix the later counts.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Vec<Override>) -> Self {
        for entry in overrides {
            self.overrides.insert(entry.prefix, entry);
        }
        self
    }

    /// What is known of `address`; see the module for IPv6 addresses that carry an IPv4 address.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Place<'_> {
        let asked = match address {
            IpAddr::V6(v6) => carried_v4(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let place = self.place(asked);
        if self.overrides.is_empty() {
            return place;
        }
        match self.overrides.longest(address).or_else(|| self.overrides.longest(asked)) {
            Some((_, entry)) => overridden(place, entry),
            None => place,
        }
    }

    /// What the user alone says of `address`; `None` where no override holds it.
    #[must_use]
    pub fn overridden(&self, address: IpAddr) -> Option<Place<'_>> {
        let (_, entry) = self.overrides.longest(address)?;
        Some(overridden(Place::default(), entry))
    }

    fn place(&self, address: IpAddr) -> Place<'_> {
        let (country, network) = match address {
            IpAddr::V4(v4) => (self.countries.row_v4(v4.to_bits()), self.networks.row_v4(v4.to_bits())),
            IpAddr::V6(v6) => (self.countries.row_v6(v6.to_bits()), self.networks.row_v6(v6.to_bits())),
        };
        let country = self.country_codes.get(country as usize).copied().flatten();
        if network == UNKNOWN {
            return Place { country, asn: None, organization: None };
        }
        let (asn, organization) = self.networks.entry(network);
        Place {
            country,
            asn: Some(asn).filter(|asn| *asn != 0),
            organization: Some(organization).filter(|name| !name.is_empty()),
        }
    }

    /// Every autonomous system with the organisation that holds it, as often as the database names one.
    pub fn holders(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..self.networks.row_count()).map(|row| self.networks.entry(row))
    }

    /// Every range of addresses for which `is_it` holds of the country or the number of the autonomous system, and every
    /// prefix the user has a word on; they may overlap.
    pub(super) fn ranges(&self, is_country: impl Fn(Country) -> bool, is_network: impl Fn(u32) -> bool) -> RangeList {
        let countries: Vec<bool> = self.country_codes.iter().map(|code| code.is_some_and(&is_country)).collect();
        let networks: Vec<bool> =
            (0..self.networks.row_count()).map(|row| is_network(self.networks.entry(row).0)).collect();
        let mut list = RangeList::default();
        for (table, rows) in [(&self.countries, countries), (&self.networks, networks)] {
            let is_it = |row: u32| rows.get(row as usize).copied().unwrap_or_default();
            list.v4.extend(table.ranges_v4().filter(|range| is_it(range.2)).map(|(first, last, _)| (first, last)));
            list.v6.extend(table.ranges_v6().filter(|range| is_it(range.2)).map(|(first, last, _)| (first, last)));
        }
        self.overrides.prefixes().for_each(|prefix| list.push(prefix));
        list
    }

    /// The source of each role: country first, then ASN.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

fn overridden<'a>(place: Place<'a>, entry: &'a Override) -> Place<'a> {
    let kept = if entry.asn.is_some() { None } else { place.organization };
    Place {
        country: entry.country.or(place.country),
        asn: entry.asn.or(place.asn),
        organization: entry.organization.as_deref().or(kept),
    }
}

#[cfg(test)]
mod tests;

//! Whose a remote endpoint is: the evidence for the jurisdictions it belongs to.
//!
//! Each piece of [`Evidence`] names its kind, its strength, its source and the source's date, so that a finding can be
//! checked by somebody who does not trust this program.

pub mod geo;

use std::net::IpAddr;

use crate::net::{Country, Scope};
use geo::{Databases, Place, Role, Source};

/// What ties an endpoint to a jurisdiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// The country of its address.
    Located,
}

/// How far one piece of evidence carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// An indication.
    Weak,
    /// One kind of evidence.
    Medium,
    /// Two kinds agree.
    Strong,
}

impl Strength {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Strength::Weak => "weak",
            Strength::Medium => "medium",
            Strength::Strong => "strong",
        }
    }
}

/// One reason to count an endpoint to a jurisdiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The jurisdiction it speaks for.
    pub jurisdiction: Country,
    /// What kind of tie it is.
    pub kind: EvidenceKind,
    /// How far it carries.
    pub strength: Strength,
    /// Where it is from.
    pub source: &'a str,
    /// Day its source was made, `YYYY-MM-DD`; empty for the user's own word.
    pub date: &'a str,
}

/// What is known of a remote endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribution<'a> {
    /// Country, autonomous system and organisation of the address.
    pub place: Place<'a>,
    located: Option<Evidence<'a>>,
}

impl<'a> Attribution<'a> {
    /// Every piece of evidence.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence<'a>> + use<'a> {
        self.located.into_iter()
    }
}

/// Attributes addresses by the databases.
#[derive(Debug)]
pub struct Attributor {
    databases: Databases,
}

impl Attributor {
    /// With these databases.
    #[must_use]
    pub fn new(databases: Databases) -> Self {
        Attributor { databases }
    }

    /// What is known of `address`. Only addresses routed on the Internet are looked up in the databases; the user's
    /// overrides apply to any.
    #[must_use]
    pub fn attribute(&self, address: IpAddr) -> Attribution<'_> {
        let overridden = self.databases.overridden(address);
        let place = if Scope::of(address).is_global() {
            self.databases.lookup(address)
        } else {
            overridden.unwrap_or_default()
        };
        let by_user = overridden.is_some_and(|place| place.country.is_some());
        let located = place.country.map(|jurisdiction| Evidence {
            jurisdiction,
            kind: EvidenceKind::Located,
            strength: Strength::Medium,
            source: if by_user { "configuration" } else { self.country_source().map_or("", |source| &source.name) },
            date: if by_user { "" } else { self.country_source().map_or("", |source| &source.date) },
        });
        Attribution { place, located }
    }

    fn country_source(&self) -> Option<&Source> {
        self.databases.sources().iter().find(|source| source.role == Role::Country)
    }

    /// Where the answers come from.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }
}

//! Evidence, and how far it carries.
//!
//! | evidence | strength |
//! | --- | --- |
//! | operated, by the autonomous system | strong |
//! | two kinds agree on a jurisdiction (the location of an anycast address agrees with nothing) | strong |
//! | one kind: located; provided; operated, by a cloud's or CDN's name alone; made, under the maker's own brand | medium |
//! | located on an anycast or CDN network; located in Hong Kong; a bulk name; low confidence; a module's maker | weak |

use super::{Basis, OwnerId};
use crate::net::Country;

/// What ties an endpoint to a jurisdiction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// The country of its address.
    #[default]
    Located,
    /// Who controls its network, or the cloud its name belongs to.
    Operated,
    /// Whose service it is.
    Provided,
    /// Who made the device.
    Made,
}

impl EvidenceKind {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            EvidenceKind::Located => "located",
            EvidenceKind::Operated => "operated",
            EvidenceKind::Provided => "provided",
            EvidenceKind::Made => "made",
        }
    }
}

/// How far one piece of evidence carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// An indication.
    #[default]
    Weak,
    /// One kind of evidence.
    Medium,
    /// Two kinds agree, or the operator of the network is known.
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

/// A group or vendor that endpoints belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner<'a> {
    /// Stands for the name as long as the catalogue lives; ordered as the names are.
    pub id: OwnerId,
    /// What it is called.
    pub name: &'a str,
}

/// One reason to count an endpoint to a jurisdiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// The jurisdiction it speaks for.
    pub jurisdiction: Country,
    /// What kind of tie it is.
    pub kind: EvidenceKind,
    /// How far it carries by itself; what all of it amounts to is [`Evidences::strength`].
    pub strength: Strength,
    /// What it was read from.
    pub basis: Basis,
    /// Operator group or vendor; `None` where the evidence names nobody the catalogues know.
    pub owner: Option<Owner<'a>>,
    /// What was looked up: the organisation of the autonomous system, the host name, the certificate's organisation.
    pub subject: &'a str,
    /// Where it is from.
    pub source: &'a str,
    /// When its source was made, `YYYY-MM` or `YYYY-MM-DD`; empty for the user's own word.
    pub date: &'a str,
}

/// Pieces of evidence about one endpoint at most.
pub const MAX_EVIDENCE: usize = 8;

/// The evidence about one endpoint, without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidences<'a> {
    items: [Option<Evidence<'a>>; MAX_EVIDENCE],
    /// True where the location of the address means little.
    pub(super) is_anycast: bool,
}

impl<'a> Evidences<'a> {
    /// None yet, of an address that is or is not announced from many places.
    pub(super) fn new(is_anycast: bool) -> Self {
        Evidences { is_anycast, ..Evidences::default() }
    }

    /// Adds a piece unless the same is there with another basis; one too many is left out.
    pub(super) fn push(&mut self, item: Evidence<'a>) {
        for place in &mut self.items {
            match place {
                None => {
                    *place = Some(item);
                    return;
                }
                Some(known) if known.is_same(&item) => {
                    known.strength = known.strength.max(item.strength);
                    return;
                }
                Some(_) => {}
            }
        }
    }

    /// Every piece, in the order located, operated, provided.
    pub fn iter(&self) -> impl Iterator<Item = Evidence<'a>> {
        self.items.iter().map_while(|item| *item)
    }

    /// What the evidence for `jurisdiction` amounts to; `None` where there is none.
    #[must_use]
    pub fn strength(&self, jurisdiction: Country) -> Option<Strength> {
        let pieces = || self.items.iter().flatten().filter(|item| item.jurisdiction == jurisdiction);
        let strongest = pieces().map(|item| item.strength).max()?;
        let counts = |item: &&Evidence<'_>| !(self.is_anycast && item.kind == EvidenceKind::Located);
        let kind = pieces().filter(counts).map(|item| item.kind).min();
        let agree = kind != pieces().filter(counts).map(|item| item.kind).max();
        Some(match (agree, strongest) {
            (true, Strength::Weak) => Strength::Medium,
            (true, Strength::Medium) => Strength::Strong,
            (_, strongest) => strongest,
        })
    }

    /// The most specific owner that speaks for `jurisdiction`: the vendor, else the operator.
    #[must_use]
    pub fn owner(&self, jurisdiction: Country) -> Option<Owner<'a>> {
        let named = self.iter().filter(|item| item.jurisdiction == jurisdiction && item.owner.is_some());
        // Of equals the first: what was read from the flow itself stands before what DNS told.
        named
            .reduce(|best, item| if (item.kind, item.strength) > (best.kind, best.strength) { item } else { best })
            .and_then(|item| item.owner)
    }
}

impl Evidence<'_> {
    /// Owner and what was looked up in one phrase; `asn` is the number of the address's autonomous system.
    #[must_use]
    pub fn detail(&self, asn: Option<u32>) -> String {
        let owner = self.owner.map_or("", |owner| owner.name);
        let network = match (self.basis, asn) {
            (Basis::Asn, Some(asn)) => format!("{} AS{asn}", self.subject),
            _ => self.subject.to_owned(),
        };
        let parts = [owner, &network];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn is_same(&self, other: &Evidence<'_>) -> bool {
        (self.kind, self.jurisdiction, self.owner) == (other.kind, other.jurisdiction, other.owner)
            && (self.owner.is_some() || self.subject == other.subject)
    }
}

/// Countries where the country databases disagree so much that location alone is weak: two free databases agree on
/// Hong Kong's IPv4 addresses by a Jaccard index of 0.72, on China's by 0.99 (measured June 2026, `geoip/README.md`).
const UNCERTAIN_LOCATIONS: [&str; 1] = ["HK"];

/// How far a database's location carries.
pub(super) fn located_strength(country: Country, is_anycast: bool) -> Strength {
    let uncertain = UNCERTAIN_LOCATIONS.iter().any(|code| code.parse() == Ok(country));
    if is_anycast || uncertain { Strength::Weak } else { Strength::Medium }
}

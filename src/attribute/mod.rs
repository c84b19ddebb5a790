//! Whose a remote endpoint is: the evidence for the jurisdictions it belongs to.
//!
//! Three kinds: *located* by the country of the address, *operated* by who controls its network, *provided* by whose
//! service the flow's names, certificate or port show it to be. Each piece of [`Evidence`] names its strength, its
//! source and the source's date, so that a finding can be checked by somebody who does not trust this program; pieces
//! that disagree stand side by side. The strength rules are in [`evidence`].
//!
//! The databases ([`geo`]) and the catalogues ([`catalogue`]) are data; no rule here knows a country, but for the one
//! whose location the databases dispute.

pub mod answers;
pub mod catalogue;
pub mod device;
pub mod evidence;
pub mod geo;
pub mod knowledge;
mod lookup;
pub mod names;
pub mod neighbours;
pub mod operator;
pub mod service;
pub mod tool;

#[cfg(test)]
mod cases;

use std::net::IpAddr;

use crate::net::{Country, MacAddr, Scope};
pub use answers::{Answers, ClientAddress, Told};
pub use catalogue::{Catalogue, CatalogueError, Confidence, OwnerId, Status};
pub use device::{Device, Maker, Makers, Product};
pub use evidence::{Evidence, EvidenceKind, Evidences, MAX_EVIDENCE, Owner, Strength};
pub use geo::ranges::Ranges;
use geo::{Databases, Place, Role, Source};
pub use knowledge::{Knowledge, Neighbour};
pub use names::{Basis, Certificate, Names};
pub use neighbours::{Neighbours, Said};
pub use operator::{Operator, Operators};
pub use service::{Match, Service, ServiceRole, Services, Suffix};
pub use tool::{Sign, Tool, ToolKind, Tools};

/// What is known of a remote endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribution<'a> {
    /// Country, autonomous system and organisation of the address.
    pub place: Place<'a>,
    evidence: Evidences<'a>,
}

impl<'a> Attribution<'a> {
    /// Every piece of evidence: located, then operated, then provided.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence<'a>> {
        self.evidence.iter()
    }

    /// What all evidence for `jurisdiction` amounts to; `None` where there is none.
    #[must_use]
    pub fn strength(&self, jurisdiction: Country) -> Option<Strength> {
        self.evidence.strength(jurisdiction)
    }

    /// The most specific owner that belongs to `jurisdiction`: the vendor, else the operator's group.
    #[must_use]
    pub fn owner(&self, jurisdiction: Country) -> Option<Owner<'a>> {
        self.evidence.owner(jurisdiction)
    }

    /// True where the address is announced from many places, so that its location means little.
    #[must_use]
    pub fn is_anycast(&self) -> bool {
        self.evidence.is_anycast
    }
}

/// Attributes addresses and names by the databases and the catalogues.
#[derive(Debug)]
pub struct Attributor {
    databases: Databases,
    catalogue: Catalogue,
}

impl Attributor {
    /// With these databases and catalogues. Operators whose number has another holder in the ASN database lose their
    /// confidence.
    #[must_use]
    pub fn new(databases: Databases, mut catalogue: Catalogue) -> Self {
        catalogue.operators.compare(databases.holders());
        Attributor { databases, catalogue }
    }

    /// What is known of `address` alone. Only addresses routed on the Internet are looked up in the databases; the
    /// user's overrides apply to any.
    #[must_use]
    pub fn attribute(&self, address: IpAddr) -> Attribution<'_> {
        self.attribute_named(address, &Names::default())
    }

    /// What is known of `address` with what a flow said about it.
    #[must_use]
    pub fn attribute_named<'a>(&'a self, address: IpAddr, names: &Names<'a>) -> Attribution<'a> {
        let overridden = self.databases.overridden(address);
        let place = if Scope::of(address).is_global() {
            self.databases.lookup(address)
        } else {
            overridden.unwrap_or_default()
        };
        let operator = place.asn.and_then(|asn| self.catalogue.operators.of(asn));
        let rule = self.catalogue.services.of_address(address, names.service);
        let is_anycast =
            operator.is_some_and(|operator| operator.is_anycast) || rule.is_some_and(|rule| rule.role.is_anycast());
        let mut evidence = Evidences::new(is_anycast);
        let by_user = overridden.is_some_and(|place| place.country.is_some());
        if let Some(located) = place.country.map(|country| self.located(country, is_anycast, by_user)) {
            evidence.push(located);
        }
        if let Some(operator) = operator {
            evidence.push(self.operated(operator, place.organization));
        }
        if let Some(rule) = rule {
            evidence.push(self.provided(rule, Basis::AddressRule, ""));
        }
        self.add_names(names, &mut evidence);
        Attribution { place, evidence }
    }

    /// The addresses that alone are evidence for a country of which `is_it` holds: all of them, and a few more.
    #[must_use]
    pub fn ranges(&self, is_it: impl Fn(Country) -> bool) -> Ranges {
        let operators = &self.catalogue.operators;
        let is_network = |asn| operators.of(asn).is_some_and(|operator| is_it(operator.jurisdiction));
        let mut list = self.databases.ranges(&is_it, is_network);
        for service in self.catalogue.services.rows().iter().filter(|service| is_it(service.jurisdiction)) {
            if let Match::Prefix(prefix) = service.matches {
                list.push(prefix);
            }
        }
        list.into()
    }

    /// What a name alone tells.
    #[must_use]
    pub fn attribute_name<'a>(&'a self, name: &'a str) -> Attribution<'a> {
        let mut evidence = Evidences::default();
        self.add_names(&Names::default().with(Basis::Asked, name), &mut evidence);
        Attribution { place: Place::default(), evidence }
    }

    /// The owner of this name.
    #[must_use]
    pub fn owner_named(&self, name: &str) -> Option<OwnerId> {
        self.catalogue.owner_named(name)
    }

    /// What an owner is called.
    #[must_use]
    pub fn owner_name(&self, owner: OwnerId) -> &str {
        self.catalogue.owner(owner)
    }

    /// Who made the device with this address.
    #[must_use]
    pub fn device(&self, mac: MacAddr) -> Option<Device<'_>> {
        self.catalogue.makers.of(mac)
    }

    /// The tool that what a flow showed is a sign of, and what it was read from; of several signs the first that is one.
    ///
    /// A sign is what [`Names::iter`] gives, and besides it the ALPN protocols ([`Basis::Alpn`]), the common names and
    /// organisations of a certificate ([`Basis::Certificate`]) and the name of the protocol ([`Basis::Protocol`]).
    #[must_use]
    pub fn tool<'s>(&self, signs: impl IntoIterator<Item = (Basis, &'s str)>) -> Option<(Basis, &Tool)> {
        signs.into_iter().find_map(|(basis, text)| Some((basis, self.catalogue.tools.of(basis, text)?)))
    }

    /// What the maker of a device on a monitored network tells; no evidence where it is unknown.
    #[must_use]
    pub fn attribute_device<'a>(&'a self, device: Device<'a>) -> Attribution<'a> {
        let mut evidence = Evidences::default();
        if let Some(maker) = device.maker {
            evidence.push(Evidence {
                jurisdiction: maker.jurisdiction,
                kind: EvidenceKind::Made,
                strength: if maker.product == Product::Brand { Strength::Medium } else { Strength::Weak },
                basis: Basis::Mac,
                owner: Some(self.owner(maker.owner)),
                subject: device.registrant,
                source: &maker.source,
                date: &maker.date,
            });
        }
        Attribution { place: Place::default(), evidence }
    }

    fn add_names<'a>(&'a self, names: &Names<'a>, evidence: &mut Evidences<'a>) {
        for (basis, name) in names.iter() {
            if let Some(service) = self.catalogue.services.of_name(name) {
                evidence.push(self.provided(service, basis, name));
            } else if let Some(made) = self.catalogue.tools.of_name(name).and_then(|tool| self.made(tool, basis, name))
            {
                evidence.push(made);
            }
        }
        if let Some(certified) = names.certificate.and_then(|certificate| self.certified(certificate)) {
            evidence.push(certified);
        }
    }

    fn located(&self, country: Country, is_anycast: bool, by_user: bool) -> Evidence<'_> {
        let source = self.databases.sources().iter().find(|source: &&Source| source.role == Role::Country);
        let (name, date) = source.map_or(("", ""), |source| (source.name.as_str(), source.date.as_str()));
        let (source, date) = if by_user { ("configuration", "") } else { (name, date) };
        let strength = if by_user { Strength::Medium } else { evidence::located_strength(country, is_anycast) };
        Evidence {
            jurisdiction: country,
            kind: EvidenceKind::Located,
            strength,
            basis: Basis::Address,
            owner: None,
            subject: "",
            source,
            date,
        }
    }

    fn operated<'a>(&'a self, operator: &'a Operator, organization: Option<&'a str>) -> Evidence<'a> {
        Evidence {
            jurisdiction: operator.jurisdiction,
            kind: EvidenceKind::Operated,
            strength: if operator.confidence == Confidence::Low { Strength::Weak } else { Strength::Strong },
            basis: Basis::Asn,
            owner: Some(self.owner(operator.owner)),
            subject: organization.unwrap_or(&operator.name),
            source: &operator.source,
            date: &operator.date,
        }
    }

    fn provided<'a>(&'a self, service: &'a Service, basis: Basis, subject: &'a str) -> Evidence<'a> {
        let kind = if service.role.is_operation() { EvidenceKind::Operated } else { EvidenceKind::Provided };
        Evidence {
            jurisdiction: service.jurisdiction,
            kind,
            strength: if service.confidence == Confidence::Low { Strength::Weak } else { Strength::Medium },
            basis,
            owner: Some(self.owner(service.owner)),
            subject,
            source: &service.source,
            date: &service.date,
        }
    }

    fn made<'a>(&'a self, tool: &'a Tool, basis: Basis, subject: &'a str) -> Option<Evidence<'a>> {
        Some(Evidence {
            jurisdiction: tool.jurisdiction?,
            kind: EvidenceKind::Provided,
            strength: Strength::Medium,
            basis,
            owner: Some(self.owner(tool.owner)),
            subject,
            source: &tool.source,
            date: &tool.date,
        })
    }

    /// A certificate speaks for its subject: the maker of that name, else the country it states.
    fn certified<'a>(&'a self, certificate: Certificate<'a>) -> Option<Evidence<'a>> {
        let maker = self.catalogue.makers.of_registrant(certificate.organization);
        let jurisdiction = maker.map(|maker| maker.jurisdiction).or_else(|| certificate.jurisdiction())?;
        Some(Evidence {
            jurisdiction,
            kind: EvidenceKind::Provided,
            strength: Strength::Medium,
            basis: Basis::Certificate,
            owner: maker.map(|maker| self.owner(maker.owner)),
            subject: certificate.organization,
            source: maker.map_or("the certificate itself", |maker| &maker.source),
            date: maker.map_or("", |maker| &maker.date),
        })
    }

    fn owner(&self, id: OwnerId) -> Owner<'_> {
        Owner { id, name: self.catalogue.owner(id) }
    }

    /// Where the answers come from.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Operators, services, tools and makers.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
}

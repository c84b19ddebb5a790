//! A flow update with everything a rule may ask about it.

use std::net::{IpAddr, SocketAddr};

use crate::attribute::{
    Attribution, Attributor, Basis, Device, Evidence, Knowledge, Names, Neighbour, Owner, Strength, Tool,
};
use crate::flow::{FlowUpdate, Party};
use crate::net::{Country, Timestamp};

use super::{AssetKey, Assets, Direction, Entity, Flag, Jurisdictions, Policy};

/// A flow update and the attribution of both its endpoints.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The update.
    pub update: &'a FlowUpdate,
    /// Names that DNS gave the initiator for the responder's address: the one asked for, then aliases.
    pub aliases: Vec<&'a str>,
    /// What is known of the initiator.
    pub initiator: Attribution<'a>,
    /// What is known of the responder.
    pub responder: Attribution<'a>,
    /// Who of the two is home.
    pub direction: Direction,
    knowledge: &'a Knowledge,
}

impl<'a> Judged<'a> {
    /// Attributes both ends of `update`, the responder also by what the flow and earlier answers say of its name.
    #[must_use]
    pub fn new(update: &'a FlowUpdate, knowledge: &'a Knowledge, assets: &Assets) -> Self {
        let (initiator, responder) = (update.initiator.endpoint.address, update.responder.endpoint.address);
        let attributor = &*knowledge.attributor;
        let aliases = knowledge.answers.names(initiator, responder, update.first_seen);
        let names = names(update, &aliases);
        Judged {
            update,
            aliases,
            initiator: attributor.attribute(initiator),
            responder: attributor.attribute_named(responder, &names),
            direction: assets.direction(initiator, responder),
            knowledge,
        }
    }

    /// What is known of the device that is a home party of the flow.
    #[must_use]
    pub fn neighbour(&self, party: &Party) -> Neighbour<'a> {
        self.knowledge.neighbour(party)
    }

    /// True where the initiator asks a proxy for a connection to somebody else: HTTP CONNECT, or SOCKS.
    pub(super) fn is_proxied(&self) -> bool {
        let facts = self.update.facts.as_deref();
        let connects = facts.and_then(|facts| facts.http_method.as_deref()) == Some("CONNECT");
        let proxied = ["socks", "http-connect"];
        let is_carried = self.update.dealings.as_deref().is_some_and(|dealings| proxied.contains(&dealings.protocol));
        let asks_proxy = PROXY_PORTS.contains(&self.update.responder.endpoint.port)
            && facts.is_some_and(|facts| !facts.http_hosts.is_empty());
        connects || is_carried || asks_proxy
    }

    /// What is known of `address` alone.
    #[must_use]
    pub fn attribute(&self, address: IpAddr) -> Attribution<'a> {
        self.knowledge.attributor.attribute(address)
    }

    /// The remote-support tool, tunnel or device cloud that the flow is of, by what it says and by its own first bytes.
    #[must_use]
    pub fn tool(&self) -> Option<&'a Tool> {
        let facts = self.update.facts.as_deref();
        let protocol = self.update.application.map(|protocol| (Basis::Protocol, protocol));
        let alpn = facts.into_iter().flat_map(|facts| &facts.alpn).map(|offer| (Basis::Alpn, offer.as_str()));
        let certificate = facts.and_then(|facts| facts.certificate.as_deref());
        let certified = certificate.into_iter().flat_map(|it| {
            [&it.subject_common_name, &it.issuer_common_name, &it.subject_organization, &it.issuer_organization]
        });
        let certified = certified.flatten().map(|name| (Basis::Certificate, name.as_str()));
        let names = names(self.update, &self.aliases);
        let signs = protocol.into_iter().chain(alpn).chain(certified).chain(names.iter());
        self.knowledge.attributor.tool(signs).map(|(_, tool)| tool)
    }

    /// What the maker of a device tells.
    #[must_use]
    pub fn attribute_device(&self, device: Device<'a>) -> Attribution<'a> {
        self.knowledge.attributor.attribute_device(device)
    }

    /// True where `is_it` of any name that the initiator itself asked the responder for. Anybody can send an answer of DNS
    /// or a certificate with any name in it.
    pub(super) fn any_asked(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let asked = |basis| matches!(basis, Basis::Sni | Basis::HttpHost);
        names(self.update, &self.aliases).iter().any(|(basis, name)| asked(basis) && is_it(name))
    }

    /// The best name of the responder, and what it was read from.
    #[must_use]
    pub fn domain(&self) -> Option<(Basis, &'a str)> {
        names(self.update, &self.aliases).iter().find(|(basis, _)| *basis != Basis::Certificate)
    }
}

/// Ports of HTTP proxies (IANA; Squid, Privoxy and others by default), where a host is asked for that is elsewhere.
const PROXY_PORTS: [u16; 4] = [3128, 8080, 8118, 8888];

/// Everything said about the responder of a flow, best first.
fn names<'a>(update: &'a FlowUpdate, aliases: &[&'a str]) -> Names<'a> {
    let mut names = Names::default().at(update.protocol, update.responder.endpoint.port);
    if let Some(facts) = update.facts.as_deref() {
        for name in &facts.server_names {
            names.add(Basis::Sni, name);
        }
        for host in &facts.http_hosts {
            names.add(Basis::HttpHost, host);
        }
        if let Some(certificate) = facts.certificate.as_deref() {
            let text = |field: &'a Option<String>| field.as_deref().unwrap_or("");
            names = names.with_certificate(text(&certificate.subject_organization), text(&certificate.subject_country));
        }
    }
    names.with_dns(aliases.iter().copied())
}

/// A flow between an asset and a flagged endpoint.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The update.
    pub judged: &'a Judged<'a>,
    /// The home side.
    pub asset: AssetKey,
    /// What the home side sent.
    pub home: &'a Party,
    /// What the flagged side sent.
    pub remote: &'a Party,
    /// What is known of the flagged side.
    pub attribution: &'a Attribution<'a>,
    /// The flagged jurisdiction with the strongest evidence.
    pub jurisdiction: Country,
    /// What all evidence for it amounts to.
    pub strength: Strength,
    /// The vendor or operator that belongs to it.
    pub owner: Option<Owner<'a>>,
    /// Why the jurisdiction is flagged.
    pub flag: &'a Flag,
    /// The flagged host itself, where it is behind a relay.
    pub peer: Option<SocketAddr>,
}

impl<'a> Subject<'a> {
    /// `None` where no asset or no flagged endpoint takes part.
    pub(super) fn of(judged: &'a Judged<'a>, policy: &'a Policy) -> Option<Self> {
        let attribution = match judged.direction {
            Direction::Outbound => &judged.responder,
            Direction::Inbound => &judged.initiator,
            // A proxy of our own is nowhere: what it is asked for tells where the data goes.
            Direction::Internal if judged.is_proxied() => &judged.responder,
            Direction::Internal | Direction::External => return None,
        };
        Self::with(judged, None, attribution, policy)
    }

    /// Of a flow with a relay, in place of the relay `peer` behind it.
    pub(super) fn behind(
        judged: &'a Judged<'a>,
        peer: SocketAddr,
        attribution: &'a Attribution<'a>,
        policy: &'a Policy,
    ) -> Option<Self> {
        Self::with(judged, Some(peer), attribution, policy)
    }

    fn with(
        judged: &'a Judged<'a>,
        peer: Option<SocketAddr>,
        attribution: &'a Attribution<'a>,
        policy: &'a Policy,
    ) -> Option<Self> {
        let update = judged.update;
        let (home, remote) = match judged.direction {
            Direction::Outbound | Direction::Internal => (&update.initiator, &update.responder),
            Direction::Inbound => (&update.responder, &update.initiator),
            Direction::External => return None,
        };
        let (jurisdiction, strength, flag) = flagged(attribution, &policy.jurisdictions)?;
        let owner = attribution.owner(jurisdiction);
        let asset = policy.assets.identify(home.endpoint.address, home.mac)?;
        Some(Subject { judged, asset, home, remote, attribution, jurisdiction, strength, owner, flag, peer })
    }

    /// The most specific owner of the flagged side: vendor, else operator, else network.
    #[must_use]
    pub fn entity(&self) -> Entity {
        match (self.owner, self.attribution.place.asn) {
            (Some(owner), _) => Entity::Owner(owner.id),
            (None, Some(asn)) => Entity::Network(asn),
            (None, None) => Entity::UnknownNetwork,
        }
    }

    /// The name of [`Subject::entity`], where it has one that does not rest on the other side's word alone.
    pub(super) fn trusted_entity(&self) -> Option<&'a str> {
        let owner = self.owner.filter(|owner| {
            let of_owner = |item: &Evidence<'_>| item.owner.is_some_and(|it| it.id == owner.id);
            let is_word = |item: &Evidence<'_>| matches!(item.basis, Basis::Certificate | Basis::Dns);
            self.attribution.evidence().any(|item| of_owner(&item) && !is_word(&item))
        });
        match self.owner {
            Some(_) => owner.map(|owner| owner.name),
            None => self.attribution.place.organization,
        }
    }

    /// When what the update tells of was seen: of a flow that fell silent, its last packet.
    #[must_use]
    pub fn seen(&self) -> Timestamp {
        self.judged.update.last_seen.min(self.judged.update.at)
    }

    /// The flagged host itself.
    #[must_use]
    pub fn remote_address(&self) -> IpAddr {
        self.peer.map_or(self.remote.endpoint.address, |peer| peer.ip())
    }

    /// What [`Subject::entity`] would be if the flow had said no name.
    pub(super) fn entity_of_address(&self) -> Entity {
        let attribution = self.judged.attribute(self.remote_address());
        match (attribution.owner(self.jurisdiction), attribution.place.asn) {
            (Some(owner), _) => Entity::Owner(owner.id),
            (None, Some(asn)) => Entity::Network(asn),
            (None, None) => Entity::UnknownNetwork,
        }
    }

    /// True where the flagged side began the flow.
    #[must_use]
    pub fn is_inbound(&self) -> bool {
        self.judged.direction == Direction::Inbound
    }
}

/// The flagged jurisdiction with the strongest evidence of any kind, how strong that is, and why it is flagged.
pub(super) fn flagged<'a>(
    attribution: &Attribution<'_>,
    jurisdictions: &'a Jurisdictions,
) -> Option<(Country, Strength, &'a Flag)> {
    let all = attribution.evidence().filter_map(|item| {
        let flag = jurisdictions.flag(item.jurisdiction)?;
        Some((item.jurisdiction, attribution.strength(item.jurisdiction)?, flag))
    });
    all.max_by_key(|(_, strength, flag)| (*strength, flag.risk))
}

/// What the configuration thinks of one address or name: used by `explain`.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// What is known of it.
    pub attribution: Attribution<'a>,
    /// True where it is a monitored host.
    pub home: bool,
    /// Evidence for flagged jurisdictions, each with why it is flagged.
    pub flagged: Vec<(Evidence<'a>, &'a Flag)>,
}

impl<'a> Verdict<'a> {
    /// Of `address`.
    #[must_use]
    pub fn of(address: IpAddr, attributor: &'a Attributor, assets: &Assets, jurisdictions: &'a Jurisdictions) -> Self {
        Self::weigh(&attributor.attribute(address), assets.is_home(address), jurisdictions)
    }

    /// Of a host name, whatever its address.
    #[must_use]
    pub fn of_name(name: &'a str, attributor: &'a Attributor, jurisdictions: &'a Jurisdictions) -> Self {
        Self::weigh(&attributor.attribute_name(name), false, jurisdictions)
    }

    fn weigh(attribution: &Attribution<'a>, home: bool, jurisdictions: &'a Jurisdictions) -> Self {
        let flagged =
            attribution.evidence().filter_map(|item| Some((item, jurisdictions.flag(item.jurisdiction)?))).collect();
        Verdict { attribution: *attribution, home, flagged }
    }

    /// True where a conversation of an asset with it would become a finding.
    #[must_use]
    pub fn is_flagged(&self) -> bool {
        !self.home && !self.flagged.is_empty()
    }
}

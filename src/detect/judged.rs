//! A flow update with everything a rule may ask about it.

use std::net::IpAddr;

use crate::attribute::{Attribution, Attributor, Evidence};
use crate::flow::{FlowUpdate, Party};
use crate::net::Country;

use super::{AssetKey, Assets, Direction, Entity, Flag, Jurisdictions, Policy};

/// A flow update and the attribution of both its endpoints.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The update.
    pub update: &'a FlowUpdate,
    /// What is known of the initiator.
    pub initiator: Attribution<'a>,
    /// What is known of the responder.
    pub responder: Attribution<'a>,
    /// Who of the two is home.
    pub direction: Direction,
}

impl<'a> Judged<'a> {
    /// Attributes both ends of `update`.
    #[must_use]
    pub fn new(update: &'a FlowUpdate, attributor: &'a Attributor, assets: &Assets) -> Self {
        let (initiator, responder) = (update.initiator.endpoint.address, update.responder.endpoint.address);
        Judged {
            update,
            initiator: attributor.attribute(initiator),
            responder: attributor.attribute(responder),
            direction: assets.direction(initiator, responder),
        }
    }
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
    /// That evidence.
    pub evidence: Evidence<'a>,
    /// Why the jurisdiction is flagged.
    pub flag: &'a Flag,
}

impl<'a> Subject<'a> {
    /// `None` where no asset or no flagged endpoint takes part.
    pub(super) fn of(judged: &'a Judged<'a>, policy: &'a Policy) -> Option<Self> {
        let update = judged.update;
        let (home, remote, attribution) = match judged.direction {
            Direction::Outbound => (&update.initiator, &update.responder, &judged.responder),
            Direction::Inbound => (&update.responder, &update.initiator, &judged.initiator),
            Direction::Internal | Direction::External => return None,
        };
        let (evidence, flag) = flagged(attribution, &policy.jurisdictions)?;
        let asset = policy.assets.identify(home.endpoint.address, home.mac)?;
        Some(Subject { judged, asset, home, remote, attribution, jurisdiction: evidence.jurisdiction, evidence, flag })
    }

    /// The network of the flagged side.
    #[must_use]
    pub fn network(&self) -> Entity {
        self.attribution.place.asn.map_or(Entity::UnknownNetwork, Entity::Network)
    }

    /// True where the flagged side began the flow.
    #[must_use]
    pub fn is_inbound(&self) -> bool {
        self.judged.direction == Direction::Inbound
    }
}

/// The strongest evidence for a flagged jurisdiction, and why that is flagged.
fn flagged<'a>(attribution: &Attribution<'a>, jurisdictions: &'a Jurisdictions) -> Option<(Evidence<'a>, &'a Flag)> {
    let all = attribution.evidence().filter_map(|item| Some((item, jurisdictions.flag(item.jurisdiction)?)));
    all.max_by_key(|(item, flag)| (item.strength, flag.risk))
}

/// What the configuration thinks of one address: used by `explain`.
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
        let attribution = attributor.attribute(address);
        let home = assets.is_home(address);
        let flagged =
            attribution.evidence().filter_map(|item| Some((item, jurisdictions.flag(item.jurisdiction)?))).collect();
        Verdict { attribution, home, flagged }
    }

    /// True where a conversation of an asset with it would become a finding.
    #[must_use]
    pub fn is_flagged(&self) -> bool {
        !self.home && !self.flagged.is_empty()
    }
}

//! What alerts tell of assets, devices and flows, taken from what is known when they are made.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::attribute::{Attribution, Basis, Said};
use crate::decode::Few;
use crate::flow::{
    Cause, CommunityId, Exchanges, FlowUpdate, InitiatorBasis, Party, Place, TcpState, TunnelPath, Volume,
};
use crate::inspect::{End, Facts};
use crate::net::known::Word;
use crate::net::{Country, Endpoint, IpVersion, MacAddr, Timestamp};

use super::shared::Shared;
use super::{
    Asset, AssetInfo, AssetKey, DeviceInfo, Direction, Entity, FlowInfo, PartyInfo, Policy, Relation, StableId, Subject,
};

/// The identity of a finding: its relation, the exception that accepts it, and when it began, since a relation may come
/// again, also within one flow.
pub(super) fn identity(
    relation: &Relation,
    asset: Option<&AssetInfo>,
    owner: Option<&str>,
    exception: Option<&str>,
    began: Timestamp,
) -> StableId {
    let entity = match relation.entity {
        Entity::Owner(_) => Cow::Borrowed(owner.unwrap_or_default()),
        Entity::Network(asn) => Cow::Owned(format!("AS{asn}")),
        Entity::UnknownNetwork => Cow::Borrowed("unknown"),
        Entity::Many => Cow::Borrowed("many"),
    };
    let via = relation.activity.via().map(|via| format!("{} {}", via.class.as_str(), via.protocol));
    StableId::of(&[
        "finding",
        relation.activity.id(),
        via.as_deref().unwrap_or_default(),
        asset.map_or("", |asset| &asset.name),
        std::str::from_utf8(&relation.jurisdiction.code()).unwrap_or_default(),
        &entity,
        std::str::from_utf8(&began.rfc3339()).unwrap_or_default(),
        exception.unwrap_or_default(),
    ])
}

pub(super) fn asset_info(key: AssetKey, policy: &Policy) -> AssetInfo {
    let declaration = policy.assets.declaration(key);
    let text = |pick: fn(&Asset) -> &Option<String>| declaration.and_then(|it| pick(it).as_deref()).map(Box::from);
    AssetInfo {
        name: policy.assets.name(key).into(),
        declared: declaration.is_some(),
        sector: text(|asset| &asset.sector),
        criticality: policy.assets.criticality(key),
        supplier: text(|asset| &asset.supplier),
        owner: text(|asset| &asset.owner),
        device: None,
    }
}

/// What is known of the asset's device by now; `None` where nothing.
pub(super) fn device_info(subject: &Subject<'_>) -> Option<DeviceInfo> {
    let known = subject.judged.neighbour(subject.home);
    let maker = known.device.and_then(|device| device.maker);
    let text = |pick: fn(&Said) -> Option<&String>| known.said.and_then(pick).cloned();
    let info = DeviceInfo {
        mac: known.mac,
        registrant: known.device.map(|device| device.registrant.to_owned()),
        vendor: maker.map(|maker| maker.vendor.to_string()),
        class: maker.map(|maker| maker.device_class.to_string()),
        name: text(|said| said.name.as_ref()),
        model: text(|said| said.model.as_ref()),
        announced_by: known.said.map(|said| said.by),
    };
    (known.device.is_some() || known.said.is_some()).then_some(info)
}

/// The last flow of a finding, as small as it can be kept: what a record of it needs and cannot be worked out again.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(into = "FlowInfo", from = "FlowInfo")]
pub(super) struct LastFlow {
    initiator: LastParty,
    responder: LastParty,
    domain: Option<(Basis, Box<str>)>,
    peer: Option<Box<SocketAddr>>,
    at: Timestamp,
    first_seen: Timestamp,
    last_seen: Timestamp,
    flow: u64,
    tunnel_path: Option<Arc<TunnelPath>>,
    application: Option<Word>,
    facts: Option<Arc<Facts>>,
    vlans: Few<u16, 4>,
    direction: Direction,
    cause: Cause,
    basis: InitiatorBasis,
    protocol: u8,
    version: IpVersion,
    one_way: bool,
    answered: bool,
    was_answered: bool,
    one_sided: bool,
    tcp_state: Option<TcpState>,
    initiator_end: End,
    client: Option<End>,
}

#[derive(Clone)]
struct LastParty {
    endpoint: Endpoint,
    mac: Option<MacAddr>,
    country: Option<Country>,
    asn: Option<u32>,
    organization: Option<Arc<str>>,
    total: Volume,
    delta: Volume,
    missed_bytes: u64,
    /// Few flows have any.
    exchanges: Option<Box<Exchanges>>,
}

impl LastFlow {
    pub(super) fn of(subject: &Subject<'_>, shared: &mut Shared) -> Self {
        let (judged, update) = (subject.judged, subject.judged.update);
        let mut party = |party: &Party, attribution: &Attribution<'_>| {
            let place = attribution.place;
            LastParty::of(party, place.country, place.asn, place.organization.map(|name| shared.text(name)))
        };
        let initiator = party(&update.initiator, &judged.initiator);
        let responder = party(&update.responder, &judged.responder);
        let domain = judged.domain().map(|(basis, name)| (basis, name.into()));
        LastFlow::with(update, initiator, responder, domain, judged.direction, subject.peer)
    }

    fn with(
        update: &FlowUpdate,
        initiator: LastParty,
        responder: LastParty,
        domain: Option<(Basis, Box<str>)>,
        direction: Direction,
        peer: Option<SocketAddr>,
    ) -> Self {
        LastFlow {
            initiator,
            responder,
            domain,
            peer: peer.map(Box::new),
            at: update.at,
            first_seen: update.first_seen,
            last_seen: update.last_seen,
            flow: update.flow,
            tunnel_path: update.tunnel_path.clone(),
            application: update.application,
            facts: update.facts.clone(),
            vlans: update.vlans,
            direction,
            cause: update.cause,
            basis: update.basis,
            protocol: update.protocol,
            version: update.version,
            one_way: update.one_way,
            answered: update.answered,
            was_answered: update.was_answered,
            one_sided: update.one_sided,
            tcp_state: update.tcp_state,
            initiator_end: update.initiator_end,
            client: update.client,
        }
    }

    /// As an alert tells of it.
    pub(super) fn info(&self) -> FlowInfo {
        let update = self.update();
        let (initiator, responder) = (update.initiator.endpoint, update.responder.endpoint);
        FlowInfo {
            initiator: self.initiator.info(),
            responder: self.responder.info(),
            protocol: self.protocol,
            domain: self.domain.clone(),
            community_id: CommunityId::new(initiator, responder, self.protocol, self.one_way),
            direction: self.direction,
            peer: self.peer.as_deref().copied(),
            update,
        }
    }

    fn update(&self) -> FlowUpdate {
        FlowUpdate {
            cause: self.cause,
            at: self.at,
            flow: self.flow,
            place: Place::default(),
            initiator: self.initiator.party(),
            responder: self.responder.party(),
            basis: self.basis,
            protocol: self.protocol,
            version: self.version,
            one_way: self.one_way,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            answered: self.answered,
            was_answered: self.was_answered,
            one_sided: self.one_sided,
            tcp_state: self.tcp_state,
            vlans: self.vlans,
            tunnel_path: self.tunnel_path.clone(),
            application: self.application,
            facts: self.facts.clone(),
            answers: Vec::new(),
            dealings: None,
            initiator_end: self.initiator_end,
            client: self.client,
        }
    }
}

impl From<LastFlow> for FlowInfo {
    fn from(flow: LastFlow) -> Self {
        flow.info()
    }
}

impl From<FlowInfo> for LastFlow {
    fn from(info: FlowInfo) -> Self {
        let party = |party: &Party, info: PartyInfo| LastParty::of(party, info.country, info.asn, info.organization);
        let update = &info.update;
        let (initiator, responder) =
            (party(&update.initiator, info.initiator), party(&update.responder, info.responder));
        LastFlow::with(update, initiator, responder, info.domain, info.direction, info.peer)
    }
}

impl LastParty {
    fn of(party: &Party, country: Option<Country>, asn: Option<u32>, organization: Option<Arc<str>>) -> Self {
        LastParty {
            endpoint: party.endpoint,
            mac: party.mac,
            country,
            asn,
            organization,
            total: party.total,
            delta: party.delta,
            missed_bytes: party.missed_bytes,
            exchanges: Some(party.exchanges).filter(|it| *it != Exchanges::default()).map(Box::new),
        }
    }

    fn party(&self) -> Party {
        Party {
            endpoint: self.endpoint,
            mac: self.mac,
            total: self.total,
            delta: self.delta,
            missed_bytes: self.missed_bytes,
            exchanges: self.exchanges.as_deref().copied().unwrap_or_default(),
        }
    }

    fn info(&self) -> PartyInfo {
        PartyInfo {
            endpoint: self.endpoint,
            mac: self.mac,
            ip_bytes: self.total.ip_bytes,
            packets: self.total.packets,
            country: self.country,
            asn: self.asn,
            organization: self.organization.clone(),
        }
    }
}

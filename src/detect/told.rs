//! What alerts tell of assets, devices and flows, taken from what is known when they are made.

use crate::attribute::{Attribution, Said};
use crate::flow::{CommunityId, Party};
use crate::net::Timestamp;

use super::{AssetInfo, AssetKey, DeviceInfo, Entity, FlowInfo, PartyInfo, Policy, Relation, StableId, Subject};

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
        Entity::Owner(_) => owner.unwrap_or_default().to_owned(),
        Entity::Network(asn) => format!("AS{asn}"),
        Entity::UnknownNetwork => "unknown".to_owned(),
        Entity::Many => "many".to_owned(),
    };
    StableId::of(&[
        "finding",
        relation.activity.id(),
        &relation.activity.via().map_or_else(String::new, |via| format!("{} {}", via.class.as_str(), via.protocol)),
        asset.map_or("", |asset| &asset.name),
        &relation.jurisdiction.to_string(),
        &entity,
        &began.to_string(),
        exception.unwrap_or_default(),
    ])
}

pub(super) fn asset_info(key: AssetKey, policy: &Policy) -> AssetInfo {
    let declaration = policy.assets.declaration(key);
    AssetInfo {
        name: policy.assets.name(key).into_owned(),
        declared: declaration.is_some(),
        sector: declaration.and_then(|asset| asset.sector.clone()),
        criticality: policy.assets.criticality(key),
        supplier: declaration.and_then(|asset| asset.supplier.clone()),
        owner: declaration.and_then(|asset| asset.owner.clone()),
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

pub(super) fn flow_info(subject: &Subject<'_>) -> FlowInfo {
    let (judged, update) = (subject.judged, subject.judged.update);
    FlowInfo {
        initiator: party_info(&update.initiator, &judged.initiator),
        responder: party_info(&update.responder, &judged.responder),
        protocol: update.protocol,
        domain: judged.domain().map(|(basis, name)| (basis, name.to_owned())),
        community_id: CommunityId::new(
            update.initiator.endpoint,
            update.responder.endpoint,
            update.protocol,
            update.one_way,
        ),
        direction: judged.direction,
        peer: subject.peer,
        update: update.clone(),
    }
}

fn party_info(party: &Party, attribution: &Attribution<'_>) -> PartyInfo {
    PartyInfo {
        endpoint: party.endpoint,
        mac: party.mac,
        ip_bytes: party.total.ip_bytes,
        packets: party.total.packets,
        country: attribution.place.country,
        asn: attribution.place.asn,
        organization: attribution.place.organization.map(str::to_owned),
    }
}

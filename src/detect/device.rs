//! Devices of a flagged maker that nobody declared, known by their hardware address.

use crate::flow::Party;

use super::findings::Findings;
use super::judged::flagged;
use super::{Activity, Alert, AssetKey, Entity, FirstContact, Judged, Observation, Policy, Relation, Subject, Totals};

/// Looks at the home parties of a flow once, when it is answered: until then nobody may be there.
pub(super) fn observe(judged: &Judged<'_>, policy: &Policy, findings: &mut Findings, out: &mut Vec<Alert>) {
    let update = judged.update;
    if !update.answered || update.was_answered {
        return;
    }
    for (home, remote) in [(&update.initiator, &update.responder), (&update.responder, &update.initiator)] {
        observe_party(judged, home, remote, policy, findings, out);
    }
}

fn observe_party(
    judged: &Judged<'_>,
    home: &Party,
    remote: &Party,
    policy: &Policy,
    findings: &mut Findings,
    out: &mut Vec<Alert>,
) -> Option<()> {
    let asset = policy.assets.identify(home.endpoint.address, home.mac)?;
    let AssetKey::Address(_) = asset else { return None };
    let attribution = judged.attribute_device(judged.neighbour(home).device?);
    let (jurisdiction, strength, flag) = flagged(&attribution, &policy.jurisdictions)?;
    let owner = attribution.owner(jurisdiction)?;
    let subject = Subject {
        judged,
        asset,
        home,
        remote,
        attribution: &attribution,
        jurisdiction,
        strength,
        owner: Some(owner),
        flag,
        peer: None,
    };
    let relation = Relation {
        activity: Activity::Device,
        asset: Some(asset),
        jurisdiction,
        entity: Entity::Owner(owner.id),
        accepted: None,
    };
    let added = Totals { flows: 1, ..Totals::default() };
    let observation = Observation { relation, added, session: None, volume: None };
    findings.add(&observation, FirstContact::default(), &subject, policy, out);
    Some(())
}

//! Attempts: contact with a flagged endpoint that got no answer, and logins that were answered and failed. No data
//! changed hands.

use super::{Activity, Entity, Observation, Relation, Subject, Totals};

/// Attempts by an asset make one finding per asset and jurisdiction; attempts from outside, which every host on the
/// Internet sees all day, make one per jurisdiction.
pub(super) fn unanswered(subject: &Subject<'_>) -> Option<Observation> {
    let update = subject.judged.update;
    // An ICMP message without a counterpart reports on another conversation; it begins none.
    // Who sent nothing has attempted nothing: the answer to a forged or unseen packet.
    let tried = update.initiator.total.packets > 0;
    if update.answered || update.one_way || !tried || !update.cause.is_end() {
        return None;
    }
    Some(tried_in(Activity::Attempt, subject))
}

/// A conversation begun from outside that ended as a knock: what little was answered is told with the attempts.
pub(super) fn brief(subject: &Subject<'_>) -> Option<Observation> {
    let update = subject.judged.update;
    (subject.is_inbound() && update.cause.is_end()).then(|| tried_in(Activity::Attempt, subject))
}

/// Failed logins from outside make one finding per jurisdiction.
pub(super) fn failed_login(subject: &Subject<'_>) -> Observation {
    tried_in(Activity::LoginFailed, subject)
}

fn tried_in(activity: Activity, subject: &Subject<'_>) -> Observation {
    let inbound = subject.is_inbound();
    let relation = Relation {
        activity,
        asset: (!inbound).then_some(subject.asset),
        jurisdiction: subject.jurisdiction,
        entity: Entity::Many,
        accepted: None,
    };
    let added = Totals {
        sent_bytes: subject.home.total.payload_bytes,
        received_bytes: subject.remote.total.payload_bytes,
        flows: 1,
        inbound_flows: u64::from(inbound),
        ..Totals::default()
    };
    Observation { relation, added, session: None, volume: None }
}

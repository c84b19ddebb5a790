//! Attempts: contact with a flagged endpoint that got no answer. No data changed hands.

use super::{Activity, Entity, Observation, Relation, Rule, Subject, Totals};

/// Attempts by an asset make one finding per asset and jurisdiction; attempts from outside, which every host on the
/// Internet sees all day, make one per jurisdiction.
pub(super) struct Attempt;

impl Rule for Attempt {
    fn judge(&self, subject: &Subject<'_>) -> Option<Observation> {
        let update = subject.judged.update;
        // An ICMP message without a counterpart reports on another conversation; it begins none.
        // Who sent nothing has attempted nothing: the answer to a forged or unseen packet.
        let tried = update.initiator.total.packets > 0;
        if update.answered || update.one_way || !tried || !update.cause.is_end() {
            return None;
        }
        let inbound = subject.is_inbound();
        let relation = Relation {
            activity: Activity::Attempt,
            asset: (!inbound).then_some(subject.asset),
            jurisdiction: subject.jurisdiction,
            entity: Entity::Many,
        };
        let added = Totals {
            sent_bytes: subject.home.total.payload_bytes,
            received_bytes: subject.remote.total.payload_bytes,
            flows: 1,
            inbound_flows: u64::from(inbound),
        };
        Some(Observation { relation, added })
    }
}

//! Egress: an asset sent payload to a flagged endpoint that took part in the conversation.

use super::{Activity, Observation, Relation, Rule, Subject, Totals};

/// One finding per asset, jurisdiction and owner.
pub(super) struct Egress;

impl Rule for Egress {
    fn judge(&self, subject: &Subject<'_>) -> Option<Observation> {
        let update = subject.judged.update;
        if !update.answered {
            return None;
        }
        // What passed before the answer counts once the answer is there.
        let fresh = !update.was_answered;
        let amount = |party: &crate::flow::Party| if fresh { party.total } else { party.delta }.payload_bytes;
        let added = Totals {
            sent_bytes: amount(subject.home),
            received_bytes: amount(subject.remote),
            flows: u64::from(fresh),
            inbound_flows: u64::from(fresh && subject.is_inbound()),
        };
        let relation = Relation {
            activity: Activity::Egress,
            asset: Some(subject.asset),
            jurisdiction: subject.jurisdiction,
            entity: subject.entity(),
        };
        (added != Totals::default()).then_some(Observation { relation, added })
    }
}

//! Egress: an asset sent payload to a flagged endpoint that took part in the conversation.

use std::time::Duration;

use super::{Activity, Live, Observation, Relation, Subject, Totals};

/// What a conversation begun from outside must come to before it is more than an answer to a knock: a greeting and a
/// failed login are not data.
const ANSWER_BYTES: u64 = 4096;
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// One finding per asset, jurisdiction and owner. What a session of remote management moves belongs to that.
pub(super) fn judge(subject: &Subject<'_>, live: &mut Live) -> Option<Observation> {
    let update = subject.judged.update;
    let is_anothers = subject.is_inbound() && live.is_login;
    if !update.answered || is_anothers || subject.is_inbound() && is_brief(subject) {
        return None;
    }
    let added = live.egress.count(subject);
    let relation = Relation {
        activity: Activity::Egress,
        asset: Some(subject.asset),
        jurisdiction: subject.jurisdiction,
        entity: subject.entity(),
    };
    (added != Totals::default()).then_some(Observation { relation, added, session: None })
}

/// True while a conversation begun from outside may still be a knock.
fn is_brief(subject: &Subject<'_>) -> bool {
    let update = subject.judged.update;
    !update.cause.is_end()
        && subject.home.total.payload_bytes < ANSWER_BYTES
        && update.last_seen.since(update.first_seen) < ANSWER_TIME
}

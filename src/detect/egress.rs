//! Egress: an asset sent payload to a flagged endpoint that took part in the conversation.
//!
//! Every host on the Internet is knocked at all day, and much of it answers: with an echo, with a greeting to somebody who
//! says nothing. That is no data; a relation for each asset and each network that knocks would bury what is.

use std::time::Duration;

use super::{Activity, Live, Observation, Relation, Subject, Totals};

/// What a conversation begun from outside must come to before it is more than an answer to a knock: a greeting and a
/// failed login are not data.
const ANSWER_BYTES: u64 = 4096;
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// IP protocol numbers (IANA).
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// One finding per asset, jurisdiction and owner. What a session of remote management moves belongs to that.
pub(super) fn judge(subject: &Subject<'_>, live: &mut Live) -> Option<Observation> {
    let update = subject.judged.update;
    let is_anothers = subject.is_inbound() && live.is_login;
    // What an earlier run has counted is no knock, however little this one has seen of it.
    let is_known = live.is_resumed && live.egress.has_counted();
    if !update.answered || is_anothers || subject.is_inbound() && !is_known && is_knock(subject) {
        return None;
    }
    let added = live.egress.count(subject);
    let relation = Relation {
        activity: Activity::Egress,
        asset: Some(subject.asset),
        jurisdiction: subject.jurisdiction,
        entity: subject.entity(),
        accepted: None,
    };
    (added != Totals::default()).then_some(Observation { relation, added, session: None, volume: None })
}

/// True while a conversation begun from outside may still be a knock, and of one that was no more than that.
fn is_knock(subject: &Subject<'_>) -> bool {
    let (update, ours, theirs) = (subject.judged.update, subject.home.total, subject.remote.total);
    let is_echo = matches!(update.protocol, ICMP | ICMPV6) && ours.payload_bytes <= theirs.payload_bytes;
    let is_brief = ours.payload_bytes < ANSWER_BYTES && update.last_seen.since(update.first_seen) < ANSWER_TIME;
    is_echo || is_brief
}

//! Elastic Common Schema 9 (<https://www.elastic.co/docs/reference/ecs>): one JSON object per line.
//!
//! `source` is the initiator and `destination` the responder of the flow; volumes of the whole finding are under
//! `borderflow.finding`. Fields of our own are under `borderflow`. Times are RFC 3339 in UTC; sizes are bytes.
//!
//! Each file here puts down field sets in the order of the record; a piece that begins with a comma goes on in the object
//! that is open.

mod detail;
mod names;
mod notice;
mod parts;

use crate::detect::{Alert, Judged, Step, Technique};
use crate::flow::CommunityId;
use crate::net::{Endpoint, Timestamp};

use super::pen::Pen;
use super::text;
use parts::{ECS, OBSERVER, Peer};

pub use notice::{Notice, NoticeKind};

/// The ECS name of a transport, where it has one.
pub(super) use parts::transport_name;

/// Appends an alert as one line.
pub fn alert(alert: &Alert, out: &mut Vec<u8>) {
    let (flow, update) = (&alert.flow, &alert.flow.update);
    let pen = &mut Pen::new(out);
    pen.raw("{\"@timestamp\":\"").time(alert.at).raw("\",\"message\":\"");
    pen.said(|pen| text::sentence(alert, pen)).raw("\"").raw(ECS);
    event(alert, pen);
    let domain = flow.domain.as_ref().map(|(_, name)| &**name);
    let protocol = update.protocol;
    Peer { party: &update.initiator, place: flow.initiator.place(), protocol, domain: None }.put(",\"source\":", pen);
    Peer { party: &update.responder, place: flow.responder.place(), protocol, domain }.put(",\"destination\":", pen);
    parts::network(update, flow.direction, flow.community_id, pen);
    names::said(update.facts.as_deref(), pen);
    pen.raw(",\"rule\":{\"id\":\"").raw(alert.activity.id());
    pen.raw("\",\"name\":\"").raw(alert.activity.name());
    // The law or decision behind it; `rule.reference` would be a link.
    pen.raw("\",\"ruleset\":\"borderflow\",\"description\":").text(&alert.jurisdiction.basis).raw("}");
    threat(alert.activity.technique(flow.direction, alert.totals.commands), pen);
    pen.raw(OBSERVER);
    let ip = |endpoint: Endpoint| endpoint.address;
    pen.raw(",\"related\":{\"ip\":[\"").ip(ip(update.initiator.endpoint));
    pen.raw("\",\"").ip(ip(update.responder.endpoint)).raw("\"]}");
    detail::put(alert, pen);
    pen.raw("}\n");
}

/// Appends a notice as one line.
pub fn notice(notice: &Notice, out: &mut Vec<u8>) {
    notice.put(&mut Pen::new(out));
}

/// Appends the record of an ended flow as one line.
pub fn flow(judged: &Judged<'_>, out: &mut Vec<u8>) {
    let update = judged.update;
    let (initiator, responder) = (&update.initiator, &update.responder);
    let community_id = CommunityId::new(initiator.endpoint, responder.endpoint, update.protocol, update.one_way);
    let domain = judged.domain();
    let pen = &mut Pen::new(out);
    pen.raw("{\"@timestamp\":\"").time(update.last_seen).raw("\"").raw(ECS);
    pen.raw(
        ",\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"connection\",\"end\"],\
         \"module\":\"borderflow\",\"dataset\":\"borderflow.flow\"",
    );
    period(update.first_seen, update.last_seen, pen);
    pen.raw("}");
    let protocol = update.protocol;
    let place = judged.initiator.place;
    Peer { party: initiator, place, protocol, domain: None }.put(",\"source\":", pen);
    let (place, name) = (judged.responder.place, domain.map(|(_, name)| name));
    Peer { party: responder, place, protocol, domain: name }.put(",\"destination\":", pen);
    parts::network(update, judged.direction, community_id, pen);
    names::said(update.facts.as_deref(), pen);
    pen.raw(OBSERVER).raw(",\"borderflow\":");
    parts::flow_detail(update, domain.map(|(basis, _)| basis), pen);
    pen.raw("}\n");
}

fn event(alert: &Alert, pen: &mut Pen<'_>) {
    pen.raw(
        ",\"event\":{\"kind\":\"alert\",\"category\":[\"network\",\"intrusion_detection\"],\"type\":[\"info\"],\
         \"module\":\"borderflow\",\"dataset\":\"borderflow.alert\",\"id\":\"",
    );
    pen.raw(alert.id.as_str()).raw(match alert.step {
        Step::Opened => "\",\"action\":\"finding-opened\"",
        Step::Updated => "\",\"action\":\"finding-updated\"",
        Step::Closed => "\",\"action\":\"finding-closed\"",
    });
    period(alert.first_seen, alert.last_seen, pen);
    pen.raw(",\"severity\":").number(alert.severity.score).raw(",\"risk_score\":").number(alert.severity.score);
    let reasons = alert.severity.reasons.iter();
    pen.raw(",\"reason\":\"")
        .join(reasons, "; ", |pen, reason| {
            pen.inner(reason);
        })
        .raw("\"}");
}

/// First and last packet, and the nanoseconds from one to the other.
fn period(start: Timestamp, end: Timestamp, pen: &mut Pen<'_>) {
    pen.raw(",\"start\":\"").time(start).raw("\",\"end\":\"").time(end);
    pen.raw("\",\"duration\":").number(end.as_nanos().saturating_sub(start.as_nanos()));
}

fn threat(technique: Technique, pen: &mut Pen<'_>) {
    pen.raw(",\"threat\":{\"framework\":\"MITRE ATT&CK\",\"tactic\":{\"id\":\"").raw(technique.tactic_id);
    pen.raw("\",\"name\":\"").raw(technique.tactic).raw("\"},\"technique\":{\"id\":\"").raw(technique.id);
    pen.raw("\",\"name\":\"").raw(technique.name).raw("\"}}");
}

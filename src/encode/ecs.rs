//! Elastic Common Schema 9 (<https://www.elastic.co/docs/reference/ecs>): one JSON object per line.
//!
//! `source` is the initiator and `destination` the responder of the flow; volumes of the whole finding are under
//! `borderflow.finding`. Fields of our own are under `borderflow`. Times are RFC 3339 in UTC; sizes are bytes.

mod detail;
mod names;
mod notice;
mod parts;

use serde::Serialize;

use crate::detect::{Alert, Judged, Step, Technique};
use crate::flow::CommunityId;
use crate::net::Timestamp;

use super::{json, text};
use detail::AlertDetail;
use names::Said;
use parts::{Ecs, FlowDetail, Network, Observer, Peer};

pub use notice::{Notice, NoticeKind};

/// The ECS name of a transport, where it has one.
pub(super) use parts::transport_name;

/// Appends an alert as one line.
pub fn alert(alert: &Alert, out: &mut Vec<u8>) {
    line(&AlertRecord::of(alert), out);
}

/// Appends a notice as one line.
pub fn notice(notice: &Notice, out: &mut Vec<u8>) {
    line(&notice.record(), out);
}

/// Appends the record of an ended flow as one line.
pub fn flow(judged: &Judged<'_>, out: &mut Vec<u8>) {
    line(&FlowRecord::of(judged), out);
}

fn line<T: Serialize>(record: &T, out: &mut Vec<u8>) {
    json::write(record, out);
    out.push(b'\n');
}

#[derive(Serialize)]
struct FlowRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    ecs: Ecs,
    event: Event<'a>,
    source: Peer<'a>,
    destination: Peer<'a>,
    network: Network,
    #[serde(flatten)]
    said: Said<'a>,
    observer: Observer,
    borderflow: FlowDetail<'a>,
}

#[derive(Serialize)]
struct AlertRecord<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    message: String,
    ecs: Ecs,
    event: Event<'a>,
    source: Peer<'a>,
    destination: Peer<'a>,
    network: Network,
    #[serde(flatten)]
    said: Said<'a>,
    rule: Rule<'a>,
    threat: Threat,
    observer: Observer,
    related: Related,
    borderflow: AlertDetail<'a>,
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'static str,
    category: &'static [&'static str],
    r#type: &'static [&'static str],
    module: &'static str,
    dataset: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    start: Timestamp,
    end: Timestamp,
    /// Nanoseconds.
    duration: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_score: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'static str,
    name: &'static str,
    ruleset: &'static str,
    /// The law or decision behind it; `rule.reference` would be a link.
    description: &'a str,
}

#[derive(Serialize)]
struct Threat {
    framework: &'static str,
    tactic: Named,
    technique: Named,
}

#[derive(Serialize)]
struct Named {
    id: &'static str,
    name: &'static str,
}

#[derive(Serialize)]
struct Related {
    ip: [String; 2],
}

impl<'a> FlowRecord<'a> {
    fn of(judged: &'a Judged<'a>) -> Self {
        let update = judged.update;
        let (initiator, responder) = (update.initiator.endpoint, update.responder.endpoint);
        let community_id = CommunityId::new(initiator, responder, update.protocol, update.one_way);
        FlowRecord {
            timestamp: update.last_seen,
            ecs: Ecs::VERSION,
            event: Event {
                kind: "event",
                category: &["network"],
                r#type: &["connection", "end"],
                module: "borderflow",
                dataset: "borderflow.flow",
                id: None,
                action: None,
                start: update.first_seen,
                end: update.last_seen,
                duration: nanos(update.first_seen, update.last_seen),
                severity: None,
                risk_score: None,
                reason: None,
            },
            source: Peer::of_party(&update.initiator, &judged.initiator, update.protocol),
            destination: Peer::of_party(&update.responder, &judged.responder, update.protocol)
                .named(judged.domain().map(|(_, name)| name)),
            network: Network::of(update, judged.direction, community_id),
            said: Said::of(update.facts.as_deref()),
            observer: Observer::US,
            borderflow: FlowDetail::of(update, judged.domain().map(|(basis, _)| basis)),
        }
    }
}

impl<'a> AlertRecord<'a> {
    fn of(alert: &'a Alert) -> Self {
        let (flow, update) = (&alert.flow, &alert.flow.update);
        AlertRecord {
            timestamp: alert.at,
            message: text::sentence(alert),
            ecs: Ecs::VERSION,
            event: Event::of(alert),
            source: Peer::of_info(&flow.initiator, update.protocol),
            destination: Peer::of_info(&flow.responder, update.protocol)
                .named(flow.domain.as_ref().map(|(_, name)| name.as_str())),
            network: Network::of(update, flow.direction, flow.community_id),
            said: Said::of(update.facts.as_deref()),
            rule: Rule {
                id: alert.activity.id(),
                name: alert.activity.name(),
                ruleset: "borderflow",
                description: &alert.jurisdiction.basis,
            },
            threat: Threat::of(alert.activity.technique(flow.direction, alert.totals.commands)),
            observer: Observer::US,
            related: Related {
                ip: [flow.initiator.endpoint.address.to_string(), flow.responder.endpoint.address.to_string()],
            },
            borderflow: AlertDetail::of(alert),
        }
    }
}

impl<'a> Event<'a> {
    fn of(alert: &'a Alert) -> Self {
        Event {
            kind: "alert",
            category: &["network", "intrusion_detection"],
            r#type: &["info"],
            module: "borderflow",
            dataset: "borderflow.alert",
            id: Some(alert.id.as_str()),
            action: Some(match alert.step {
                Step::Opened => "finding-opened",
                Step::Updated => "finding-updated",
                Step::Closed => "finding-closed",
            }),
            start: alert.first_seen,
            end: alert.last_seen,
            duration: nanos(alert.first_seen, alert.last_seen),
            severity: Some(alert.severity.score),
            risk_score: Some(alert.severity.score),
            reason: Some(alert.severity.reasons.join("; ")),
        }
    }
}

impl Threat {
    fn of(technique: Technique) -> Self {
        Threat {
            framework: "MITRE ATT&CK",
            tactic: Named { id: technique.tactic_id, name: technique.tactic },
            technique: Named { id: technique.id, name: technique.name },
        }
    }
}

fn nanos(start: Timestamp, end: Timestamp) -> u64 {
    end.as_nanos().saturating_sub(start.as_nanos())
}

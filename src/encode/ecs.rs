//! Elastic Common Schema 9 (<https://www.elastic.co/docs/reference/ecs>): one JSON object per line.
//!
//! `source` is the initiator and `destination` the responder of the flow; volumes of the whole finding are under
//! `borderflow.finding`. Fields of our own are under `borderflow`. Times are RFC 3339 in UTC; sizes are bytes.

mod names;
mod parts;

use serde::Serialize;

use crate::attribute::{Basis, EvidenceKind, Strength, ToolKind};
use crate::detect::{Alert, AssetInfo, DeviceInfo, EvidenceInfo, Judged, ManagementInfo, Step, Technique, Totals};
use crate::flow::CommunityId;
use crate::inspect::Login;
use crate::net::{Country, MacAddr, Timestamp};

use super::{json, text};
use names::Said;
use parts::{Ecs, FlowDetail, Network, Observer, Peer, display, display_option};

/// The ECS name of a transport, where it has one.
pub(super) use parts::transport_name;

/// Appends an alert as one line.
pub fn alert(alert: &Alert, out: &mut Vec<u8>) {
    line(&AlertRecord::of(alert), out);
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

#[derive(Serialize)]
struct AlertDetail<'a> {
    finding: FindingDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<AssetDetail<'a>>,
    jurisdiction: JurisdictionDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<EntityDetail<'a>>,
    severity: SeverityDetail<'a>,
    evidence: Vec<EvidenceDetail<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    management: Option<ManagementDetail<'a>>,
    /// The flagged host itself, where the other end is only a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed_peer: Option<RelayedPeer>,
    flow: FlowDetail<'a>,
}

#[derive(Serialize)]
struct RelayedPeer {
    #[serde(serialize_with = "display")]
    ip: std::net::IpAddr,
    port: u16,
}

#[derive(Serialize)]
struct ManagementDetail<'a> {
    class: &'static str,
    protocol: &'static str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_kind: Option<ToolKind>,
    sessions: u64,
    commands: Commands,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'static str>,
    /// Whether that was inferred from the sizes of encrypted messages.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    login_inferred: bool,
    failed_logins_before: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchanges: Option<ExchangesDetail>,
}

/// By kind.
#[derive(Serialize)]
struct Commands {
    read: u64,
    write: u64,
    control: u64,
    program: u64,
}

#[derive(Serialize)]
struct ExchangesDetail {
    answered: u32,
    bytes: u64,
    answer_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ms: Option<u64>,
}

#[derive(Serialize)]
struct FindingDetail<'a> {
    id: &'a str,
    step: &'static str,
    number: u32,
    payload_bytes_sent: u64,
    payload_bytes_received: u64,
    flows: u64,
    inbound_flows: u64,
    suppressed_updates: u64,
}

#[derive(Serialize)]
struct AssetDetail<'a> {
    name: &'a str,
    declared: bool,
    #[serde(serialize_with = "display")]
    criticality: crate::detect::Criticality,
    #[serde(skip_serializing_if = "Option::is_none")]
    sector: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceDetail<'a>>,
}

/// What the network alone shows of the asset's device.
#[derive(Serialize)]
struct DeviceDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "display_option")]
    mac: Option<MacAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registrant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announced_by: Option<&'static str>,
}

#[derive(Serialize)]
struct JurisdictionDetail<'a> {
    #[serde(serialize_with = "display")]
    iso_code: Country,
    name: &'static str,
    risk: u8,
    basis: &'a str,
}

#[derive(Serialize)]
struct EntityDetail<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    as_number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct SeverityDetail<'a> {
    level: &'static str,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct EvidenceDetail<'a> {
    kind: EvidenceKind,
    #[serde(serialize_with = "display")]
    jurisdiction: Country,
    strength: Strength,
    basis: Basis,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    date: &'a str,
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

impl<'a> AlertDetail<'a> {
    fn of(alert: &'a Alert) -> Self {
        let named = alert.asn.is_some() || alert.entity.is_some();
        let jurisdiction = &alert.jurisdiction;
        AlertDetail {
            finding: FindingDetail {
                id: alert.finding.as_str(),
                step: alert.step.as_str(),
                number: alert.number,
                payload_bytes_sent: alert.totals.sent_bytes,
                payload_bytes_received: alert.totals.received_bytes,
                flows: alert.totals.flows,
                inbound_flows: alert.totals.inbound_flows,
                suppressed_updates: alert.suppressed,
            },
            asset: alert.asset.as_ref().map(AssetDetail::of),
            jurisdiction: JurisdictionDetail {
                iso_code: jurisdiction.country,
                name: jurisdiction.country.name(),
                risk: jurisdiction.risk,
                basis: &jurisdiction.basis,
            },
            entity: named.then_some(EntityDetail { as_number: alert.asn, name: alert.entity.as_deref() }),
            severity: SeverityDetail { level: alert.severity.level(), reasons: &alert.severity.reasons },
            evidence: alert.evidence.iter().map(EvidenceDetail::of).collect(),
            management: alert.management.as_ref().map(|info| ManagementDetail::of(info, &alert.totals)),
            relayed_peer: alert.flow.peer.map(|peer| RelayedPeer { ip: peer.ip(), port: peer.port() }),
            flow: FlowDetail::of(&alert.flow.update, alert.flow.domain.as_ref().map(|(basis, _)| *basis)),
        }
    }
}

impl<'a> ManagementDetail<'a> {
    fn of(info: &'a ManagementInfo, totals: &Totals) -> Self {
        let [read, write, control, program] = totals.commands;
        let exchanges = info.exchanges;
        ManagementDetail {
            class: info.via.class.as_str(),
            protocol: info.via.protocol,
            direction: match totals.inbound_flows {
                0 => "outbound",
                inbound if inbound == totals.flows => "inbound",
                _ => "both",
            },
            tool: info.tool.as_deref(),
            tool_kind: info.via.tool,
            sessions: totals.flows,
            commands: Commands { read, write, control, program },
            functions: info.functions.iter().map(|command| command.function).collect(),
            details: &info.details,
            login: info.login.map(Login::as_str),
            login_inferred: info.login_is_inferred(),
            failed_logins_before: info.failed_before,
            exchanges: (exchanges.answered > 0).then(|| ExchangesDetail {
                answered: exchanges.answered,
                bytes: exchanges.bytes,
                answer_bytes: exchanges.answer_bytes,
                period_ms: exchanges.period().map(|period| period.as_millis() as u64),
            }),
        }
    }
}

impl<'a> AssetDetail<'a> {
    fn of(asset: &'a AssetInfo) -> Self {
        AssetDetail {
            name: &asset.name,
            declared: asset.declared,
            criticality: asset.criticality,
            sector: asset.sector.as_deref(),
            supplier: asset.supplier.as_deref(),
            owner: asset.owner.as_deref(),
            device: asset.device.as_ref().map(DeviceDetail::of),
        }
    }
}

impl<'a> DeviceDetail<'a> {
    fn of(device: &'a DeviceInfo) -> Self {
        DeviceDetail {
            mac: device.mac,
            registrant: device.registrant.as_deref(),
            vendor: device.vendor.as_deref(),
            class: device.class.as_deref(),
            name: device.name.as_deref(),
            model: device.model.as_deref(),
            announced_by: device.announced_by,
        }
    }
}

impl<'a> EvidenceDetail<'a> {
    fn of(evidence: &'a EvidenceInfo) -> Self {
        EvidenceDetail {
            kind: evidence.kind,
            jurisdiction: evidence.jurisdiction,
            strength: evidence.strength,
            basis: evidence.basis,
            detail: &evidence.detail,
            source: &evidence.source,
            date: &evidence.date,
        }
    }
}

fn nanos(start: Timestamp, end: Timestamp) -> u64 {
    end.as_nanos().saturating_sub(start.as_nanos())
}

//! What `borderflow` says of an alert, in a field set of its own.

use serde::Serialize;

use super::parts::{FlowDetail, display, display_option};
use crate::attribute::{Basis, EvidenceKind, Strength, ToolKind};
use crate::detect::{
    Alert, AssetInfo, Coverage, DeviceInfo, EvidenceInfo, ManagementInfo, Standing, Totals, VolumeInfo,
};
use crate::inspect::Login;
use crate::net::{Country, MacAddr, Timestamp};

#[derive(Serialize)]
pub(super) struct AlertDetail<'a> {
    finding: FindingDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<AssetDetail<'a>>,
    jurisdiction: JurisdictionDetail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<EntityDetail<'a>>,
    severity: SeverityDetail<'a>,
    evidence: Vec<EvidenceDetail<'a>>,
    /// Whom of the other side the asset had not been in touch with before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first_contact: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<ExceptionDetail<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume: Option<VolumeInfo>,
    coverage: Coverage,
    #[serde(skip_serializing_if = "Option::is_none")]
    management: Option<ManagementDetail<'a>>,
    /// The flagged host itself, where the other end is only a relay.
    #[serde(skip_serializing_if = "Option::is_none")]
    relayed_peer: Option<RelayedPeer>,
    flow: FlowDetail<'a>,
}

/// An accepted risk, or one that was.
#[derive(Serialize)]
struct ExceptionDetail<'a> {
    name: &'a str,
    standing: Standing,
    reason: &'a str,
    approver: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<&'a str>,
    expires: Timestamp,
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

impl<'a> AlertDetail<'a> {
    pub(super) fn of(alert: &'a Alert) -> Self {
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
            first_contact: alert.first_contact.names().collect(),
            exception: alert.exception.as_ref().map(|it| ExceptionDetail {
                name: &it.name,
                standing: it.standing,
                reason: &it.reason,
                approver: &it.approver,
                ticket: it.ticket.as_deref(),
                expires: it.expires,
            }),
            volume: alert.volume,
            coverage: alert.coverage,
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

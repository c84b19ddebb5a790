//! For people: one line per alert that a tired operator understands, and a table at the end.

use std::time::Duration;

use crate::attribute::{Basis, EvidenceKind};
use crate::detect::{Activity, Alert, Class, DeviceInfo, Direction, EvidenceInfo, Step, Via, VolumeInfo};
use crate::inspect::Login;
use crate::net::Endpoint;

use super::Style;
use super::ecs::transport_name;
use super::human::{Bytes, Count, Moment, Printable};
use super::line::Head;
use super::pen::Pen;

const A_DAY: Duration = Duration::from_secs(86_400);

/// Appends an alert as one line: when, how bad, where the finding stands, and what happened.
pub fn alert(alert: &Alert, style: Style, out: &mut Vec<u8>) {
    let (level, score) = (alert.severity.level(), Some(alert.severity.score.into()));
    let pen = &mut Pen::new(out);
    pen.display(Head { at: alert.at, level, score, step: alert.step.as_str(), style });
    sentence(alert, pen);
    pen.raw("\n");
}

/// What happened, in one sentence.
pub(super) fn sentence(alert: &Alert, pen: &mut Pen<'_>) {
    match (alert.activity, alert.flow.direction) {
        (Activity::Egress, _) => egress(alert, pen),
        (Activity::Volume, _) => volume(alert, pen),
        (Activity::Device, _) => device(alert, pen),
        (Activity::Management(via), _) => managed(alert, via, pen),
        (Activity::LoginFailed, _) => failed_logins(alert, pen),
        (Activity::Attempt, Direction::Inbound) => inbound_attempts(alert, pen),
        (Activity::Attempt, _) => outbound_attempts(alert, pen),
    }
    for item in &alert.evidence {
        pen.raw("; ");
        evidence(item, pen);
    }
    let first = alert.first_contact;
    // On the first day everybody is new.
    if alert.step == Step::Opened && first.is_any() && alert.first_seen.since(first.since) >= A_DAY {
        let new: Vec<&str> = first.names().collect();
        pen.raw("; first contact with this ").raw(&new.join(" and ")).raw(" since ").display(Moment(first.since));
    }
    if let Some(exception) = &alert.exception {
        pen.raw("; ").printable(&exception.sentence());
    }
}

fn volume(alert: &Alert, pen: &mut Pen<'_>) {
    asset(alert, pen);
    pen.raw(" sent to ");
    party(alert, pen);
    pen.raw(": ");
    if let Some(VolumeInfo { window, bytes, threshold_bytes }) = alert.volume {
        pen.bytes(bytes).raw(" within ").raw(window.noun()).raw(", the threshold is ").bytes(threshold_bytes);
    }
}

fn egress(alert: &Alert, pen: &mut Pen<'_>) {
    let totals = alert.totals;
    asset(alert, pen);
    pen.raw(" sent ").bytes(totals.sent_bytes).raw(if alert.step == Step::Closed { " in all to " } else { " to " });
    party(alert, pen);
    pen.raw(", received ").bytes(totals.received_bytes);
    match totals.inbound_flows {
        0 => {}
        inbound if inbound == totals.flows => {
            pen.raw(", begun from outside");
        }
        inbound => {
            pen.raw(", ").count(inbound).raw(" of ").count(totals.flows).raw(" flows begun from outside");
        }
    }
}

/// Place, network and address of the other side.
fn party(alert: &Alert, pen: &mut Pen<'_>) {
    place(alert, pen);
    pen.raw(", ");
    network(alert, pen);
    pen.raw(", ");
    remote(alert, pen);
}

fn managed(alert: &Alert, via: Via, pen: &mut Pen<'_>) {
    let totals = alert.totals;
    asset(alert, pen);
    pen.raw(match via.class {
        Class::A => " is managed from ",
        Class::B => " can be managed from ",
        Class::C => " behaves as if managed from ",
    });
    party(alert, pen);
    pen.raw(", by ");
    // The tool and its kind, or the protocol.
    match (alert.management.as_ref().and_then(|info| info.tool.as_deref()), via.tool) {
        (Some(tool), Some(kind)) => pen.raw(kind.noun()).raw(" ").printable(tool),
        _ => pen.raw(via.protocol),
    };
    pen.raw(" (class ").raw(via.class.as_str()).raw("): ").count(totals.flows);
    pen.raw(if totals.flows == 1 { " session " } else { " sessions " }).raw(match totals.inbound_flows {
        0 => "begun by the asset",
        inbound if inbound == totals.flows => "begun from outside",
        _ => "begun by either side",
    });
    for part in commands(alert).into_iter().chain(login(alert)).chain(exchanges(alert, via)) {
        pen.raw(", ").raw(&part);
    }
}

/// Such as `2 writes, 1 control command (write single coil; reboot)`.
fn commands(alert: &Alert) -> Option<String> {
    let [read, write, control, program] = alert.totals.commands;
    let counted = [(read, "read"), (write, "write"), (control, "control command"), (program, "program transfer")];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0);
    let mut text: Vec<String> =
        counted.map(|(count, noun)| format!("{} {noun}{}", Count(count), if count == 1 { "" } else { "s" })).collect();
    let info = alert.management.as_ref()?;
    let last = text.pop()?;
    let mut named: Vec<&str> = Vec::new();
    // The gravest are what the reader looks for.
    let mut functions = info.functions.clone();
    functions.sort_by_key(|function| std::cmp::Reverse(function.kind));
    for function in functions.iter().take(4) {
        named.push(function.function);
    }
    let details = info.details.iter().take(2).map(|detail| Printable(detail).to_string());
    let named: Vec<String> = named.into_iter().map(str::to_owned).chain(details).collect();
    text.push(if named.is_empty() { last } else { format!("{last} ({})", named.join("; ")) });
    Some(text.join(", "))
}

fn login(alert: &Alert) -> Option<String> {
    let info = alert.management.as_ref()?;
    let inferred = if info.login_is_inferred() { ", by the sizes of its messages" } else { "" };
    match (info.login, info.failed_before) {
        (Some(Login::Granted), 0) => Some(format!("login granted{inferred}")),
        (Some(Login::Granted), failed) => {
            Some(format!("login granted after {} failed{inferred}", Count(failed.into())))
        }
        (Some(Login::Tried | Login::Refused) | None, _) => None,
    }
}

fn exchanges(alert: &Alert, via: Via) -> Option<String> {
    let info = alert.management.as_ref().filter(|_| via.class == Class::C)?;
    let (exchanges, count) = (info.exchanges, u64::from(info.exchanges.answered.max(1)));
    let period = exchanges.period().map_or(String::new(), |period| format!(" about every {} s", period.as_secs()));
    Some(format!(
        "{} exchanges begun by the other side after silence{period}, {} answered with {} on average",
        Count(exchanges.answered.into()),
        Bytes(exchanges.bytes / count),
        Bytes(exchanges.answer_bytes / count),
    ))
}

fn failed_logins(alert: &Alert, pen: &mut Pen<'_>) {
    pen.count(alert.totals.flows).raw(if alert.totals.flows == 1 { " login from " } else { " logins from " });
    place(alert, pen);
    pen.raw(" to monitored hosts failed");
    last(alert, pen);
}

fn device(alert: &Alert, pen: &mut Pen<'_>) {
    let device = alert.asset.as_ref().and_then(|asset| asset.device.as_deref());
    pen.raw(alert.asset.as_ref().map_or("", |asset| &asset.name)).raw(" is an undeclared device by ");
    pen.printable(alert.entity.as_deref().unwrap_or("a maker")).raw(" of ");
    place(alert, pen);
    let mac = device.and_then(|device| device.mac).map(|mac| format!("MAC {mac}"));
    let details = [device.and_then(device_class), mac, device.and_then(announced)];
    let put = |pen: &mut Pen<'_>, detail: String| {
        pen.raw(&detail);
    };
    pen.raw(": ").join(details.into_iter().flatten(), ", ", put);
}

fn outbound_attempts(alert: &Alert, pen: &mut Pen<'_>) {
    asset(alert, pen);
    match alert.totals.flows {
        1 => pen.raw(" tried once to reach "),
        times => pen.raw(" tried ").count(times).raw(" times to reach "),
    };
    place(alert, pen);
    pen.raw(" and got no answer, last ");
    remote(alert, pen);
}

fn inbound_attempts(alert: &Alert, pen: &mut Pen<'_>) {
    match alert.totals.flows {
        1 => pen.raw("1 contact from "),
        times => pen.count(times).raw(" contacts from "),
    };
    place(alert, pen);
    match alert.totals.sent_bytes {
        0 => pen.raw(" with monitored hosts that nobody answered"),
        bytes => pen.raw(" with monitored hosts that came to nothing, answered with ").bytes(bytes).raw(" in all"),
    };
    last(alert, pen);
}

/// From whom to whom the last flow was.
fn last(alert: &Alert, pen: &mut Pen<'_>) {
    let update = &alert.flow.update;
    pen.raw(", last from ").ip(update.initiator.endpoint.address).raw(" to ");
    endpoint(update.responder.endpoint, update.protocol, pen);
}

fn evidence(item: &EvidenceInfo, pen: &mut Pen<'_>) {
    let tie = match item.kind {
        EvidenceKind::Located => return located(item, pen),
        EvidenceKind::Operated => "operated by ",
        EvidenceKind::Provided => "provided by ",
        EvidenceKind::Made => "made by ",
    };
    pen.raw(tie).printable(&item.detail).raw(match item.basis {
        Basis::Sni => " (TLS server name) (",
        Basis::HttpHost => " (HTTP host) (",
        Basis::Dns => " (DNS) (",
        Basis::Certificate => " (certificate) (",
        Basis::Alpn => " (ALPN) (",
        Basis::Protocol => " (protocol) (",
        Basis::Address | Basis::Asn | Basis::AddressRule | Basis::Mac | Basis::Asked => " (",
    });
    pen.country(item.jurisdiction).raw(")");
}

fn located(item: &EvidenceInfo, pen: &mut Pen<'_>) {
    pen.raw("located in ").country(item.jurisdiction).raw(" (").printable(&item.source);
    if !item.date.is_empty() {
        pen.raw(", ").raw(&item.date);
    }
    pen.raw(")");
}

/// The asset's name with its address; of one nobody declared the address, and what the network shows of the device.
fn asset(alert: &Alert, pen: &mut Pen<'_>) {
    let home = match alert.flow.direction {
        Direction::Inbound => &alert.flow.update.responder,
        Direction::Outbound | Direction::Internal | Direction::External => &alert.flow.update.initiator,
    };
    match &alert.asset {
        Some(asset) if asset.declared => {
            pen.printable(&asset.name).raw(" (").ip(home.endpoint.address).raw(")");
        }
        Some(asset) => {
            pen.raw(&asset.name);
            if let Some(words) = asset.device.as_deref().map(device_words).filter(|words| !words.is_empty()) {
                pen.raw(" (").raw(&words).raw(")");
            }
        }
        None => {
            pen.raw("monitored hosts, last ").ip(home.endpoint.address).raw(",");
        }
    }
}

/// Such as `Hikvision ip camera, announced as DS-2CD2143`.
fn device_words(device: &DeviceInfo) -> String {
    let maker = device.vendor.as_deref().map(|vendor| Printable(vendor).to_string());
    let made: Vec<String> = [maker, device_class(device)].into_iter().flatten().collect();
    let parts = [Some(made.join(" ")).filter(|made| !made.is_empty()), announced(device)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn device_class(device: &DeviceInfo) -> Option<String> {
    device.class.as_deref().map(|class| Printable(class).to_string().replace('_', " "))
}

/// By the name and model it gives itself.
fn announced(device: &DeviceInfo) -> Option<String> {
    let words = [&device.name, &device.model].into_iter().flatten().map(|text| Printable(text).to_string());
    let words = words.collect::<Vec<_>>().join(", ");
    (!words.is_empty()).then(|| format!("announced as {words}"))
}

fn place(alert: &Alert, pen: &mut Pen<'_>) {
    let country = alert.jurisdiction.country;
    pen.raw(country.name()).raw(" (").country(country).raw(")");
}

/// The entity and the network it was met in, which need not be its own.
fn network(alert: &Alert, pen: &mut Pen<'_>) {
    match (&alert.entity, alert.asn) {
        (Some(name), Some(asn)) if !is_at_home(alert, name) => {
            let flagged = match alert.flow.direction {
                Direction::Inbound => &alert.flow.initiator,
                Direction::Outbound | Direction::Internal | Direction::External => &alert.flow.responder,
            };
            pen.printable(name).raw(" (at ");
            if let Some(host) = flagged.organization.as_deref() {
                pen.printable(host).raw(", ");
            }
            pen.raw("AS").number(asn).raw(")");
        }
        _ => owner(alert, pen),
    }
}

/// The entity, with the number of its network where it is its own.
fn owner(alert: &Alert, pen: &mut Pen<'_>) {
    if alert.asset.is_none() {
        pen.raw("any network");
        return;
    }
    match (&alert.entity, alert.asn) {
        (Some(name), Some(asn)) if is_at_home(alert, name) => pen.printable(name).raw(" (AS").number(asn).raw(")"),
        (Some(name), _) => pen.printable(name),
        (None, Some(asn)) => pen.raw("AS").number(asn),
        (None, None) => pen.raw("unknown network"),
    };
}

/// True where the network it was met in is the entity's own, as far as the evidence says.
fn is_at_home(alert: &Alert, name: &str) -> bool {
    let mut named = alert.evidence.iter().filter(|item| item.detail.starts_with(name)).peekable();
    named.peek().is_none() || named.any(|item| item.basis == Basis::Asn)
}

/// The flagged end of the flow, with the port that names the service.
fn remote(alert: &Alert, pen: &mut Pen<'_>) {
    let (flow, update) = (&alert.flow, &alert.flow.update);
    let (initiator, responder) = (update.initiator.endpoint, update.responder.endpoint);
    if let Some(peer) = flow.peer {
        pen.display(peer).raw(" behind the relay ");
        return endpoint(responder, update.protocol, pen);
    }
    match flow.direction {
        Direction::Inbound => {
            pen.ip(initiator.address).raw(" at our ");
            service(responder, update.protocol, pen);
        }
        Direction::Outbound | Direction::Internal | Direction::External => endpoint(responder, update.protocol, pen),
    }
}

fn endpoint(endpoint: Endpoint, protocol: u8, pen: &mut Pen<'_>) {
    pen.ip(endpoint.address).raw(" ");
    service(endpoint, protocol, pen);
}

fn service(endpoint: Endpoint, protocol: u8, pen: &mut Pen<'_>) {
    match (transport_name(protocol), protocol) {
        (Some(name), 1 | 58) => pen.raw(name),
        (Some(name), _) => pen.raw(name).raw("/").number(endpoint.port),
        (None, number) => pen.raw("IP protocol ").number(number),
    };
}

/// The table at the end of a replay: a row per finding, from its last alert, the gravest first.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(u8, Row)>,
}

const COLUMNS: usize = 9;
type Row = [String; COLUMNS];

const HEADINGS: [&str; COLUMNS] =
    ["severity", "asset", "what", "to", "operator", "sent", "received", "first seen", "last seen"];

impl Table {
    /// Takes note of an alert; only the last of each finding makes a row.
    pub fn add(&mut self, alert: &Alert) {
        if alert.step != Step::Closed {
            return;
        }
        let totals = alert.totals;
        let (sent, received) = match alert.activity {
            Activity::Egress | Activity::Volume | Activity::Management(_) | Activity::LoginFailed => {
                (Bytes(totals.sent_bytes).to_string(), Bytes(totals.received_bytes).to_string())
            }
            Activity::Attempt | Activity::Device => ("-".to_owned(), "-".to_owned()),
        };
        let sent = alert.volume.map_or(sent, |volume| Bytes(volume.bytes).to_string());
        let operator = match alert.activity {
            Activity::Egress | Activity::Volume | Activity::Management(_) | Activity::Device => {
                let mut name = Vec::new();
                owner(alert, &mut Pen::new(&mut name));
                String::from_utf8_lossy(&name).into_owned()
            }
            Activity::Attempt | Activity::LoginFailed => "(any)".to_owned(),
        };
        let (severity, asset) = (&alert.severity, alert.asset.as_ref());
        let row = [
            severity.level().to_owned(),
            asset.map_or("(monitored hosts)".to_owned(), |asset| Printable(&asset.name).to_string()),
            what(alert),
            alert.jurisdiction.country.to_string(),
            operator,
            sent,
            received,
            Moment(alert.first_seen).to_string(),
            Moment(alert.last_seen).to_string(),
        ];
        self.rows.push((severity.score, row));
    }

    /// Appends the table; a sentence where there was nothing.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            out.extend_from_slice(b"No asset was in contact with a flagged jurisdiction.\n");
            return;
        }
        let heading = HEADINGS.map(str::to_owned);
        let mut order: Vec<_> = self.rows.iter().collect();
        order.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let rows = || order.iter().map(|(_, row)| row);
        let mut widths = [0; COLUMNS];
        for row in rows().chain([&heading]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule = widths.map(|width| "-".repeat(width));
        let mut text = String::from("\n");
        for row in [&heading, &rule].into_iter().chain(rows()) {
            text.push_str(&aligned(row, widths));
            text.push('\n');
        }
        out.extend_from_slice(text.as_bytes());
    }
}

/// What a finding is of, in a few words.
fn what(alert: &Alert) -> String {
    let counted = |noun: &str| match alert.totals.flows {
        1 => format!("1 {noun}"),
        count => format!("{} {noun}s", Count(count)),
    };
    match alert.activity {
        Activity::Egress => "data".to_owned(),
        Activity::Management(via) => {
            let tool = alert.management.as_ref().and_then(|info| info.tool.as_deref());
            format!("managed: {} ({})", Printable(tool.unwrap_or(via.protocol)), via.class.as_str())
        }
        Activity::LoginFailed => counted("failed login"),
        Activity::Attempt => counted("attempt"),
        Activity::Device => "undeclared device".to_owned(),
        Activity::Volume => "above threshold".to_owned(),
    }
}

/// Cells side by side, numbers to the right.
fn aligned(row: &Row, widths: [usize; COLUMNS]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
        5 | 6 => format!("{cell:>width$}"),
        _ => format!("{cell:<width$}"),
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

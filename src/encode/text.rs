//! For people: one line per alert that a tired operator understands, and a table at the end.

use std::fmt::Write as _;
use std::time::Duration;

use crate::attribute::{Basis, EvidenceKind};
use crate::detect::{Activity, Alert, Class, DeviceInfo, Direction, EvidenceInfo, Step, Via};
use crate::inspect::Login;
use crate::net::Endpoint;

use super::Style;
use super::ecs::transport_name;
use super::human::{Bytes, Count, Moment, Printable};
use super::line::Head;

const A_DAY: Duration = Duration::from_secs(86_400);

/// Appends an alert as one line: when, how bad, where the finding stands, and what happened.
pub fn alert(alert: &Alert, style: Style, out: &mut Vec<u8>) {
    let (level, score) = (alert.severity.level(), Some(alert.severity.score.into()));
    let head = Head { at: alert.at, level, score, step: alert.step.as_str(), style };
    out.extend_from_slice(format!("{head}{}\n", sentence(alert)).as_bytes());
}

/// What happened, in one sentence.
#[must_use]
pub fn sentence(alert: &Alert) -> String {
    let mut text = match (alert.activity, alert.flow.direction) {
        (Activity::Egress, _) => egress(alert),
        (Activity::Volume, _) => volume(alert),
        (Activity::Device, _) => device(alert),
        (Activity::Management(via), _) => managed(alert, via),
        (Activity::LoginFailed, _) => failed_logins(alert),
        (Activity::Attempt, Direction::Inbound) => inbound_attempts(alert),
        (Activity::Attempt, _) => outbound_attempts(alert),
    };
    for item in &alert.evidence {
        text.push_str("; ");
        text.push_str(&evidence(item));
    }
    let first = alert.first_contact;
    // On the first day everybody is new.
    if alert.step == Step::Opened && first.is_any() && alert.first_seen.since(first.since) >= A_DAY {
        let new: Vec<&str> = first.names().collect();
        let _ = write!(text, "; first contact with this {} since {}", new.join(" and "), Moment(first.since));
    }
    if let Some(exception) = &alert.exception {
        let _ = write!(text, "; {}", Printable(&exception.sentence()));
    }
    text
}

fn volume(alert: &Alert) -> String {
    let sent = alert.volume.map_or(String::new(), |volume| {
        let (bytes, threshold) = (Bytes(volume.bytes), Bytes(volume.threshold_bytes));
        format!("{bytes} within {}, the threshold is {threshold}", volume.window.noun())
    });
    format!("{} sent to {}, {}, {}: {sent}", asset(alert), place(alert), network(alert), remote(alert))
}

fn egress(alert: &Alert) -> String {
    let totals = alert.totals;
    let opened_by = match totals.inbound_flows {
        0 => String::new(),
        inbound if inbound == totals.flows => ", begun from outside".to_owned(),
        inbound => format!(", {} of {} flows begun from outside", Count(inbound), Count(totals.flows)),
    };
    format!(
        "{} sent {}{} to {}, {}, {}, received {}{opened_by}",
        asset(alert),
        Bytes(totals.sent_bytes),
        if alert.step == Step::Closed { " in all" } else { "" },
        place(alert),
        network(alert),
        remote(alert),
        Bytes(totals.received_bytes),
    )
}

fn managed(alert: &Alert, via: Via) -> String {
    let totals = alert.totals;
    let verb = match via.class {
        Class::A => "is managed from",
        Class::B => "can be managed from",
        Class::C => "behaves as if managed from",
    };
    let begun = match totals.inbound_flows {
        0 => "begun by the asset",
        inbound if inbound == totals.flows => "begun from outside",
        _ => "begun by either side",
    };
    let sessions = if totals.flows == 1 { "session" } else { "sessions" };
    let mut text = format!(
        "{} {verb} {}, {}, {}, by {} (class {}): {} {sessions} {begun}",
        asset(alert),
        place(alert),
        network(alert),
        remote(alert),
        means(alert, via),
        via.class.as_str(),
        Count(totals.flows),
    );
    for part in commands(alert).into_iter().chain(login(alert)).chain(exchanges(alert, via)) {
        text.push_str(", ");
        text.push_str(&part);
    }
    text
}

/// The tool and its kind, or the protocol.
fn means(alert: &Alert, via: Via) -> String {
    let tool = alert.management.as_ref().and_then(|info| info.tool.as_deref());
    match (tool, via.tool) {
        (Some(tool), Some(kind)) => format!("{} {}", kind.noun(), Printable(tool)),
        _ => via.protocol.to_owned(),
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

fn failed_logins(alert: &Alert) -> String {
    let logins = if alert.totals.flows == 1 { "login" } else { "logins" };
    format!(
        "{} {logins} from {} to monitored hosts failed, last from {} to {}",
        Count(alert.totals.flows),
        place(alert),
        alert.flow.initiator.endpoint.address,
        endpoint(alert.flow.responder.endpoint, alert.flow.update.protocol),
    )
}

fn device(alert: &Alert) -> String {
    let device = alert.asset.as_ref().and_then(|asset| asset.device.as_ref());
    let address = alert.asset.as_ref().map_or_else(String::new, |asset| asset.name.clone());
    let made = alert.entity.as_deref().map_or("a maker", |name| name);
    let mac = device.and_then(|device| device.mac).map(|mac| format!("MAC {mac}"));
    let details: Vec<String> =
        [device.and_then(device_class), mac, device.and_then(announced)].into_iter().flatten().collect();
    format!("{address} is an undeclared device by {} of {}: {}", Printable(made), place(alert), details.join(", "))
}

fn outbound_attempts(alert: &Alert) -> String {
    let times = match alert.totals.flows {
        1 => "once".to_owned(),
        times => format!("{} times", Count(times)),
    };
    format!("{} tried {times} to reach {} and got no answer, last {}", asset(alert), place(alert), remote(alert))
}

fn inbound_attempts(alert: &Alert) -> String {
    let flow = &alert.flow;
    let outcome = match alert.totals.sent_bytes {
        0 => "nobody answered".to_owned(),
        bytes => format!("came to nothing, answered with {} in all", Bytes(bytes)),
    };
    let contacts = match alert.totals.flows {
        1 => "1 contact".to_owned(),
        times => format!("{} contacts", Count(times)),
    };
    format!(
        "{contacts} from {} with monitored hosts that {outcome}, last from {} to {}",
        place(alert),
        flow.initiator.endpoint.address,
        endpoint(flow.responder.endpoint, flow.update.protocol),
    )
}

fn evidence(item: &EvidenceInfo) -> String {
    let tie = match item.kind {
        EvidenceKind::Located => return located(item),
        EvidenceKind::Operated => "operated",
        EvidenceKind::Provided => "provided",
        EvidenceKind::Made => "made",
    };
    let named = match item.basis {
        Basis::Sni => " (TLS server name)",
        Basis::HttpHost => " (HTTP host)",
        Basis::Dns => " (DNS)",
        Basis::Certificate => " (certificate)",
        Basis::Alpn => " (ALPN)",
        Basis::Protocol => " (protocol)",
        Basis::Address | Basis::Asn | Basis::AddressRule | Basis::Mac | Basis::Asked => "",
    };
    format!("{tie} by {}{named} ({})", Printable(&item.detail), item.jurisdiction)
}

fn located(item: &EvidenceInfo) -> String {
    let mut text = format!("located in {} ({}", item.jurisdiction, Printable(&item.source));
    if !item.date.is_empty() {
        let _ = write!(text, ", {}", item.date);
    }
    text.push(')');
    text
}

/// The asset's name with its address; of one nobody declared the address, and what the network shows of the device.
fn asset(alert: &Alert) -> String {
    let home = match alert.flow.direction {
        Direction::Inbound => &alert.flow.responder,
        Direction::Outbound | Direction::Internal | Direction::External => &alert.flow.initiator,
    };
    match &alert.asset {
        Some(asset) if asset.declared => format!("{} ({})", Printable(&asset.name), home.endpoint.address),
        Some(asset) => match asset.device.as_ref().map(device_words).filter(|words| !words.is_empty()) {
            Some(words) => format!("{} ({words})", asset.name),
            None => asset.name.clone(),
        },
        None => format!("monitored hosts, last {},", home.endpoint.address),
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

fn place(alert: &Alert) -> String {
    let country = alert.jurisdiction.country;
    format!("{} ({country})", country.name())
}

/// The entity and the network it was met in, which need not be its own.
fn network(alert: &Alert) -> String {
    match (&alert.entity, alert.asn) {
        (Some(name), Some(asn)) if !is_at_home(alert, name) => {
            let flagged = match alert.flow.direction {
                Direction::Inbound => &alert.flow.initiator,
                Direction::Outbound | Direction::Internal | Direction::External => &alert.flow.responder,
            };
            let host = flagged.organization.as_deref().map_or(String::new(), |host| format!("{}, ", Printable(host)));
            format!("{} (at {host}AS{asn})", Printable(name))
        }
        _ => owner(alert),
    }
}

/// The entity, with the number of its network where it is its own.
fn owner(alert: &Alert) -> String {
    if alert.asset.is_none() {
        return "any network".to_owned();
    }
    match (&alert.entity, alert.asn) {
        (Some(name), Some(asn)) if is_at_home(alert, name) => format!("{} (AS{asn})", Printable(name)),
        (Some(name), _) => Printable(name).to_string(),
        (None, Some(asn)) => format!("AS{asn}"),
        (None, None) => "unknown network".to_owned(),
    }
}

/// True where the network it was met in is the entity's own, as far as the evidence says.
fn is_at_home(alert: &Alert, name: &str) -> bool {
    let mut named = alert.evidence.iter().filter(|item| item.detail.starts_with(name)).peekable();
    named.peek().is_none() || named.any(|item| item.basis == Basis::Asn)
}

/// The flagged end of the flow, with the port that names the service.
fn remote(alert: &Alert) -> String {
    let flow = &alert.flow;
    let protocol = flow.update.protocol;
    if let Some(peer) = flow.peer {
        return format!("{peer} behind the relay {}", endpoint(flow.responder.endpoint, protocol));
    }
    match flow.direction {
        Direction::Inbound => {
            format!("{} at our {}", flow.initiator.endpoint.address, service(flow.responder.endpoint, protocol))
        }
        Direction::Outbound | Direction::Internal | Direction::External => endpoint(flow.responder.endpoint, protocol),
    }
}

fn endpoint(endpoint: Endpoint, protocol: u8) -> String {
    format!("{} {}", endpoint.address, service(endpoint, protocol))
}

fn service(endpoint: Endpoint, protocol: u8) -> String {
    match (transport_name(protocol), protocol) {
        (Some(name), 1 | 58) => name.to_owned(),
        (Some(name), _) => format!("{name}/{}", endpoint.port),
        (None, number) => format!("IP protocol {number}"),
    }
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
            Activity::Egress | Activity::Volume | Activity::Management(_) | Activity::Device => owner(alert),
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
        let place = self.rows.partition_point(|(score, _)| *score >= severity.score);
        self.rows.insert(place, (severity.score, row));
    }

    /// Appends the table; a sentence where there was nothing.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            out.extend_from_slice(b"No asset was in contact with a flagged jurisdiction.\n");
            return;
        }
        let heading = HEADINGS.map(str::to_owned);
        let rows = || self.rows.iter().map(|(_, row)| row);
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

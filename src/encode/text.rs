//! For people: one line per alert that a tired operator understands, and a table at the end.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};

use crate::attribute::{Basis, EvidenceKind};
use crate::detect::{Activity, Alert, DeviceInfo, Direction, EvidenceInfo, Step};
use crate::net::Endpoint;

use super::Style;
use super::ecs::transport_name;
use super::human::{Bytes, Count, Moment, Printable};

/// Appends an alert as one line: when, how bad, what, and where the finding stands.
pub fn alert(alert: &Alert, style: Style, out: &mut Vec<u8>) {
    let level = alert.severity.level();
    let colour = match style {
        Style::Plain => Ansi::new(),
        Style::Coloured => colour_of(level),
    };
    let line = format!(
        "{}  {colour}{:<8} {:>3}{colour:#}  {:<7}  {}\n",
        Moment(alert.at),
        level.to_uppercase(),
        alert.severity.score,
        alert.step.as_str(),
        sentence(alert),
    );
    out.extend_from_slice(line.as_bytes());
}

fn colour_of(level: &str) -> Ansi {
    let colour = match level {
        "critical" | "high" => AnsiColor::Red,
        "medium" => AnsiColor::Yellow,
        _ => AnsiColor::Cyan,
    };
    colour.on_default().bold()
}

/// What happened, in one sentence.
#[must_use]
pub fn sentence(alert: &Alert) -> String {
    let mut text = match (alert.activity, alert.flow.direction) {
        (Activity::Egress, _) => egress(alert),
        (Activity::Device, _) => device(alert),
        (Activity::Attempt, Direction::Inbound) => inbound_attempts(alert),
        (Activity::Attempt, _) => outbound_attempts(alert),
    };
    for item in &alert.evidence {
        text.push_str("; ");
        text.push_str(&evidence(item));
    }
    text
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

fn device(alert: &Alert) -> String {
    let made = alert.entity.as_deref().map_or("a maker", |name| name);
    format!("{} is a device by {} of {}, declared by nobody", asset(alert), Printable(made), place(alert))
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
    let contacts = match alert.totals.flows {
        1 => "1 contact".to_owned(),
        times => format!("{} contacts", Count(times)),
    };
    format!(
        "{contacts} from {} with monitored hosts that nobody answered, last from {} to {}",
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
        None => home.endpoint.address.to_string(),
    }
}

/// Such as `Hikvision ip_camera, announced as DS-2CD2143`.
fn device_words(device: &DeviceInfo) -> String {
    let maker = [&device.vendor, &device.class].into_iter().flatten().map(|text| Printable(text).to_string());
    let mut words = vec![maker.collect::<Vec<_>>().join(" ")];
    let announced = [&device.name, &device.model].into_iter().flatten().map(|text| Printable(text).to_string());
    let announced = announced.collect::<Vec<_>>().join(", ");
    if !announced.is_empty() {
        words.push(format!("announced as {announced}"));
    }
    words.retain(|text| !text.is_empty());
    words.join(", ")
}

fn place(alert: &Alert) -> String {
    let country = alert.jurisdiction.country;
    format!("{} ({country})", country.name())
}

fn network(alert: &Alert) -> String {
    match (&alert.entity, alert.asn) {
        (Some(name), Some(asn)) => format!("{} (AS{asn})", Printable(name)),
        (Some(name), None) => Printable(name).to_string(),
        (None, Some(asn)) => format!("AS{asn}"),
        (None, None) => "unknown network".to_owned(),
    }
}

/// The flagged end of the flow, with the port that names the service.
fn remote(alert: &Alert) -> String {
    let flow = &alert.flow;
    let protocol = flow.update.protocol;
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

/// The table at the end of a replay: a row per finding, from its last alert.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 7]>,
}

const HEADINGS: [&str; 7] = ["asset", "to", "operator", "sent", "received", "first seen", "last seen"];

impl Table {
    /// Takes note of an alert; only the last of each finding makes a row.
    pub fn add(&mut self, alert: &Alert) {
        if alert.step != Step::Closed {
            return;
        }
        let totals = alert.totals;
        let (operator, sent, received) = match alert.activity {
            Activity::Egress => {
                (network(alert), Bytes(totals.sent_bytes).to_string(), Bytes(totals.received_bytes).to_string())
            }
            Activity::Device => (network(alert), "(device)".to_owned(), "-".to_owned()),
            Activity::Attempt => ("(any)".to_owned(), format!("{} unanswered", Count(totals.flows)), "-".to_owned()),
        };
        let asset = alert.asset.as_ref();
        self.rows.push([
            asset.map_or("(monitored hosts)".to_owned(), |asset| Printable(&asset.name).to_string()),
            alert.jurisdiction.country.to_string(),
            operator,
            sent,
            received,
            Moment(alert.first_seen).to_string(),
            Moment(alert.last_seen).to_string(),
        ]);
    }

    /// Appends the table; a sentence where there was nothing.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.rows.is_empty() {
            out.extend_from_slice(b"No asset was in contact with a flagged jurisdiction.\n");
            return;
        }
        let heading = HEADINGS.map(str::to_owned);
        let mut widths = [0; 7];
        for row in self.rows.iter().chain([&heading]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let rule = widths.map(|width| "-".repeat(width));
        let mut text = String::from("\n");
        for row in [&heading, &rule].into_iter().chain(&self.rows) {
            text.push_str(&aligned(row, widths));
            text.push('\n');
        }
        out.extend_from_slice(text.as_bytes());
    }
}

/// Cells side by side, numbers to the right.
fn aligned(row: &[String; 7], widths: [usize; 7]) -> String {
    let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
        3 | 4 => format!("{cell:>width$}"),
        _ => format!("{cell:<width$}"),
    });
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

//! A configuration in words, for `borderflow check`.

use std::fmt::Display;

use super::{Config, Target};
use crate::detect::{Asset, Exception};

pub(super) fn describe(config: &Config) -> Vec<String> {
    let mut lines = vec![match &config.origin {
        Some(path) => format!("Configuration: {}", path.display()),
        None => "Configuration: built-in defaults".to_owned(),
    }];
    lines.push(match config.home.as_slice() {
        [] => "Watched: declared assets only".to_owned(),
        home => format!("Watched: hosts in {}", list(home)),
    });
    lines.push(format!("Assets: {} declared", config.assets.declared().len()));
    lines.extend(config.assets.declared().iter().map(asset));
    lines.extend(jurisdictions(config));
    lines.extend(risks(config));
    lines.extend(limits(config));
    lines.push(match &config.journal.path {
        Some(path) => format!("Journal: {}", path.display()),
        None => "Journal: private and temporary".to_owned(),
    });
    lines.extend(config.outputs.iter().map(|output| match &output.target {
        Target::Stdout => format!("Output {:?}: standard output", output.name),
        Target::File(path) => format!("Output {:?}: file {}", output.name, path.display()),
    }));
    lines
}

fn asset(asset: &Asset) -> String {
    let details = [
        Some(format!("criticality {}", asset.criticality)),
        asset.sector.as_ref().map(|sector| format!("sector {sector}")),
        asset.supplier.as_ref().map(|supplier| format!("supplier {supplier}")),
        asset.owner.as_ref().map(|owner| format!("owner {owner}")),
        (!asset.prefixes.is_empty()).then(|| list(&asset.prefixes)),
        (!asset.macs.is_empty()).then(|| list(&asset.macs)),
    ];
    format!("  {}: {}", asset.name, details.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn jurisdictions(config: &Config) -> Vec<String> {
    let flagged = config.jurisdictions.iter();
    let flags =
        flagged.map(|(country, flag)| format!("  {country} {}: risk {}, {}", country.name(), flag.risk, flag.basis));
    let flags: Vec<String> = flags.collect();
    let heading = format!("Flagged jurisdictions: {} (preset {})", flags.len(), config.preset.name);
    std::iter::once(heading).chain(flags).collect()
}

fn risks(config: &Config) -> Vec<String> {
    let own = config.thresholds.len().saturating_sub(1);
    let bound = |bytes: u64| if bytes == 0 { "any number of".to_owned() } else { bytes.to_string() };
    let ledger = &config.ledger;
    let [hour, day, month] = [ledger.hour_bytes, ledger.day_bytes, ledger.month_bytes].map(bound);
    let mut lines = vec![format!(
        "Volume to one entity: {hour} bytes an hour, {day} bytes a day, {month} bytes in 30 days; {own} other thresholds"
    )];
    lines.push(format!("Exceptions: {}", config.exceptions.len()));
    lines.extend(config.exceptions.iter().map(|exception| {
        let scheduled = if exception.schedule.is_some() { ", in its schedule" } else { "" };
        let Exception { name, approver, reason, expires, .. } = exception;
        format!("  {name}: until {expires}{scheduled}, approved by {approver}: {reason}")
    }));
    lines
}

fn limits(config: &Config) -> [String; 3] {
    let (detect, flow, decode) = (&config.detect, &config.flow, &config.decode);
    [
        format!(
            "Findings: open after {} bytes of payload sent, close after {} h of silence, at most {} at once",
            detect.egress_min_bytes,
            detect.finding_idle.as_secs() / 3600,
            detect.max_findings
        ),
        format!(
            "Flows: at most {} at once; idle after {} s (TCP), {} s (UDP), {} s (other), {} s (unanswered)",
            flow.max_flows,
            flow.tcp_idle.as_secs(),
            flow.udp_idle.as_secs(),
            flow.other_idle.as_secs(),
            flow.unanswered.as_secs()
        ),
        format!(
            "Fragments: at most {} datagrams and {} bytes, for {} s",
            decode.fragment_datagrams,
            decode.fragment_memory_bytes,
            decode.fragment_timeout.as_secs()
        ),
    ]
}

fn list(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

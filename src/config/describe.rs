//! A configuration in words, for `borderflow check`.

use std::fmt::Display;

use super::{Config, Output};
use crate::detect::{Asset, Exception, ExceptionScope, Schedule};

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
    lines.extend(capture(config));
    lines.push(match &config.journal.path {
        Some(path) => format!("Journal: {}", path.display()),
        None => "Journal: private and temporary".to_owned(),
    });
    lines.extend(config.outputs.iter().map(output));
    lines.extend(config.flow_outputs.iter().map(|output| {
        let mebibytes = output.queue_bytes >> 20;
        format!("Flow output {:?}: {}, at most {mebibytes} MiB waiting", output.name, output.target)
    }));
    lines
}

fn capture(config: &Config) -> [String; 2] {
    let capture = &config.capture;
    let interfaces = match capture.interfaces.as_slice() {
        [] => "none, unless monitor -i names some".to_owned(),
        names => list(names),
    };
    let filter = if capture.filter.is_empty() { String::new() } else { format!("; only {:?}", capture.filter) };
    let user = if config.sandbox.user.is_empty() { "who starts it" } else { &config.sandbox.user };
    let metrics = config.metrics.listen.map_or_else(|| "nowhere".to_owned(), |address| format!("at http://{address}"));
    [
        format!(
            "Interfaces: {interfaces}; {} shards, each with {} MiB of ring for each{filter}",
            capture.shards,
            capture.ring_bytes >> 20
        ),
        format!("Daemon: runs as {user}, tells how it does {metrics}"),
    ]
}

fn output(output: &Output) -> String {
    let filter = &output.filter;
    let only = [
        (filter.min_severity > 0).then(|| format!("severity {} and above", filter.min_severity)),
        (!filter.assets.is_empty()).then(|| format!("assets {}", list(&filter.assets))),
        (!filter.jurisdictions.is_empty()).then(|| format!("jurisdictions {}", list(&filter.jurisdictions))),
        (!filter.kinds.is_empty()).then(|| format!("kinds {}", list(&filter.kinds))),
        output.target.is_insecure().then(|| "INSECURE: the other side is not verified".to_owned()),
    ];
    let only: String = only.into_iter().flatten().map(|part| format!("; {part}")).collect();
    format!("Output {:?}: {}, {}{only}", output.name, output.target, output.format.name())
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
        let scheduled = exception.schedule.as_ref().map_or(String::new(), scheduled);
        let Exception { name, approver, reason, expires, scope, .. } = exception;
        format!("  {name}: {}; until {expires}{scheduled}, approved by {approver}: {reason}", accepted(scope))
    }));
    lines
}

/// What an exception accepts, list by list.
fn accepted(scope: &ExceptionScope) -> String {
    let suffixes: Vec<&str> = scope.suffixes.iter().map(|suffix| suffix.0.as_str()).collect();
    let lists = [
        ("assets", list(&scope.assets)),
        ("addresses", list(&scope.addresses)),
        ("sectors", list(&scope.sectors)),
        ("jurisdictions", list(&scope.jurisdictions)),
        ("entities", list(&scope.entities)),
        ("asns", list(&scope.asns)),
        ("destinations", list(&scope.destinations)),
        ("domains", list(&suffixes)),
        ("kinds", list(&scope.kinds)),
    ];
    let given = lists.iter().filter(|(_, values)| !values.is_empty());
    given.map(|(name, values)| format!("{name} {values}")).collect::<Vec<_>>().join("; ")
}

fn scheduled(schedule: &Schedule) -> String {
    let days: String = "MTWTFSS".chars().zip(schedule.days).map(|(day, open)| if open { day } else { '-' }).collect();
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let (from, to, offset) = (time(schedule.from_minute), time(schedule.to_minute), schedule.utc_offset_minutes);
    format!(" on {days} from {from} to {to}, {offset} minutes ahead of UTC")
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

//! `borderflow status`: asks the daemon how it does. One line of verdict, then tables.

use std::fmt::{Display, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::encode::human::{Bytes, Count, Moment, Printable};
use crate::run::status::{self, Histogram, Link, State, Status, Url};

use super::args::{ExplainFormat, StatusArgs};
use super::{Failure, load, print};

pub(super) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => {
            let listen = load(&args.config)?.metrics.listen;
            Url::of(listen.ok_or_else(|| {
                Failure::Usage("metrics.listen is empty: the daemon tells nobody how it does; set it".to_owned())
            })?)
        }
    };
    let status = status::ask(&url).map_err(|error| Failure::Failed(error.to_string()))?;
    let problems = status.problems(Duration::from_millis(status.age_ms));
    match args.format {
        ExplainFormat::Text => print(text(&status, &problems).as_bytes())?,
        ExplainFormat::Json => {
            let json = serde_json::to_string(&status).map_err(|error| Failure::Failed(error.to_string()))?;
            print(format!("{json}\n").as_bytes())?;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

fn text(status: &Status, problems: &[String]) -> String {
    let verdict = if problems.is_empty() { healthy(status) } else { format!("unhealthy: {}", problems.join("; ")) };
    let chores: String = status.chores().iter().map(|chore| format!("\nsome day: {chore}")).collect();
    let tables = [interfaces(status), shards(status), outputs(status), databases(status)];
    let tables = tables.iter().filter(|table| table.rows.len() > 1).map(Table::to_string).collect::<Vec<_>>();
    format!("{verdict}{chores}\n\n{}\n{}\n{}", daemon(status), tables.join("\n"), judgement(status))
}

fn healthy(status: &Status) -> String {
    let minute = &status.last_minute;
    let rate = |n: u64| n.checked_div(minute.seconds).unwrap_or(0);
    let met = minute.frames_read.saturating_add(minute.frames_lost);
    let lost = match minute.frames_lost {
        0 => "none lost in the last minute".to_owned(),
        lost => format!("{} of {} lost in the last minute", Count(lost), Count(met)),
    };
    let up = status.interfaces.iter().filter(|interface| interface.state == Link::Up).count();
    format!(
        "healthy: {} up, {} frames/s ({}/s), {lost}, {} findings open",
        plural(up as u64, "interface"),
        Count(rate(minute.frames_read)),
        Bytes(rate(minute.wire_bytes)),
        Count(status.judge.findings_open),
    )
}

fn daemon(status: &Status) -> String {
    let state = match status.state {
        State::Starting => "starting",
        State::Running => "running",
        State::Stopping => "stopping",
    };
    let configuration = &status.configuration;
    let mut text = format!(
        "borderflow {}, {state} for {} as process {}; sandbox: {}\nconfiguration {} of {}, {}, {} failed\n",
        Printable(&status.version),
        Span(status.uptime_s),
        status.pid,
        Printable(if status.sandbox.is_empty() { "none" } else { &status.sandbox }),
        path(configuration.path.as_deref(), "built in"),
        Moment(configuration.loaded_at),
        plural(configuration.reloads, "reload"),
        Count(configuration.reload_failures),
    );
    if !configuration.needs_restart.is_empty() {
        let keys = configuration.needs_restart.join(", ");
        let _ = writeln!(text, "a restart is needed for: {}", Printable(&keys));
    }
    text
}

fn interfaces(status: &Status) -> Table {
    let mut table = Table::new(
        "INTERFACE | STATE | SINCE | >FRAMES | >BYTES | >LOST: KERNEL | >INTERFACE | >RING FULL | \
        >REOPENED | LAST ERROR",
    );
    for interface in &status.interfaces {
        let state = match interface.state {
            Link::Up => "up",
            Link::Down => "down",
            Link::Gone => "gone",
        };
        let sum = |of: fn(&status::Handle) -> u64| interface.handles.iter().map(of).sum::<u64>();
        table.row([
            &Printable(&interface.name),
            &state,
            &Moment(interface.since),
            &Count(sum(|handle| handle.frames_read)),
            &Bytes(sum(|handle| handle.wire_bytes)),
            &Count(sum(|handle| handle.frames_lost)),
            &Count(interface.frames_lost),
            &Count(sum(|handle| handle.ring_overruns)),
            &Count(interface.reopened),
            &one_line(&interface.last_error),
        ]);
    }
    table
}

fn shards(status: &Status) -> Table {
    let mut table = Table::new(
        ">SHARD | >FRAMES | >DECODED | >SKIPPED | >FLOWS OPEN | >OF | >EVICTED | >HANDED OVER | \
        >LOST | >UPDATES WAIT | >LOST | >STALLS | >LAST ROUND",
    );
    for shard in &status.shards {
        table.row([
            &shard.number,
            &Count(shard.frames_read),
            &Count(shard.packets_decoded),
            &Count(shard.frames_skipped),
            &Count(shard.flows_open),
            &Count(shard.max_flows),
            &Count(shard.evictions),
            &Count(shard.handovers),
            &Count(shard.handovers_dropped),
            &Count(shard.updates_waiting),
            &Count(shard.updates_dropped),
            &Count(shard.stalls),
            &format_args!("{} ms ago", Count(shard.progress_age_ms)),
        ]);
    }
    table
}

fn outputs(status: &Status) -> Table {
    let mut table = Table::new(
        "OUTPUT | CONNECTED | >DELIVERED | >WAITING | >BEHIND | >FILTERED | >REFUSED | >DROPPED | \
        >RETRIES | LAST ERROR",
    );
    for output in &status.outputs {
        table.row([
            &Printable(&output.name),
            &if output.connected { "yes" } else { "no" },
            &Count(output.delivered),
            &Count(output.undelivered),
            &Span(output.lag_s),
            &Count(output.filtered),
            &Count(output.refused),
            &Count(output.dropped),
            &Count(output.retries),
            &one_line(&output.last_error),
        ]);
    }
    table
}

fn databases(status: &Status) -> Table {
    let mut table = Table::new("DATABASE | NAME | DATE | >AGE | >RANGES | FILE");
    for database in &status.databases {
        table.row([
            &Printable(&database.role),
            &Printable(&database.name),
            &Printable(&database.date),
            &format_args!("{} d", database.age_days),
            &Count(database.ranges),
            &path(database.path.as_deref(), "in the program"),
        ]);
    }
    table
}

/// What is one for all shards.
fn judgement(status: &Status) -> String {
    let (judge, journal, memory, timings) = (&status.judge, &status.journal, &status.memory, &status.timings);
    let sum = |of: fn(&status::Shard) -> u64| status.shards.iter().map(of).sum::<u64>();
    let mut skips = std::collections::BTreeMap::<&str, u64>::new();
    for (reason, frames) in status.shards.iter().flat_map(|shard| &shard.skips) {
        *skips.entry(reason).or_default() += frames;
    }
    let skips: Vec<_> = skips.iter().filter(|(_, frames)| **frames > 0).collect();
    let skips: Vec<_> = skips.iter().map(|(why, frames)| format!("{} {}", Count(**frames), Printable(why))).collect();
    let of = |n: u64, max: u64| format!("{} of {}", Count(n), Count(max));
    let lines = [
        ("skipped", if skips.is_empty() { "nothing".to_owned() } else { skips.join(", ") }),
        ("TCP", format!("{} acknowledged and never seen", Bytes(sum(|shard| shard.missed_bytes)))),
        ("findings", format!("{} open, {} opened", of(judge.findings_open, judge.max_findings), Count(judge.findings))),
        ("ledgers", format!("{} held", of(judge.ledgers, judge.max_ledgers))),
        ("alerts", format!("{}; {} updates without one", Count(judge.alerts), Count(judge.suppressed_updates))),
        (
            "journal",
            format!(
                "{}, {} of {}; {} entries in memory only, {} given up",
                path(Some(&journal.path), ""),
                Bytes(journal.file_bytes),
                Bytes(journal.max_bytes),
                Count(journal.held_entries),
                Count(journal.dropped + journal.forced_out),
            ),
        ),
        ("memory", format!("{} of {}", Bytes(memory.resident_bytes), Bytes(memory.limit_bytes))),
        ("a frame", times(&timings.decode)),
        ("a look-up", times(&timings.lookup)),
        ("an alert", times(&timings.alert_delay)),
    ];
    lines.iter().map(|(what, how)| format!("{what:<11}{how}\n")).collect()
}

fn times(histogram: &Histogram) -> String {
    match (histogram.quantile(0.5), histogram.quantile(0.99)) {
        (Some(half), Some(most)) => format!("half within {half:.0?}, 99 % within {most:.0?}"),
        (Some(half), None) => format!("half within {half:.0?}"),
        (None, _) => "nothing timed yet".to_owned(),
    }
}

fn path(path: Option<&Path>, none: &str) -> String {
    path.map_or_else(|| none.to_owned(), |path| Printable(&path.display().to_string()).to_string())
}

fn one_line(text: &str) -> String {
    Printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).to_string()
}

fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", Count(n), if n == 1 { "" } else { "s" })
}

/// Seconds, for people: `2 d 4 h`.
struct Span(u64);

impl Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, hours, minutes, seconds) = (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => f.pad(&format!("{seconds} s")),
            (0, 0, _) => f.pad(&format!("{minutes} min {seconds} s")),
            (0, ..) => f.pad(&format!("{hours} h {minutes} min")),
            (..) => f.pad(&format!("{days} d {hours} h")),
        }
    }
}

/// Columns as wide as what stands in them; `|` separates titles, `>` before one puts it and its figures to the right.
struct Table {
    rows: Vec<Vec<String>>,
    is_right: Vec<bool>,
}

impl Table {
    fn new(titles: &str) -> Self {
        let titles = || titles.split('|').map(str::trim);
        let is_right = titles().map(|title| title.starts_with('>')).collect();
        Table { rows: vec![titles().map(|title| title.trim_start_matches('>').to_owned()).collect()], is_right }
    }

    fn row<const N: usize>(&mut self, cells: [&dyn Display; N]) {
        self.rows.push(cells.iter().map(|cell| cell.to_string()).collect());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width =
            |column: usize| self.rows.iter().filter_map(move |row| row.get(column)).map(|cell| cell.chars().count());
        let widths: Vec<usize> = (0..self.is_right.len()).map(|column| width(column).max().unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), is_right) in row.iter().zip(&widths).zip(&self.is_right) {
                let width = *width;
                let _ = if *is_right { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::run::status::{Handle, Interface, Minute, Output, Shard};

    use super::*;

    fn running() -> Status {
        let handle = Handle { frames_read: 1_234_567, wire_bytes: 999_000_000, ..Handle::default() };
        let interface = |name: &str| Interface {
            name: name.to_owned(),
            state: Link::Up,
            handles: vec![handle, handle],
            ..Interface::default()
        };
        let last_minute = Minute { seconds: 60, frames_read: 60_000, wire_bytes: 6_000_000, ..Minute::default() };
        Status {
            version: "0.1.0".to_owned(),
            state: State::Running,
            uptime_s: 90_061,
            last_minute,
            interfaces: vec![interface("tap-a"), interface("tap-b")],
            shards: vec![Shard { max_flows: 1000, ..Shard::default() }],
            ..Status::default()
        }
    }

    #[test]
    fn the_first_line_is_the_verdict() {
        let mut status = running();
        let said = text(&status, &status.problems(Duration::ZERO));
        let expected =
            "healthy: 2 interfaces up, 1\u{202f}000 frames/s (100 kB/s), none lost in the last minute, 0 findings open";
        assert_eq!(said.lines().next(), Some(expected));
        status.interfaces[1].state = Link::Gone;
        status.last_minute.frames_lost = 60_000;
        let said = text(&status, &status.problems(Duration::ZERO));
        let expected = "unhealthy: 60\u{202f}000 of 120\u{202f}000 frames lost in the last minute (50.00 %); interface tap-b is gone";
        assert_eq!(said.lines().next(), Some(expected));
    }

    #[test]
    fn shards_of_an_interface_are_summed_and_columns_line_up() {
        let said = text(&running(), &[]);
        let rows: Vec<&str> =
            said.lines().filter(|line| line.contains("tap-") || line.contains("INTERFACE  ")).collect();
        assert_eq!(rows.len(), 3, "{said}");
        let end = |row: &str, cell: &str| row.find(cell).map(|at| row[..at].chars().count() + cell.chars().count());
        assert_eq!(end(rows[0], "FRAMES"), end(rows[1], "2\u{202f}469\u{202f}134"), "{said}");
        assert_eq!(end(rows[0], "BYTES"), end(rows[2], "2.0 GB"), "{said}");
        assert!(said.contains("running for 1 d 1 h"), "{said}");
    }

    #[test]
    fn no_name_or_error_of_others_moves_the_terminal_or_forges_a_line() {
        let mut status = running();
        let evil = "x\nhealthy: all is well\u{1b}[2J\u{202e}".to_owned();
        status.outputs.push(Output {
            name: evil.clone(),
            last_error: evil.clone(),
            undelivered: 1,
            ..Output::default()
        });
        status.interfaces[0].name.clone_from(&evil);
        status.sandbox.clone_from(&evil);
        status.configuration.needs_restart.push(evil);
        let said = text(&status, &status.problems(Duration::ZERO));
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
        assert!(!said.lines().any(|line| line.starts_with("healthy")), "{said}");
    }
}

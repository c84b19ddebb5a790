//! A line for people from a record: when, how bad, where the finding stands, and what happened.
//!
//! A line that is too long ends with `… [shortened]`.

use std::fmt;

use anstyle::{AnsiColor, Style as Ansi};

use crate::net::Timestamp;

use super::human::{Bytes, Moment, Printable};
use super::mapping::Level;
use super::record::{Kind, Record};
use super::shorten::cut_text;
use super::{Fit, Style};

const SHORTENED: &str = " [shortened]";

/// A sentence of fewer bytes tells nothing.
const LEAST_SENTENCE_BYTES: usize = 16;

/// What stands before the sentence.
pub(super) struct Head<'a> {
    pub(super) at: Timestamp,
    pub(super) level: &'a str,
    /// 0 to 100; absent for what is no alert.
    pub(super) score: Option<u64>,
    pub(super) step: &'a str,
    pub(super) style: Style,
}

impl fmt::Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colour = match self.style {
            Style::Plain => Ansi::new(),
            Style::Coloured => colour_of(self.level),
        };
        let level = Printable(self.level).to_string().to_uppercase();
        let score = self.score.map_or("-".to_owned(), |score| score.to_string());
        write!(f, "{}  {colour}{level:<8} {score:>3}{colour:#}  {:<7}  ", Moment(self.at), Printable(self.step))
    }
}

fn colour_of(level: &str) -> Ansi {
    let colour = match level {
        "critical" | "high" => AnsiColor::Red,
        "medium" => AnsiColor::Yellow,
        _ => AnsiColor::Cyan,
    };
    colour.on_default().bold()
}

/// Appends `record`, its sentence cut where the line is longer than `max_bytes`.
///
/// # Errors
/// How many bytes the line needs at least, where that is more.
pub(super) fn event(record: &Record, style: Style, max_bytes: usize, out: &mut Vec<u8>) -> Result<Fit, usize> {
    let at = record.time("@timestamp").unwrap_or(Timestamp::ZERO);
    let (head, sentence) = match record.kind() {
        Kind::Alert => {
            let level = record.text("borderflow.severity.level").unwrap_or(Level::of(record).name());
            let step = record.text("borderflow.finding.step").unwrap_or("-");
            let said = record.text("message").or(record.text("rule.name")).or(record.text("rule.id"));
            (Head { at, level, score: record.number("event.severity"), step, style }, said.unwrap_or("-").to_owned())
        }
        Kind::Flow => (Head { at, level: "flow", score: None, step: "ended", style }, flow(record)),
    };
    let head = head.to_string();
    let line = format!("{head}{}", Printable(&sentence));
    if line.len() <= max_bytes {
        out.extend_from_slice(line.as_bytes());
        return Ok(if record.is_shortened() { Fit::Shortened } else { Fit::Whole });
    }
    let least = head.len() + SHORTENED.len();
    let room = max_bytes.checked_sub(least).filter(|room| *room >= LEAST_SENTENCE_BYTES);
    let room = room.ok_or(least + LEAST_SENTENCE_BYTES)?;
    out.extend_from_slice(format!("{head}{}{SHORTENED}", cut_text(&sentence, room)).as_bytes());
    Ok(Fit::Shortened)
}

/// Such as `10.0.0.7 49200 → 47.91.67.66 443 server.example, tcp tls: 172 B there, 52 B back`.
fn flow(record: &Record) -> String {
    let end = |side: &str| {
        let mut text = record.text(&format!("{side}.ip")).unwrap_or("?").to_owned();
        if let Some(port) = record.number(&format!("{side}.port")) {
            text.push_str(&format!(" {port}"));
        }
        text
    };
    let bytes = |side: &str| Bytes(record.number(&format!("{side}.bytes")).unwrap_or_default());
    let words = ["destination.domain", "network.transport", "network.protocol"].map(|path| record.text(path));
    let [domain, transport, protocol] = words.map(Option::unwrap_or_default);
    let named =
        [domain, transport, protocol].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
    format!(
        "{} → {}, {named}: {} there, {} back",
        end("source"),
        end("destination"),
        bytes("source"),
        bytes("destination")
    )
}

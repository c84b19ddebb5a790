//! Whether a journal is sound: SQLite's own check, and what the journal promises beyond it.

use std::fmt;

use serde::Deserialize;

use super::reader::{Filter, Reader};
use super::store::{Memory, unsql};

/// Problems listed; more are counted.
const LISTED: usize = 50;
/// Entries looked at between two questions to the file.
const PAGE: usize = 500;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Entries looked at.
    pub entries: u64,
    /// States and cursors.
    pub states: u64,
    /// Each output and the place up to which it has everything.
    pub cursors: Vec<(String, u64)>,
    /// The last place given.
    pub head: u64,
    /// What is wrong, the first fifty.
    pub problems: Vec<String>,
    /// How much is wrong.
    pub problem_count: u64,
}

impl Report {
    /// True where nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < LISTED {
            self.problems.push(text);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} entries, {} states, last place {}", self.entries, self.states, self.head)?;
        for (output, seq) in &self.cursors {
            writeln!(f, "output {output}: has everything up to {seq}, {} behind", self.head.saturating_sub(*seq))?;
        }
        for problem in &self.problems {
            writeln!(f, "PROBLEM {problem}")?;
        }
        let more = self.problem_count.saturating_sub(self.problems.len() as u64);
        if more > 0 {
            writeln!(f, "PROBLEM and {more} more")?;
        }
        f.write_str(if self.is_sound() { "sound" } else { "NOT SOUND" })
    }
}

#[derive(Deserialize)]
struct Body {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    id: String,
}

impl Reader {
    /// Checks everything; reads the whole file.
    #[must_use]
    pub fn verify(&self) -> Report {
        let mut report = Report::default();
        self.verify_pages(&mut report);
        match self.memory() {
            Ok(Memory { head, cursors, .. }) => {
                (report.head, report.cursors) = (head, cursors.into_iter().collect());
            }
            Err(error) => report.problem(format!("the places of entries and cursors: {error}")),
        }
        let states = self.connection.query_row("SELECT count(*) FROM states", [], |row| row.get(0));
        match states {
            Ok(count) => report.states = unsql(count),
            Err(error) => report.problem(format!("states: {error}")),
        }
        self.verify_entries(&mut report);
        report
    }

    fn verify_pages(&self, report: &mut Report) {
        let check = || {
            let mut statement = self.connection.prepare("PRAGMA integrity_check(100)")?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
        };
        match check() {
            Ok(lines) => {
                let problems = lines.iter().flat_map(|text| text.lines()).filter(|line| *line != "ok");
                problems.for_each(|line| report.problem(format!("SQLite: {line}")));
            }
            Err(error) => report.problem(format!("SQLite: {error}")),
        }
    }

    fn verify_entries(&self, report: &mut Report) {
        let mut after = 0;
        loop {
            let page = match self.after(after, &Filter::default(), PAGE) {
                Ok(page) => page,
                Err(error) => return report.problem(format!("after place {after}: {error}")),
            };
            let Some(last) = page.last() else { return };
            if last.seq <= after {
                return report.problem(format!("after place {after}: places do not grow"));
            }
            after = last.seq;
            for stored in &page {
                report.entries += 1;
                let (seq, id) = (stored.seq, &stored.entry.id);
                match serde_json::from_slice::<Body>(&stored.entry.body) {
                    Ok(body) if body.event.id == *id => {}
                    Ok(body) => {
                        report.problem(format!("place {seq}: id {id:?}, but its record says {:?}", body.event.id))
                    }
                    Err(error) => report.problem(format!("place {seq}, id {id:?}: its record is no alert: {error}")),
                }
            }
        }
    }
}

//! `borderflow journal list|show|export|verify|compact`.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::PathBuf;

use serde_json::Value;

use crate::journal::{Entry, Filter, Journal, JournalError, Options, Reader, Stored};

use super::args::{ExplainFormat, ExportArgs, JournalArgs, JournalCommand, ListArgs, ShowArgs};
use super::{Failure, load, print};
use crate::encode::{self, Format};

/// Alerts in a table unless more are asked for.
const TABLE_ROWS: usize = 100;
/// Alerts read at a time.
const PAGE: usize = 500;
/// Ids named where a beginning fits several.
const NAMED: usize = 5;

pub(super) fn run(command: &JournalCommand) -> Result<(), Failure> {
    match command {
        JournalCommand::List(args) => list(args),
        JournalCommand::Show(args) => show(args),
        JournalCommand::Export(args) => export(args),
        JournalCommand::Verify(args) => verify(args),
        JournalCommand::Compact(args) => compact(args),
    }
}

/// Where the journal is.
fn path(args: &JournalArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.journal {
        return Ok(path.clone());
    }
    let configured = load(&args.config)?.journal.path;
    configured.ok_or_else(|| Failure::Usage("which journal? give --journal PATH, or set journal.path".to_owned()))
}

fn open(args: &JournalArgs) -> Result<Reader, Failure> {
    Reader::open(&path(args)?).map_err(failed)
}

/// A wrong path is wrong usage; everything else went wrong.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn failed(error: JournalError) -> Failure {
    match error {
        JournalError::Missing(_) | JournalError::Directory(_) | JournalError::NotAFile(_) => {
            Failure::Usage(error.to_string())
        }
        JournalError::Locked { .. }
        | JournalError::Foreign { .. }
        | JournalError::Newer { .. }
        | JournalError::Io { .. }
        | JournalError::Sql { .. } => Failure::Failed(error.to_string()),
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let reader = open(&args.journal)?;
    let filter = Filter {
        severity: args.severity,
        asset: args.asset.clone(),
        kind: args.kind.clone(),
        jurisdiction: args.jurisdiction.as_ref().map(|code| code.to_ascii_uppercase()),
        finding: args.finding.clone(),
        since: args.since,
        until: args.until,
    };
    let is_table = match args.format {
        Some(ExplainFormat::Text) => true,
        Some(ExplainFormat::Json) => false,
        None => std::io::stdout().is_terminal(),
    };
    if !is_table && args.limit.is_none() {
        return each_page(&reader, &filter, 0, Format::Ecs).map(drop);
    }
    let limit = args.limit.unwrap_or(TABLE_ROWS);
    let mut entries = reader.newest(&filter, limit.saturating_add(1)).map_err(failed)?;
    let are_all = entries.len() <= limit;
    if !are_all {
        entries.remove(0);
    }
    if !is_table {
        return print(&lines(&entries, Format::Ecs));
    }
    print(table(&entries).as_bytes())?;
    if !are_all {
        tracing::info!("the newest {limit}; --limit shows more, the options of `journal list --help` narrow it down");
    }
    Ok(())
}

/// Writes page after page to standard output; the last place, and whether the reader stayed.
fn each_page(reader: &Reader, filter: &Filter, after: u64, format: Format) -> Result<u64, Failure> {
    let mut last = after;
    let mut stdout = std::io::stdout().lock();
    loop {
        let page = reader.after(last, filter, PAGE).map_err(failed)?;
        let Some(newest) = page.last() else { return Ok(last) };
        last = newest.seq;
        match stdout.write_all(&lines(&page, format)).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(last),
            Err(error) => return Err(Failure::Failed(format!("standard output: {error}"))),
            Ok(()) => {}
        }
    }
}

/// Records in `format`, a line each; one that is damaged is told and left out.
fn lines(entries: &[Stored], format: Format) -> Vec<u8> {
    let mut lines = Vec::new();
    for Stored { entry, .. } in entries {
        // What is kept is ECS: a damaged record of that is still what there is.
        let written = match format {
            Format::Ecs => {
                lines.extend_from_slice(&entry.body);
                Ok(())
            }
            Format::Ocsf | Format::Cef | Format::Leef | Format::Eve | Format::Text(_) => {
                encode::record(format, &entry.body, usize::MAX, &mut lines).map(drop)
            }
        };
        match written {
            Ok(()) => lines.push(b'\n'),
            Err(problem) => tracing::error!("{}: {problem}", entry.id),
        }
    }
    lines
}

fn table(entries: &[Stored]) -> String {
    let mut rows = vec![["TIME", "SEVERITY", "KIND", "STEP", "JURISDICTION", "ASSET", "ID"].map(str::to_owned)];
    rows.extend(entries.iter().map(|stored| row(&stored.entry)));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn row(entry: &Entry) -> [String; 7] {
    let second = entry.at.to_string();
    let second = second.split('.').next().unwrap_or_default();
    let asset = if entry.asset.is_empty() { "(several)" } else { &entry.asset };
    let texts = [&entry.kind, &entry.step, &entry.jurisdiction, asset, &entry.id].map(plain);
    let [kind, step, jurisdiction, asset, id] = texts;
    [format!("{second}Z"), entry.severity.to_string(), kind, step, jurisdiction, asset, id]
}

/// Without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let found = open(&args.journal)?.find(&args.id, NAMED + 1).map_err(failed)?;
    let one = match found.as_slice() {
        [] => return Err(Failure::Failed(format!("no alert's id begins with {:?}", args.id))),
        [one] => one,
        several => {
            let names: Vec<&str> = several.iter().take(NAMED).map(|stored| stored.entry.id.as_str()).collect();
            let more = if several.len() > NAMED { " and more" } else { "" };
            let (id, names) = (&args.id, names.join(", "));
            return Err(Failure::Failed(format!("several ids begin with {id:?}: {names}{more}")));
        }
    };
    let record: Value = serde_json::from_slice(&one.entry.body)
        .map_err(|error| Failure::Failed(format!("{}: its record is damaged: {error}", one.entry.id)))?;
    let text = serde_json::to_string_pretty(&record).map_err(|error| Failure::Failed(error.to_string()))?;
    print(format!("{text}\n").as_bytes())
}

fn export(args: &ExportArgs) -> Result<(), Failure> {
    let last = each_page(&open(&args.journal)?, &Filter::default(), args.after, args.format)?;
    tracing::info!("up to place {last}");
    Ok(())
}

fn verify(args: &JournalArgs) -> Result<(), Failure> {
    let report = open(args)?.verify();
    print(format!("{report}\n").as_bytes())?;
    if report.is_sound() { Ok(()) } else { Err(Failure::Told) }
}

fn compact(args: &JournalArgs) -> Result<(), Failure> {
    let path = path(args)?;
    // A missing or foreign file is told before anything is made.
    drop(Reader::open(&path).map_err(failed)?);
    let options = Options { max_bytes: u64::MAX, max_age: None, ..Options::default() };
    let mut journal = Journal::open(&path, &options).map_err(failed)?;
    for trouble in journal.take_troubles() {
        tracing::warn!("{}", trouble.text);
    }
    let (before, after) = journal.compact().map_err(failed)?;
    print(format!("{}: {before} bytes, {after} after\n", path.display()).as_bytes())
}

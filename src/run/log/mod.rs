//! The daemon's log: text or JSON lines, to standard error or to the journal of systemd, so many of a kind in a minute.
//!
//! | `log.target` | standard error is | goes to | written as |
//! | --- | --- | --- | --- |
//! | `auto` | the journal (`JOURNAL_STREAM`), `log.format = "text"` | the journal's socket | its fields |
//! | `auto`, `stderr` | the journal otherwise | standard error | lines with `<N>` before them, `sd-daemon(3)`, without a time |
//! | `auto`, `stderr` | anything else | standard error | lines with a time, RFC 3339 in UTC |
//! | `journald` | | the journal's socket; standard error where that cannot be reached | |
//!
//! The packet loop does not log. Everything else that does waits for a reader of standard error for a tenth of a second
//! and then goes on without the message (see `stderr.rs`); for a journal that does not read, as long as that takes.
//! What names in captures contain forges no line: every line of a message but its first is indented.

mod limit;
mod lines;
mod stderr;

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config;
use limit::{Limit, Limited};
use lines::Lines;
use stderr::Stderr;

/// The log, started.
#[derive(Debug)]
pub struct Logging(Arc<Limit>);

impl Logging {
    /// Tells what was left out in a minute that is over. Call it about once a second.
    pub fn tick(&self) {
        self.0.tick();
    }
}

type Sink = Box<dyn Layer<Filtered> + Send + Sync>;
type Filtered = tracing_subscriber::layer::Layered<EnvFilter, Registry>;

/// Starts the log. `BORDERFLOW_LOG` stands above the configured level. A log that was started earlier stays.
pub fn start(config: &config::Log) -> Logging {
    let limit = Arc::new(Limit::new(config.max_per_minute));
    let (filter, misread) = filter(config.level);
    let is_journal = leads_to_journal();
    let wants_journal = match config.target {
        "journald" => true,
        "auto" => is_journal && config.format == "text",
        _ => false,
    };
    let (sink, unreachable): (Sink, _) = match wants_journal.then(journald) {
        Some(Ok(journal)) => (journal.boxed(), None),
        Some(Err(error)) => (to_stderr(config.format, is_journal), Some(error)),
        None => (to_stderr(config.format, is_journal), None),
    };
    let limited = sink.with_filter(Limited(Arc::clone(&limit)));
    // An error: another log was started before, as in tests.
    let _ = tracing_subscriber::registry().with(filter).with(limited).try_init();
    if let Some(error) = unreachable {
        tracing::warn!("the journal of systemd cannot be reached ({error}): messages go to standard error");
    }
    if let Some(error) = misread {
        tracing::warn!("BORDERFLOW_LOG: {error}: log.level is used");
    }
    Logging(limit)
}

fn filter(level: &str) -> (EnvFilter, Option<String>) {
    match std::env::var("BORDERFLOW_LOG").map(EnvFilter::try_new) {
        Ok(Ok(filter)) => (filter, None),
        Ok(Err(error)) => (EnvFilter::new(level), Some(error.to_string())),
        Err(_) => (EnvFilter::new(level), None),
    }
}

fn to_stderr(format: &str, is_journal: bool) -> Sink {
    let writer = Stderr::new(io::stderr(), lines::lost(format, is_journal));
    let layer = fmt::layer().with_writer(writer).log_internal_errors(false);
    if format == "json" {
        let layer = layer.json().event_format(Lines::new(fmt::format().json().flatten_event(true), is_journal));
        return layer.boxed();
    }
    let coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let format = fmt::format().with_target(false).with_ansi(coloured);
    if is_journal {
        layer.event_format(Lines::new(format.without_time().with_level(false), true)).boxed()
    } else {
        layer.event_format(Lines::new(format, false)).boxed()
    }
}

fn journald() -> io::Result<tracing_journald::Layer> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    let layer = tracing_journald::layer()?;
    Ok(layer.with_syslog_identifier("borderflow".to_owned()).with_priority_mappings(priorities))
}

/// Whether standard error is the stream that systemd says it connected to its journal, `systemd.exec(5)`.
fn leads_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from);
    let Ok(found) = stderr.and_then(|file| file.metadata()) else { return false };
    stream == format!("{}:{}", found.dev(), found.ino())
}

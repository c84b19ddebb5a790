//! Outputs without a journal: a replay's alerts to one file or standard output, as the command line says, and standard
//! output as the configuration says. They are written as they come, and a table ends them where they are text.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use tracing::{error, warn};

use super::Replay;
use crate::config::{self, Config, Target};
use crate::deliver::{AlertLines, Filter, Lines, Written};
use crate::encode::{Format, Style};

/// Where the alerts of a replay go: written directly, or delivered from the journal.
pub(super) struct Routes<'a> {
    pub(super) direct: Vec<AlertLines>,
    pub(super) delivered: Vec<&'a config::Output>,
}

/// What the command line says, else the configuration, else standard output.
///
/// # Errors
/// A file cannot be opened.
pub(super) fn routes<'a>(replay: &Replay, config: &'a Config) -> io::Result<Routes<'a>> {
    if replay.alerts.is_some() || replay.format.is_some() || config.outputs.is_empty() {
        if !config.outputs.is_empty() {
            let names: Vec<&str> = config.outputs.iter().map(|output| output.name.as_str()).collect();
            warn!("the configured outputs get nothing because of --alerts or --format: {}", names.join(", "));
        }
        let path = replay.alerts.as_deref().unwrap_or(Path::new("-"));
        let terminal = path.as_os_str() == "-" && io::stdout().is_terminal();
        let default = if terminal { Format::Text(Style::Plain) } else { Format::Ecs };
        let format = styled(replay.format.unwrap_or(default), terminal);
        let direct = vec![AlertLines::new(lines(path)?, format, Filter::default())];
        return Ok(Routes { direct, delivered: Vec::new() });
    }
    let is_stdout = |output: &&config::Output| output.target == Target::Stdout;
    let direct = config.outputs.iter().filter(is_stdout).map(|output| {
        let format = styled(output.format, io::stdout().is_terminal());
        AlertLines::new(Lines::stdout(), format, output.filter.clone())
    });
    let delivered = config.outputs.iter().filter(|output| !is_stdout(output)).collect();
    Ok(Routes { direct: direct.collect(), delivered })
}

/// What alerts are written as on standard output: text on a terminal and ECS elsewhere, unless a format is given.
pub(super) fn stdout_format(format: Option<Format>) -> Format {
    let terminal = io::stdout().is_terminal();
    let default = if terminal { Format::Text(Style::Plain) } else { Format::Ecs };
    styled(format.unwrap_or(default), terminal)
}

/// True where the alerts themselves appear on the terminal.
pub(super) fn shows_alerts(replay: &Replay, config: &Config) -> bool {
    let to_stdout = match &replay.alerts {
        Some(path) => path.as_os_str() == "-",
        None => config.outputs.is_empty() || config.outputs.iter().any(|output| output.target == Target::Stdout),
    };
    to_stdout && io::stdout().is_terminal()
}

/// Text with colour on a terminal, unless the user does without (<https://no-color.org>).
fn styled(format: Format, terminal: bool) -> Format {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match format {
        Format::Text(_) if terminal && !refused => Format::Text(Style::Coloured),
        Format::Text(_) => Format::Text(Style::Plain),
        Format::Ecs | Format::Ocsf | Format::Cef | Format::Leef | Format::Eve => format,
    }
}

pub(super) fn lines(path: &Path) -> io::Result<Lines> {
    if path.as_os_str() == "-" { Ok(Lines::stdout()) } else { Lines::create(path) }
}

/// True unless something is lost; a reader that went away wanted no more.
pub(super) fn is_written(written: Written) -> bool {
    match written {
        Written::All | Written::Abandoned => true,
        Written::Failed { name, error } => {
            error!("{name}: {error}; what came after is not written");
            false
        }
    }
}

//! A replay: captures in, alerts, flow records and a summary out.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::AttributorError;
use crate::capture::{Batch, CaptureError, CaptureFiles, Filter, FilterError, PacketSource as _};
use crate::config::{self, Config};
use crate::deliver::{AlertLines, FlowLines, Lines, Output, Written};
use crate::encode::{Format, Style};
use crate::flow::{FlowCounters, PARTITIONS};
use crate::pipeline::{Front, Judge, Shard};

use super::progress::Progress;
use super::stages::{self, Outputs};
use super::{Interrupt, Summary, targets};

/// What to replay, and where to.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Captures, directories of captures, or `-`.
    pub inputs: Vec<PathBuf>,
    /// Where alerts go: a path, or `-` for standard output. `None`: the configured outputs, or standard output.
    pub alerts: Option<PathBuf>,
    /// How alerts are written to `alerts`; `None`: text on a terminal, ECS elsewhere.
    pub format: Option<config::Format>,
    /// Where flow records go; `-` for standard output.
    pub flows: Option<PathBuf>,
    /// Where the summary goes; `-` for standard output.
    pub summary: Option<PathBuf>,
    /// A pcap filter expression.
    pub filter: Option<String>,
    /// Number of shards.
    pub threads: usize,
}

/// Why a replay could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No input can be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The filter expression is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A database cannot serve.
    #[error(transparent)]
    Attributor(#[from] AttributorError),
    /// An output is one of the captures.
    #[error("{}: is a capture to be read; writing there would destroy it", .0.display())]
    OverwritesInput(PathBuf),
    /// Two outputs are one file.
    #[error("{}: given for two outputs; each would overwrite the other", .0.display())]
    OutputTwice(PathBuf),
    /// An output cannot be opened, or the system refuses a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How a replay went.
#[derive(Debug)]
pub struct Reported {
    /// The counters.
    pub summary: Summary,
    /// False where an input was damaged, an output failed, or the user interrupted; each has been told.
    pub complete: bool,
}

/// Replays captures.
///
/// # Errors
/// Whatever keeps it from beginning. What goes wrong later is logged and makes [`Reported::complete`] false.
pub fn replay(replay: &Replay, config: &Config) -> Result<Reported, ReplayError> {
    let filter = replay.filter.as_deref().map(Filter::new).transpose()?;
    let mut source = CaptureFiles::open(&replay.inputs)?;
    targets::check(replay, config, &source)?;
    let attributor = super::attributor(config)?;
    let mut alerts = alert_outputs(replay, config)?;
    let mut flows = replay.flows.as_deref().map(lines).transpose()?.map(FlowLines::new);
    let interrupt = Interrupt::listen()?;
    let progress = Progress::new(source.total_bytes(), !shows_alerts(replay, config));

    #[expect(clippy::disallowed_methods, reason = "the wall time of a run is about the run, not about packets")]
    let begun = Instant::now();
    let (decode, flow) = (super::decode_options(config), super::flow_options(config));
    let mut front = Front::new(decode, filter, flow.seed);
    let mut judge = Judge::new(attributor, super::policy(config));
    let shards = replay.threads.clamp(1, PARTITIONS);
    let mut complete = true;
    let abandoned = AtomicBool::new(false);
    let mut refill = |batch: &mut Batch, _: &Front| loop {
        if interrupt.is_requested() || abandoned.load(Ordering::Relaxed) {
            return false;
        }
        progress.at(source.bytes_read());
        match source.next_batch(batch) {
            Ok(more) => return more,
            Err(damage) => {
                error!("{damage}");
                complete = false;
            }
        }
    };
    let counters = {
        let mut list: Vec<&mut dyn Output> = alerts.iter_mut().map(|output| output as &mut dyn Output).collect();
        list.extend(flows.as_mut().map(|output| output as &mut dyn Output));
        let give_up = || abandoned.store(true, Ordering::Relaxed);
        let mut outputs = Outputs { list, abandoned: &give_up };
        let shard = |number| Shard::new(&flow, decode, number, shards);
        if shards == 1 {
            stages::inline(&mut refill, &mut front, shard(0), &mut judge, &mut outputs)
        } else {
            let shards = (0..shards).map(shard).collect();
            stages::threaded(&mut refill, &mut front, shards, &mut judge, &mut outputs)
        }
    };
    progress.finish();
    if interrupt.is_requested() {
        error!("interrupted; what was read so far is judged and written");
        complete = false;
    }
    let input = (source.bytes_read(), source.loss());
    let summary = summary(&front, &counters, &judge, input, begun.elapsed());
    tell_doubts(&front, &source);
    for output in alerts {
        complete &= is_written(output.close(summary.frames_read > 0));
    }
    if let Some(output) = flows {
        complete &= is_written(output.close());
    }
    if let Some(path) = &replay.summary {
        complete &= write_summary(path, &summary);
    }
    Ok(Reported { summary, complete })
}

fn summary(
    front: &Front,
    flows: &FlowCounters,
    judge: &Judge,
    input: (u64, crate::capture::Loss),
    wall: Duration,
) -> Summary {
    Summary::new(&front.counters(), flows, &judge.counters(), input, wall)
}

/// True where the alerts themselves appear on the terminal.
fn shows_alerts(replay: &Replay, config: &Config) -> bool {
    let to_stdout = match &replay.alerts {
        Some(path) => path.as_os_str() == "-",
        None => {
            config.outputs.is_empty() || config.outputs.iter().any(|output| output.target == config::Target::Stdout)
        }
    };
    to_stdout && io::stdout().is_terminal()
}

fn alert_outputs(replay: &Replay, config: &Config) -> io::Result<Vec<AlertLines>> {
    if replay.alerts.is_none() && replay.format.is_none() && !config.outputs.is_empty() {
        return config.outputs.iter().filter_map(|output| configured(output).transpose()).collect();
    }
    let path = replay.alerts.as_deref().unwrap_or(Path::new("-"));
    let terminal = path.as_os_str() == "-" && io::stdout().is_terminal();
    let format = match replay.format {
        Some(config::Format::Text) => Format::Text(style(terminal)),
        None if terminal => Format::Text(style(terminal)),
        Some(config::Format::Ecs) | None => Format::Ecs,
    };
    Ok(vec![AlertLines::new(lines(path)?, format)])
}

/// Files and standard output are written directly; `None`: a replay does not deliver there.
fn configured(output: &config::Output) -> io::Result<Option<AlertLines>> {
    let (lines, terminal) = match &output.target {
        config::Target::Stdout => (Lines::stdout(), io::stdout().is_terminal()),
        config::Target::File(file) => (Lines::append(&file.path)?, false),
        config::Target::UnixStream(_)
        | config::Target::UnixDatagram(_)
        | config::Target::Syslog(_)
        | config::Target::Splunk(_)
        | config::Target::Elasticsearch(_)
        | config::Target::Webhook(_)
        | config::Target::Nats(_)
        | config::Target::Kafka(_) => return Ok(None),
    };
    let format = match output.format {
        config::Format::Ecs => Format::Ecs,
        config::Format::Text => Format::Text(style(terminal)),
    };
    Ok(Some(AlertLines::new(lines, format)))
}

/// Colour on a terminal, unless the user does without (<https://no-color.org>).
fn style(terminal: bool) -> Style {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !refused { Style::Coloured } else { Style::Plain }
}

fn lines(path: &Path) -> io::Result<Lines> {
    if path.as_os_str() == "-" { Ok(Lines::stdout()) } else { Lines::create(path) }
}

/// Says what the capture could not show.
fn tell_doubts(front: &Front, source: &CaptureFiles) {
    let unknown: Vec<_> = front.unknown_links().iter().map(ToString::to_string).collect();
    if !unknown.is_empty() {
        warn!("frames of these link types cannot be read and were skipped: {}", unknown.join(", "));
    }
    if let Some(filter) = front.filter().filter(|filter| filter.unfilterable_frames() > 0) {
        let links: Vec<_> = filter.unfilterable_links().map(|link| link.to_string()).collect();
        let (frames, links) = (filter.unfilterable_frames(), links.join(", "));
        warn!("the filter does not apply to {links}: {frames} such frames were left out");
    }
    if source.ignored_files() > 0 {
        warn!("{} files in the directories are no captures and were left out", source.ignored_files());
    }
}

/// True unless something is lost; a reader that went away wanted no more.
fn is_written(written: Written) -> bool {
    match written {
        Written::All | Written::Abandoned => true,
        Written::Failed { name, error } => {
            error!("{name}: {error}; what came after is not written");
            false
        }
    }
}

fn write_summary(path: &Path, summary: &Summary) -> bool {
    let mut lines = match lines(path) {
        Ok(lines) => lines,
        Err(problem) => {
            error!("{problem}");
            return false;
        }
    };
    lines.push(|out| {
        // Neither a Vec nor this record can fail to be written.
        let _ = serde_json::to_writer_pretty(&mut *out, summary);
        out.push(b'\n');
    });
    is_written(lines.close())
}

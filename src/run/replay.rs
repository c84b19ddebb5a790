//! A replay: captures in, alerts, flow records and a summary out.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::AttributorError;
use crate::capture::{Batch, CaptureError, CaptureFiles, Filter, FilterError, PacketSource as _};
use crate::config::Config;
use crate::deliver::{AlertLines, FlowLines, Output};
use crate::detect::SavedKind;
use crate::encode::Format;
use crate::flow::{FlowCounters, PARTITIONS};
use crate::pipeline::{Front, Judge, Shard};

use super::deliveries::{Deliveries, DeliveriesError, FlowQueues, Memory, Patience};
use super::direct::{self, Routes};
use super::progress::Progress;
use super::recorder::Recorder;
use super::stages::{self, Outputs};
use super::summary::OutputSummary;
use super::{Interrupt, Summary, targets};

/// What to replay, and where to.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Captures, directories of captures, or `-`.
    pub inputs: Vec<PathBuf>,
    /// Where alerts go: a path, or `-` for standard output. `None`: the configured outputs, or standard output.
    pub alerts: Option<PathBuf>,
    /// How alerts are written to `alerts`; `None`: text on a terminal, ECS elsewhere.
    pub format: Option<Format>,
    /// Where flow records go; `-` for standard output.
    pub flows: Option<PathBuf>,
    /// Where the summary goes; `-` for standard output.
    pub summary: Option<PathBuf>,
    /// A journal to keep alerts and ledgers in; `None`: a private temporary one, where an output needs it.
    pub journal: Option<PathBuf>,
    /// How long to wait at the end for outputs that do not take their alerts.
    pub patience: Duration,
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
    /// The journal or an output cannot begin.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
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
    /// False where an input or the journal was damaged, an output failed, or the user interrupted; each has been told.
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
    let mut sinks = Sinks::open(replay, config)?;
    let interrupt = Interrupt::listen()?;
    let progress = Progress::new(source.total_bytes(), !direct::shows_alerts(replay, config));

    #[expect(clippy::disallowed_methods, reason = "the wall time of a run is about the run, not about packets")]
    let begun = Instant::now();
    let (decode, flow) = (super::decode_options(config), super::flow_options(config));
    let mut front = Front::new(decode, filter, flow.seed);
    let mut judge = Judge::new(attributor, super::policy(config));
    sinks.resume(&mut judge);
    let shards = replay.threads.clamp(1, PARTITIONS);
    let mut complete = true;
    let abandoned = AtomicBool::new(false);
    let mut refill = |batch: &mut Batch, front: &mut Front| loop {
        if interrupt.is_requested() || abandoned.load(Ordering::Relaxed) {
            return false;
        }
        progress.at(source.bytes_read());
        match source.next_batch(batch) {
            Ok(true) => return true,
            Ok(false) => {
                let loss = source.loss();
                front.lose(loss.kernel + loss.interface);
                return false;
            }
            Err(damage) => {
                error!("{damage}");
                complete = false;
            }
        }
    };
    let counters = {
        let give_up = || abandoned.store(true, Ordering::Relaxed);
        let mut outputs = Outputs { list: sinks.outputs(), abandoned: &give_up };
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
    let (delivered, all_written) = sinks.close(summary.frames_read > 0, replay.patience);
    complete &= all_written;
    let summary = summary.with_outputs(delivered);
    if let Some(path) = &replay.summary {
        complete &= write_summary(path, &summary);
    }
    Ok(Reported { summary, complete })
}

/// Everything a replay writes to while it runs.
#[derive(Default)]
struct Sinks {
    alerts: Vec<AlertLines>,
    flows: Option<FlowLines>,
    queues: Option<FlowQueues>,
    deliveries: Option<Deliveries>,
    recorder: Option<Recorder>,
    memory: Memory,
}

/// What of the judge's memory a replay goes on with: ledgers, which add up over captures, and the findings that rest on
/// them. Other findings are a function of the capture alone.
const KEPT: &[SavedKind] = &[SavedKind::Ledger, SavedKind::Volume];

impl Sinks {
    fn open(replay: &Replay, config: &Config) -> Result<Sinks, ReplayError> {
        let Routes { direct, delivered } = direct::routes(replay, config)?;
        let flows = replay.flows.as_deref().map(direct::lines).transpose()?.map(FlowLines::new);
        let sinks = Sinks { alerts: direct, flows, ..Sinks::default() };
        if replay.journal.is_none() && delivered.is_empty() && config.flow_outputs.is_empty() {
            return Ok(sinks);
        }
        let kinds = if replay.journal.is_some() { KEPT } else { &[] };
        let path = replay.journal.as_deref();
        let (deliveries, queues, memory) = Deliveries::start(path, config, &delivered, kinds)?;
        let recorder = Some(deliveries.recorder(kinds));
        Ok(Sinks { deliveries: Some(deliveries), queues: Some(queues), recorder, memory, ..sinks })
    }

    fn resume(&mut self, judge: &mut Judge) {
        let Memory { until, kept } = std::mem::take(&mut self.memory);
        if !kept.is_empty() {
            let resumed = judge.resume(until, &kept);
            info!("journal: {} ledgers go on", resumed.ledgers);
            if resumed.dropped > 0 {
                warn!("journal: {} ledgers cannot be read or are about what is no longer known", resumed.dropped);
            }
        }
    }

    fn outputs(&mut self) -> Vec<&mut dyn Output> {
        let mut list: Vec<&mut dyn Output> = self.alerts.iter_mut().map(|output| output as &mut dyn Output).collect();
        list.extend(self.flows.as_mut().map(|output| output as &mut dyn Output));
        list.extend(self.queues.iter_mut().map(|output| output as &mut dyn Output));
        list.extend(self.recorder.as_mut().map(|output| output as &mut dyn Output));
        list
    }

    /// Ends everything; what each delivered output did, and true where nothing is lost.
    fn close(self, any_frame: bool, patience: Duration) -> (Vec<OutputSummary>, bool) {
        let mut complete = true;
        for output in self.alerts {
            complete &= direct::is_written(output.close(any_frame));
        }
        if let Some(output) = self.flows {
            complete &= direct::is_written(output.close());
        }
        drop((self.queues, self.recorder));
        let Some(deliveries) = self.deliveries else { return (Vec::new(), complete) };
        let (delivered, all, _) = deliveries.close(Patience::Each(patience));
        let summaries = delivered.into_iter().map(|(name, did, left)| OutputSummary::new(name, &did, left));
        (summaries.collect(), complete && all)
    }
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

fn write_summary(path: &Path, summary: &Summary) -> bool {
    let mut lines = match direct::lines(path) {
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
    direct::is_written(lines.close())
}

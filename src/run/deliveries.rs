//! The outputs at work: the journal's thread, and a thread on which every delivery is a task.
//!
//! They can be changed while they run ([`Deliveries::change`]): every new one is opened first, so that a broken one changes
//! nothing; then those that are over or changed end, and the new ones begin, a changed one when its former self has ended.
//! The journal, the judge's recorder and every other output notice nothing of it.

mod queues;
mod tasks;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::output_context;
use super::recorder::{self, Recorder, RecorderCounters};
use super::watch::Watch;
use crate::config::{self, Config};
use crate::deliver::{
    Closed, Context, Counters, Delivered, Delivery, FlowDelivery, FlowOptions, FlowQueue, Outbox, Reopen, StartError,
};
use crate::detect::{SavedKind, SavedValues};
use crate::encode::human::Count;
use crate::journal::{self, Journal, JournalError};
use crate::net::Timestamp;
pub(super) use queues::FlowQueues;
use queues::QueueOrder;
use tasks::{Job, Order, Tasks};

/// How often a wait for the outputs looks whether they get on.
const LOOK: Duration = Duration::from_millis(100);

/// How long outputs are given before they are told that nothing more comes, and how often they are looked after meanwhile.
const SETTLING: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(20);

/// Why outputs could not begin.
#[derive(Debug, thiserror::Error)]
pub enum DeliveriesError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An output cannot begin.
    #[error("output {name:?}: {problem}")]
    Start {
        /// Its name.
        name: String,
        /// The key that is wrong.
        problem: StartError,
    },
    /// The system refuses a thread.
    #[error("outputs: {0}")]
    Io(#[from] io::Error),
}

/// Journal and outputs while a run lasts.
pub(super) struct Deliveries {
    outbox: Arc<Outbox>,
    outputs: Vec<Running>,
    flow_outputs: Vec<Running>,
    recorded: Arc<RecorderCounters>,
    /// Whether the journal is gone with the process.
    is_private: bool,
    context: Context,
    runtime: Handle,
    orders: UnboundedSender<Order>,
    queues: Sender<QueueOrder>,
    /// Says that time is up.
    give_up: watch::Sender<bool>,
    /// Hears when every output has everything.
    done: Receiver<()>,
    thread: std::thread::JoinHandle<()>,
}

/// An output that runs.
struct Running {
    name: String,
    settings: Settings,
    /// The files it has read: keys, secrets, authorities.
    files: Watch,
    counters: Arc<Counters>,
}

/// What an output is told, to know whether that has changed.
#[derive(Clone, PartialEq)]
enum Settings {
    Alerts(config::Output),
    Flows(FlowOptions),
}

/// An output that could begin.
struct Ready<T> {
    running: Running,
    work: T,
}

type ReadyAlerts = Ready<Delivery<()>>;
type ReadyFlows = Ready<(FlowQueue, FlowDelivery)>;

/// What a change did to the outputs, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Those that are new, or go on by other settings or with other secrets.
    pub(super) begun: Vec<String>,
    /// Those that there are no more.
    pub(super) ended: Vec<String>,
}

/// How long outputs are waited for at the end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// So long, whatever they do.
    InAll(Duration),
    /// As long as one of them takes something again within this time.
    Each(Duration),
}

/// What the judge's memory was when the journal was used last.
#[derive(Default)]
pub(super) struct Memory {
    /// Packet time until which it is complete.
    pub(super) until: Option<Timestamp>,
    /// Keys and values by kind.
    pub(super) kept: Vec<(SavedKind, SavedValues)>,
}

impl Deliveries {
    /// Opens the journal (`None`: a private temporary one) and starts what is to be delivered; returns also where flow
    /// records go, and what the journal remembers of the `kinds`.
    ///
    /// # Errors
    /// What cannot begin.
    pub(super) fn start(
        path: Option<&Path>,
        config: &Config,
        outputs: &[&config::Output],
        kinds: &[SavedKind],
    ) -> Result<(Deliveries, FlowQueues, Memory), DeliveriesError> {
        let mut journal = open(path, config)?;
        let mut memory = Memory { until: journal.clock(), kept: Vec::new() };
        for &kind in kinds {
            memory.kept.push((kind, journal.states(kind.as_str())?));
        }
        // None takes part before it is ready.
        let (outbox, _) = Outbox::start(journal, &[])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let ((give_up, deadline), (tell_done, done)) = (watch::channel(false), channel());
        let (orders, to_follow) = unbounded_channel();
        let thread = std::thread::Builder::new().name("outputs".to_owned()).spawn(move || {
            runtime.block_on(Tasks::new(deadline).run(to_follow));
            let _ = tell_done.send(());
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        let (mut flow_queues, queues) = FlowQueues::new();
        let mut deliveries = Deliveries {
            outbox: Arc::new(outbox),
            outputs: Vec::new(),
            flow_outputs: Vec::new(),
            recorded: Arc::default(),
            is_private: path.is_none(),
            context: output_context(&Reopen::default()),
            runtime: handle,
            orders,
            queues,
            give_up,
            done,
            thread,
        };
        deliveries.change(outputs, &config.flow_outputs)?;
        flow_queues.follow_all();
        Ok((deliveries, flow_queues, memory))
    }

    /// From now on delivers to exactly these. What has not changed goes on undisturbed; what has goes on where it was; what
    /// is new begins where the journal ends; what is left out ends, and the journal remembers how far it came.
    ///
    /// # Errors
    /// The first output that cannot begin. Nothing has changed then.
    pub(super) fn change(
        &mut self,
        outputs: &[&config::Output],
        flow_outputs: &[FlowOptions],
    ) -> Result<Changed, DeliveriesError> {
        let (alerts, flows) = self.prepare(outputs, flow_outputs)?;
        let mut changed = Changed::default();
        let begun = alerts.iter().map(|ready| &ready.running).chain(flows.iter().map(|ready| &ready.running));
        changed.begun.extend(begun.map(|running| running.name.clone()));
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let flow_names: Vec<&str> = flow_outputs.iter().map(|output| output.name.as_str()).collect();
        let is_over = |running: &Running, names: &[&str]| {
            !names.contains(&running.name.as_str()) || changed.begun.contains(&running.name)
        };
        let over: Vec<Running> = self.outputs.extract_if(.., |running| is_over(running, &names)).collect();
        let flows_over: Vec<Running> =
            self.flow_outputs.extract_if(.., |running| is_over(running, &flow_names)).collect();
        for running in &flows_over {
            let _ = self.queues.send(QueueOrder::End(running.name.clone()));
        }
        for running in over.into_iter().chain(flows_over) {
            let _ = self.orders.send(Order::End(running.name.clone()));
            if !changed.begun.contains(&running.name) {
                changed.ended.push(running.name);
            }
        }
        self.begin(&names, alerts, flows);
        Ok(changed)
    }

    /// Those of the outputs that are new or changed, ready to begin.
    fn prepare(
        &self,
        outputs: &[&config::Output],
        flow_outputs: &[FlowOptions],
    ) -> Result<(Vec<ReadyAlerts>, Vec<ReadyFlows>), DeliveriesError> {
        let _inside = self.runtime.enter();
        let (mut alerts, mut flows) = (Vec::new(), Vec::new());
        for output in outputs {
            let settings = Settings::Alerts((*output).clone());
            let files = watched(&output.target);
            if self.outputs.iter().any(|running| running.is_as(&settings)) {
                continue;
            }
            let start = |problem| DeliveriesError::Start { name: output.name.clone(), problem };
            let work = Delivery::prepare(output.delivery(), &self.context).map_err(start)?;
            let running = Running { name: output.name.clone(), settings, files, counters: work.counters() };
            alerts.push(Ready { running, work });
        }
        for options in flow_outputs {
            let settings = Settings::Flows(options.clone());
            let files = watched(&options.target);
            if self.flow_outputs.iter().any(|running| running.is_as(&settings)) {
                continue;
            }
            let start = |problem| DeliveriesError::Start { name: options.name.clone(), problem };
            let work = FlowQueue::open(options, &self.context).map_err(start)?;
            let running = Running { name: options.name.clone(), settings, files, counters: work.0.counters() };
            flows.push(Ready { running, work });
        }
        Ok((alerts, flows))
    }

    fn begin(&mut self, names: &[&str], alerts: Vec<ReadyAlerts>, flows: Vec<ReadyFlows>) {
        let renewed: Vec<&str> = alerts.iter().map(|ready| ready.running.name.as_str()).collect();
        let feeds = self.outbox.rejoin(names, &renewed);
        for (Ready { running, work }, feed) in alerts.into_iter().zip(feeds) {
            let job = Job::alerts(&running.name, running.file(), work.fed_by(feed));
            let _ = self.orders.send(Order::Begin(job));
            self.outputs.push(running);
        }
        for Ready { running, work: (queue, delivery) } in flows {
            let job = Job::flows(&running.name, running.file(), delivery);
            let _ = self.orders.send(Order::Begin(job));
            let _ = self.queues.send(QueueOrder::Begin(running.name.clone(), queue));
            self.flow_outputs.push(running);
        }
    }

    /// Has every output that writes a file open it anew, as after logrotate.
    pub(super) fn reopen(&self) {
        self.context.reopen.request();
    }

    /// What a recorder that waits for nobody holds and has given up.
    pub(super) fn recorded(&self) -> &RecorderCounters {
        &self.recorded
    }

    /// What the judge writes to; keeps the states of `kinds`.
    pub(super) fn recorder(&self, kinds: &'static [SavedKind]) -> Recorder {
        Recorder::new(Arc::clone(&self.outbox), kinds)
    }

    /// As [`Deliveries::recorder`], for a judge that waits for nobody.
    pub(super) fn live_recorder(&self, kinds: &'static [SavedKind]) -> Recorder {
        Recorder::live(Arc::clone(&self.outbox), kinds, Arc::clone(&self.recorded))
    }

    /// Where alerts about the sensor itself go.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What each output did, and how many records it has not taken.
    pub(super) fn progress(&self) -> Vec<(String, Delivered, u64)> {
        let backlog = self.outbox.backlog();
        let behind = |name: &str| backlog.iter().find(|(output, _)| output == name).map_or(0, |(_, left)| *left);
        self.counters().map(|(name, counters)| (name.to_owned(), counters.read(), behind(name))).collect()
    }

    fn counters(&self) -> impl Iterator<Item = (&str, &Counters)> {
        let all = self.outputs.iter().chain(&self.flow_outputs);
        all.map(|running| (running.name.as_str(), &*running.counters))
    }

    /// Waits until every output has everything, or until `patience` is over; the recorder and the flow
    /// queues must be gone. What each output did, whether each has everything and the journal lost nothing, and whether the journal lost nothing. (A user
    /// who interrupts twice ends the process.)
    pub(super) fn close(self, patience: Patience) -> (Vec<(String, Delivered, u64)>, bool, bool) {
        let (Patience::InAll(limit) | Patience::Each(limit)) = patience;
        self.settle(limit);
        self.outbox.finish();
        let _ = self.orders.send(Order::Finish);
        let (mut waited, mut taken) = (Duration::ZERO, self.taken());
        while let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(LOOK.min(limit.max(GLANCE))) {
            recorder::tell_troubles(&self.outbox);
            let gets_on = matches!(patience, Patience::Each(_)) && self.taken() != taken;
            waited = if gets_on { Duration::ZERO } else { waited + LOOK };
            taken = self.taken();
            if waited >= limit {
                break;
            }
        }
        let _ = self.give_up.send(true);
        let Deliveries { outbox, outputs, flow_outputs, thread, is_private, .. } = self;
        let _ = thread.join();
        let Some(outbox) = Arc::into_inner(outbox) else { return (Vec::new(), false, false) };
        let Closed { backlog, troubles, counters, .. } = outbox.close();
        troubles.iter().for_each(recorder::tell);
        let behind = |name: &str| backlog.iter().find(|(output, _)| output == name).map_or(0, |(_, left)| *left);
        let all = outputs.into_iter().chain(flow_outputs);
        let told: Vec<_> = all
            .map(|running| {
                let left = behind(&running.name);
                (running.name, running.counters.read(), left)
            })
            .collect();
        told.iter().for_each(|(name, delivered, left)| tell(name, delivered, *left, is_private));
        if counters.repeated > 0 {
            info!("journal: {} alerts were in it already and are not sent again", Count(counters.repeated));
        }
        let lost = counters.dropped + counters.forced_out + counters.held_entries;
        let is_whole = lost == 0 && counters.damaged_files == 0;
        let is_complete = is_whole && told.iter().all(|(_, delivered, left)| *left == 0 && delivered.refused == 0);
        (told, is_complete, is_whole)
    }

    /// Records that all outputs together have taken, left out or refused.
    fn taken(&self) -> u64 {
        let all = self.counters().map(|(_, counters)| counters.read());
        all.map(|did| did.delivered + did.filtered + did.refused).sum()
    }

    /// Waits a little until every output has everything, so that what troubles the journal while they read the last of it
    /// is told to them, too.
    fn settle(&self, patience: Duration) {
        let mut waited = Duration::ZERO;
        while waited < SETTLING.min(patience) {
            let is_untold = recorder::tell_troubles(&self.outbox);
            if !is_untold && self.outbox.backlog().iter().all(|(_, left)| *left == 0) {
                break;
            }
            std::thread::sleep(GLANCE);
            waited += GLANCE;
        }
    }
}

fn open(path: Option<&Path>, config: &Config) -> Result<Journal, JournalError> {
    let section = &config.journal;
    let options = journal::Options {
        max_bytes: section.max_bytes,
        max_age: Some(section.max_age),
        ..journal::Options::default()
    };
    match path {
        Some(path) => Journal::open(path, &options),
        None => Journal::temporary(&journal::Options { durable: false, ..options }),
    }
}

impl Running {
    /// True where it does what `settings` say, with the secrets that are in its files by now.
    fn is_as(&self, settings: &Settings) -> bool {
        self.settings == *settings && self.files.is_same()
    }

    fn file(&self) -> Option<&Path> {
        match &self.settings {
            Settings::Alerts(output) => output.target.file(),
            Settings::Flows(options) => options.target.file(),
        }
    }
}

/// Taken before the files are read, so that what changes meanwhile is a change.
fn watched(target: &config::Target) -> Watch {
    Watch::new(target.files_read().into_iter().map(Path::to_owned).collect())
}

fn tell(name: &str, delivered: &Delivered, left: u64, is_private: bool) {
    info!("output {name}: {} delivered", Count(delivered.delivered));
    if delivered.refused > 0 {
        warn!("output {name}: {} refused, last: {}", Count(delivered.refused), delivered.last_error);
    }
    if delivered.dropped > 0 {
        warn!("output {name}: {} flow records dropped, the output is too slow", Count(delivered.dropped));
    }
    if left > 0 {
        let reason = if delivered.last_error.is_empty() { "time was up" } else { &delivered.last_error };
        let fate = if is_private { "lost without a --journal" } else { "kept for the next run" };
        error!("output {name}: {} not delivered, {fate}: {reason}", Count(left));
    }
}

#[cfg(test)]
mod tests;

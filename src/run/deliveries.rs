//! The outputs at work: the journal's thread, and a thread on which every delivery is a task.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::output_context;
use super::recorder::{self, Recorder};
use crate::config::{self, Config};
use crate::deliver::{Closed, Counters, Delivered, Delivery, FlowDelivery, FlowQueue, Outbox, Reopen, StartError};
use crate::detect::{SavedKind, SavedValues};
use crate::encode::human::Count;
use crate::journal::{self, Journal, JournalError};
use crate::net::Timestamp;

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
    counters: Vec<(String, Arc<Counters>)>,
    /// Whether the journal is gone with the process.
    is_private: bool,
    /// Says that time is up.
    give_up: watch::Sender<bool>,
    /// Hears when every output has everything.
    done: Receiver<()>,
    thread: std::thread::JoinHandle<()>,
}

/// What runs on the outputs' thread.
struct Tasks {
    alerts: Vec<Delivery<crate::deliver::Feed>>,
    flows: Vec<FlowDelivery>,
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
    ) -> Result<(Deliveries, Vec<FlowQueue>, Memory), DeliveriesError> {
        let mut journal = open(path, config)?;
        let mut memory = Memory { until: journal.clock(), kept: Vec::new() };
        for &kind in kinds {
            memory.kept.push((kind, journal.states(kind.as_str())?));
        }
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let (outbox, feeds) = Outbox::start(journal, &names)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut counters, mut tasks, mut queues) =
            (Vec::new(), Tasks { alerts: Vec::new(), flows: Vec::new() }, vec![]);
        let context = output_context(&Reopen::default());
        let inside = runtime.enter();
        for (output, feed) in outputs.iter().zip(feeds) {
            let start = |problem| DeliveriesError::Start { name: output.name.clone(), problem };
            let delivery = Delivery::open(output.delivery(), feed, &context).map_err(start)?;
            counters.push((output.name.clone(), delivery.counters()));
            tasks.alerts.push(delivery);
        }
        for options in &config.flow_outputs {
            let start = |problem| DeliveriesError::Start { name: options.name.clone(), problem };
            let (queue, delivery) = FlowQueue::open(options, &context).map_err(start)?;
            counters.push((options.name.clone(), queue.counters()));
            queues.push(queue);
            tasks.flows.push(delivery);
        }
        drop(inside);
        let (give_up, deadline) = watch::channel(false);
        let (tell_done, done) = channel();
        let thread = std::thread::Builder::new().name("outputs".to_owned()).spawn(move || {
            runtime.block_on(tasks.run(&deadline));
            let _ = tell_done.send(());
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        let is_private = path.is_none();
        Ok((Deliveries { outbox: Arc::new(outbox), counters, is_private, give_up, done, thread }, queues, memory))
    }

    /// What the judge writes to; keeps the states of `kinds`.
    pub(super) fn recorder(&self, kinds: &'static [SavedKind]) -> Recorder {
        Recorder::new(Arc::clone(&self.outbox), kinds)
    }

    /// As [`Deliveries::recorder`], for a judge that waits for nobody.
    pub(super) fn live_recorder(&self, kinds: &'static [SavedKind]) -> Recorder {
        Recorder::live(Arc::clone(&self.outbox), kinds)
    }

    /// Where alerts about the sensor itself go.
    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What each output did, and how many records it has not taken.
    pub(super) fn progress(&self) -> Vec<(String, Delivered, u64)> {
        let backlog = self.outbox.backlog();
        let behind = |name: &str| backlog.iter().find(|(output, _)| output == name).map_or(0, |(_, left)| *left);
        self.counters.iter().map(|(name, counters)| (name.clone(), counters.read(), behind(name))).collect()
    }

    /// Waits until every output has everything, or until none has taken anything for `patience`; the recorder and the flow
    /// queues must be gone. What each output did, and true where none has anything left and the journal lost nothing. (A user
    /// who interrupts twice ends the process.)
    pub(super) fn close(self, patience: Duration) -> (Vec<(String, Delivered, u64)>, bool) {
        self.settle(patience);
        self.outbox.finish();
        let (mut waited, mut taken) = (Duration::ZERO, self.taken());
        while let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(LOOK.min(patience.max(GLANCE))) {
            recorder::tell_troubles(&self.outbox);
            waited = if self.taken() == taken { waited + LOOK } else { Duration::ZERO };
            taken = self.taken();
            if waited >= patience {
                break;
            }
        }
        let _ = self.give_up.send(true);
        let _ = self.thread.join();
        let Some(outbox) = Arc::into_inner(self.outbox) else { return (Vec::new(), false) };
        let Closed { backlog, troubles, counters, .. } = outbox.close();
        troubles.iter().for_each(recorder::tell);
        let behind = |name: &str| backlog.iter().find(|(output, _)| output == name).map_or(0, |(_, left)| *left);
        let told: Vec<_> =
            self.counters.iter().map(|(name, counters)| (name.clone(), counters.read(), behind(name))).collect();
        told.iter().for_each(|(name, delivered, left)| tell(name, delivered, *left, self.is_private));
        if counters.repeated > 0 {
            info!("journal: {} alerts were in it already and are not sent again", Count(counters.repeated));
        }
        let lost = counters.dropped + counters.forced_out + counters.held_entries;
        let is_whole = lost == 0 && counters.damaged_files == 0;
        let is_complete = is_whole && told.iter().all(|(_, delivered, left)| *left == 0 && delivered.refused == 0);
        (told, is_complete)
    }

    /// Records that all outputs together have taken, left out or refused.
    fn taken(&self) -> u64 {
        let all = self.counters.iter().map(|(_, counters)| counters.read());
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

impl Tasks {
    async fn run(self, deadline: &watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        for delivery in self.alerts {
            tasks.spawn(delivery.run(time_is_up(deadline.clone())));
        }
        for delivery in self.flows {
            tasks.spawn(delivery.run(time_is_up(deadline.clone())));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(panicked) = ended {
                error!("an output failed: {panicked}");
            }
        }
    }
}

async fn time_is_up(mut deadline: watch::Receiver<bool>) {
    // Whoever could say so being gone means the same.
    let _ = deadline.wait_for(|is_up| *is_up).await;
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

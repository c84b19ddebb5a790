//! Looks after everything while the daemon runs: signals, the watchdog, reloads, loss, what is told of it all; and ends it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{error, info};

use super::clock;
use super::interfaces::{FromShard, InterfaceReport};
use super::judge::{JudgeBoard, ToJudge};
use super::loss::LossWatch;
use super::news::{News, NewsKind};
use super::reload::Reloads;
use super::report::{Pulse, Reports};
use super::shard::ShardBoard;
use super::start::SourceOfConfig;
use crate::attribute::Attributor;
use crate::config::Config;
use crate::encode::Format;
use crate::net::Timestamp;
use crate::run::Interrupt;
use crate::run::deliveries::{Deliveries, Patience};
use crate::run::log::Logging;
use crate::run::metrics::Served;
use crate::run::sandbox::Confined;
use crate::run::status::{self, Board, State};
use crate::run::systemd::Notifier;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// How often it tells how the daemon does.
const TELL_EVERY_NS: u64 = 1_000_000_000;
/// How often systemd is told in words.
const STATUS_EVERY: u64 = 10;
/// A loop that did not come round for so long hangs, nanoseconds.
const HANGS_NS: u64 = 10_000_000_000;
/// A step of the clock that is worth an alert, nanoseconds.
const TOLD_STEP_NS: u64 = 2_000_000_000;
/// How often it asks whether files that the sandbox opened were replaced, in tellings.
const REPLACED_EVERY: u64 = 60;

/// What runs beside it.
pub(super) struct Threads {
    pub(super) shards: Vec<JoinHandle<()>>,
    pub(super) judge: JoinHandle<()>,
    pub(super) opener: JoinHandle<()>,
    pub(super) served: Option<Served>,
}

/// Everything that the main thread holds while the daemon runs.
pub(super) struct Supervisor {
    pub(super) source: SourceOfConfig,
    /// How alerts are written to standard output where that is the only output.
    pub(super) format: Option<Format>,
    /// The configuration in force, and the one that was when the daemon began: parts of it stay so.
    pub(super) config: Config,
    pub(super) running: Config,
    pub(super) attributor: Arc<Attributor>,
    pub(super) threads: Threads,
    pub(super) deliveries: Deliveries,
    /// Until the end begins.
    pub(super) to_judge: Option<SyncSender<ToJudge>>,
    pub(super) events: Sender<FromShard>,
    pub(super) news: Receiver<News>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) interrupt: Interrupt,
    pub(super) notifier: Notifier,
    pub(super) confined: Confined,
    pub(super) interface_board: Arc<Mutex<Vec<InterfaceReport>>>,
    pub(super) shard_boards: Vec<Arc<ShardBoard>>,
    pub(super) judge_board: Arc<JudgeBoard>,
    pub(super) board: Board,
}

/// What it remembers from one look to the next.
pub(super) struct Tracked {
    pub(super) started_at: Timestamp,
    pub(super) started_ns: u64,
    pub(super) state: State,
    pub(super) configuration: status::Configuration,
    pub(super) shards: Vec<Pulse>,
    pub(super) judge: Pulse,
    /// Since when each output that has not everything has not.
    pub(super) behind_since: HashMap<String, u64>,
    told_ns: u64,
    tellings: u64,
    alive_ns: u64,
    steps: u64,
    hung: bool,
    loss: LossWatch,
}

impl Supervisor {
    /// Until the user or the system asks to stop; true where everything was delivered.
    pub(super) fn run(mut self, log: &Logging) -> bool {
        let mut tracked = Tracked::new(&self);
        let mut reloads = Reloads::new(&self.config);
        tracked.state = State::Running;
        let names = self.config.capture.interfaces.join(", ");
        info!("monitoring {names} with {} shards", self.shard_boards.len());
        self.tell(&mut tracked, clock::read().boot_ns);
        self.notifier.ready();
        while !self.interrupt.is_requested() && !self.is_broken() {
            thread::sleep(LOOK);
            let now_ns = clock::read().boot_ns;
            while let Ok(news) = self.news.try_recv() {
                news.tell(self.deliveries.outbox());
            }
            reloads.look(&mut self, &mut tracked, now_ns);
            if now_ns.saturating_sub(tracked.told_ns) >= TELL_EVERY_NS {
                self.tell(&mut tracked, now_ns);
                log.tick();
            }
            self.pat_watchdog(&mut tracked, now_ns);
        }
        let is_broken = self.is_broken() && !self.interrupt.is_requested();
        self.finish(tracked) && !is_broken
    }

    /// True where a thread has ended that must not.
    fn is_broken(&self) -> bool {
        let Threads { shards, judge, opener, .. } = &self.threads;
        shards.iter().any(JoinHandle::is_finished) || judge.is_finished() || opener.is_finished()
    }

    /// Posts the status, and tells what is new in it.
    fn tell(&mut self, tracked: &mut Tracked, now_ns: u64) {
        tracked.told_ns = now_ns;
        tracked.tellings += 1;
        let reports = self.reports();
        if let Some(news) = tracked.loss.look(now_ns, reports.tally()) {
            news.tell(self.deliveries.outbox());
        }
        self.tell_steps(&reports, tracked);
        let status = self.status(&reports, tracked, now_ns);
        self.board.publish(status);
        if tracked.tellings.is_multiple_of(REPLACED_EVERY) {
            for path in self.confined.replaced() {
                let text =
                    format!("{} was replaced and is out of reach of the sandbox until a restart", path.display());
                News { kind: NewsKind::Notice, text }.tell(self.deliveries.outbox());
            }
        }
        if self.notifier.is_heard() && tracked.tellings % STATUS_EVERY == 1 {
            let shown = self.board.read();
            let problems = shown.problems(self.board.age());
            let line = if problems.is_empty() { "healthy".to_owned() } else { problems.join("; ") };
            self.notifier.status(&line);
        }
    }

    fn tell_steps(&self, reports: &Reports, tracked: &mut Tracked) {
        let Some(report) = reports.shards.first().filter(|report| report.steps > tracked.steps) else { return };
        tracked.steps = report.steps;
        let step = Duration::from_nanos(report.step_ns.unsigned_abs());
        let way = if report.step_ns > 0 { "forward" } else { "back" };
        let text = format!(
            "the clock was set {way} by {} s; packet time goes on and comes to agree with it slowly",
            step.as_secs_f64().round()
        );
        let kind = if step.as_nanos() as u64 > TOLD_STEP_NS { NewsKind::Trouble } else { NewsKind::Notice };
        News { kind, text }.tell(self.deliveries.outbox());
    }

    /// Shows systemd that every loop comes round; while one does not, it hears nothing, and starts the daemon anew.
    fn pat_watchdog(&self, tracked: &mut Tracked, now_ns: u64) {
        let ages =
            tracked.shards.iter_mut().zip(&self.shard_boards).map(|(pulse, board)| pulse.age(&board.turns, now_ns));
        let oldest = ages.max().unwrap_or(0).max(tracked.judge.age(&self.judge_board.turns, now_ns));
        let hangs = oldest > HANGS_NS;
        if hangs && !tracked.hung {
            error!("a loop has not come round for {} s", oldest / 1_000_000_000);
        }
        tracked.hung = hangs;
        let Some(interval) = self.notifier.watchdog_interval() else { return };
        if !hangs && now_ns.saturating_sub(tracked.alive_ns) >= interval.as_nanos() as u64 / 3 {
            tracked.alive_ns = now_ns;
            self.notifier.alive();
        }
    }

    /// The end, in the order data flows: shards end their flows, the judge keeps its findings, outputs take what they can.
    fn finish(mut self, mut tracked: Tracked) -> bool {
        info!("stopping");
        self.notifier.stopping();
        tracked.state = State::Stopping;
        let reports = self.reports();
        let status = self.status(&reports, &mut tracked, clock::read().boot_ns);
        self.board.publish(status);
        self.stop.store(true, Ordering::Relaxed);
        let Threads { shards, judge, opener, served } = self.threads;
        let mut is_whole = true;
        let mut join = |thread: JoinHandle<()>| {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                error!("the thread {name} failed; please report what it said above");
                is_whole = false;
            }
        };
        shards.into_iter().for_each(&mut join);
        self.to_judge = None;
        join(judge);
        let is_judged = self.judge_board.report.lock().is_ok_and(|report| report.given_up == 0);
        let _ = self.events.send(FromShard::Stop);
        join(opener);
        let (_, is_delivered, is_kept) = self.deliveries.close(Patience::InAll(self.config.daemon.stop_timeout));
        drop(served);
        // What is in a journal is delivered by the next start.
        is_whole && is_judged && (is_delivered || is_kept && self.running.journal.path.is_some())
    }
}

impl Tracked {
    fn new(supervisor: &Supervisor) -> Self {
        let now_ns = clock::read().boot_ns;
        let now = crate::run::now();
        Tracked {
            started_at: now,
            started_ns: now_ns,
            state: State::Starting,
            configuration: status::Configuration {
                path: supervisor.config.origin.clone(),
                loaded_at: now,
                ..status::Configuration::default()
            },
            shards: supervisor.shard_boards.iter().map(|_| Pulse::default()).collect(),
            judge: Pulse::default(),
            behind_since: HashMap::new(),
            told_ns: 0,
            tellings: 0,
            alive_ns: 0,
            steps: 0,
            hung: false,
            loss: LossWatch::new(supervisor.config.capture.loss_alert, now_ns),
        }
    }

    /// Judges loss by this share from now on.
    pub(super) fn allow_loss(&mut self, allowed: u32) {
        self.loss.allow(allowed);
    }
}

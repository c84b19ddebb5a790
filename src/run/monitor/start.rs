//! Everything up to the first frame, in the order that power allows.

use std::fs::{self, DirBuilder};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use tracing::{info, warn};

use super::interfaces::{FromShard, Interfaces, ToShard};
use super::judge::{JudgeBoard, JudgeLoop, ToJudge};
use super::news::News;
use super::shard::{Parcel, ShardBoard, ShardLoop};
use super::supervisor::{Supervisor, Threads};
use super::{Monitor, MonitorError};
use crate::capture::live::{self, Handle, LiveOptions, Taps};
use crate::config::{self, Config};
use crate::deliver::{Filter, Output, Target, WhenFull};
use crate::detect::SavedKind;
use crate::encode::Format;
use crate::flow;
use crate::journal;
use crate::pipeline::{Front, Judge, Shard};
use crate::run::deliveries::{Deliveries, Memory};
use crate::run::sandbox::{self, Confined, Plan};
use crate::run::status::Board;
use crate::run::systemd::Notifier;
use crate::run::{self, Hangups, direct, files, metrics};

/// Messages on their way from shards to the judge at most, for each shard.
const SEEN_IN_FLIGHT: usize = 64;
/// Parcels on their way between two shards at most.
const PARCELS_IN_FLIGHT: usize = 64;

/// Starts everything; what comes back runs.
pub(super) fn start(request: &Monitor, mut config: Config) -> Result<Supervisor, MonitorError> {
    let hangups = Hangups::hear()?;
    check_interfaces(&config)?;
    wait_for_nobody(&mut config);
    let notifier = Notifier::from_env().map_err(MonitorError::Notify)?;
    let attributor = Arc::new(run::attributor(&config)?);
    let metrics = bind(&config)?;
    let (tell_news, news) = channel();
    let flow = flow::Options { seed: run::now().as_nanos(), ..run::flow_options(&config) };
    let count = usize::from(config.capture.shards);
    let mut interfaces = interfaces(&config, &flow, tell_news);
    let handles = interfaces.open_all()?;

    sandbox::become_user(Some(config.sandbox.user.as_str()).filter(|user| !user.is_empty()))?;
    tell_unreadable(&config);
    let plan = plan(&config, metrics.as_ref())?;
    let (orders, receivers): (Vec<Sender<ToShard>>, Vec<Receiver<ToShard>>) = (0..count).map(|_| channel()).unzip();
    let (events, from_shards) = channel();
    let interface_board = interfaces.board();
    let opener = start_opener(interfaces, from_shards, orders, &plan)?;
    let confined = sandbox::confine(&plan)?;
    tell_sandbox(&confined, &config);

    let (deliveries, outputs, memory) = deliver(&config, request.format)?;
    let mut judge = Judge::new(Arc::clone(&attributor), run::policy(&config));
    resume(&mut judge, memory);

    let interrupt = hangups.listen()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (to_judge, inbox) = sync_channel(SEEN_IN_FLIGHT * count);
    let wiring = Wiring { events: events.clone(), to_judge: to_judge.clone(), stop: Arc::clone(&stop), flow };
    let (shards, spent, boards) = start_shards(&config, wiring, handles, receivers)?;
    let judge_board = Arc::<JudgeBoard>::default();
    let judge = JudgeLoop {
        judge,
        inbox,
        spent,
        outputs,
        board: Arc::clone(&judge_board),
        stop: Arc::clone(&stop),
        patience: config.daemon.stop_timeout,
    };
    let judge = thread::Builder::new().name("judge".to_owned()).spawn(move || judge.run())?;
    tell_unconfined(&config);
    let board = Board::default();
    let served = metrics.map(|listener| metrics::serve(listener, board.clone())).transpose()?;
    Ok(Supervisor {
        source: request.source.clone(),
        format: request.format,
        running: config.clone(),
        config,
        attributor,
        threads: Threads { shards, judge, opener, served },
        deliveries,
        to_judge: Some(to_judge),
        events,
        news,
        stop,
        interrupt,
        notifier,
        confined,
        interface_board,
        shard_boards: boards,
        judge_board,
        board,
    })
}

type Delivering = (Deliveries, Vec<Box<dyn Output>>, Memory);

/// Starts journal and outputs: what the judge hands its alerts and flow records to, and what it knew when the journal was used
/// last.
fn deliver(config: &Config, format: Option<Format>) -> Result<Delivering, MonitorError> {
    let delivered = delivered(config, format);
    let outputs: Vec<&config::Output> = delivered.iter().collect();
    let kinds = SavedKind::ALL.as_slice();
    let (deliveries, queues, memory) = Deliveries::start(config.journal.path.as_deref(), config, &outputs, kinds)?;
    if config.journal.path.is_none() {
        warn!("no [journal] path: what is known and not delivered is gone when the daemon ends");
    }
    let recorder = deliveries.live_recorder(kinds);
    Ok((deliveries, vec![Box::new(recorder), Box::new(queues)], memory))
}

/// The configured outputs; standard output where there are none. It is delivered like any other, so that a reader who does not
/// read holds up nobody.
pub(super) fn delivered(config: &Config, format: Option<Format>) -> Vec<config::Output> {
    if !config.outputs.is_empty() {
        return config.outputs.clone();
    }
    let format = direct::stdout_format(format);
    let name = "standard output".to_owned();
    vec![config::Output { name, format, filter: Filter::default(), target: Target::Stdout }]
}

/// A daemon cannot wait for an output of flow records as a replay can: what such an output has no room for is dropped.
pub(super) fn wait_for_nobody(config: &mut Config) {
    for output in config.flow_outputs.iter_mut().filter(|output| output.when_full == WhenFull::Block) {
        warn!("flow output {:?}: when_full = \"block\" is for replays; here it means drop_new", output.name);
        output.when_full = WhenFull::DropNew;
    }
}

fn check_interfaces(config: &Config) -> Result<(), MonitorError> {
    let names = &config.capture.interfaces;
    if names.is_empty() {
        return Err(MonitorError::NoInterface { known: live::devices() });
    }
    for (place, name) in names.iter().enumerate() {
        if names.iter().take(place).any(|other| other == name) {
            return Err(MonitorError::InterfaceTwice(name.clone()));
        }
    }
    Ok(())
}

fn bind(config: &Config) -> Result<Option<TcpListener>, MonitorError> {
    let Some(address) = config.metrics.listen else { return Ok(None) };
    TcpListener::bind(address).map(Some).map_err(|error| MonitorError::Metrics { address, error })
}

/// The interfaces of the configuration.
fn interfaces(config: &Config, flow: &flow::Options, news: Sender<News>) -> Interfaces {
    let section = &config.capture;
    let (filter, unresolved) = files::capture_filter(config);
    if !unresolved.is_empty() {
        let names = unresolved.join(", ");
        warn!("these outputs cannot be resolved now, so what is sent to them from here is captured: {names}");
    }
    if filter != section.filter {
        info!("capturing only: {filter}");
    }
    let options = LiveOptions {
        promiscuous: section.promiscuous,
        snap_length: section.snap_length,
        ring_bytes: section.ring_bytes,
        filter,
    };
    let deal = flow::FlowHasher::new(flow.seed).deal();
    Interfaces::new(&section.interfaces, options, deal, u16::from(section.shards), news)
}

/// What the daemon must still reach once it is confined.
fn plan(config: &Config, metrics: Option<&TcpListener>) -> io::Result<Plan> {
    let mut writable = files::written_directories(config);
    if config.journal.path.is_none() {
        writable.push(scratch_directory()?);
    }
    Ok(Plan {
        files: config.sandbox.files,
        system_calls: config.sandbox.system_calls,
        readable: files::read(config),
        writable,
        bind_tcp: metrics.and_then(|listener| listener.local_addr().ok()).map(|address| address.port()),
    })
}

/// What root could read at the start and the user of the daemon cannot: no reload would work.
fn tell_unreadable(config: &Config) {
    for path in files::read(config) {
        if let Err(error) = fs::File::open(&path) {
            warn!("{}: {error}: every reload will be refused; let the daemon's user read it", path.display());
        }
    }
}

/// A directory of our own for private journals. It stays when the daemon ends, since nothing above it can be changed then; what
/// was in it has no name and is gone.
fn scratch_directory() -> io::Result<PathBuf> {
    let user = nix::unistd::geteuid();
    let path = std::env::temp_dir().join(format!("borderflow-{user}"));
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(&path).map_err(named)?;
            if !found.is_dir() || found.uid() != user.as_raw() || found.mode() & 0o077 != 0 {
                return Err(named(io::Error::other(
                    "is not a directory of ours alone; remove it, or set [journal] path",
                )));
            }
        }
        made => made.map_err(named)?,
    }
    journal::keep_private_files_in(&path);
    Ok(path)
}

/// Starts the thread that keeps the power to open interfaces.
fn start_opener(
    interfaces: Interfaces,
    events: Receiver<FromShard>,
    orders: Vec<Sender<ToShard>>,
    plan: &Plan,
) -> Result<thread::JoinHandle<()>, MonitorError> {
    let (tell, told) = channel();
    let plan = plan.clone();
    let thread = thread::Builder::new().name("interfaces".to_owned()).spawn(move || {
        let confined = sandbox::confine_opener(&plan);
        let is_confined = confined.is_ok();
        let _ = tell.send(confined);
        if is_confined {
            interfaces.run(&events, &orders);
        }
    })?;
    match told.recv() {
        Ok(Ok(confined)) if !confined.can_open_interfaces() => {
            info!("an interface that goes away cannot be opened again without CAP_NET_RAW");
        }
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(io::Error::other("the thread of the interfaces ended at once").into()),
    }
    Ok(thread)
}

fn tell_sandbox(confined: &Confined, config: &Config) {
    info!("sandbox: {confined}");
    if let Some(shortfall) = confined.shortfall() {
        warn!("sandbox: {shortfall}");
    }
    let missing: Vec<String> = confined.missing().iter().map(|path| path.display().to_string()).collect();
    if !missing.is_empty() && config.sandbox.files {
        warn!("sandbox: out of reach until a restart, for they are not there: {}", missing.join(", "));
    }
}

fn tell_unconfined(config: &Config) {
    let unconfined = sandbox::unconfined_threads();
    if config.sandbox.system_calls && !unconfined.is_empty() {
        warn!("sandbox: these threads are outside of it: {}", unconfined.join(", "));
    }
}

fn resume(judge: &mut Judge, memory: Memory) {
    let Memory { until, kept } = memory;
    let resumed = judge.resume(until, &kept);
    if resumed.findings + resumed.ledgers > 0 {
        info!("journal: {} findings and {} ledgers go on", resumed.findings, resumed.ledgers);
    }
    if resumed.dropped > 0 {
        warn!("journal: {} findings or ledgers cannot be read or are about what is no longer known", resumed.dropped);
    }
}

/// What every shard needs of the others.
struct Wiring {
    events: Sender<FromShard>,
    to_judge: SyncSender<ToJudge>,
    stop: Arc<AtomicBool>,
    flow: flow::Options,
}

type Started = (Vec<thread::JoinHandle<()>>, Vec<SyncSender<Vec<flow::FlowUpdate>>>, Vec<Arc<ShardBoard>>);

/// Starts a thread for each list of handles.
fn start_shards(
    config: &Config,
    wiring: Wiring,
    handles: Vec<Vec<Handle>>,
    orders: Vec<Receiver<ToShard>>,
) -> Result<Started, MonitorError> {
    let count = orders.len();
    let interfaces = config.capture.interfaces.len() as u16;
    let decode = run::decode_options(config);
    let (parcels, inboxes): (Vec<SyncSender<Parcel>>, Vec<Receiver<Parcel>>) =
        (0..count).map(|_| sync_channel(PARCELS_IN_FLIGHT * count)).unzip();
    let mut handles = handles.into_iter();
    let (mut threads, mut spent, mut boards) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (orders, inbox)) in orders.into_iter().zip(inboxes).enumerate() {
        let mut taps = Taps::new(interfaces);
        handles.next().unwrap_or_default().into_iter().for_each(|handle| taps.attach(handle));
        let (give_back, back) = sync_channel(SEEN_IN_FLIGHT);
        let board = Arc::<ShardBoard>::default();
        let to_others = parcels.iter().enumerate().map(|(other, parcel)| (other != number).then(|| parcel.clone()));
        let shard = ShardLoop {
            number: number as u16,
            cpu: config.capture.cpus.get(number).copied(),
            taps,
            front: Front::new(decode, None, wiring.flow.seed).numbered(number as u16, count as u16),
            shard: Shard::new(&wiring.flow, decode, number, count),
            orders,
            events: wiring.events.clone(),
            inbox,
            peers: to_others.collect(),
            judge: wiring.to_judge.clone(),
            spent: back,
            max_waiting_updates: config.daemon.max_waiting_updates as usize,
            board: Arc::clone(&board),
            stop: Arc::clone(&wiring.stop),
        };
        threads.push(thread::Builder::new().name(format!("shard-{number}")).spawn(move || shard.run())?);
        spent.push(give_back);
        boards.push(board);
    }
    Ok((threads, spent, boards))
}

/// The configuration's file and what overrides it.
pub(super) type SourceOfConfig = (Option<PathBuf>, Vec<String>);

//! Everything the daemon tells of itself, as one plain value.
//!
//! The monitor fills a [`Status`] about every second and posts it on the [`Board`]; whoever tells it further (metrics, the
//! health checks, `borderflow status`, systemd) reads the board and never the threads themselves, so that nobody who asks
//! costs the packet loop anything. Counters count since the daemon began; what went wrong lately is in
//! [`Status::last_minute`], which the board fills in, and in [`Status::problems`]. A program of another version reads what it
//! knows of it.

mod ask;
mod board;
mod counted;
mod histogram;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use ask::{AskError, Url, UrlError, ask};
pub use board::Board;
pub use histogram::Histogram;
pub use verdict::{MOST_AGE, MOST_DATABASE_AGE, MOST_LAG};

use super::summary::{FlowsByTransport, NotDecidable};
use crate::net::Timestamp;

/// How the daemon does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Of the program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// Seconds since then.
    pub uptime_s: u64,
    /// Milliseconds since these figures were gathered; the endpoint fills it in.
    pub age_ms: u64,
    /// What it is doing.
    pub state: State,
    /// What it may still do, in words: `user borderflow, files, system calls`.
    pub sandbox: String,
    /// What it was told to do.
    pub configuration: Configuration,
    /// What happened in the last minute; the board fills it in.
    pub last_minute: Minute,
    /// What it listens to, in the order of the configuration.
    pub interfaces: Vec<Interface>,
    /// Who reads and follows flows, by number.
    pub shards: Vec<Shard>,
    /// Who attributes and detects.
    pub judge: Judge,
    /// Where findings and alerts are kept.
    pub journal: Journal,
    /// Where alerts and flow records go, in the order of the configuration.
    pub outputs: Vec<Output>,
    /// What says where addresses are.
    pub databases: Vec<Database>,
    /// Memory of the process.
    pub memory: Memory,
    /// How long things take.
    pub timings: Timings,
}

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It opens what it needs.
    #[default]
    Starting,
    /// It listens.
    Running,
    /// It gives outputs the time to take what they have not taken.
    Stopping,
}

/// The configuration in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// Its file; none: the built-in defaults.
    pub path: Option<PathBuf>,
    /// When it was taken over.
    pub loaded_at: Timestamp,
    /// Times it, a database or a catalogue was taken over anew.
    pub reloads: u64,
    /// Times that could not be done.
    pub reload_failures: u64,
    /// Why not, the last time; empty where the last reload worked.
    pub last_error: String,
    /// Keys whose new values need a restart.
    pub needs_restart: Vec<String>,
    /// `capture.loss_alert_per_100000`: less loss is no problem.
    pub loss_alert_per_100000: u32,
}

/// What happened in the last minute, or since the start where that is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Minute {
    /// Seconds it covers.
    pub seconds: u64,
    /// Frames read.
    pub frames_read: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Frames lost by kernel, by interfaces, and between shards.
    pub frames_lost: u64,
    /// Flow updates lost because judgement did not keep up.
    pub updates_dropped: u64,
    /// Entries the journal gave up.
    pub entries_dropped: u64,
    /// Alerts and flow records that outputs lost or refused.
    pub records_lost: u64,
}

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether anything can come from it.
    pub state: Link,
    /// Since when.
    pub since: Timestamp,
    /// Frames lost by the interface or its driver.
    pub frames_lost: u64,
    /// Times it was opened again after it had gone or failed.
    pub reopened: u64,
    /// Why it could not be read, the last time; empty: it always could.
    pub last_error: String,
    /// One for each shard that reads it.
    pub handles: Vec<Handle>,
}

/// Whether anything can come from an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// It is read.
    Up,
    /// It is there without a link, or cannot be read.
    #[default]
    Down,
    /// There is none of this name.
    Gone,
}

/// A shard's view of an interface: its ring in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handle {
    /// Number of the shard.
    pub shard: u16,
    /// Frames read from it.
    pub frames_read: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Frames lost by the kernel: the ring was full.
    pub frames_lost: u64,
    /// Times the ring ran full.
    pub ring_overruns: u64,
}

/// A shard. `frames_read = packets_decoded + frames_skipped`, save what is pending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shard {
    /// From 0.
    pub number: u16,
    /// Milliseconds since its loop last came round; it does several times a second also when nothing arrives.
    pub progress_age_ms: u64,
    /// Times its loop took longer than it may.
    pub stalls: u64,
    /// Frames read.
    pub frames_read: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Frames that became packets, or parts of packets.
    pub packets_decoded: u64,
    /// Frames that did not.
    pub frames_skipped: u64,
    /// Why they did not, by name of [`crate::decode::Skip`].
    pub skips: BTreeMap<String, u64>,
    /// Frames cut by the snap length.
    pub frames_cut: u64,
    /// Datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Datagrams that never became complete.
    pub datagrams_given_up: u64,
    /// Fragments that overlapped others.
    pub fragments_overlapping: u64,
    /// Frames whose time leapt ahead by more than a week and was not believed alone.
    pub clock_leaps: u64,
    /// Frames handed over to the shard that has their flow.
    pub handovers: u64,
    /// Frames lost on that way.
    pub handovers_dropped: u64,
    /// Frames handed over to this shard whose packets were copies of others.
    pub handover_copies: u64,
    /// Flows begun, by transport.
    pub flows: FlowsByTransport,
    /// Flows in the table.
    pub flows_open: u64,
    /// Flows it can hold.
    pub max_flows: u64,
    /// Flows ended early because the table was full.
    pub evictions: u64,
    /// Flows of which one direction is seen although the other took part.
    pub one_sided_flows: u64,
    /// TCP payload bytes acknowledged and never seen.
    pub missed_bytes: u64,
    /// TCP gaps that could not be tracked for want of room.
    pub untracked_gaps: u64,
    /// Payloads of split hellos that could not be put together for want of room.
    pub withdrawn_inspections: u64,
    /// Flows whose commands were not read because too many were followed at once.
    pub unfollowed_flows: u64,
    /// Flow updates that wait for judgement.
    pub updates_waiting: u64,
    /// Those that can wait at most.
    pub max_waiting_updates: u64,
    /// Flow updates lost because as many waited.
    pub updates_dropped: u64,
}

/// Attribution and detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Judge {
    /// Milliseconds since its loop last came round.
    pub progress_age_ms: u64,
    /// Findings opened.
    pub findings: u64,
    /// Findings that are open.
    pub findings_open: u64,
    /// From so many on there is room for those of remote management alone.
    pub max_findings: u64,
    /// Findings closed early because there were too many.
    pub findings_evicted: u64,
    /// Flow updates told with those of many assets because there were too many findings.
    pub crowded_updates: u64,
    /// Ledgers held.
    pub ledgers: u64,
    /// Those that can be held.
    pub max_ledgers: u64,
    /// Ledgers given up because there were too many.
    pub ledgers_evicted: u64,
    /// Volumes left out of ledgers because their time is before what the journal holds.
    pub unbooked: u64,
    /// Alerts made.
    pub alerts: u64,
    /// Flow updates that added to a finding without an alert of their own.
    pub suppressed_updates: u64,
    /// Flows of which looking cannot decide everything; `docs/limits.md` says what.
    pub not_decidable: NotDecidable,
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Journal {
    /// Its file.
    pub path: PathBuf,
    /// Bytes of it, without its log.
    pub file_bytes: u64,
    /// Those it can have.
    pub max_bytes: u64,
    /// Entries that were new.
    pub added: u64,
    /// Entries whose id was there already.
    pub repeated: u64,
    /// Entries given up because the memory for held changes was full.
    pub dropped: u64,
    /// Delivered entries removed by retention.
    pub expired: u64,
    /// Undelivered entries removed because the file was full.
    pub forced_out: u64,
    /// Transactions.
    pub commits: u64,
    /// Transactions the file refused.
    pub refused_commits: u64,
    /// Damaged files set aside.
    pub damaged_files: u64,
    /// Entries that are in memory only.
    pub held_entries: u64,
    /// About how many bytes they take.
    pub held_bytes: u64,
    /// Why the file refuses; empty: it does not.
    pub last_error: String,
}

/// An output, of alerts or of flow records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Whether the last attempt worked.
    pub connected: bool,
    /// Records the other side took; records sent again count again.
    pub delivered: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records its filter left out.
    pub filtered: u64,
    /// Records the other side refused for good.
    pub refused: u64,
    /// Flow records that found the queue full.
    pub dropped: u64,
    /// Batches that had to be sent again.
    pub retries: u64,
    /// Records it does not have yet.
    pub undelivered: u64,
    /// Seconds since the oldest of them was made; 0 where it has all.
    pub lag_s: u64,
    /// What went wrong last; empty: nothing did.
    pub last_error: String,
}

/// A database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    /// What it is asked for: `country`, `ASN`.
    pub role: String,
    /// Name of the data set.
    pub name: String,
    /// Day the data was made, `YYYY-MM-DD`.
    pub date: String,
    /// Days since then.
    pub age_days: u32,
    /// Address ranges in it.
    pub ranges: u64,
    /// The user's file; none for the data inside the program.
    pub path: Option<PathBuf>,
}

/// Memory of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Bytes resident.
    pub resident_bytes: u64,
    /// Bytes that follow from the configuration.
    pub limit_bytes: u64,
}

/// How long things take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// Decoding a frame and following its flow; one frame of many is timed.
    pub decode: Histogram,
    /// Attributing a flow update: look-ups in databases and catalogues.
    pub lookup: Histogram,
    /// From the time of the packet that caused an alert to the alert in the journal.
    pub alert_delay: Histogram,
}

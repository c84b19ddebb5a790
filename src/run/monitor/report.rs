//! What every part counted, put together for whoever asks.

use std::collections::HashMap;
use std::fs;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::interfaces::InterfaceReport;
use super::judge::JudgeReport;
use super::loss::Tally;
use super::memory;
use super::shard::ShardReport;
use super::supervisor::{Supervisor, Tracked};
use crate::capture::live::DeviceState;
use crate::flow::PARTITIONS;
use crate::run::status::{self, Status};

/// How often each loop came round, and since when it has not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    turns: u64,
    since_ns: u64,
}

impl Pulse {
    /// Nanoseconds since the loop last came round.
    pub(super) fn age(&mut self, turns: &AtomicU64, now_ns: u64) -> u64 {
        let turns = turns.load(Ordering::Relaxed);
        if turns != self.turns || self.since_ns == 0 {
            (self.turns, self.since_ns) = (turns, now_ns);
        }
        now_ns.saturating_sub(self.since_ns)
    }
}

/// What the parts say at one moment.
pub(super) struct Reports {
    pub(super) shards: Vec<ShardReport>,
    pub(super) judge: JudgeReport,
    pub(super) interfaces: Vec<InterfaceReport>,
}

impl Supervisor {
    /// Asks every part.
    pub(super) fn reports(&self) -> Reports {
        let shard = |board: &std::sync::Arc<super::shard::ShardBoard>| {
            board.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        Reports {
            shards: self.shard_boards.iter().map(shard).collect(),
            judge: *self.judge_board.report.lock().unwrap_or_else(PoisonError::into_inner),
            interfaces: self.interface_board.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// All of it, for the board.
    pub(super) fn status(&self, reports: &Reports, tracked: &mut Tracked, now_ns: u64) -> Status {
        let now = crate::run::now();
        let shards = reports.shards.iter().zip(&self.shard_boards).zip(&mut tracked.shards).zip(0u16..);
        // As `flow::Flows` has it: so many in each partition.
        let partitions = PARTITIONS as u64 / reports.shards.len().max(1) as u64;
        let max_flows = u64::from(self.running.flow.max_flows).div_ceil(PARTITIONS as u64).max(1) * partitions;
        let shards = shards.map(|(((report, board), pulse), number)| status::Shard {
            number,
            progress_age_ms: pulse.age(&board.turns, now_ns) / 1_000_000,
            stalls: report.stalls,
            handovers: report.handed_over,
            handovers_dropped: report.handovers_dropped,
            handover_copies: report.copies,
            flows_open: report.open as u64,
            max_flows,
            updates_waiting: report.waiting as u64,
            max_waiting_updates: u64::from(self.running.daemon.max_waiting_updates),
            updates_dropped: report.dropped,
            ..status::Shard::counted(&report.front, &report.flows)
        });
        let judge = status::Judge {
            progress_age_ms: tracked.judge.age(&self.judge_board.turns, now_ns) / 1_000_000,
            findings_open: reports.judge.findings as u64,
            max_findings: u64::from(self.config.detect.max_findings),
            ledgers: reports.judge.ledgers as u64,
            max_ledgers: u64::from(self.config.ledger.max_ledgers),
            ..status::Judge::from(&reports.judge.detect)
        };
        let mut timings = status::Timings {
            lookup: reports.judge.lookup,
            alert_delay: reports.judge.alert_delay,
            ..status::Timings::default()
        };
        reports.shards.iter().for_each(|report| timings.decode.merge(&report.decode));
        let sources = self.attributor.databases().sources().iter();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: tracked.started_at,
            uptime_s: now_ns.saturating_sub(tracked.started_ns) / 1_000_000_000,
            state: tracked.state,
            sandbox: self.confined.to_string(),
            configuration: status::Configuration {
                loss_alert_per_100000: self.config.capture.loss_alert,
                ..tracked.configuration.clone()
            },
            interfaces: interfaces(reports),
            shards: shards.collect(),
            judge,
            journal: self.journal(),
            outputs: self.outputs(&mut tracked.behind_since, now_ns),
            databases: sources.map(|source| status::Database::new(source, now)).collect(),
            memory: status::Memory {
                resident_bytes: resident_bytes(),
                limit_bytes: memory::memory_limit(&self.running),
            },
            timings,
            ..Status::default()
        }
    }

    fn journal(&self) -> status::Journal {
        let path = self.running.journal.path.as_deref().unwrap_or(std::path::Path::new(""));
        let counters = self.deliveries.outbox().counters();
        let counted = status::Journal::counted(path, &counters);
        status::Journal {
            max_bytes: self.running.journal.max_bytes,
            dropped: counted.dropped + self.deliveries.recorded().dropped(),
            held_entries: counted.held_entries + self.deliveries.recorded().held(),
            ..counted
        }
    }

    fn outputs(&self, behind_since: &mut HashMap<String, u64>, now_ns: u64) -> Vec<status::Output> {
        let progress = self.deliveries.progress();
        behind_since.retain(|name, _| progress.iter().any(|(output, _, left)| output == name && *left > 0));
        let output = |(name, did, left): (String, _, u64)| {
            let counted = status::Output::counted(&name, &did);
            let since = if left > 0 { *behind_since.entry(name).or_insert(now_ns) } else { now_ns };
            status::Output { undelivered: left, lag_s: now_ns.saturating_sub(since) / 1_000_000_000, ..counted }
        };
        progress.into_iter().map(output).collect()
    }
}

impl Reports {
    /// What came and what did not.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let [kernel, interface, between] = &mut tally.lost;
        for (report, number) in self.shards.iter().zip(0..) {
            tally.frames += report.front.frames_read;
            tally.updates += report.dropped;
            *between += report.handovers_dropped;
            *kernel += report.taps.iter().map(|tap| tap.lost.kernel).sum::<u64>();
            if number == 0 {
                *interface += report.taps.iter().map(|tap| tap.lost.interface).sum::<u64>();
            }
        }
        tally
    }
}

fn interfaces(reports: &Reports) -> Vec<status::Interface> {
    let interface = |(report, place): (&InterfaceReport, usize)| {
        let taps =
            reports.shards.iter().zip(0u16..).filter_map(|(shard, number)| Some((shard.taps.get(place)?, number)));
        let handles: Vec<status::Handle> = taps
            .clone()
            .map(|(tap, shard)| status::Handle {
                shard,
                frames_read: tap.frames,
                wire_bytes: tap.wire_bytes,
                frames_lost: tap.lost.kernel,
                ring_overruns: tap.lost.freezes,
            })
            .collect();
        let state = match report.state {
            DeviceState::Gone => status::Link::Gone,
            DeviceState::Up if report.is_open => status::Link::Up,
            DeviceState::Up | DeviceState::Down => status::Link::Down,
        };
        status::Interface {
            name: report.name.clone(),
            state,
            since: report.since,
            frames_lost: taps.map(|(tap, _)| tap.lost.interface).next().unwrap_or(0),
            reopened: report.reopened,
            last_error: report.last_error.clone(),
            handles,
        }
    };
    reports.interfaces.iter().zip(0..).map(interface).collect()
}

/// Memory of this process that is in use (proc_pid_statm(5)); 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.as_deref().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(4_096)
}

//! What is wrong, in the order in which an operator at three in the morning needs it.

use std::time::Duration;

use super::{Configuration, Database, Interface, Link, Output, State, Status};
use crate::encode::human::{Bytes, Count, Printable};

/// A loop that has not come round for as long is stuck, and so is a monitor that has not posted.
pub const MOST_AGE: Duration = Duration::from_secs(10);
/// An output whose oldest undelivered record is older is behind.
pub const MOST_LAG: Duration = Duration::from_secs(300);
/// A database that is older misleads: they are made monthly, and two were missed.
pub const MOST_DATABASE_AGE: Duration = Duration::from_secs(70 * 86_400);

impl Status {
    /// What keeps it from working, `age` after it was posted: nothing while every loop comes round. For `/healthz`: what
    /// is listed here a restart may mend.
    #[must_use]
    pub fn stuck(&self, age: Duration) -> Vec<String> {
        let shards = self.shards.iter().map(|shard| (format!("shard {}", shard.number), shard.progress_age_ms));
        let judge = (!self.shards.is_empty()).then(|| ("the judge".to_owned(), self.judge.progress_age_ms));
        let loops = shards.chain(judge).map(|(who, age_ms)| (who, Duration::from_millis(age_ms)));
        let monitor = ("the monitor".to_owned(), age);
        let late = std::iter::once(monitor).chain(loops).filter(|(_, age)| *age > MOST_AGE);
        late.map(|(who, age)| format!("{who} has not come round for {} s", age.as_secs())).collect()
    }

    /// Why it does not do its work: not running, every interface down, a journal that does not write. For `/readyz`.
    #[must_use]
    pub fn unready(&self) -> Vec<String> {
        let state = match self.state {
            State::Running => None,
            State::Starting => Some("it is starting".to_owned()),
            State::Stopping => Some("it is stopping".to_owned()),
        };
        let is_deaf = !self.interfaces.iter().any(|interface| interface.state == Link::Up);
        let deaf = is_deaf.then(|| "no interface is up: it sees nothing".to_owned());
        state.into_iter().chain(deaf).chain(self.journal_refuses()).collect()
    }

    /// Everything that is wrong, `age` after it was posted, the worst first: stuck, not working, loss, interfaces,
    /// outputs, reload, full tables.
    #[must_use]
    pub fn problems(&self, age: Duration) -> Vec<String> {
        let mut problems = self.stuck(age);
        problems.extend(self.unready());
        problems.extend(self.losses());
        problems.extend(self.interfaces.iter().filter_map(Interface::problem));
        problems.extend(self.outputs.iter().filter_map(Output::problem));
        problems.extend(self.configuration.problem());
        problems.extend(self.full());
        problems
    }

    /// What is to be done some day, and nothing that is wrong with the daemon: databases that have become old.
    #[must_use]
    pub fn chores(&self) -> Vec<String> {
        let old = self
            .databases
            .iter()
            .filter(|database| Duration::from_secs(u64::from(database.age_days) * 86_400) > MOST_DATABASE_AGE);
        let chore = |database: &Database| {
            format!("the {} database is {} days old ({})", database.role, database.age_days, Printable(&database.name))
        };
        old.map(chore).collect()
    }

    fn journal_refuses(&self) -> Option<String> {
        let journal = &self.journal;
        if journal.last_error.is_empty() && journal.held_entries == 0 {
            return None;
        }
        let (entries, bytes) = (Count(journal.held_entries), Bytes(journal.held_bytes));
        let why = because(&journal.last_error);
        Some(format!("the journal does not write, {entries} entries ({bytes}) are in memory only{why}"))
    }

    fn losses(&self) -> Vec<String> {
        let minute = &self.last_minute;
        let mut losses = Vec::new();
        let met = minute.frames_read.saturating_add(minute.frames_lost);
        let bound = u64::from(self.configuration.loss_alert_per_100000);
        if minute.frames_lost > 0 && minute.frames_lost.saturating_mul(100_000) >= met.saturating_mul(bound) {
            let share = minute.frames_lost as f64 * 100.0 / met as f64;
            let lost = Count(minute.frames_lost);
            losses.push(format!("{lost} of {} frames lost in the last minute ({share:.2} %)", Count(met)));
        }
        let others = [
            (minute.updates_dropped, "flow updates lost in the last minute: judgement does not keep up"),
            (minute.entries_dropped, "alerts given up by the journal in the last minute"),
            (minute.records_lost, "records refused or dropped by outputs in the last minute"),
        ];
        losses.extend(others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", Count(*n))));
        losses
    }

    fn full(&self) -> Vec<String> {
        let flows = self.shards.iter().filter(|shard| shard.max_flows > 0 && shard.flows_open >= shard.max_flows);
        let mut full: Vec<String> = flows
            .map(|shard| format!("the flow table of shard {} is full: raise flow.max_flows", shard.number))
            .collect();
        let judge = &self.judge;
        if judge.max_findings > 0 && judge.findings_open >= judge.max_findings {
            full.push("as many findings are open as may be: raise detect.max_findings".to_owned());
        }
        if judge.max_ledgers > 0 && judge.ledgers >= judge.max_ledgers {
            full.push("as many ledgers are held as may be: raise ledger.max_ledgers".to_owned());
        }
        full
    }
}

impl Interface {
    fn problem(&self) -> Option<String> {
        let name = Printable(&self.name);
        let what = match self.state {
            Link::Up => return None,
            Link::Down => "down",
            Link::Gone => "gone",
        };
        Some(format!("interface {name} is {what}{}", because(&self.last_error)))
    }
}

impl Output {
    fn problem(&self) -> Option<String> {
        let is_behind = Duration::from_secs(self.lag_s) > MOST_LAG;
        let is_cut_off = self.undelivered > 0 && !self.connected && !self.last_error.is_empty();
        if !is_behind && !is_cut_off {
            return None;
        }
        let (name, waiting, why) = (Printable(&self.name), Count(self.undelivered), because(&self.last_error));
        Some(format!("output {name} is {} s behind, {waiting} records wait{why}", self.lag_s))
    }
}

impl Configuration {
    fn problem(&self) -> Option<String> {
        let failed = !self.last_error.is_empty();
        failed.then(|| format!("the last reload failed, what was before stays in force{}", because(&self.last_error)))
    }
}

/// An error on one line, after what it causes.
fn because(error: &str) -> String {
    let words: Vec<&str> = error.split_whitespace().collect();
    if words.is_empty() { String::new() } else { format!(": {}", Printable(&words.join(" "))) }
}

#[cfg(test)]
mod tests {
    use super::super::{Handle, Journal, Judge, Minute, Shard};
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn running() -> Status {
        let interface = Interface {
            name: "eth0".to_owned(),
            state: Link::Up,
            handles: vec![Handle::default()],
            ..Interface::default()
        };
        let shard = Shard { max_flows: 1000, ..Shard::default() };
        Status { state: State::Running, interfaces: vec![interface], shards: vec![shard], ..Status::default() }
    }

    #[test]
    fn a_daemon_that_does_its_work_has_no_problem() {
        assert_eq!(running().problems(NOW), Vec::<String>::new());
        assert!(running().problems(MOST_AGE).is_empty());
    }

    #[test]
    fn a_loop_that_does_not_come_round_is_named() {
        let mut status = running();
        status.shards[0].progress_age_ms = 10_001;
        assert_eq!(status.stuck(NOW), ["shard 0 has not come round for 10 s"]);
        status = running();
        status.judge = Judge { progress_age_ms: 60_000, ..Judge::default() };
        assert_eq!(status.stuck(NOW), ["the judge has not come round for 60 s"]);
        assert_eq!(running().stuck(Duration::from_secs(11)), ["the monitor has not come round for 11 s"]);
    }

    #[test]
    fn one_interface_of_two_down_is_a_problem_and_both_down_is_not_ready() {
        let mut status = running();
        let gone = Interface { name: "eth1".to_owned(), state: Link::Gone, ..Interface::default() };
        status.interfaces.push(gone);
        assert!(status.unready().is_empty());
        assert_eq!(status.problems(NOW), ["interface eth1 is gone"]);
        status.interfaces[0].state = Link::Down;
        assert_eq!(status.unready(), ["no interface is up: it sees nothing"]);
    }

    #[test]
    fn loss_below_what_alerts_is_no_problem() {
        let mut status = running();
        status.configuration.loss_alert_per_100000 = 100;
        status.last_minute = Minute { frames_read: 999_001, frames_lost: 999, ..Minute::default() };
        assert!(status.problems(NOW).is_empty());
        status.last_minute = Minute { frames_read: 999_000, frames_lost: 1000, ..Minute::default() };
        assert_eq!(
            status.problems(NOW),
            ["1\u{202f}000 of 1\u{202f}000\u{202f}000 frames lost in the last minute (0.10 %)"]
        );
        status.configuration.loss_alert_per_100000 = 0;
        status.last_minute = Minute { frames_read: u64::MAX, frames_lost: 1, ..Minute::default() };
        assert_eq!(status.problems(NOW).len(), 1);
    }

    #[test]
    fn the_worst_comes_first_and_no_error_forges_a_line() {
        let mut status = running();
        status.interfaces[0].state = Link::Down;
        status.interfaces[0].last_error = "no link".to_owned();
        status.last_minute = Minute { frames_lost: 3, ..Minute::default() };
        status.journal = Journal { held_entries: 2, held_bytes: 900, ..Journal::default() };
        let error = "refused\n\u{1b}[2Jhealthy: all is well".to_owned();
        let siem = Output { name: "siem\n".to_owned(), undelivered: 7, last_error: error, ..Output::default() };
        status.outputs.push(siem);
        status.configuration.last_error = "config.toml:3: unknown key".to_owned();
        status.databases.push(Database { role: "country".to_owned(), age_days: 71, ..Database::default() });
        let expected = [
            "no interface is up: it sees nothing",
            "the journal does not write, 2 entries (900 B) are in memory only",
            "3 of 3 frames lost in the last minute (100.00 %)",
            "interface eth0 is down: no link",
            "output siem\u{fffd} is 0 s behind, 7 records wait: refused \u{fffd}[2Jhealthy: all is well",
            "the last reload failed, what was before stays in force: config.toml:3: unknown key",
        ];
        assert_eq!(status.problems(NOW), expected);
        assert_eq!(status.chores(), ["the country database is 71 days old ()"]);
    }

    #[test]
    fn an_output_that_reconnects_at_once_is_no_problem_and_one_that_lags_is() {
        let mut status = running();
        let busy = Output { undelivered: 50, connected: true, last_error: "reset".to_owned(), ..Output::default() };
        status.outputs.push(Output { lag_s: 300, ..busy.clone() });
        assert!(status.problems(NOW).is_empty());
        status.outputs.push(Output { name: "slow".to_owned(), lag_s: 301, last_error: String::new(), ..busy });
        assert_eq!(status.problems(NOW), ["output slow is 301 s behind, 50 records wait"]);
    }
}

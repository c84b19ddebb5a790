//! The judge's way into the journal: alerts become entries, what must outlive the process becomes states.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{error, info};

use crate::deliver::{Outbox, Output, notice};
use crate::detect::{Alert, Saved, SavedKind, StableId};
use crate::encode::ecs::{self, Notice, NoticeKind};
use crate::journal::{Change, Entry, State, Trouble, TroubleKind};
use crate::net::Timestamp;

/// Severity of an alert about the sensor itself: what it should have told may be missing.
const TROUBLE_SEVERITY: u8 = 80;

/// Where the journal does not keep up, alerts held in memory at most, and about how many bytes of them.
const HELD_ENTRIES: usize = 50_000;
const HELD_BYTES: usize = 64 << 20;

/// Collects what one batch changes and hands it to the outbox as one.
///
/// In a replay it waits while the outbox is full. Live it never waits: what the outbox has no room for is held and handed
/// over with what comes next, in order and still as one change. Held states are the newest of each key, so there are never
/// more than there are findings, ledgers and names. Held alerts are bounded: beyond that, those of the lowest severity are
/// given up, of these the oldest, since a later alert of a finding says all that an earlier one did; they are counted, and
/// told in an alert once the outbox has room again.
pub(super) struct Recorder {
    outbox: Arc<Outbox>,
    /// What of the judge's memory is kept.
    kinds: &'static [SavedKind],
    change: Change,
    /// Only live.
    held: Option<Held>,
}

/// What a recorder that never waits holds back.
struct Held {
    /// Alerts that were held before, and about how many bytes they take.
    entries: usize,
    bytes: usize,
    states: BTreeMap<(&'static str, String), Option<Vec<u8>>>,
    states_bytes: usize,
    /// Alerts given up that no alert has told of.
    untold: u64,
    most: (usize, usize),
    counters: Arc<RecorderCounters>,
}

/// What a recorder that never waits did, to be read while it runs.
#[derive(Debug, Default)]
pub(super) struct RecorderCounters {
    held: AtomicU64,
    dropped: AtomicU64,
}

impl RecorderCounters {
    /// Alerts that wait for room in the journal's inbox.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Alerts given up because too many waited.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Recorder {
    /// Keeps the states of `kinds` with the alerts, and waits where the journal does not keep up.
    pub(super) fn new(outbox: Arc<Outbox>, kinds: &'static [SavedKind]) -> Self {
        Recorder { outbox, kinds, change: Change::default(), held: None }
    }

    /// As [`Recorder::new`], but never waits; counts in `counters`.
    pub(super) fn live(outbox: Arc<Outbox>, kinds: &'static [SavedKind], counters: Arc<RecorderCounters>) -> Self {
        let held = Held {
            entries: 0,
            bytes: 0,
            states: BTreeMap::new(),
            states_bytes: 0,
            untold: 0,
            most: (HELD_ENTRIES, HELD_BYTES),
            counters,
        };
        Recorder { held: Some(held), ..Recorder::new(outbox, kinds) }
    }
}

impl Output for Recorder {
    fn takes_flows(&self) -> bool {
        false
    }

    fn alert(&mut self, alert: &Alert) {
        self.change.entries.push(entry(alert));
    }

    fn keeps(&self) -> bool {
        !self.kinds.is_empty()
    }

    fn keep(&mut self, changed: Vec<Saved>, complete: bool, clock: Timestamp) {
        let kept = changed.into_iter().filter(|saved| self.kinds.contains(&saved.kind));
        self.change.states.extend(kept.map(|saved| State {
            kind: saved.kind.as_str(),
            key: saved.key,
            value: saved.value,
        }));
        if complete {
            self.change.clock = Some(clock);
        }
    }

    fn flush(&mut self) {
        self.change.entries.extend(troubles(&self.outbox));
        match &mut self.held {
            None if self.change.is_empty() => {}
            None => self.outbox.append(std::mem::take(&mut self.change)),
            Some(held) => held.flush(&mut self.change, &self.outbox),
        }
    }
}

impl Held {
    /// Hands over what has come and what is held, or holds it. What is held stays in `change`, but for its states.
    fn flush(&mut self, change: &mut Change, outbox: &Outbox) {
        if change.is_empty() && self.states.is_empty() {
            return;
        }
        // Cheap to ask, so that a change that will not fit is not put together in vain.
        let is_first = self.entries == 0 && self.states.is_empty();
        if !is_first && !outbox.has_room(change.entries.len(), self.bytes + self.states_bytes) {
            return self.hold(change);
        }
        let mut whole = std::mem::take(change);
        self.merge_states(&mut whole.states);
        let states = std::mem::take(&mut self.states);
        whole.states = states.into_iter().map(|((kind, key), value)| State { kind, key, value }).collect();
        if self.untold > 0 {
            whole.entries.push(lost_entry(self.untold));
        }
        match outbox.try_append(whole) {
            Ok(()) => {
                (self.entries, self.bytes, self.states_bytes, self.untold) = (0, 0, 0, 0);
                self.counters.held.store(0, Ordering::Relaxed);
            }
            Err(back) => {
                *change = back;
                if self.untold > 0 {
                    change.entries.pop();
                }
                self.states_bytes = 0;
                self.hold(change);
            }
        }
    }

    fn hold(&mut self, change: &mut Change) {
        self.merge_states(&mut change.states);
        self.bytes += change.entries.iter().skip(self.entries).map(Entry::size_bytes).sum::<usize>();
        let (most, most_bytes) = self.most;
        if change.entries.len() > most || self.bytes > most_bytes {
            self.give_up(&mut change.entries);
        }
        self.entries = change.entries.len();
        self.counters.held.store(change.entries.len() as u64, Ordering::Relaxed);
    }

    /// The newest value of each key counts.
    fn merge_states(&mut self, states: &mut Vec<State>) {
        let size = |key: &str, value: &Option<Vec<u8>>| 128 + key.len() + value.as_ref().map_or(0, Vec::len);
        for State { kind, key, value } in states.drain(..) {
            let key = (kind, key);
            self.states_bytes += size(&key.1, &value);
            if let Some(before) = self.states.get(&key) {
                self.states_bytes = self.states_bytes.saturating_sub(size(&key.1, before));
            }
            self.states.insert(key, value);
        }
    }

    /// Leaves three quarters of what may be held, so that this is not done for each further alert.
    fn give_up(&mut self, entries: &mut Vec<Entry>) {
        let (most, most_bytes) = (self.most.0 / 4 * 3, self.most.1 / 4 * 3);
        let mut order: Vec<(u8, usize)> = entries.iter().map(|entry| entry.severity).zip(0..).collect();
        order.sort_unstable();
        let mut is_given_up = vec![false; entries.len()];
        let (mut left, mut bytes) = (entries.len(), self.bytes);
        for (_, place) in order {
            if left <= most && bytes <= most_bytes {
                break;
            }
            if let (Some(entry), Some(gone)) = (entries.get(place), is_given_up.get_mut(place)) {
                (*gone, left, bytes) = (true, left - 1, bytes.saturating_sub(entry.size_bytes()));
            }
        }
        let given_up = (entries.len() - left) as u64;
        let mut is_given_up = is_given_up.into_iter();
        entries.retain(|_| is_given_up.next() != Some(true));
        self.bytes = bytes;
        self.untold += given_up;
        self.counters.dropped.fetch_add(given_up, Ordering::Relaxed);
    }
}

/// Tells that alerts were given up.
fn lost_entry(given_up: u64) -> Entry {
    let message =
        format!("journal: did not keep up; {given_up} alerts of the lowest severity were given up and are lost");
    error!("{message}");
    self_alert("recorder", true, message)
}

/// An alert as the journal keeps it.
fn entry(alert: &Alert) -> Entry {
    let mut body = Vec::with_capacity(4_096);
    ecs::alert(alert, &mut body);
    body.pop();
    Entry {
        id: alert.id.as_str().to_owned(),
        finding: alert.finding.as_str().to_owned(),
        at: alert.at,
        severity: alert.severity.score,
        kind: alert.activity.id().to_owned(),
        step: alert.step.as_str().to_owned(),
        asset: alert.asset.as_ref().map_or(String::new(), |asset| asset.name.to_string()),
        jurisdiction: alert.jurisdiction.country.to_string(),
        body,
    }
}

/// An alert about the sensor itself, of now; `about` tells it from others of the same moment.
pub(super) fn self_alert(about: &str, is_trouble: bool, message: String) -> Entry {
    let at = super::now();
    let id = StableId::of(&["notice", about, &at.to_string()]).as_str().to_owned();
    let severity = if is_trouble { TROUBLE_SEVERITY } else { 0 };
    notice::entry(&Notice { id, kind: NoticeKind::SelfAlert, at, severity, message })
}

/// Tells every output that still gets something what troubles the journal, where no recorder does any more; true where
/// there was something.
pub(super) fn tell_troubles(outbox: &Outbox) -> bool {
    let entries: Vec<Entry> = troubles(outbox);
    let is_any = !entries.is_empty();
    if is_any {
        outbox.append(Change { entries, ..Change::default() });
    }
    is_any
}

/// What has troubled the journal since this was asked last, logged, as alerts about ourselves.
fn troubles(outbox: &Outbox) -> Vec<Entry> {
    let troubles = outbox.take_troubles();
    troubles.iter().for_each(tell);
    let alert = |trouble: &Trouble| {
        self_alert(trouble.kind.as_str(), trouble.kind != TroubleKind::Recovered, trouble.text.clone())
    };
    troubles.iter().map(alert).collect()
}

/// Logs what troubles the journal.
pub(super) fn tell(trouble: &Trouble) {
    if trouble.kind == TroubleKind::Recovered {
        info!("{}", trouble.text);
    } else {
        error!("{}", trouble.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Filter, Journal, Options, Reader};

    fn entry(number: u64) -> Entry {
        let severity = (number % 100) as u8;
        Entry { id: format!("{number:08}"), severity, body: b"{}".to_vec(), ..Entry::default() }
    }

    fn state(number: u64) -> State {
        let key = (number % 10).to_string();
        State { kind: "finding", key, value: Some(number.to_string().into_bytes()) }
    }

    type States = Vec<(String, Vec<u8>)>;

    /// What is in the journal after bursts that it cannot follow, and how many alerts were held at most and dropped.
    fn after_bursts(most: usize) -> (Vec<Entry>, States, u64, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path, &Options::default()).unwrap();
        let (outbox, feeds) = Outbox::start(journal, &[]).unwrap();
        drop(feeds);
        let outbox = Arc::new(outbox);
        let counters = Arc::<RecorderCounters>::default();
        let mut recorder = Recorder::live(Arc::clone(&outbox), &SavedKind::ALL, Arc::clone(&counters));
        recorder.held.as_mut().unwrap().most.0 = most;
        let mut held = 0;
        for number in 0..200_000 {
            recorder.change.entries.push(self::entry(number));
            recorder.change.states.push(state(number));
            if number % 500 == 499 {
                recorder.change.clock = Some(Timestamp::from_nanos(number));
                recorder.flush();
                held = held.max(counters.held());
            }
        }
        while counters.held() > 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            recorder.flush();
        }
        drop(recorder);
        let _ = Arc::into_inner(outbox).unwrap().close();
        let mut journal = Journal::open(&path, &Options::default()).unwrap();
        assert_eq!(journal.clock(), Some(Timestamp::from_nanos(199_999)));
        let states = journal.states("finding").unwrap();
        drop(journal);
        let reader = Reader::open(&path).unwrap();
        let stored = reader.after(0, &Filter::default(), 1_000_000).unwrap();
        let entries = stored.into_iter().map(|stored| stored.entry).collect();
        (entries, states, held, counters.dropped())
    }

    #[test]
    fn a_judge_that_never_waits_loses_nothing_while_there_is_room_to_hold_it() {
        let (entries, states, held, dropped) = after_bursts(HELD_ENTRIES * 4);
        assert!(held > 0, "the journal kept up: nothing was tested");
        assert_eq!(dropped, 0);
        assert!(entries.iter().map(|entry| entry.id.clone()).eq((0..200_000).map(|number| format!("{number:08}"))));
        let newest = (0..10).map(|key| (key.to_string(), (199_990 + key).to_string().into_bytes()));
        assert!(states.into_iter().eq(newest));
    }

    #[test]
    fn beyond_that_the_lowest_severities_go_first_and_an_alert_says_how_many() {
        let (entries, _, _, dropped) = after_bursts(10_000);
        assert!(dropped > 0);
        let (notices, alerts): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.kind == "self");
        assert_eq!(alerts.len() as u64 + dropped, 200_000);
        assert!(alerts.windows(2).all(|pair| pair[0].id < pair[1].id), "in order");
        let of = |severity| alerts.iter().filter(|entry| entry.severity == severity).count();
        assert!(of(99) > of(0), "{} of the gravest, {} of the least", of(99), of(0));
        let told = notices.iter().map(|notice| String::from_utf8_lossy(&notice.body).into_owned()).collect::<String>();
        assert!(told.contains("were given up and are lost"), "{told}");
    }
}

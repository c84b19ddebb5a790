//! Ledgers: how much an asset sent to whom, over a sliding hour, day and 30 days, and since when it knows them.
//!
//! What leaves in drops is seen by no rule that looks at one flow, and by none that looks at fixed windows: half before
//! midnight and half after is below both thresholds. A ledger adds up payload bytes per asset, jurisdiction and entity
//! in steps of 5 minutes, an hour and a day. A window is the step that runs and all whole steps before it that its
//! length needs, so it is never shorter than it says, at most one step longer (60 to 65 minutes, 24 to 25 hours, 30
//! to 31 days), and exact for the time it covers. Memory is a few bytes per step in which anything was sent.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;

use super::{AssetKey, Entity};
use crate::net::{Country, Keyed, Timestamp};

/// A time over which volumes are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// 60 to 65 minutes.
    Hour,
    /// 24 to 25 hours.
    Day,
    /// 30 to 31 days.
    Month,
}

impl Window {
    /// Every window, shortest first.
    pub const ALL: [Window; 3] = [Window::Hour, Window::Day, Window::Month];

    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Window::Hour => "hour",
            Window::Day => "day",
            Window::Month => "month",
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Window::Hour => "an hour",
            Window::Day => "a day",
            Window::Month => "30 days",
        }
    }

    /// Seconds of a step, and whole steps before the one that runs.
    const fn steps(self) -> (u64, usize) {
        match self {
            Window::Hour => (300, 12),
            Window::Day => (3_600, 24),
            Window::Month => (86_400, 30),
        }
    }
}

/// Most steps of a window, with the one that runs.
const MOST_STEPS: usize = 31;

/// What was sent in each step of a window, newest first.
type Steps = [u64; MOST_STEPS];

/// Volumes of one asset towards one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Ledger {
    pub(super) first_seen: Timestamp,
    pub(super) last_seen: Timestamp,
    /// The windows one after the other, newest step first, in LEB128: an odd number is twice the bytes of a step and one, an
    /// even one twice the steps without anything, zero the end of a window. The newest step is that of `last_seen`.
    #[serde(with = "super::hexadecimal")]
    packed: Vec<u8>,
}

impl Ledger {
    /// Adds `bytes` sent at `at`, and returns the sums of the windows that end then.
    pub(super) fn add(&mut self, at: Timestamp, bytes: u64) -> [u64; 3] {
        let newest = self.last_seen.max(at);
        let (before, mut after) =
            (std::mem::take(&mut self.packed), Vec::with_capacity(self.packed.len() + SLACK_BYTES));
        let (mut before, mut sums) = (before.iter(), [0u64; 3]);
        for (sum, window) in sums.iter_mut().zip(Window::ALL) {
            let (step_s, whole) = window.steps();
            let step = |at: Timestamp| at.as_secs() / step_s;
            let (moved, age) = (step(newest) - step(self.last_seen), step(newest) - step(at));
            let mut added = Some((age, bytes)).filter(|(age, bytes)| *age <= whole as u64 && *bytes > 0);
            let mut packing = Packing { out: &mut after, next: 0 };
            for (age, bytes) in unpacked(&mut before) {
                let age = age.saturating_add(moved);
                if let Some(earlier) = added.take_if(|(added, _)| *added <= age) {
                    let bytes = if earlier.0 == age { earlier.1.saturating_add(bytes) } else { earlier.1 };
                    *sum = sum.saturating_add(bytes);
                    packing.put(earlier.0, bytes);
                    if earlier.0 == age {
                        continue;
                    }
                }
                if age <= whole as u64 {
                    *sum = sum.saturating_add(bytes);
                    packing.put(age, bytes);
                }
            }
            if let Some((age, bytes)) = added {
                *sum = sum.saturating_add(bytes);
                packing.put(age, bytes);
            }
            after.push(0);
        }
        (self.last_seen, self.packed) = (newest, after);
        sums
    }

    /// Both as if they had always been one.
    fn merge(&mut self, other: &Ledger) {
        let newest = self.last_seen.max(other.last_seen);
        let (mut all, mut others) = (self.unpack(), other.unpack());
        for ((steps, others), window) in all.iter_mut().zip(&mut others).zip(Window::ALL) {
            let (step_s, whole) = window.steps();
            let behind = |last: Timestamp| newest.as_secs() / step_s - last.as_secs() / step_s;
            advance(steps, behind(self.last_seen), whole);
            advance(others, behind(other.last_seen), whole);
            steps.iter_mut().zip(others).for_each(|(sum, bytes)| *sum = sum.saturating_add(*bytes));
        }
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = newest;
        self.pack(&all);
    }

    fn unpack(&self) -> [Steps; 3] {
        let mut all = [[0; MOST_STEPS]; 3];
        let mut bytes = self.packed.iter();
        for steps in &mut all {
            for (age, sent) in unpacked(&mut bytes) {
                if let Some(step) = usize::try_from(age).ok().and_then(|age| steps.get_mut(age)) {
                    *step = sent;
                }
            }
        }
        all
    }

    fn pack(&mut self, all: &[Steps; 3]) {
        self.packed.clear();
        for steps in all {
            let mut packing = Packing { out: &mut self.packed, next: 0 };
            (0..).zip(steps).for_each(|(age, &sent)| packing.put(age, sent));
            self.packed.push(0);
        }
        self.packed.shrink_to(self.packed.len() + SLACK_BYTES);
    }
}

/// What a ledger may reserve beyond what it holds: what doubling reserves would be as much again for every one.
const SLACK_BYTES: usize = 8;

/// The steps of the window that `bytes` go on with, and what was sent in each; its end is taken too.
fn unpacked<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> impl Iterator<Item = (u64, u64)> {
    let mut next = 0u64;
    std::iter::from_fn(move || {
        loop {
            let token = number(bytes).filter(|token| *token != 0)?;
            if token & 1 == 1 {
                let age = next;
                next = next.saturating_add(1);
                return Some((age, token >> 1));
            }
            next = next.saturating_add(token >> 1);
        }
    })
}

/// Steps on their way into a ledger, the newest first.
struct Packing<'a> {
    out: &'a mut Vec<u8>,
    next: u64,
}

impl Packing<'_> {
    fn put(&mut self, age: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        if age > self.next {
            put(self.out, (age - self.next) << 1);
        }
        put(self.out, bytes.min(u64::MAX >> 1) << 1 | 1);
        self.next = age + 1;
    }
}

/// Moves steps back in time by `by`, and drops those older than `whole` steps before the one that runs.
fn advance(steps: &mut Steps, by: u64, whole: usize) {
    let by = usize::try_from(by).unwrap_or(MOST_STEPS).min(MOST_STEPS);
    steps.rotate_right(by);
    steps.iter_mut().take(by).for_each(|step| *step = 0);
    steps.iter_mut().skip(whole + 1).for_each(|step| *step = 0);
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.next()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

/// Whose ledger it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    /// The asset.
    pub asset: AssetKey,
    /// The flagged jurisdiction.
    pub jurisdiction: Country,
    /// The other party.
    pub entity: Entity,
}

/// What an asset had not been in touch with before, as far as the ledgers go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FirstContact {
    /// Nobody of the jurisdiction.
    pub jurisdiction: bool,
    /// Not this entity.
    pub entity: bool,
    /// When the ledgers begin.
    pub since: Timestamp,
}

impl FirstContact {
    /// Either, of two.
    #[must_use]
    pub const fn or(self, other: FirstContact) -> FirstContact {
        let since = if self.is_any() { self.since } else { other.since };
        FirstContact {
            jurisdiction: self.jurisdiction || other.jurisdiction,
            entity: self.entity || other.entity,
            since,
        }
    }

    /// True where somebody is new.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.jurisdiction || self.entity
    }

    /// What is new, in the order of the fields.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.jurisdiction, "jurisdiction"), (self.entity, "entity")]
            .into_iter()
            .filter(|(new, _)| *new)
            .map(|(_, name)| name)
    }
}

/// What a new entry in the ledgers amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Booked {
    pub(super) sums: [u64; 3],
    pub(super) first: FirstContact,
}

/// All ledgers. When there are too many, the one that was silent longest is given up.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    /// Behind a pointer, since half of a table's places are empty.
    by_key: HashMap<LedgerKey, Box<Ledger>, Keyed>,
    /// By the hour of their last entry, to find the one silent longest. (By the hour, so that a busy ledger does not move
    /// with every packet.) Each is there with the hour of some entry, and moves to that of its last when it is looked for.
    silent: BinaryHeap<Reverse<(u64, LedgerKey)>>,
    /// Ledgers of each asset in each jurisdiction.
    known: HashMap<(AssetKey, Country), u32, Keyed>,
    since: Option<Timestamp>,
    /// Up to when they were kept: a capture that is read again is not counted again.
    pub(super) booked_until: Option<Timestamp>,
    /// Whether anybody will ask what has changed.
    pub(super) are_kept: bool,
    /// Changed since they were taken to be kept.
    pub(super) changed: BTreeSet<LedgerKey>,
    /// Given up since the same time.
    pub(super) given_up: Vec<LedgerKey>,
    /// Names under which ledgers were kept that go by another since.
    pub(super) renamed: Vec<String>,
    pub(super) evicted: u64,
    /// Entries that were left out because they are booked already.
    pub(super) unbooked: u64,
}

impl Ledgers {
    /// Enters bytes that were sent.
    pub(super) fn book(&mut self, key: LedgerKey, at: Timestamp, bytes: u64, most: usize) -> Booked {
        let mut first = FirstContact::default();
        if self.booked_until.is_some_and(|until| at <= until) {
            self.unbooked += 1;
            return Booked::default();
        }
        if !self.by_key.contains_key(&key) {
            // More than one where a new configuration allows fewer.
            while self.by_key.len() >= most.max(1) {
                self.give_up();
            }
            first.since = *self.since.get_or_insert(at);
            first.entity = true;
            first.jurisdiction = !self.known.contains_key(&(key.asset, key.jurisdiction));
            self.insert(key, Ledger { first_seen: at, last_seen: at, packed: Vec::new() });
        }
        let Some(ledger) = self.by_key.get_mut(&key) else { return Booked::default() };
        let sums = ledger.add(at, bytes);
        if self.are_kept {
            self.changed.insert(key);
        }
        Booked { sums, first }
    }

    /// Puts a ledger there that was kept, with what is there already.
    pub(super) fn insert(&mut self, key: LedgerKey, mut ledger: Ledger) {
        self.since = Some(self.since.map_or(ledger.first_seen, |since| since.min(ledger.first_seen)));
        match self.by_key.remove(&key) {
            Some(before) => ledger.merge(&before),
            None => *self.known.entry((key.asset, key.jurisdiction)).or_default() += 1,
        }
        self.silent.push(Reverse((hour(ledger.last_seen), key)));
        self.by_key.insert(key, Box::new(ledger));
    }

    /// Goes on with the ledgers for which there is a key in the new order of things, under that; the others are given up.
    /// `named` says how they were kept.
    pub(super) fn translate(
        &mut self,
        key_of: impl Fn(&LedgerKey) -> Option<LedgerKey>,
        named: impl Fn(&LedgerKey) -> Option<String>,
    ) -> Vec<(LedgerKey, Box<Ledger>)> {
        self.renamed.extend(self.given_up.drain(..).filter_map(|key| named(&key)));
        let since = self.since;
        let (mut moved, mut unknown) = (Vec::new(), Vec::new());
        for key in self.by_key.keys().copied().collect::<Vec<_>>() {
            let to = key_of(&key);
            if to != Some(key) {
                let (ledger, is_changed) = (self.remove(&key), self.changed.remove(&key));
                match to {
                    Some(to) => moved.extend(ledger.map(|ledger| (key, to, ledger, is_changed))),
                    None => unknown.extend(ledger.map(|ledger| (key, ledger))),
                }
            }
        }
        for (key, to, ledger, is_changed) in moved {
            // The only name that changes: a host known by its address has been declared.
            let is_renamed =
                self.are_kept && matches!((key.asset, to.asset), (AssetKey::Address(_), AssetKey::Declared(_)));
            if is_renamed {
                self.renamed.extend(named(&key));
            }
            if is_renamed || is_changed {
                self.changed.insert(to);
            }
            self.insert(to, *ledger);
        }
        self.renamed.sort_unstable();
        let silent = self.by_key.iter().map(|(key, ledger)| Reverse((hour(ledger.last_seen), *key)));
        self.silent = silent.collect();
        self.since = since;
        unknown
    }

    /// As if it had never been, but for what was noted of it.
    fn remove(&mut self, key: &LedgerKey) -> Option<Box<Ledger>> {
        let ledger = self.by_key.remove(key)?;
        if let Some(count) = self.known.get_mut(&(key.asset, key.jurisdiction)) {
            *count -= 1;
            if *count == 0 {
                self.known.remove(&(key.asset, key.jurisdiction));
            }
        }
        Some(ledger)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn get(&self, key: &LedgerKey) -> Option<&Ledger> {
        self.by_key.get(key).map(|ledger| &**ledger)
    }

    fn give_up(&mut self) {
        let key = loop {
            let Some(Reverse((known, key))) = self.silent.pop() else { return };
            // Of one that was given up before, nothing is left, or it came again and is there once more.
            let Some(last) = self.by_key.get(&key).map(|ledger| hour(ledger.last_seen)) else { continue };
            match last.cmp(&known) {
                Ordering::Equal => break key,
                Ordering::Greater => self.silent.push(Reverse((last, key))),
                Ordering::Less => {}
            }
        };
        self.remove(&key);
        self.changed.remove(&key);
        if self.are_kept {
            self.given_up.push(key);
        }
        self.evicted += 1;
    }
}

fn hour(at: Timestamp) -> u64 {
    at.as_secs() / Duration::from_secs(3_600).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_parts(1_700_000_000 + seconds, 0)
    }

    /// The definition: all that was sent since the first moment of the oldest step.
    fn expected(sent: &[(Timestamp, u64)], now: Timestamp, window: Window) -> u64 {
        let (step_s, whole) = window.steps();
        let oldest = (now.as_secs() / step_s - whole as u64) * step_s;
        sent.iter().filter(|(at, _)| at.as_secs() >= oldest).map(|(_, bytes)| bytes).sum()
    }

    proptest! {
        #[test]
        fn sums_are_exact_for_the_time_a_window_covers(
            gaps in prop::collection::vec((prop_oneof![0u64..400, 0u64..20_000, 0u64..400_000], 1u64..1 << 40), 1..200)
        ) {
            let (mut ledger, mut sent, mut now) = (Ledger { first_seen: at(0), last_seen: at(0), packed: vec![] }, vec![], 0);
            for (gap, bytes) in gaps {
                now += gap;
                sent.push((at(now), bytes));
                let sums = ledger.add(at(now), bytes);
                prop_assert_eq!(sums, Window::ALL.map(|window| expected(&sent, at(now), window)));
            }
        }

        #[test]
        fn a_ledger_from_a_damaged_file_is_only_wrong(packed in prop::collection::vec(any::<u8>(), 0..300), bytes: u64) {
            let mut ledger = Ledger { first_seen: at(0), last_seen: at(5), packed };
            prop_assert!(ledger.add(at(10), bytes >> 1).iter().all(|sum| *sum >= bytes >> 1));
        }
    }

    #[test]
    fn what_comes_late_counts_where_it_belongs() {
        let mut ledger = Ledger { first_seen: at(0), last_seen: at(0), packed: vec![] };
        ledger.add(at(100_000), 5);
        assert_eq!(ledger.add(at(90_000), 7), [5, 12, 12]);
        assert_eq!(ledger.add(at(100_001), 0), [5, 12, 12]);
    }

    #[test]
    fn the_ledger_silent_longest_is_given_up_and_its_entity_is_new_again() {
        let mut ledgers = Ledgers { are_kept: true, ..Ledgers::default() };
        let key = |asn| LedgerKey {
            asset: AssetKey::Declared(0),
            jurisdiction: "CN".parse().unwrap(),
            entity: Entity::Network(asn),
        };
        let new = |jurisdiction| FirstContact { jurisdiction, entity: true, since: at(0) };
        assert_eq!(ledgers.book(key(1), at(0), 1, 2).first, new(true));
        assert_eq!(ledgers.book(key(2), at(7_200), 1, 2).first, new(false));
        assert_eq!(ledgers.book(key(1), at(14_400), 1, 2).first, FirstContact::default());
        assert_eq!(ledgers.book(key(3), at(14_401), 1, 2).first, new(false));
        assert_eq!((ledgers.evicted, ledgers.given_up.as_slice()), (1, [key(2)].as_slice()));
        assert_eq!(ledgers.book(key(2), at(14_402), 1, 3).first, new(false));
    }
}

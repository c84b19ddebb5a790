//! Which name a client meant by an address: the DNS answers it was given.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use crate::inspect::Answer;
use crate::net::{Map, Timestamp};

/// How long past its time to live an answer still explains a conversation: programs and resolvers keep addresses.
const GRACE: Duration = Duration::from_secs(3600);

/// Answers kept for one client and address: names that share an address, and the same name asked again.
const MOST_TOLD: usize = 4;

/// Packet time between two looks at what has changed, for who keeps it, and between two at what has expired.
const KEPT_EVERY_S: u64 = 30;
const PRUNED_EVERY_S: u64 = 600;

/// Clients' answers handed over to be kept at once; the others have their turn the next time.
const MOST_KEPT_AT_ONCE: usize = 20_000;

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    names: Vec<String>,
    at: Timestamp,
    until: Timestamp,
    /// `until` as it was kept last.
    #[serde(skip)]
    kept: Timestamp,
}

/// A client and an address it was given.
pub type ClientAddress = (IpAddr, IpAddr);

/// Answers by client and address; bounded, the oldest go first.
#[derive(Debug)]
pub struct Answers {
    told: Map<ClientAddress, Vec<Told>>,
    order: VecDeque<(ClientAddress, Timestamp)>,
    capacity: usize,
    /// Only where somebody keeps them over the end of the process.
    keeping: Option<Keeping>,
}

/// What is to be kept.
#[derive(Debug, Default)]
struct Keeping {
    changed: BTreeSet<ClientAddress>,
    /// The last that was handed over, so that each has its turn.
    last: Option<ClientAddress>,
    looked: Timestamp,
    pruned: Timestamp,
}

impl Answers {
    /// Room for `capacity` answers.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Answers { told: Map::default(), order: VecDeque::new(), capacity: capacity.max(1), keeping: None }
    }

    /// Takes note that `client` was given `answer`.
    pub fn learn(&mut self, client: IpAddr, answer: &Answer, at: Timestamp) {
        let key = (client, answer.address);
        let until = at.after(Duration::from_secs(u64::from(answer.ttl_s))).after(GRACE);
        let told = self.told.entry(key).or_default();
        // Asked again in time, a name goes on being known from when it was told first.
        if let Some(again) = told.iter_mut().find(|told| told.names == answer.names && at <= told.until) {
            again.until = again.until.max(until);
            // What is kept may be half the grace behind: else every answer would be written again and again.
            if again.until.since(again.kept) > GRACE / 2 {
                self.note(key);
            }
            return;
        }
        if told.len() == MOST_TOLD {
            told.remove(0);
        }
        told.push(Told { names: answer.names.clone(), at, until, kept: Timestamp::ZERO });
        self.note(key);
        self.order.push_back((key, at));
        self.make_room();
    }

    fn note(&mut self, key: ClientAddress) {
        if let Some(keeping) = &mut self.keeping {
            keeping.changed.insert(key);
        }
    }

    fn make_room(&mut self) {
        while self.order.len() > self.capacity {
            let Some((old, noted)) = self.order.pop_front() else { break };
            if let Some(told) = self.told.get_mut(&old) {
                told.retain(|told| told.at != noted);
                if told.is_empty() {
                    self.told.remove(&old);
                }
            }
            self.note(old);
        }
    }

    /// Takes up what was kept, and from now on notes what changes, for [`Answers::changes`].
    pub fn resume(&mut self, kept: impl IntoIterator<Item = (ClientAddress, Vec<Told>)>) {
        self.keeping.get_or_insert_default();
        let mut order: Vec<(Timestamp, ClientAddress)> = Vec::new();
        for (key, mut told) in kept {
            told.iter_mut().for_each(|told| told.kept = told.until);
            order.extend(told.iter().map(|told| (told.at, key)));
            self.told.insert(key, told);
        }
        order.sort_unstable();
        self.order.extend(order.into_iter().map(|(at, key)| (key, at)));
        self.make_room();
    }

    /// What is to be kept of what has changed since it was asked last, and `None` for what is over: every half minute of
    /// packet time and not without bound, and all of it where `all`. What has expired is forgotten here.
    pub fn changes(&mut self, now: Timestamp, all: bool) -> Vec<(ClientAddress, Option<Vec<Told>>)> {
        let Some(mut keeping) = self.keeping.take() else { return Vec::new() };
        let is_due = |then: Timestamp, every_s| now.as_secs().abs_diff(then.as_secs()) >= every_s;
        let mut keys = Vec::new();
        if is_due(keeping.looked, KEPT_EVERY_S) || all {
            keeping.looked = now;
            if is_due(keeping.pruned, PRUNED_EVERY_S) {
                keeping.pruned = now;
                self.prune(now, &mut keeping.changed);
            }
            keys = keeping.take(if all { usize::MAX } else { MOST_KEPT_AT_ONCE });
        }
        self.keeping = Some(keeping);
        keys.into_iter().map(|key| (key, self.keep(&key))).collect()
    }

    fn keep(&mut self, key: &ClientAddress) -> Option<Vec<Told>> {
        let told = self.told.get_mut(key)?;
        told.iter_mut().for_each(|told| told.kept = told.until);
        Some(told.clone())
    }

    /// Forgets what explains nothing any more.
    fn prune(&mut self, now: Timestamp, changed: &mut BTreeSet<ClientAddress>) {
        let told = &mut self.told;
        self.order.retain(|(key, at)| {
            let Some(answers) = told.get_mut(key) else { return false };
            let before = answers.len();
            answers.retain(|told| told.at != *at || told.until >= now);
            if answers.len() == before {
                // Also of what was pushed out by newer names for the same address.
                return answers.iter().any(|told| told.at == *at);
            }
            if answers.is_empty() {
                told.remove(key);
            }
            changed.insert(*key);
            false
        });
    }

    /// True where `client` was ever given `address`, as far as that is remembered.
    #[inline]
    #[must_use]
    pub fn has(&self, client: IpAddr, address: IpAddr) -> bool {
        self.told.contains_key(&(client, address))
    }

    /// The names `client` asked for when it was given `address`, each followed by the aliases on the way, if that was
    /// before `at` and not too long ago; the latest first.
    #[must_use]
    pub fn names(&self, client: IpAddr, address: IpAddr, at: Timestamp) -> Vec<&str> {
        let told = self.told.get(&(client, address)).into_iter().flatten().rev();
        let told = told.filter(|told| told.at <= at && at <= told.until);
        told.flat_map(|told| &told.names).map(String::as_str).collect()
    }
}

impl Keeping {
    /// Up to `most` of the changed, going on after the last that was taken.
    fn take(&mut self, most: usize) -> Vec<ClientAddress> {
        let last = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.changed.range((last, Bound::Unbounded));
        let first = self.last.into_iter().flat_map(|last| self.changed.range(..=last));
        let taken: Vec<ClientAddress> = later.chain(first).take(most).copied().collect();
        if taken.len() == self.changed.len() {
            self.changed.clear();
        } else {
            for key in &taken {
                self.changed.remove(key);
            }
        }
        self.last = taken.last().copied();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_answer_names_later_conversations_of_that_client_until_it_is_stale_or_pushed_out() {
        let mut answers = Answers::new(2);
        let second = |seconds| Timestamp::from_parts(seconds, 0);
        let answer = |name: &str| Answer { address: ip("9.9.9.9"), names: vec![name.to_owned()], ttl_s: 60 };
        answers.learn(ip("10.0.0.1"), &answer("a.example"), second(100));
        assert_eq!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(101)), ["a.example"]);
        assert!(answers.names(ip("10.0.0.2"), ip("9.9.9.9"), second(101)).is_empty());
        assert!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(99)).is_empty());
        assert!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(100 + 60 + 3601)).is_empty());
        answers.learn(ip("10.0.0.1"), &answer("a.example"), second(150));
        assert_eq!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(101)), ["a.example"], "asked again");
        answers.learn(ip("10.0.0.1"), &answer("shared.example"), second(160));
        assert_eq!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(161)), ["shared.example", "a.example"]);
        answers.learn(ip("10.0.0.2"), &answer("b.example"), second(101));
        answers.learn(ip("10.0.0.3"), &answer("c.example"), second(102));
        assert!(answers.names(ip("10.0.0.1"), ip("9.9.9.9"), second(103)).is_empty());
    }

    #[test]
    fn what_is_kept_in_turns_is_what_is_known_and_what_has_expired_is_forgotten() {
        let mut answers = Answers::new(MOST_KEPT_AT_ONCE * 2);
        answers.resume([]);
        let second = |seconds| Timestamp::from_parts(seconds, 0);
        let host = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        let all = MOST_KEPT_AT_ONCE as u32 + 500;
        let answer = |ttl_s| Answer { address: ip("9.9.9.9"), names: vec!["a.example".to_owned()], ttl_s };
        (0..all).for_each(|number| answers.learn(host(number), &answer(60), second(1_000)));
        let mut kept = Map::default();
        let take = |answers: &mut Answers, kept: &mut Map<_, _>, seconds| {
            let changes = answers.changes(second(seconds), false);
            let count = changes.len();
            for (key, told) in changes {
                match told {
                    Some(told) => kept.insert(key, told),
                    None => kept.remove(&key),
                };
            }
            count
        };
        assert_eq!(take(&mut answers, &mut kept, 1_001), MOST_KEPT_AT_ONCE);
        assert_eq!(take(&mut answers, &mut kept, 1_030), 0, "not before half a minute is over");
        assert_eq!(take(&mut answers, &mut kept, 1_031), 500);
        answers.learn(host(7), &answer(60), second(1_200));
        assert_eq!(take(&mut answers, &mut kept, 1_231), 0, "hardly longer than what is kept");
        answers.learn(host(7), &answer(86_400), second(1_300));
        assert_eq!(take(&mut answers, &mut kept, 1_301), 1);

        let mut again = Answers::new(MOST_KEPT_AT_ONCE * 2);
        again.resume(kept.clone());
        assert_eq!(again.names(host(9), ip("9.9.9.9"), second(4_600)), ["a.example"]);
        assert!(again.names(host(9), ip("9.9.9.9"), second(4_700)).is_empty());
        assert_eq!(again.names(host(7), ip("9.9.9.9"), second(90_000)), ["a.example"]);
        assert_eq!(take(&mut again, &mut kept, 5_000), MOST_KEPT_AT_ONCE);
        assert_eq!(take(&mut again, &mut kept, 5_030), all as usize - 1 - MOST_KEPT_AT_ONCE);
        assert_eq!((again.told.len(), again.order.len()), (1, 1));
        assert_eq!(kept.len(), 1, "all but the one that lasts a day");
        assert_eq!(again.names(host(7), ip("9.9.9.9"), second(90_000)), ["a.example"]);
    }
}

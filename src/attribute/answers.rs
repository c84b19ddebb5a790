//! Which name a client meant by an address: the DNS answers it was given.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::inspect::Answer;
use crate::net::Timestamp;

/// How long past its time to live an answer still explains a conversation: programs and resolvers keep addresses.
const GRACE: Duration = Duration::from_secs(3600);

/// Answers kept for one client and address: names that share an address, and the same name asked again.
const MOST_TOLD: usize = 4;

/// What a client was told.
#[derive(Clone, Debug)]
struct Told {
    names: Vec<String>,
    at: Timestamp,
    until: Timestamp,
}

/// Answers by client and address; bounded, the oldest go first.
#[derive(Debug)]
pub struct Answers {
    told: HashMap<(IpAddr, IpAddr), Vec<Told>>,
    order: VecDeque<((IpAddr, IpAddr), Timestamp)>,
    capacity: usize,
}

impl Answers {
    /// Room for `capacity` answers.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Answers { told: HashMap::new(), order: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// Takes note that `client` was given `answer`.
    pub fn learn(&mut self, client: IpAddr, answer: &Answer, at: Timestamp) {
        let key = (client, answer.address);
        let until = at.after(Duration::from_secs(u64::from(answer.ttl_s))).after(GRACE);
        let told = self.told.entry(key).or_default();
        // Asked again in time, a name goes on being known from when it was told first.
        match told.iter_mut().find(|told| told.names == answer.names && at <= told.until) {
            Some(again) => {
                again.until = again.until.max(until);
                return;
            }
            None => {
                if told.len() == MOST_TOLD {
                    told.remove(0);
                }
                told.push(Told { names: answer.names.clone(), at, until });
            }
        }
        self.order.push_back((key, at));
        while self.order.len() > self.capacity {
            let Some((old, noted)) = self.order.pop_front() else { break };
            if let Some(told) = self.told.get_mut(&old) {
                told.retain(|told| told.at != noted);
                if told.is_empty() {
                    self.told.remove(&old);
                }
            }
        }
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
}

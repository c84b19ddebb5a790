//! Sends messages through a transport until each was taken or refused for good.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::backoff::Backoff;
use super::counters::Counters;
use super::{Answer, Clock, Context, Limits, Message, Transport, Trouble};
use crate::net::Timestamp;

/// How often one output logs the same sort of message at most.
const BETWEEN_NOTICES: Duration = Duration::from_secs(60);

pub(super) struct Shipper {
    name: String,
    transport: Box<dyn Transport>,
    backoff: Backoff,
    counters: Arc<Counters>,
    clock: Clock,
    refusals: Notices,
    troubles: Notices,
    failing: bool,
}

impl Shipper {
    pub(super) fn new(name: &str, transport: Box<dyn Transport>, counters: Arc<Counters>, context: &Context) -> Self {
        let seed = name.bytes().fold(context.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Shipper {
            name: name.to_owned(),
            transport,
            backoff: Backoff::new(context.pace, seed),
            counters,
            clock: context.clock,
            refusals: Notices::default(),
            troubles: Notices::default(),
            failing: false,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        self.transport.limits()
    }

    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Ready when each message was taken, or refused for good and counted. Says what the other side said last.
    pub(super) async fn ship(&mut self, mut waiting: Vec<Message>) -> String {
        let limits = self.transport.limits();
        let (mut most, mut said) = (limits.batch_messages, String::new());
        while !waiting.is_empty() {
            let count = fitting(&waiting, most, limits.batch_bytes);
            match self.transport.send(waiting.get(..count).unwrap_or_default()).await {
                Ok(answer) => {
                    self.settle(&mut waiting, count, &answer);
                    said = answer.said;
                    most = match answer.again.len() {
                        0 => most.saturating_mul(2).min(limits.batch_messages),
                        again => again,
                    };
                    if answer.again.is_empty() {
                        self.recovered();
                    } else {
                        self.pause(&answer.reason, answer.wait, true).await;
                    }
                }
                Err(Trouble::Refused { .. }) if count > 1 => most = count / 2,
                Err(Trouble::Refused { reason }) => {
                    let message = waiting.remove(0);
                    self.refuse(&message.id, &reason);
                }
                Err(Trouble::Later { problem, wait }) => self.pause(&problem, wait, false).await,
            }
        }
        said
    }

    /// Removes from the first `count` of `waiting` what was taken or refused.
    fn settle(&mut self, waiting: &mut Vec<Message>, count: usize, answer: &Answer) {
        let (mut taken, mut bytes, mut place) = (0, 0, 0);
        for (at, reason) in &answer.refused {
            let id = waiting.get(*at).map(|message| message.id.clone()).unwrap_or_default();
            self.refuse(&id, reason);
        }
        waiting.retain(|message| {
            let at = place;
            place += 1;
            if at >= count || answer.again.contains(&at) {
                return true;
            }
            if !answer.refused.iter().any(|(refused, _)| *refused == at) {
                taken += 1;
                bytes += message.bytes.len() as u64;
            }
            false
        });
        self.counters.delivered(taken, bytes);
    }

    /// Counts a record that will never be delivered here, and says so once a minute at most.
    pub(super) fn refuse(&mut self, id: &str, reason: &str) {
        self.counters.refused(reason);
        if let Some(held) = self.refusals.is_due((self.clock)()) {
            let name = &self.name;
            warn!("output {name:?}: alert {id} was refused and is passed over: {reason}{}", others(held));
        }
    }

    /// Waits for something that was sent to be lost.
    pub(super) async fn idle(&mut self) -> Trouble {
        self.transport.idle().await
    }

    /// Sends again what was lost.
    pub(super) async fn resume(&mut self, lost: Trouble) {
        let mut trouble = lost;
        loop {
            let (problem, wait) = match trouble {
                Trouble::Later { problem, wait } => (problem, wait),
                Trouble::Refused { reason } => (reason, None),
            };
            self.pause(&problem, wait, false).await;
            match self.transport.send(&[]).await {
                Ok(_) => return self.recovered(),
                Err(next) => trouble = next,
            }
        }
    }

    pub(super) async fn close(&mut self) {
        self.transport.close().await;
    }

    async fn pause(&mut self, problem: &str, asked: Option<Duration>, connected: bool) {
        self.counters.retried(problem, connected);
        let wait = self.backoff.next(asked);
        self.failing = true;
        if let Some(held) = self.troubles.is_due((self.clock)()) {
            let name = &self.name;
            warn!("output {name:?}: {problem}; will try again{}", others(held));
        }
        tokio::time::sleep(wait).await;
    }

    fn recovered(&mut self) {
        self.backoff.reset();
        if std::mem::take(&mut self.failing) {
            info!("output {:?}: delivers again", self.name);
        }
    }
}

/// How many of the first messages make one batch; at least one.
fn fitting(waiting: &[Message], most: usize, bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |message: &&Message| match left.checked_sub(message.bytes.len()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    waiting.iter().take(most.max(1)).take_while(fits).count().max(1)
}

fn others(held: u64) -> String {
    match held {
        0 => String::new(),
        held => format!(" ({held} more since the last such message)"),
    }
}

/// Holds back what would be logged too often.
#[derive(Debug, Default)]
struct Notices {
    last: Option<Timestamp>,
    held: u64,
}

impl Notices {
    /// Where one may be logged, how many were held back since the last.
    fn is_due(&mut self, now: Timestamp) -> Option<u64> {
        if self.last.is_some_and(|last| now.since(last) < BETWEEN_NOTICES) {
            self.held += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held))
    }
}

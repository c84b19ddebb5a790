//! What a transport is: it sends batches and says what became of them.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::net::Timestamp;

use super::Message;

/// A step of a transport, to be awaited.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends records to one place. One batch is under way at a time.
///
/// A future of it may be dropped before it is ready, when time is up; the transport is not used after that, except for
/// [`Transport::idle`], which is dropped and asked anew at will.
pub trait Transport: Send {
    /// What a message and a batch may measure.
    fn limits(&self) -> Limits;

    /// Sends the messages in order. An empty batch connects, and sends again what [`Transport::idle`] found lost.
    ///
    /// # Errors
    /// [`Trouble`]: nothing of the batch counts as taken.
    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>>;

    /// Waits until something that was already sent must be sent again, which most transports never learn.
    fn idle(&mut self) -> Step<'_, Trouble> {
        Box::pin(std::future::pending())
    }

    /// Ends in good order: the last call.
    fn close(&mut self) -> Step<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a transport takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one record at most.
    pub message_bytes: usize,
    /// Messages of one batch at most.
    pub batch_messages: usize,
    /// Bytes of the records of one batch at most; a batch has one record at least.
    pub batch_bytes: usize,
    /// After a batch that was not full, the loop waits this long for more to come together.
    pub linger: Duration,
}

impl Limits {
    /// Batches for a transport to which a batch means nothing.
    pub const STREAM: Limits =
        Limits { message_bytes: 1 << 20, batch_messages: 500, batch_bytes: 1 << 20, linger: Duration::ZERO };
    /// Batches for a transport that pays for each request.
    pub const REQUEST: Limits = Limits { linger: Duration::from_millis(200), ..Limits::STREAM };
}

/// What became of a batch the other side answered. Every message that is in neither list was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Places in the batch of what it refused for good, each with its reason.
    pub refused: Vec<(usize, String)>,
    /// Places, in order, of what it will take later.
    pub again: Vec<usize>,
    /// Why it will.
    pub reason: String,
    /// How long it asked to be left alone.
    pub wait: Option<Duration>,
    /// What it said, for people.
    pub said: String,
}

impl Answer {
    /// Everything was taken.
    pub(super) fn taken(said: impl Into<String>) -> Answer {
        Answer { said: said.into(), ..Answer::default() }
    }
}

/// Why a batch was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Not at this time: to be tried again.
    #[error("{problem}")]
    Later {
        /// What happened, for people, without a secret.
        problem: String,
        /// How long the other side asked to be left alone.
        wait: Option<Duration>,
    },
    /// Not these records: to be tried with fewer, and a single one passed over.
    #[error("{reason}")]
    Refused {
        /// What the other side said.
        reason: String,
    },
}

impl Trouble {
    pub(super) fn later(problem: impl ToString) -> Trouble {
        Trouble::Later { problem: problem.to_string(), wait: None }
    }
}

/// Why an output cannot even begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct StartError {
    /// The key of the configuration.
    pub key: &'static str,
    /// What is wrong with its value, and what to do.
    pub problem: String,
}

impl StartError {
    pub(super) fn new(key: &'static str, problem: impl ToString) -> StartError {
        StartError { key, problem: problem.to_string() }
    }

    pub(super) fn of_file(key: &'static str, path: &Path, problem: impl ToString) -> StartError {
        StartError { key, problem: format!("{}: {}", path.display(), problem.to_string()) }
    }
}

/// Reads the time of day; only `run` has a clock.
pub type Clock = fn() -> Timestamp;

/// What every output is opened with.
#[derive(Clone, Debug)]
pub struct Context {
    /// The name of this machine, as syslog and Splunk are told.
    pub hostname: String,
    /// The time of day: for signatures and for how often a message is logged, never for records.
    pub clock: Clock,
    /// Asks the files to be opened anew.
    pub reopen: Reopen,
    /// Seeds the jitter.
    pub seed: u64,
    /// How long to wait before trying again.
    pub pace: Pace,
}

/// Bounds of the wait before something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The shortest.
    pub floor: Duration,
    /// The longest.
    pub ceiling: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { floor: Duration::from_millis(100), ceiling: Duration::from_secs(60) }
    }
}

/// Tells every file output to open its path anew, as after SIGHUP from logrotate; it does so before it writes next.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicU64>);

impl Reopen {
    /// Asks for it.
    pub fn request(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

//! What an output did so far, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters of one output, read while it runs.
#[derive(Debug, Default)]
pub struct Counters {
    delivered: AtomicU64,
    bytes: AtomicU64,
    filtered: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    retries: AtomicU64,
    connected: AtomicBool,
    last_error: Mutex<String>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records the other side took.
    pub delivered: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records the output's filter left out.
    pub filtered: u64,
    /// Records the other side, or a size limit, refused for good.
    pub refused: u64,
    /// Flow records that found the queue full.
    pub dropped: u64,
    /// Batches that had to be sent again.
    pub retries: u64,
    /// Whether the last attempt worked.
    pub connected: bool,
    /// What went wrong last; empty: nothing did.
    pub last_error: String,
}

impl Counters {
    /// As they are.
    #[must_use]
    pub fn read(&self) -> Delivered {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Delivered {
            delivered: of(&self.delivered),
            bytes: of(&self.bytes),
            filtered: of(&self.filtered),
            refused: of(&self.refused),
            dropped: of(&self.dropped),
            retries: of(&self.retries),
            connected: self.connected.load(Ordering::Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn delivered(&self, records: u64, bytes: u64) {
        self.delivered.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn filtered(&self) {
        self.filtered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, reason: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.failed(reason);
    }

    pub(super) fn dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn retried(&self, problem: &str, connected: bool) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        self.connected.store(connected, Ordering::Relaxed);
        self.failed(problem);
    }

    fn failed(&self, problem: &str) {
        problem.clone_into(&mut self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

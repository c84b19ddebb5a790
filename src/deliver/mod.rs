//! Where alerts and flow records go.

mod lines;
mod outbox;

pub use lines::{AlertLines, FlowLines, Lines, Written};
pub use outbox::{Closed, Feed, Outbox};

use crate::detect::{Alert, Judged, Saved};
use crate::net::Timestamp;

/// A receiver of what the judge hands on. It never fails towards the judge: what goes wrong is kept and told at the
/// end, so that one broken output stops neither the others nor the analysis.
pub trait Output: Send {
    /// Takes an alert.
    fn alert(&mut self, _alert: &Alert) {}

    /// Takes a flow that has ended.
    fn flow(&mut self, _judged: &Judged<'_>) {}

    /// True where it keeps what must outlive the process.
    fn keeps(&self) -> bool {
        false
    }

    /// Takes what has changed of that by `clock`, with the alerts since the last time.
    fn keep(&mut self, _changed: Vec<Saved>, _clock: Timestamp) {}

    /// Hands on what is still buffered.
    fn flush(&mut self) {}

    /// True where nobody is left to read what is written.
    fn is_abandoned(&self) -> bool {
        false
    }
}

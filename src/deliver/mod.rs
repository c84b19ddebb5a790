//! Where alerts and flow records go.
//!
//! An output is a [`Delivery`]: a loop that takes entries from its [`Source`] (the journal's feed), leaves out what its
//! [`Filter`] does not want, has the rest encoded, sends it through one [`Transport`], and acknowledges to its source what
//! the other side took. What the loop promises, whatever the other side does:
//!
//! * **At least once, in order.** The cursor moves after the other side took a batch; what was cut off is sent again. Where
//!   one answer names single records as "later" (Elasticsearch), those are sent again alone, in their order, before
//!   anything that came after them.
//! * **Only the other side's word about a record loses it.** What it refuses for good (HTTP 400, 413 or 422; too large) is
//!   counted, logged with its id, and passed over. A refused batch is halved until the one bad record is alone.
//! * **Everything else is retried for ever,** with exponential back-off and full jitter; a `Retry-After` is honoured.
//! * **An output delays nobody:** each has its own cursor and waits for itself alone; files are written on threads.
//!
//! Transports are one file each: [`mod@file`], standard output, [`datagram`] (UDP and Unix), [`stream`] (TCP, TLS and Unix),
//! [`syslog`] (what goes around a record on these), [`http`] (Splunk, Elasticsearch, webhooks), [`nats`], [`kafka`].
//! [`Target`] is one of them as configured. What only the peer can tell is retried; what the machine can tell at start
//! (an unreadable key file, an address that is none) is a [`StartError`] that names the key.

mod backoff;
mod counters;
pub mod datagram;
mod delivery;
pub mod file;
mod filter;
mod flow_queue;
pub mod http;
pub mod kafka;
mod lines;
mod message;
pub mod nats;
pub mod notice;
mod outbox;
mod probe;
mod reach;
mod secret;
mod shipper;
mod stdout;
pub mod stream;
pub mod syslog;
mod target;
mod tls;
mod transport;

pub use counters::{Counters, Delivered};
pub use delivery::{Delivery, Ended, Options, Source};
pub use filter::Filter;
pub use flow_queue::{FlowDelivery, FlowOptions, FlowQueue, WhenFull};
pub use lines::{AlertLines, FlowLines, Lines, Written};
pub use message::Message;
pub use outbox::{Closed, Feed, Outbox};
pub use probe::{Probed, probe};
pub use secret::{Secret, SecretSource};
pub use target::Target;
pub use tls::TlsOptions;
pub use transport::{Answer, Clock, Context, Limits, Pace, Reopen, StartError, Step, Transport, Trouble};

use crate::journal::{Entry, Stored};

use crate::detect::{Alert, Judged, Saved};
use crate::net::Timestamp;

/// A receiver of what the judge hands on. It never fails towards the judge: what goes wrong is kept and told at the
/// end, so that one broken output stops neither the others nor the analysis.
pub trait Output: Send {
    /// Takes an alert.
    fn alert(&mut self, _alert: &Alert) {}

    /// Takes a flow that has ended.
    fn flow(&mut self, _judged: &Judged<'_>) {}

    /// False where [`Output::flow`] does nothing, so that nobody need prepare what it takes.
    fn takes_flows(&self) -> bool {
        true
    }

    /// True where it keeps what must outlive the process.
    fn keeps(&self) -> bool {
        false
    }

    /// Takes what has changed of that by `clock`, with the alerts since the last time; `complete` where that is all of it.
    fn keep(&mut self, _changed: Vec<Saved>, _complete: bool, _clock: Timestamp) {}

    /// Hands on what is still buffered.
    fn flush(&mut self) {}

    /// True where nobody is left to read what is written.
    fn is_abandoned(&self) -> bool {
        false
    }
}

//! REMOVE AT MERGE: the journal's entry as agreed, until `journal` is there; then `pub use crate::journal::{Entry, Stored}`.

use crate::net::Timestamp;

/// An alert in the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stable identity of the alert.
    pub id: String,
    /// Identity of its finding.
    pub finding: String,
    /// Packet time.
    pub at: Timestamp,
    /// 0 to 100.
    pub severity: u8,
    /// `rule.id`.
    pub kind: String,
    /// opened, updated, closed.
    pub step: String,
    /// Name of the asset; empty: many.
    pub asset: String,
    /// ISO 3166-1 code.
    pub jurisdiction: String,
    /// The ECS record, without a newline.
    pub body: Vec<u8>,
}

/// An entry with its place.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Place in the journal.
    pub seq: u64,
    /// The entry.
    pub entry: Entry,
}

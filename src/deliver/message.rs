//! One encoded record on its way to an output.

use crate::encode::{self, Format};
use crate::net::Timestamp;

use super::Entry;

/// A record as the output's format writes it, with what transports need to know of it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stable identity; the same whenever the record is sent again. Empty: the record has none (flow records).
    pub id: String,
    /// Name of the asset it is about; empty: none or many.
    pub asset: String,
    /// ISO 3166-1 code of the jurisdiction; empty: none.
    pub jurisdiction: String,
    /// `rule.id`, or `flow`.
    pub kind: String,
    /// Packet time.
    pub at: Timestamp,
    /// 0 to 100.
    pub severity: u8,
    /// The record: no newline, no terminator.
    pub bytes: Vec<u8>,
}

impl Message {
    /// Of a journal entry, in `format`.
    ///
    /// # Errors
    /// Why it cannot be written within `max_bytes`.
    pub(super) fn of(entry: &Entry, format: Format, max_bytes: usize) -> Result<Message, String> {
        let mut bytes = Vec::with_capacity(entry.body.len().min(max_bytes));
        encode::record(format, &entry.body, max_bytes, &mut bytes).map_err(|error| error.to_string())?;
        Ok(Message {
            id: entry.id.clone(),
            asset: entry.asset.clone(),
            jurisdiction: entry.jurisdiction.clone(),
            kind: entry.kind.clone(),
            at: entry.at,
            severity: entry.severity,
            bytes,
        })
    }

    /// True where the record is a JSON object. Every other format begins with its own name or with text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.bytes.first() == Some(&b'{')
    }
}

//! What happens to the daemon itself: told in the log, and as an alert about the sensor to every output that wants those.

use tracing::{info, warn};

use crate::deliver::Outbox;
use crate::journal::Change;
use crate::run::recorder;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) kind: NewsKind,
    pub(super) text: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewsKind {
    /// The sensor sees less than it should.
    Trouble,
    /// It does again what it should.
    Recovered,
    /// For the log alone.
    Notice,
}

impl News {
    /// Logs it, and makes it an alert where it is more than a notice.
    pub(super) fn tell(&self, outbox: &Outbox) {
        match self.kind {
            NewsKind::Trouble => warn!("{}", self.text),
            NewsKind::Recovered | NewsKind::Notice => info!("{}", self.text),
        }
        if self.kind == NewsKind::Notice {
            return;
        }
        let alert = recorder::self_alert(&self.text, self.kind == NewsKind::Trouble, self.text.clone());
        let change = Change { entries: vec![alert], ..Change::default() };
        // A full inbox is counted there; the log has it.
        let _ = outbox.try_append(change);
    }
}

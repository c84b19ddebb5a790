//! What happens to the daemon itself: told in the log, and as an alert about the sensor to every output that wants those.

use tracing::{info, warn};

use crate::deliver::{Outbox, notice};
use crate::detect::StableId;
use crate::encode::ecs::{Notice, NoticeKind};
use crate::journal::Change;

/// Severity of an alert about the sensor itself: what it should have told may be missing.
const TROUBLE_SEVERITY: u8 = 80;

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
        let at = crate::run::now();
        let id = StableId::of(&["notice", &self.text, &at.to_string()]).as_str().to_owned();
        let severity = if self.kind == NewsKind::Trouble { TROUBLE_SEVERITY } else { 0 };
        let told = Notice { id, kind: NoticeKind::SelfAlert, at, severity, message: self.text.clone() };
        let change = Change { entries: vec![notice::entry(&told)], ..Change::default() };
        // A full inbox is counted there; the log has it.
        let _ = outbox.try_append(change);
    }
}

//! The judge's way into the journal: alerts become entries, what must outlive the process becomes states.

use std::sync::Arc;

use tracing::{error, info};

use crate::deliver::{Outbox, Output, notice};
use crate::detect::{Alert, Saved, SavedKind, StableId};
use crate::encode::ecs::{self, Notice, NoticeKind};
use crate::journal::{Change, Entry, State, Trouble, TroubleKind};
use crate::net::Timestamp;

/// Severity of an alert about the sensor itself: what it should have told may be missing.
const TROUBLE_SEVERITY: u8 = 80;

/// Collects what one batch changes and hands it to the outbox as one.
pub(super) struct Recorder {
    outbox: Arc<Outbox>,
    /// What of the judge's memory is kept.
    kinds: &'static [SavedKind],
    change: Change,
}

impl Recorder {
    /// Keeps the states of `kinds` with the alerts.
    pub(super) fn new(outbox: Arc<Outbox>, kinds: &'static [SavedKind]) -> Self {
        Recorder { outbox, kinds, change: Change::default() }
    }
}

impl Output for Recorder {
    fn alert(&mut self, alert: &Alert) {
        self.change.entries.push(entry(alert));
    }

    fn keeps(&self) -> bool {
        !self.kinds.is_empty()
    }

    fn keep(&mut self, changed: Vec<Saved>, complete: bool, clock: Timestamp) {
        let kept = changed.into_iter().filter(|saved| self.kinds.contains(&saved.kind));
        self.change.states.extend(kept.map(|saved| State {
            kind: saved.kind.as_str(),
            key: saved.key,
            value: saved.value,
        }));
        if complete {
            self.change.clock = Some(clock);
        }
    }

    fn flush(&mut self) {
        self.change.entries.extend(troubles(&self.outbox));
        if !self.change.is_empty() {
            self.outbox.append(std::mem::take(&mut self.change));
        }
    }
}

/// An alert as the journal keeps it.
fn entry(alert: &Alert) -> Entry {
    let mut body = Vec::with_capacity(4_096);
    ecs::alert(alert, &mut body);
    body.pop();
    Entry {
        id: alert.id.as_str().to_owned(),
        finding: alert.finding.as_str().to_owned(),
        at: alert.at,
        severity: alert.severity.score,
        kind: alert.activity.id().to_owned(),
        step: alert.step.as_str().to_owned(),
        asset: alert.asset.as_ref().map_or(String::new(), |asset| asset.name.clone()),
        jurisdiction: alert.jurisdiction.country.to_string(),
        body,
    }
}

fn notice_of(trouble: &Trouble, at: Timestamp) -> Entry {
    let id = StableId::of(&["notice", trouble.kind.as_str(), &at.to_string()]).as_str().to_owned();
    let severity = if trouble.kind == TroubleKind::Recovered { 0 } else { TROUBLE_SEVERITY };
    notice::entry(&Notice { id, kind: NoticeKind::SelfAlert, at, severity, message: trouble.text.clone() })
}

/// Tells every output that still gets something what troubles the journal, where no recorder does any more; true where
/// there was something.
pub(super) fn tell_troubles(outbox: &Outbox) -> bool {
    let entries: Vec<Entry> = troubles(outbox);
    let is_any = !entries.is_empty();
    if is_any {
        outbox.append(Change { entries, ..Change::default() });
    }
    is_any
}

/// What has troubled the journal since this was asked last, logged, as alerts about ourselves.
fn troubles(outbox: &Outbox) -> Vec<Entry> {
    let troubles = outbox.take_troubles();
    troubles.iter().for_each(tell);
    troubles.iter().map(|trouble| notice_of(trouble, super::now())).collect()
}

/// Logs what troubles the journal.
pub(super) fn tell(trouble: &Trouble) {
    if trouble.kind == TroubleKind::Recovered {
        info!("{}", trouble.text);
    } else {
        error!("{}", trouble.text);
    }
}

//! Alerts about the sensor itself and tests of an output, as entries like any other.

use crate::encode::ecs::{self, Notice};
use crate::journal::Entry;

/// A notice on its way to the outputs.
#[must_use]
pub fn entry(notice: &Notice) -> Entry {
    let mut body = Vec::new();
    ecs::notice(notice, &mut body);
    body.pop();
    Entry {
        id: notice.id.clone(),
        at: notice.at,
        severity: notice.severity,
        kind: notice.kind.id().to_owned(),
        step: "notice".to_owned(),
        body,
        ..Entry::default()
    }
}

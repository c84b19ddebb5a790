//! Notices: alerts about the sensor itself, and tests of an output. They name no flow.

use super::parts::{ECS, OBSERVER};
use crate::encode::pen::Pen;
use crate::net::Timestamp;

/// What a notice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something is wrong with the sensor: what it should have told may be missing.
    SelfAlert,
    /// Somebody tries an output.
    Test,
}

impl NoticeKind {
    /// `rule.id`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            NoticeKind::SelfAlert => "self",
            NoticeKind::Test => "test",
        }
    }

    /// `rule.name`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NoticeKind::SelfAlert => "Trouble of the sensor itself",
            NoticeKind::Test => "Test of an output",
        }
    }
}

/// A message about the sensor itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Stable identity.
    pub id: String,
    /// What it is for.
    pub kind: NoticeKind,
    /// When.
    pub at: Timestamp,
    /// 0 to 100.
    pub severity: u8,
    /// What a person should know.
    pub message: String,
}

impl Notice {
    pub(super) fn put(&self, pen: &mut Pen<'_>) {
        pen.raw("{\"@timestamp\":\"").time(self.at).raw("\",\"message\":").text(&self.message).raw(ECS);
        pen.raw(
            ",\"event\":{\"kind\":\"alert\",\"category\":[\"host\"],\"type\":[\"info\"],\"module\":\"borderflow\",\
             \"dataset\":\"borderflow.alert\",\"id\":",
        );
        pen.text(&self.id).raw(",\"action\":\"notice\",\"severity\":").number(self.severity);
        pen.raw(",\"risk_score\":").number(self.severity).raw("},\"rule\":{\"id\":\"").raw(self.kind.id());
        pen.raw("\",\"name\":\"").raw(self.kind.name()).raw("\",\"ruleset\":\"borderflow\"}").raw(OBSERVER).raw("}\n");
    }
}

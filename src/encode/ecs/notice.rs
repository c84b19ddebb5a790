//! Notices: alerts about the sensor itself, and tests of an output. They name no flow.

use serde::Serialize;

use super::parts::{Ecs, Observer};
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
    pub(super) fn record(&self) -> impl Serialize + '_ {
        Record {
            timestamp: self.at,
            message: &self.message,
            ecs: Ecs::VERSION,
            event: Event {
                kind: "alert",
                category: ["host"],
                r#type: ["info"],
                module: "borderflow",
                dataset: "borderflow.alert",
                id: &self.id,
                action: "notice",
                severity: self.severity,
                risk_score: self.severity,
            },
            rule: Rule { id: self.kind.id(), name: self.kind.name(), ruleset: "borderflow" },
            observer: Observer::US,
        }
    }
}

#[derive(Serialize)]
struct Record<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Timestamp,
    message: &'a str,
    ecs: Ecs,
    event: Event<'a>,
    rule: Rule,
    observer: Observer,
}

#[derive(Serialize)]
struct Event<'a> {
    kind: &'static str,
    category: [&'static str; 1],
    r#type: [&'static str; 1],
    module: &'static str,
    dataset: &'static str,
    id: &'a str,
    action: &'static str,
    severity: u8,
    risk_score: u8,
}

#[derive(Serialize)]
struct Rule {
    id: &'static str,
    name: &'static str,
    ruleset: &'static str,
}

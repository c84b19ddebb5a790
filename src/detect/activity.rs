//! What an asset did with a flagged endpoint: the first part of a finding's relation.

use serde::Serialize;

use super::Direction;

/// A kind of activity; a rule of its own for a SIEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// An asset sent payload to a flagged endpoint that took part in the conversation.
    Egress,
    /// Somebody tried and got no answer.
    Attempt,
    /// A device nobody declared is of a flagged maker.
    Device,
}

/// What a SIEM is told about an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Identifier in MITRE ATT&CK.
    pub id: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Identifier of the tactic it serves.
    pub tactic_id: &'static str,
    /// Name of the tactic.
    pub tactic: &'static str,
}

impl Activity {
    /// `rule.id`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Activity::Egress => "egress",
            Activity::Attempt => "attempt",
            Activity::Device => "flagged-device",
        }
    }

    /// `rule.name`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Activity::Egress => "Data sent to a flagged jurisdiction",
            Activity::Attempt => "Unanswered contact with a flagged jurisdiction",
            Activity::Device => "Undeclared device of a maker in a flagged jurisdiction",
        }
    }

    /// The technique of MITRE ATT&CK (v17) under which an analyst will look for such traffic. It classifies what was
    /// seen; it does not say that anybody attacked.
    #[must_use]
    pub const fn technique(self, direction: Direction) -> Technique {
        match (self, direction) {
            (Activity::Egress, _) => Technique {
                id: "T1048",
                name: "Exfiltration Over Alternative Protocol",
                tactic_id: "TA0010",
                tactic: "Exfiltration",
            },
            (Activity::Device, _) => {
                Technique { id: "T1200", name: "Hardware Additions", tactic_id: "TA0001", tactic: "Initial Access" }
            }
            (Activity::Attempt, Direction::Inbound) => {
                Technique { id: "T1595", name: "Active Scanning", tactic_id: "TA0043", tactic: "Reconnaissance" }
            }
            (Activity::Attempt, Direction::Outbound | Direction::Internal | Direction::External) => Technique {
                id: "T1071",
                name: "Application Layer Protocol",
                tactic_id: "TA0011",
                tactic: "Command and Control",
            },
        }
    }
}

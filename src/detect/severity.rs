//! Severity 0–100, by a table, with its reasons.
//!
//! severity = risk of the jurisdiction × activity % × criticality % × evidence %
//!
//! | factor | values |
//! | --- | --- |
//! | risk | the configured risk of the jurisdiction, 0–100 |
//! | activity | egress 100 %, outbound attempt 40 %, inbound attempt 20 %, undeclared device 25 % |
//! | criticality of the asset | critical 100 %, high 90 %, medium 75 %, low 50 %; 75 % where many assets are meant |
//! | strongest evidence | strong 100 %, medium 85 %, weak 50 % |

use super::{Activity, Criticality, Direction};
use crate::attribute::Strength;

/// What a severity is made of.
#[derive(Clone, Debug)]
pub struct Factors<'a> {
    /// What happened.
    pub activity: Activity,
    /// Who began it.
    pub direction: Direction,
    /// Criticality of the asset; `None` where the finding is about many.
    pub criticality: Option<Criticality>,
    /// Strongest evidence for the jurisdiction.
    pub strength: Strength,
    /// Risk of the jurisdiction, 0–100.
    pub risk: u8,
    /// Why the jurisdiction is flagged.
    pub basis: &'a str,
    /// Its name.
    pub jurisdiction: &'a str,
}

/// A severity and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Severity {
    /// 0 (nothing) to 100.
    pub score: u8,
    /// One sentence per factor.
    pub reasons: Vec<String>,
}

impl Severity {
    /// By the table of this module.
    #[must_use]
    pub fn of(factors: &Factors<'_>) -> Severity {
        let (activity, what) = match (factors.activity, factors.direction) {
            (Activity::Egress, Direction::Inbound) => (100, "the asset answered a conversation begun from outside"),
            (Activity::Egress, _) => (100, "the asset sent data and was answered"),
            (Activity::Device, _) => (25, "a device of that maker, which nobody declared"),
            (Activity::Attempt, Direction::Inbound) => (20, "contact from outside that nobody answered"),
            (Activity::Attempt, _) => (40, "contact by the asset that nobody answered"),
        };
        let (criticality, whose) = match factors.criticality {
            Some(Criticality::Critical) => (100, "criticality of the asset: critical"),
            Some(Criticality::High) => (90, "criticality of the asset: high"),
            Some(Criticality::Medium) => (75, "criticality of the asset: medium"),
            Some(Criticality::Low) => (50, "criticality of the asset: low"),
            None => (75, "any monitored host"),
        };
        let strength = match factors.strength {
            Strength::Strong => 100,
            Strength::Medium => 85,
            Strength::Weak => 50,
        };
        let product = u32::from(factors.risk.min(100)) * activity * criticality * strength;
        let reasons = vec![
            format!("{} is flagged with risk {}: {}", factors.jurisdiction, factors.risk, factors.basis),
            format!("{what} ({activity} %)"),
            format!("{whose} ({criticality} %)"),
            format!("evidence: {} ({strength} %)", factors.strength.as_str()),
        ];
        Severity { score: ((product + 500_000) / 1_000_000) as u8, reasons }
    }

    /// Its level in words: `low` below 30, `medium` below 60, `high` below 80, else `critical`.
    #[must_use]
    pub const fn level(&self) -> &'static str {
        match self.score {
            0..30 => "low",
            30..60 => "medium",
            60..80 => "high",
            _ => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(activity: Activity, direction: Direction, criticality: Option<Criticality>, strength: Strength) -> u8 {
        let factors =
            Factors { activity, direction, criticality, strength, risk: 90, basis: "test", jurisdiction: "China" };
        Severity::of(&factors).score
    }

    #[test]
    fn follows_its_table() {
        use Criticality::{Critical, Low};
        assert_eq!(score(Activity::Egress, Direction::Outbound, Some(Critical), Strength::Strong), 90);
        assert_eq!(score(Activity::Egress, Direction::Outbound, Some(Low), Strength::Weak), 23);
        assert_eq!(score(Activity::Attempt, Direction::Outbound, Some(Critical), Strength::Medium), 31);
        assert_eq!(score(Activity::Attempt, Direction::Inbound, None, Strength::Medium), 11);
    }
}

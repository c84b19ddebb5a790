//! Severity 0–100, by a table, with its reasons.
//!
//! severity = risk of the jurisdiction × activity % × criticality % × evidence %
//!
//! | factor | values |
//! | --- | --- |
//! | risk | the configured risk of the jurisdiction, 0–100 |
//! | activity | egress 100 %, more than a threshold 100 %, outbound attempt 40 %, inbound attempt 20 %, failed logins 25 %, undeclared device 25 %; remote management: class A 100 %, with reads alone and no login granted 85 %, class B 70 %, class C 50 % |
//! | criticality of the asset | critical 100 %, high 90 %, medium 75 %, low 50 %; 75 % where many assets are meant |
//! | strongest evidence | strong 100 %, medium 85 %, weak 50 % |
//!
//! Two things are never less than critical (80): a write, control or program command in a protocol of controllers, and a
//! login that was granted after three or more that failed. Class C cannot be more than medium: 50 % of 100. What an
//! exception accepts has severity 0, whatever the rest says.

use super::management::{GUESSES, is_industrial};
use super::{Activity, Class, Criticality, Direction, ExceptionInfo, Standing, Via};
use crate::attribute::Strength;
use crate::net::Country;
use std::sync::Arc;

/// What a severity is made of.
#[derive(Clone, Debug)]
pub struct Factors<'a> {
    /// What happened.
    pub activity: Activity,
    /// Who began it.
    pub direction: Direction,
    /// Commands by kind.
    pub commands: [u64; 4],
    /// Whether a login was granted.
    pub logged_in: bool,
    /// Logins by the same host that failed before one was granted.
    pub failed_before: u32,
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
    /// The exception that matches, or did.
    pub exception: Option<&'a ExceptionInfo>,
}

/// What of [`Factors`] decides: factors of the same weight have the same severity and reasons.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Weight {
    activity: Activity,
    direction: Direction,
    /// Of each kind one or none.
    commands: [u64; 4],
    logged_in: bool,
    failed_before: u32,
    criticality: Option<Criticality>,
    strength: Strength,
    country: Country,
    risk: u8,
    basis: Arc<str>,
    exception: Option<Arc<ExceptionInfo>>,
}

impl Weight {
    /// Of factors about `country`; `basis` and `exception` are those of the factors.
    pub(super) fn of(
        factors: &Factors<'_>,
        country: Country,
        basis: &Arc<str>,
        exception: Option<&Arc<ExceptionInfo>>,
    ) -> Self {
        Weight {
            activity: factors.activity,
            direction: factors.direction,
            commands: factors.commands.map(|count| count.min(1)),
            logged_in: factors.logged_in,
            failed_before: factors.failed_before.min(GUESSES),
            criticality: factors.criticality,
            strength: factors.strength,
            country,
            risk: factors.risk,
            basis: Arc::clone(basis),
            exception: exception.cloned(),
        }
    }

    pub(super) fn factors(&self) -> Factors<'_> {
        Factors {
            activity: self.activity,
            direction: self.direction,
            commands: self.commands,
            logged_in: self.logged_in,
            failed_before: self.failed_before,
            criticality: self.criticality,
            strength: self.strength,
            risk: self.risk,
            basis: &self.basis,
            jurisdiction: self.country.name(),
            exception: self.exception.as_deref(),
        }
    }
}

/// A severity and what led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
            (Activity::Management(via), _) => managed(via, factors.commands, factors.logged_in),
            (Activity::Volume, _) => (100, "the asset sent more than its threshold"),
            (Activity::LoginFailed, _) => (25, "logins that were answered and failed"),
            (Activity::Device, _) => (25, "a device of that maker, which nobody declared"),
            (Activity::Attempt, Direction::Inbound) => (20, "contact from outside that came to nothing"),
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
        let mut reasons = vec![
            format!("{} is flagged with risk {}: {}", factors.jurisdiction, factors.risk, factors.basis),
            format!("{what} ({activity} %)"),
            format!("{whose} ({criticality} %)"),
            format!("evidence: {} ({strength} %)", factors.strength.as_str()),
        ];
        let mut score = ((product + 500_000) / 1_000_000) as u8;
        if let Some((least, why)) = least(factors).filter(|(least, _)| score < *least) {
            score = least;
            reasons.push(format!("{why} (never below {least})"));
        }
        if let Some(exception) = factors.exception {
            reasons.push(exception.sentence());
            if exception.standing == Standing::Accepted {
                score = 0;
            }
        }
        Severity { score, reasons }
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

/// The least score that is critical.
const CRITICAL: u8 = 80;

fn managed(via: Via, commands: [u64; 4], logged_in: bool) -> (u32, &'static str) {
    match (via.class, commands.map(|count| count > 0)) {
        (Class::A, [true, false, false, false]) if !logged_in => {
            (85, "somebody outside reads from the asset by a protocol that commands it")
        }
        (Class::A, _) => (100, "somebody outside acts on the asset"),
        (Class::B, _) => (70, "a tool or service by which somebody outside can act on the asset"),
        (Class::C, _) => (50, "the conversation behaves like remote management"),
    }
}

fn least(factors: &Factors<'_>) -> Option<(u8, &'static str)> {
    let Activity::Management(Via { class: Class::A, protocol, .. }) = factors.activity else { return None };
    let [_read, write, control, program] = factors.commands;
    if factors.failed_before >= GUESSES {
        Some((CRITICAL, "a login was granted after several had failed"))
    } else if is_industrial(protocol) && write + control + program > 0 {
        Some((CRITICAL, "a command that changes a controller"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(activity: Activity, direction: Direction, criticality: Option<Criticality>, strength: Strength) -> u8 {
        let (commands, failed_before) = ([0; 4], 0);
        Severity::of(&Factors {
            activity,
            direction,
            commands,
            logged_in: false,
            failed_before,
            criticality,
            strength,
            risk: 90,
            basis: "test",
            jurisdiction: "China",
            exception: None,
        })
        .score
    }

    fn managed_score(class: Class, protocol: &'static str, commands: [u64; 4], failed_before: u32) -> u8 {
        Severity::of(&Factors {
            activity: Activity::Management(Via { class, protocol, tool: None }),
            direction: Direction::Outbound,
            commands,
            logged_in: false,
            failed_before,
            criticality: Some(Criticality::Low),
            strength: Strength::Medium,
            risk: 80,
            basis: "test",
            jurisdiction: "China",
            exception: None,
        })
        .score
    }

    #[test]
    fn a_changed_controller_and_a_guessed_password_are_critical_and_a_shape_is_medium_at_most() {
        assert_eq!(managed_score(Class::A, "modbus", [9, 0, 0, 0], 0), 29);
        assert_eq!(managed_score(Class::A, "modbus", [9, 1, 0, 0], 0), 80);
        assert_eq!(managed_score(Class::A, "ssh", [0; 4], 0), 34);
        assert_eq!(managed_score(Class::A, "ssh", [0; 4], 3), 80);
        assert_eq!(managed_score(Class::B, "tls", [0; 4], 0), 24);
        let worst = |class| {
            let activity = Activity::Management(Via { class, protocol: "tls", tool: None });
            score(activity, Direction::Outbound, Some(Criticality::Critical), Strength::Strong)
        };
        assert_eq!((worst(Class::B), worst(Class::C)), (63, 45));
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

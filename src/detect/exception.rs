//! Exceptions: accepted risks, each with its reason, who approved it and until when.
//!
//! An exception changes how a finding is told, never whether it is seen: what it matches is recorded as accepted, with
//! severity 0. Once it has expired, or outside its schedule, the same traffic is a finding like any other, and says so.

use std::net::IpAddr;

use super::{Activity, AssetKey, Policy, Subject};
use crate::attribute::Suffix;
use crate::net::{Country, Prefix, Timestamp};

/// An accepted risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Unique among the exceptions.
    pub name: String,
    /// Why the risk is accepted.
    pub reason: String,
    /// Who accepted it.
    pub approver: String,
    /// Where the decision is filed.
    pub ticket: Option<String>,
    /// The first moment at which it no longer holds.
    pub expires: Timestamp,
    /// What it holds for.
    pub scope: ExceptionScope,
    /// When it holds; `None`: always until it expires.
    pub schedule: Option<Schedule>,
}

/// What an exception holds for. Each list that is not empty must match; within a list one match is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExceptionScope {
    /// Names of assets.
    pub assets: Vec<String>,
    /// Addresses of hosts of ours.
    pub addresses: Vec<Prefix>,
    /// Sectors of assets.
    pub sectors: Vec<String>,
    /// Flagged jurisdictions.
    pub jurisdictions: Vec<Country>,
    /// Vendors and operators, by name, in any case of letters; one known by a certificate or an answer of DNS alone does not
    /// count.
    pub entities: Vec<String>,
    /// Autonomous systems.
    pub asns: Vec<u32>,
    /// Addresses of remote hosts.
    pub destinations: Vec<Prefix>,
    /// Host names that the asset asked for by TLS, QUIC or HTTP, and every name below each. What a host outside says is no
    /// reason to trust it.
    pub suffixes: Vec<Suffix>,
    /// Activities, by `rule.id`.
    pub kinds: Vec<&'static str>,
}

impl ExceptionScope {
    /// True where it would match everything.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        *self == ExceptionScope { kinds: self.kinds.clone(), ..ExceptionScope::default() }
    }

    fn holds_for(&self, subject: &Subject<'_>, activity: Activity, policy: &Policy) -> bool {
        let (home, remote) = (subject.home.endpoint.address, subject.remote_address());
        let declared = policy.assets.declaration(subject.asset);
        let sector = declared.and_then(|asset| asset.sector.as_deref());
        let entity = subject.trusted_entity();
        let asn = subject.attribution.place.asn;
        let among = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|known| known.eq_ignore_ascii_case(value)))
        };
        let within =
            |list: &[Prefix], address: IpAddr| list.is_empty() || list.iter().any(|prefix| prefix.contains(address));
        (self.assets.is_empty() || among(&self.assets, Some(&policy.assets.name(subject.asset))))
            && within(&self.addresses, home)
            && among(&self.sectors, sector)
            && (self.jurisdictions.is_empty() || self.jurisdictions.contains(&subject.jurisdiction))
            && among(&self.entities, entity)
            && (self.asns.is_empty() || asn.is_some_and(|asn| self.asns.contains(&asn)))
            && within(&self.destinations, remote)
            && (self.kinds.is_empty() || self.kinds.contains(&activity.id()))
            && self.names(subject)
    }

    fn names(&self, subject: &Subject<'_>) -> bool {
        let is_below = |name: &str| self.suffixes.iter().any(|suffix| suffix.covers(name));
        self.suffixes.is_empty() || !subject.is_inbound() && subject.judged.any_asked(is_below)
    }
}

/// Maintenance windows: times of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Days on which a window begins, Monday first.
    pub days: [bool; 7],
    /// Minute of the day at which it begins.
    pub from_minute: u16,
    /// Minute of the day before which it ends; not after `from_minute`: on the next day.
    pub to_minute: u16,
    /// Minutes by which local time is ahead of UTC.
    pub utc_offset_minutes: i16,
}

const DAY_MINUTES: i64 = 24 * 60;

impl Schedule {
    /// True within a window.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let minutes = (at.as_secs() / 60) as i64 + i64::from(self.utc_offset_minutes);
        let (day, minute) = (minutes.div_euclid(DAY_MINUTES), minutes.rem_euclid(DAY_MINUTES));
        let (from, to) = (i64::from(self.from_minute), i64::from(self.to_minute));
        // The first of January 1970 was a Thursday.
        let begins = |day: i64| self.days.get((day + 3).rem_euclid(7) as usize).copied().unwrap_or(false);
        if from < to {
            begins(day) && (from..to).contains(&minute)
        } else {
            begins(day) && minute >= from || begins(day - 1) && minute < to
        }
    }
}

/// How an exception stands to what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It would match, but not at this time of the week.
    OutsideSchedule,
    /// It matched until it expired.
    Expired,
    /// The risk is accepted.
    Accepted,
}

impl Standing {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::OutsideSchedule => "outside_schedule",
            Standing::Expired => "expired",
            Standing::Accepted => "accepted",
        }
    }
}

/// An exception as an alert names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ExceptionInfo {
    /// Its name.
    pub name: String,
    /// Whether it holds.
    pub standing: Standing,
    /// Why the risk is accepted.
    pub reason: String,
    /// Who accepted it.
    pub approver: String,
    /// Where the decision is filed.
    pub ticket: Option<String>,
    /// Until when.
    pub expires: Timestamp,
}

impl ExceptionInfo {
    pub(super) fn of(exception: &Exception, standing: Standing) -> Self {
        ExceptionInfo {
            name: exception.name.clone(),
            standing,
            reason: exception.reason.clone(),
            approver: exception.approver.clone(),
            ticket: exception.ticket.clone(),
            expires: exception.expires,
        }
    }

    /// A sentence for the reasons of a severity.
    #[must_use]
    pub fn sentence(&self) -> String {
        let filed = self.ticket.as_ref().map_or(String::new(), |ticket| format!(", {ticket}"));
        let (name, approver, expires) = (&self.name, &self.approver, day(self.expires));
        match self.standing {
            Standing::Accepted => {
                format!("accepted by {approver} until {expires} (exception {name}{filed}): {}", self.reason)
            }
            Standing::Expired => format!("exception {name} of {approver} expired on {expires}{filed}"),
            Standing::OutsideSchedule => format!("outside the schedule of exception {name}{filed}"),
        }
    }
}

fn day(at: Timestamp) -> String {
    let (year, month, day, hour, minute, ..) = at.civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The exception that says most about what was seen: one that accepts it, else one that did, else one that would at
/// another time. The number is its place in the policy.
pub(super) fn standing(subject: &Subject<'_>, activity: Activity, policy: &Policy) -> Option<(u32, Standing)> {
    let at = subject.seen();
    let holding = (0u32..).zip(&policy.exceptions).filter(|(_, it)| it.scope.holds_for(subject, activity, policy));
    let standings = holding.map(|(number, exception)| {
        let standing = if at >= exception.expires {
            Standing::Expired
        } else if exception.schedule.as_ref().is_none_or(|schedule| schedule.is_open(at)) {
            Standing::Accepted
        } else {
            Standing::OutsideSchedule
        };
        (number, standing)
    });
    standings.max_by_key(|(number, standing)| (*standing, std::cmp::Reverse(*number)))
}

/// True where `key` is one of the assets or belongs to one of the sectors; two empty lists: any asset.
pub(super) fn is_among(key: AssetKey, assets: &[String], sectors: &[String], policy: &Policy) -> bool {
    if assets.is_empty() && sectors.is_empty() {
        return true;
    }
    let declared = policy.assets.declaration(key);
    let named = policy.assets.name(key);
    let sector = declared.and_then(|asset| asset.sector.as_deref());
    let is = |list: &[String], value: &str| list.iter().any(|known| known.eq_ignore_ascii_case(value));
    is(assets, &named) || sector.is_some_and(|sector| is(sectors, sector))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let mut days = [false; 7];
        days[4] = true;
        let friday_night = Schedule { days, from_minute: 22 * 60, to_minute: 4 * 60, utc_offset_minutes: 60 };
        // 2026-11-20 is a Friday.
        for (time, open) in [
            ("2026-11-20T20:59:59Z", false),
            ("2026-11-20T21:00:00Z", true),
            ("2026-11-21T02:59:59Z", true),
            ("2026-11-21T03:00:00Z", false),
            ("2026-11-20T01:00:00Z", false),
            ("2026-11-21T22:00:00Z", false),
        ] {
            assert_eq!(friday_night.is_open(at(time)), open, "{time}");
        }
        let all_friday = Schedule { from_minute: 0, to_minute: 0, utc_offset_minutes: 0, ..friday_night };
        assert!(all_friday.is_open(at("2026-11-20T00:00:00Z")) && all_friday.is_open(at("2026-11-20T23:59:59Z")));
        assert!(!all_friday.is_open(at("2026-11-21T00:00:00Z")));
    }
}

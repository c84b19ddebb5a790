//! Which alerts an output wants, by the columns of the journal.

use super::Entry;
use crate::detect::Alert;

/// Wants an alert where every condition holds. An empty list holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Least severity, 0 to 100.
    pub min_severity: u8,
    /// Names of assets.
    pub assets: Vec<String>,
    /// ISO 3166-1 codes.
    pub jurisdictions: Vec<String>,
    /// Ids of rules.
    pub kinds: Vec<String>,
}

impl Filter {
    /// True where `entry` is wanted.
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        // What is wrong with the sensor concerns every receiver that does not name what it wants.
        let is_of_sensor = entry.kind == "self" && self.kinds.is_empty();
        is_of_sensor || self.holds(entry.severity, &entry.asset, &entry.jurisdiction, &entry.kind)
    }

    /// True where `alert` is wanted.
    #[must_use]
    pub fn wants_alert(&self, alert: &Alert) -> bool {
        let asset = alert.asset.as_ref().map_or("", |asset| &asset.name);
        *self == Filter::default()
            || self.holds(alert.severity.score, asset, &alert.jurisdiction.country.to_string(), alert.activity.id())
    }

    fn holds(&self, severity: u8, asset: &str, jurisdiction: &str, kind: &str) -> bool {
        let named =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one.eq_ignore_ascii_case(name));
        severity >= self.min_severity
            && named(&self.assets, asset)
            && named(&self.jurisdictions, jurisdiction)
            && named(&self.kinds, kind)
    }
}

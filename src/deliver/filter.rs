//! Which alerts an output wants, by the columns of the journal.

use super::Entry;

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
        let named = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        entry.severity >= self.min_severity
            && named(&self.assets, &entry.asset)
            && named(&self.jurisdictions, &entry.jurisdiction)
            && named(&self.kinds, &entry.kind)
    }
}

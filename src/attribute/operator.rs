//! Who controls a network: the operator of an autonomous system, its group and the jurisdiction that group answers to.
//!
//! AS numbers change hands: 6 of the 224 collected in four years. So the curated name is held against the ASN
//! database's when the program starts, and where they share no word the row is kept with low confidence.

use std::collections::HashMap;

use super::catalogue::{Confidence, OwnerId, Row, RowError, Status, Text};
use crate::net::{Country, Map};

/// Columns of `geoip/operators.tsv`.
pub(super) const COLUMNS: [&str; 12] = [
    "asn",
    "name",
    "group",
    "jurisdiction",
    "status",
    "class",
    "anycast",
    "basis",
    "confidence",
    "source",
    "date",
    "note",
];

/// An autonomous system and who controls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// AS number.
    pub asn: u32,
    /// Organisation that holds the number.
    pub name: Text,
    /// Group that controls the organisation.
    pub group: Text,
    /// Jurisdiction the group answers to.
    pub jurisdiction: Country,
    /// Whether it counts.
    pub status: Status,
    /// What it is: `cloud`, `carrier`, `cdn`, …
    pub class: Text,
    /// True where its addresses are announced from many places, so that their location means little.
    pub is_anycast: bool,
    /// Why it belongs to the jurisdiction.
    pub basis: Text,
    /// How sure that is.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: Text,
    /// When that was looked at; empty for the user's own word.
    pub date: Text,
    /// Anything else a reviewer should know.
    pub note: Text,
    /// What the ASN database calls it where that shares no word with `name` and `group`.
    pub renamed: Option<String>,
    pub(super) owner: OwnerId,
}

impl Operator {
    /// A user's own row.
    #[must_use]
    pub fn of_user(asn: u32, name: String, jurisdiction: Country, source: String) -> Self {
        Operator {
            asn,
            group: name.clone().into(),
            name: name.into(),
            jurisdiction,
            status: Status::Listed,
            class: "any".into(),
            is_anycast: false,
            basis: "configuration".into(),
            confidence: Confidence::High,
            source: source.into(),
            date: Text::default(),
            note: Text::default(),
            renamed: None,
            owner: OwnerId::default(),
        }
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Self, RowError> {
        Ok(Operator {
            asn: row.parsed(0)?,
            name: row.text(1)?,
            group: row.text(2)?,
            jurisdiction: row.parsed(3)?,
            status: row.parsed(4)?,
            class: row.text(5)?,
            is_anycast: row.is_yes(6)?,
            basis: row.text(7)?,
            confidence: row.parsed(8)?,
            source: row.text(9)?,
            date: row.text(10)?,
            note: row.optional(11),
            renamed: None,
            owner: OwnerId::default(),
        })
    }
}

/// Operators by AS number.
#[derive(Debug, Default)]
pub struct Operators {
    rows: Vec<Operator>,
    by_asn: Map<u32, u32>,
}

impl Operators {
    /// Of these rows; of two for one AS number the later counts. Rows under review count only if `review`.
    #[must_use]
    pub fn new(rows: Vec<Operator>, review: bool) -> Self {
        let mut latest: HashMap<u32, Operator> = HashMap::with_capacity(rows.len());
        for row in rows {
            latest.insert(row.asn, row);
        }
        let mut rows: Vec<Operator> = latest.into_values().collect();
        rows.sort_unstable_by_key(|row| row.asn);
        let counted = rows.iter().zip(0..).filter(|(row, _)| review || row.status == Status::Listed);
        let by_asn = counted.map(|(row, place)| (row.asn, place)).collect();
        Operators { rows, by_asn }
    }

    /// The operator of AS number `asn`.
    #[must_use]
    pub fn of(&self, asn: u32) -> Option<&Operator> {
        self.rows.get(*self.by_asn.get(&asn)? as usize)
    }

    /// Every row, those that do not count too, in the order of their numbers.
    #[must_use]
    pub fn rows(&self) -> &[Operator] {
        &self.rows
    }

    /// Lowers the confidence of rows whose number has another holder in the ASN database.
    pub(super) fn compare<'n>(&mut self, holders: impl Iterator<Item = (u32, &'n str)>) {
        let places: HashMap<u32, usize> = self.rows.iter().enumerate().map(|(place, row)| (row.asn, place)).collect();
        let mut seen: HashMap<usize, (bool, &str)> = HashMap::new();
        for (asn, name) in holders.filter(|(_, name)| !name.is_empty()) {
            let Some(&place) = places.get(&asn) else { continue };
            let fits = self.rows.get(place).is_some_and(|row| shares_a_word(row, name));
            let entry = seen.entry(place).or_insert((false, name));
            *entry = (entry.0 || fits, entry.1.min(name));
        }
        for (place, row) in self.rows.iter_mut().enumerate() {
            if let Some((false, name)) = seen.get(&place) {
                row.confidence = Confidence::Low;
                row.renamed = Some((*name).to_owned());
            }
        }
    }
}

/// Words that many companies have in their names.
const COMMON: &[&str] = &[
    "and",
    "asn",
    "the",
    "company",
    "corporation",
    "corp",
    "inc",
    "llc",
    "ltd",
    "limited",
    "pte",
    "gmbh",
    "technology",
    "technologies",
    "tech",
    "network",
    "networks",
    "net",
    "communication",
    "communications",
    "information",
    "data",
    "service",
    "services",
    "international",
    "global",
    "group",
    "holding",
    "holdings",
    "science",
    "center",
    "cloud",
    "computing",
    "internet",
    "beijing",
    "shanghai",
    "shenzhen",
    "hangzhou",
    "guangzhou",
    "hong",
    "kong",
    "hongkong",
    "singapore",
    "europe",
    "america",
    "americas",
    "japan",
    "australia",
    "operates",
];

fn shares_a_word(row: &Operator, name: &str) -> bool {
    let known = row.name.to_lowercase() + " " + &row.group.to_lowercase();
    let name = name.to_lowercase();
    words(&name).any(|word| words(&known).any(|other| same_word(word, other)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2 && !COMMON.contains(word))
}

/// Also `chinanet` and `china`, `bytedance` and `byte`.
fn same_word(a: &str, b: &str) -> bool {
    a == b || a.len() > 3 && b.len() > 3 && (a.starts_with(b) || b.starts_with(a))
}

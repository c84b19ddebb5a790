//! Jurisdictions: which countries are flagged, how great the risk is, and on what legal basis.
//!
//! Which countries are flagged is policy, so it is data: a preset from the table below, and what the configuration adds
//! to it or takes from it. Nothing else in the program flags a country by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::net::Country;

/// Why a country is flagged, and how much it weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Risk of the jurisdiction, 0 (none) to 100.
    pub risk: u8,
    /// The law, warning or decision it rests on.
    pub basis: Arc<str>,
}

/// A published list of flagged jurisdictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What the configuration calls it.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2 codes.
    pub countries: &'static [&'static str],
    /// Risk of each of them, 0–100.
    pub risk: u8,
    /// The legal basis, as findings cite it.
    pub basis: &'static str,
    /// Where the list can be read, and the date of what was read.
    pub source: &'static str,
}

impl Preset {
    /// The preset in force where the configuration names none.
    pub const DEFAULT: Preset = NUKIB_2025;

    /// Every preset. Taiwan is in none: no source names it.
    pub const ALL: &'static [Preset] = &[NUKIB_2025, US_28CFR202, NONE];

    /// Their names, in the same order.
    pub const NAMES: &'static [&'static str] = &[NUKIB_2025.name, US_28CFR202.name, NONE.name];

    /// The preset called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Preset> {
        Preset::ALL.iter().find(|preset| preset.name == name)
    }
}

const NUKIB_2025: Preset = Preset {
    name: "nukib-2025",
    countries: &["CN", "HK", "MO"],
    risk: 80,
    basis: "NÚKIB warning of 3 September 2025 on data transfer to and remote administration from the People's Republic \
            of China and its Special Administrative Regions, threat level High",
    source: "https://nukib.gov.cz/en/infoservis-en/news/2295-nukib-warns-against-the-transfer-of-the-data-to-and-remote-administration-from-people-s-republic-of-china (2025-09-03)",
};

const US_28CFR202: Preset = Preset {
    name: "us-28cfr202",
    countries: &["CN", "HK", "MO", "CU", "IR", "KP", "RU", "VE"],
    risk: 80,
    basis: "28 CFR § 202.601, countries of concern (China with Hong Kong and Macau, Cuba, Iran, North Korea, Russia, \
            Venezuela)",
    source: "https://www.ecfr.gov/current/title-28/chapter-I/part-202/section-202.601 (90 FR 1706, 2025-01-08; read as of 2026-04-05)",
};

const NONE: Preset = Preset { name: "none", countries: &[], risk: 0, basis: "", source: "" };

/// The flagged countries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jurisdictions {
    flags: BTreeMap<Country, Flag>,
}

impl Jurisdictions {
    /// The countries of a preset.
    #[must_use]
    pub fn from_preset(preset: &Preset) -> Self {
        let flag = Flag { risk: preset.risk, basis: preset.basis.into() };
        let countries = preset.countries.iter().filter_map(|code| code.parse().ok());
        Jurisdictions { flags: countries.map(|country| (country, flag.clone())).collect() }
    }

    /// Flags `country`, and returns the flag it had.
    pub fn set(&mut self, country: Country, flag: Flag) -> Option<Flag> {
        self.flags.insert(country, flag)
    }

    /// Takes the flag from `country`, and returns it.
    pub fn exempt(&mut self, country: Country) -> Option<Flag> {
        self.flags.remove(&country)
    }

    /// Why `country` is flagged; `None` where it is not.
    #[must_use]
    pub fn flag(&self, country: Country) -> Option<&Flag> {
        self.flags.get(&country)
    }

    /// The flagged countries in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = (Country, &Flag)> {
        self.flags.iter().map(|(&country, flag)| (country, flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flagged(preset: &str) -> String {
        let jurisdictions = Jurisdictions::from_preset(Preset::named(preset).unwrap());
        jurisdictions.iter().map(|(country, _)| country.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn presets_flag_exactly_the_published_countries() {
        assert_eq!(flagged("nukib-2025"), "CN HK MO");
        assert_eq!(flagged("us-28cfr202"), "CN CU HK IR KP MO RU VE");
        assert_eq!(flagged("none"), "");
        assert_eq!(Preset::DEFAULT.name, "nukib-2025");
        assert!(Preset::NAMES.iter().all(|name| Preset::named(name).is_some()));
    }

    #[test]
    fn taiwan_is_in_no_preset() {
        let taiwan = "TW".parse().unwrap();
        for preset in Preset::ALL {
            assert_eq!(Jurisdictions::from_preset(preset).flag(taiwan), None, "{}", preset.name);
        }
    }

    #[test]
    fn a_flag_of_ones_own_replaces_the_presets_and_an_exemption_removes_it() {
        let mut jurisdictions = Jurisdictions::from_preset(Preset::named("nukib-2025").unwrap());
        let china = "CN".parse().unwrap();
        let own = Flag { risk: 100, basis: "board decision 7/2026".into() };
        assert_eq!(jurisdictions.set(china, own.clone()).map(|flag| flag.risk), Some(80));
        assert_eq!(jurisdictions.flag(china), Some(&own));
        assert_eq!(jurisdictions.exempt(china), Some(own));
        assert_eq!(jurisdictions.flag(china), None);
    }
}

//! The record layouts of the databases people have, and which role each can fill.
//!
//! The fields decide, never the file's `database_type`. Two traps: IPinfo's `country` is the ISO code in its old files and the
//! English name in the new ones, beside `country_code`; and files that describe autonomous systems (IPLocate's and
//! IPinfo's ASN files, known by their `org`, `name` or `domain`) give the *system's* country, not the address's.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

use crate::net::Country;

/// Codes databases use where they know no country: regions, reserved and user-assigned codes, proxies, Tor.
const NO_COUNTRY: [&str; 9] = ["EU", "AP", "ZZ", "XX", "A1", "A2", "O1", "T1", "??"];

/// The country of a database's code; none for codes that name no country.
pub(super) fn country(code: &str) -> Option<Country> {
    if NO_COUNTRY.contains(&code) { None } else { code.parse().ok() }
}

/// The fields of a record that any known layout uses; the others are skipped.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    country: Field<'a, Inner<'a>>,
    #[serde(borrow)]
    country_code: Field<'a>,
    #[serde(borrow)]
    traits: Field<'a, Inner<'a>>,
    #[serde(borrow)]
    autonomous_system_number: Field<'a>,
    #[serde(borrow)]
    autonomous_system_organization: Field<'a>,
    #[serde(borrow)]
    asn: Field<'a>,
    #[serde(borrow)]
    as_name: Field<'a>,
    #[serde(borrow)]
    as_domain: Field<'a>,
    #[serde(borrow)]
    organization: Field<'a>,
    #[serde(borrow)]
    isp: Field<'a>,
    #[serde(borrow)]
    org: Field<'a>,
    #[serde(borrow)]
    name: Field<'a>,
    #[serde(borrow)]
    domain: Field<'a>,
}

impl<'a> Record<'a> {
    /// ISO code of the address's country, as written.
    pub(super) fn country_code(&self) -> Option<&'a str> {
        let code = match (&self.country, &self.country_code) {
            (Field::Map(country), _) => country.iso_code.text(),
            _ if self.describes_a_system() => None,
            (_, Field::Text(code)) => Some(*code),
            (Field::Text(code), _) if code.len() == 2 => Some(*code),
            _ => None,
        };
        code.filter(|code| !code.is_empty())
    }

    /// Number of the autonomous system.
    pub(super) fn asn(&self) -> Option<u32> {
        let inner = self.traits.map().map(|traits| &traits.autonomous_system_number);
        [Some(&self.autonomous_system_number), inner, Some(&self.asn)].into_iter().flatten().find_map(Field::asn)
    }

    /// Organisation of the autonomous system.
    pub(super) fn organization(&self) -> Option<&'a str> {
        let traits = self.traits.map();
        [
            Some(&self.autonomous_system_organization),
            traits.map(|traits| &traits.autonomous_system_organization),
            Some(&self.as_name),
            Some(&self.org),
            Some(&self.organization),
            traits.map(|traits| &traits.organization),
            Some(&self.isp),
            traits.map(|traits| &traits.isp),
            Some(&self.name),
        ]
        .into_iter()
        .flatten()
        .find_map(Field::text)
    }

    /// True where the record is about an autonomous system, whose country says nothing of the address's.
    pub(super) fn describes_a_system(&self) -> bool {
        let about_the_system = [&self.org, &self.name, &self.domain];
        self.asn().is_some()
            && self.as_name.text().is_none()
            && self.as_domain.text().is_none()
            && about_the_system.into_iter().any(|field| field.text().is_some())
    }
}

/// A field whose type differs between layouts; `M` is what a map is read as.
#[derive(Debug, Default)]
enum Field<'a, M = IgnoredAny> {
    #[default]
    Other,
    Text(&'a str),
    Number(u64),
    Map(M),
}

/// The fields used of `country` and `traits` maps.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inner<'a> {
    #[serde(borrow)]
    iso_code: Field<'a>,
    #[serde(borrow)]
    autonomous_system_number: Field<'a>,
    #[serde(borrow)]
    autonomous_system_organization: Field<'a>,
    #[serde(borrow)]
    organization: Field<'a>,
    #[serde(borrow)]
    isp: Field<'a>,
}

impl<'a, M> Field<'a, M> {
    fn text(&self) -> Option<&'a str> {
        if let Field::Text(text) = self { Some(*text).filter(|text| !text.is_empty()) } else { None }
    }

    fn map(&self) -> Option<&M> {
        if let Field::Map(map) = self { Some(map) } else { None }
    }

    /// `45102`, `"45102"` or `"AS45102"`; 0 is reserved and means none (RFC 7607).
    fn asn(&self) -> Option<u32> {
        let number = match self {
            Field::Number(number) => u32::try_from(*number).ok(),
            Field::Text(text) => {
                let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
                digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
            }
            Field::Map(_) | Field::Other => None,
        };
        number.filter(|asn| *asn != 0)
    }
}

impl<'de: 'a, 'a, M: Deserialize<'de>> Deserialize<'de> for Field<'a, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<M>(PhantomData<M>);

impl<'de, M: Deserialize<'de>> Visitor<'de> for FieldVisitor<M> {
    type Value = Field<'de, M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or(Field::Other, Field::Number))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        M::deserialize(MapAccessDeserializer::new(map)).map(Field::Map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }
}

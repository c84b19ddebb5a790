//! Single values as the configuration writes them, checked while they are read.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A whole number from `MIN` to `MAX`.
pub(super) fn integer<'de, const MIN: u64, const MAX: u64, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<u64, Error: fmt::Display>,
    D: Deserializer<'de>,
{
    let number = deserializer.deserialize_u64(Within::<MIN, MAX>)?;
    T::try_from(number).map_err(D::Error::custom)
}

/// A duration written as a whole number of hours from `MIN` to `MAX`.
pub(super) fn hours<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    integer::<MIN, MAX, u64, D>(d).map(|hours| Duration::from_secs(hours.saturating_mul(3600)))
}

/// A duration written as a whole number of seconds from `MIN` to `MAX`.
pub(super) fn seconds<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    integer::<MIN, MAX, u64, D>(d).map(Duration::from_secs)
}

/// A duration written as a whole number of milliseconds from `MIN` to `MAX`.
pub(super) fn millis<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    integer::<MIN, MAX, u64, D>(d).map(Duration::from_millis)
}

/// One of the given names.
pub(super) fn one_of<'de, D: Deserializer<'de>>(
    deserializer: D,
    allowed: &'static [&'static str],
) -> Result<&'static str, D::Error> {
    deserializer.deserialize_str(OneOf(allowed))
}

struct OneOf(&'static [&'static str]);

impl Visitor<'_> for OneOf {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|&&name| name == text);
        known.copied().ok_or_else(|| E::unknown_variant(text, self.0))
    }
}

struct Within<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Visitor<'_> for Within<MIN, MAX> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if (MIN..=MAX).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

/// A value written as a string and read by its `FromStr`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parse(PhantomData)).map(Parsed)
    }
}

/// Fails within the visit, so that the error gets the span of the value also in a list.
struct Parse<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Parse<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| E::custom(format_args!("{text:?}: {error}")))
    }
}

/// Text for people: not blank, and without control characters, which would corrupt a record or a terminal.
#[derive(Clone, Debug)]
pub(super) struct Text(pub(super) String);

/// Why a string is no [`Text`].
#[derive(Debug, thiserror::Error)]
#[error("expected text that is not blank and has no control characters")]
pub(super) struct TextError;

impl FromStr for Text {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let good = !text.trim().is_empty() && !text.chars().any(char::is_control);
        if good { Ok(Text(text.to_owned())) } else { Err(TextError) }
    }
}

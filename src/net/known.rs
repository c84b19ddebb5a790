//! Values that come back from where they were kept: read by their `FromStr`, and the program's own words made to last.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::de::{Deserialize as _, Deserializer, Error};

/// One of the program's own words: names of protocols and functions. (An alias, since serde would borrow a `&str` from
/// what it reads.)
pub type Word = &'static str;

/// Words kept for ever at most, and the longest of them: more than the program has names for protocols and functions.
/// A file that holds others is not ours.
const MOST_WORDS: usize = 4096;
const MOST_BYTES: usize = 96;

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// A value by its `FromStr`.
pub(super) fn parsed<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(|error| D::Error::custom(format_args!("{text:?}: {error}")))
}

/// One of the program's own words.
///
/// # Errors
/// More words than the program has.
pub fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    lasting(&text).ok_or_else(|| D::Error::custom("a word this program does not know"))
}

/// One of the program's own words, or none.
///
/// # Errors
/// As [`word`].
pub fn word_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static str>, D::Error> {
    let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    text.map(|text| lasting(&text).ok_or_else(|| D::Error::custom("a word this program does not know"))).transpose()
}

/// `text` for the life of the program, each word once.
fn lasting(text: &str) -> Option<&'static str> {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(text) {
        return Some(known);
    }
    if words.len() >= MOST_WORDS || text.len() > MOST_BYTES {
        return None;
    }
    let lasting: &'static str = Box::leak(text.to_owned().into_boxed_str());
    words.insert(lasting);
    Some(lasting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_no_file_can_make_us_keep_more_than_we_have() {
        let (one, again) = (lasting("read coils").unwrap(), lasting("read coils").unwrap());
        assert_eq!(one.as_ptr(), again.as_ptr());
        assert_eq!(lasting(&"x".repeat(MOST_BYTES + 1)), None);
    }
}

//! A table whose keys depend on its kind, as `[[output]]` is: each value with its place, read one by one.
//!
//! serde cannot say which keys a kind allows and keep the place of each value, so the table is kept as written, its keys
//! are compared with those of its kind, and what is asked for is converted when it is.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use toml::{Spanned, Value};

use super::ConfigError;
use super::source::{Sources, explain};
use super::value::{Parsed, Text};
use crate::deliver::SecretSource;

/// Keys and values as written, in order.
#[derive(Debug)]
pub(super) struct Table(Vec<(Spanned<String>, Spanned<Value>)>);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys).map(Table)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<(Spanned<String>, Spanned<Value>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// Reads a [`Table`].
pub(super) struct Reader<'a> {
    table: &'a Spanned<Table>,
    sources: &'a Sources<'a>,
    /// What the table is, for messages: `an output`.
    what: &'static str,
    kind: &'static str,
}

impl<'a> Reader<'a> {
    /// Finds the kind, one of `kinds`, and refuses every key that `allowed` does not name for it.
    pub(super) fn new(
        table: &'a Spanned<Table>,
        sources: &'a Sources<'a>,
        what: &'static str,
        kinds: &[&'static str],
        allowed: impl Fn(&str) -> Vec<&'static str>,
    ) -> Result<Reader<'a>, ConfigError> {
        let mut reader = Reader { table, sources, what, kind: "" };
        reader.kind = reader.word("kind", kinds)?.ok_or_else(|| reader.missing("kind"))?;
        let allowed = allowed(reader.kind);
        for (key, _) in &table.get_ref().0 {
            let name = key.get_ref().as_str();
            if !allowed.contains(&name) {
                let expected: Vec<String> = allowed.iter().map(|key| format!("`{key}`")).collect();
                let unknown = format!("unknown field `{name}`, expected one of {}", expected.join(", "));
                let problem = explain(&unknown).replacen(
                    &format!("unknown key `{name}`"),
                    &format!("unknown key `{name}` for {what} of kind {:?}", reader.kind),
                    1,
                );
                return Err(sources.invalid(key.span(), problem));
            }
        }
        Ok(reader)
    }

    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// An error about the value of `key`.
    pub(super) fn invalid(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        let span = self.value(key).map_or_else(|| self.table.span(), Spanned::span);
        self.sources.invalid(span, problem)
    }

    /// An error about a key that is not there.
    pub(super) fn missing(&self, key: &str) -> ConfigError {
        let problem = match self.kind {
            "" => format!("missing key `{key}`"),
            kind => format!("{} of kind {kind:?} needs `{key}`", self.what),
        };
        match self.value("name") {
            Some(name) if !self.kind.is_empty() => self.sources.invalid(name.span(), problem),
            _ => self.sources.invalid(self.table.span(), problem),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Spanned<Value>> {
        self.table.get_ref().0.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// The value of `key` as `read` understands it.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(Value) -> Result<T, toml::de::Error>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        if holds_date(value.get_ref()) {
            return Err(self.sources.invalid(value.span(), "invalid type: a date; text is written in quotes"));
        }
        let read = read(value.get_ref().clone());
        read.map(Some).map_err(|error| self.sources.invalid(value.span(), explain(error.message())))
    }

    fn plain<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        self.read(key, |value| T::deserialize(value))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        Ok(self.plain::<Parsed<Text>>(key)?.map(|Parsed(Text(text))| text))
    }

    pub(super) fn needed_text(&self, key: &str) -> Result<String, ConfigError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let texts = self.plain::<Vec<Parsed<Text>>>(key)?.unwrap_or_default();
        Ok(texts.into_iter().map(|Parsed(Text(text))| text).collect())
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        Ok(self.plain(key)?.unwrap_or(default))
    }

    /// One of the given words.
    pub(super) fn word(&self, key: &str, words: &[&'static str]) -> Result<Option<&'static str>, ConfigError> {
        let Some(written) = self.plain::<Parsed<Text>>(key)? else { return Ok(None) };
        let Parsed(Text(written)) = written;
        let known = words.iter().find(|&&word| word == written).copied();
        known.map(Some).ok_or_else(|| {
            let expected: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            let unknown = format!("unknown variant `{written}`, expected one of {}", expected.join(", "));
            self.invalid(key, explain(&unknown))
        })
    }

    /// A path; a relative one starts from the file's directory.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        let (Some(text), Some(value)) = (self.text(key)?, self.value(key)) else { return Ok(None) };
        Ok(Some(match self.sources.directory(&value.span()) {
            Some(directory) => directory.join(text),
            None => PathBuf::from(text),
        }))
    }

    pub(super) fn needed_path(&self, key: &str) -> Result<PathBuf, ConfigError> {
        self.path(key)?.ok_or_else(|| self.missing(key))
    }

    /// Where the secret `KEY_file` or `KEY_env` is kept.
    pub(super) fn secret(&self, key: &str) -> Result<Option<SecretSource>, ConfigError> {
        let (file, variable) = (format!("{key}_file"), format!("{key}_env"));
        match (self.path(&file)?, self.text(&variable)?) {
            (Some(_), Some(_)) => Err(self.invalid(&variable, format!("`{file}` is given too; remove one"))),
            (Some(path), None) => Ok(Some(SecretSource::File(path))),
            (None, Some(name)) => Ok(Some(SecretSource::Environment(name))),
            (None, None) => Ok(None),
        }
    }
}

/// A date of TOML would pass for a string.
fn holds_date(value: &Value) -> bool {
    match value {
        Value::Datetime(_) => true,
        Value::Array(items) => items.iter().any(holds_date),
        Value::Table(table) => table.values().any(holds_date),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => false,
    }
}

//! Where each byte of the configuration comes from: the file, and one piece per `--set` argument.
//!
//! All pieces share one range of offsets, so one TOML tree with spans holds the merged configuration, and any span leads
//! back to a line of the file or to an argument.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::schema::Document;

/// Where a part of the configuration is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file; line and column (in characters) count from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// In a `--set` argument, given here without `--set`.
    Set(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::Set(argument) => write!(f, "--set {argument}"),
        }
    }
}

/// The configuration as written, before it means anything.
pub(super) struct Sources<'a> {
    path: Option<&'a Path>,
    text: &'a str,
    sets: &'a [String],
}

impl<'a> Sources<'a> {
    /// A file's name and text (none: an empty text) and the `--set` arguments.
    pub(super) fn new(file: Option<(&'a Path, &'a str)>, sets: &'a [String]) -> Self {
        let (path, text) = file.map_or((None, ""), |(path, text)| (Some(path), text));
        Sources { path, text, sets }
    }

    /// The merged configuration, each value of the right shape.
    pub(super) fn read(&self) -> Result<Document, ConfigError> {
        let tree = self.merge()?;
        Document::deserialize(toml::Deserializer::from(tree.clone())).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let key = key_at(tree.get_ref(), span.start).unwrap_or_default();
            self.invalid_key(span, key, explain(error.message()))
        })
    }

    /// An error about what is written at `span`.
    pub(super) fn invalid(&self, span: Range<usize>, problem: impl Into<String>) -> ConfigError {
        let key = self.merge().ok().and_then(|tree| key_at(tree.get_ref(), span.start));
        self.invalid_key(span, key.unwrap_or_default(), problem.into())
    }

    /// Where `span` is written.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        match (self.set_at(span.start), self.path) {
            (Some(argument), _) => Place::Set(argument.to_owned()),
            (None, path) => {
                let (line, column) = line_and_column(self.text, span.start);
                Place::File { path: path.unwrap_or(Path::new("built-in defaults")).to_owned(), line, column }
            }
        }
    }

    /// The directory that a relative path written at `span` starts from: the file's, or none for an argument.
    pub(super) fn directory(&self, span: &Range<usize>) -> Option<&Path> {
        if self.set_at(span.start).is_some() { None } else { self.path?.parent() }
    }

    fn invalid_key(&self, span: Range<usize>, key: String, problem: String) -> ConfigError {
        ConfigError::Invalid { place: self.place(&span), key, problem }
    }

    fn merge(&self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        let mut tree = DeTable::parse(self.text).map_err(|error| {
            self.invalid_key(
                error.span().unwrap_or_default(),
                String::new(),
                format!("no valid TOML: {}", error.message()),
            )
        })?;
        for (base, argument) in self.pieces() {
            set(tree.get_mut(), base, argument)
                .map_err(|problem| ConfigError::Set { argument: argument.to_owned(), problem })?;
        }
        Ok(tree)
    }

    /// The `--set` arguments, each with the offset it begins at. One offset lies between pieces.
    fn pieces(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.sets.iter().scan(self.text.len() + 1, |next, argument| {
            let base = *next;
            *next += argument.len() + 1;
            Some((base, argument.as_str()))
        })
    }

    fn set_at(&self, offset: usize) -> Option<&'a str> {
        self.pieces().find(|(base, argument)| (*base..=base + argument.len()).contains(&offset)).map(|(_, text)| text)
    }
}

/// More than any key has, and few enough for what walks the tree by recursion.
const MAX_KEY_PARTS: usize = 16;

/// Sets one dotted key in the tree; the spans it leaves there begin at `base`.
fn set<'a>(tree: &mut DeTable<'a>, base: usize, argument: &'a str) -> Result<(), String> {
    let Some((key, value)) = argument.split_once('=') else {
        return Err("expected KEY=VALUE, such as flow.max_flows=100000".to_owned());
    };
    let mut at = base;
    let mut parts: Vec<Spanned<Cow<'a, str>>> = Vec::new();
    for part in key.split('.') {
        let name = part.trim();
        if parts.len() == MAX_KEY_PARTS
            || name.is_empty()
            || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
        {
            return Err(format!("expected a key such as flow.max_flows before the equals sign, found {key:?}"));
        }
        parts.push(Spanned::new(at..at + part.len(), Cow::Borrowed(name)));
        at += part.len() + 1;
    }
    let last = parts.pop().ok_or("expected a key before the equals sign")?;
    let mut table = tree;
    for part in parts {
        let name = part.get_ref().clone();
        let entry =
            table.entry(part.clone()).or_insert_with(|| Spanned::new(part.span(), DeValue::Table(DeTable::new())));
        let DeValue::Table(inner) = entry.get_mut() else {
            return Err(format!(
                "{name} is no table; set it whole, as in asset=[{{name=\"pump\", addresses=[\"10.0.0.1\"]}}]"
            ));
        };
        table = inner;
    }
    table.remove(last.get_ref().as_ref());
    table.insert(last, set_value(value, at));
    Ok(())
}

/// What follows the equals sign; what is no TOML value is taken as a string.
fn set_value(text: &str, base: usize) -> Spanned<DeValue<'_>> {
    let base = base + text.len() - text.trim_start().len();
    let text = text.trim();
    match DeValue::parse(text) {
        Ok(mut value) => {
            shift(&mut value, base);
            value
        }
        Err(_) => Spanned::new(base..base + text.len(), DeValue::String(Cow::Borrowed(text))),
    }
}

fn shift(value: &mut Spanned<DeValue<'_>>, base: usize) {
    match value.get_mut() {
        DeValue::Array(items) => items.iter_mut().for_each(|item| shift(item, base)),
        DeValue::Table(table) => {
            let entries = std::mem::take(table);
            *table = entries
                .into_iter()
                .map(|(key, mut value)| {
                    shift(&mut value, base);
                    (moved(key, base), value)
                })
                .collect();
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
    let whole = std::mem::replace(value, Spanned::new(0..0, DeValue::Boolean(false)));
    *value = moved(whole, base);
}

fn moved<T>(value: Spanned<T>, base: usize) -> Spanned<T> {
    let span = value.span();
    Spanned::new(span.start + base..span.end + base, value.into_inner())
}

/// The dotted key written, or holding what is written, at `offset`; the deepest there is.
fn key_at(table: &DeTable<'_>, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        match key_within(value, offset) {
            Some(rest) if rest.is_empty() => Some(name.to_string()),
            Some(rest) => Some(format!("{name}.{rest}")),
            None => key.span().contains(&offset).then(|| name.to_string()),
        }
    })
}

/// As [`key_at`] below a value; empty where `offset` is in the value itself.
fn key_within(value: &Spanned<DeValue<'_>>, offset: usize) -> Option<String> {
    let deeper = match value.get_ref() {
        DeValue::Table(table) => key_at(table, offset),
        DeValue::Array(items) => items.iter().find_map(|item| key_within(item, offset)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            None
        }
    };
    deeper.or_else(|| value.span().contains(&offset).then(String::new))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    (before.matches('\n').count() + 1, column + 1)
}

/// serde's words in those of TOML, with the nearest allowed name where one was misspelt.
pub(super) fn explain(message: &str) -> String {
    let plain = message
        .replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("unknown variant", "unknown value")
        .replace("invalid type: map", "invalid type: table")
        .replace("invalid type: sequence", "invalid type: list")
        .replace("wanted string or table", "invalid type, expected a string")
        .replace("expected a sequence", "expected a list");
    match plain.split_once(", expected ") {
        Some((found, expected)) if found.starts_with("unknown ") => {
            let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            let allowed = quoted(expected);
            let nearest = quoted(found).pop().and_then(|found| nearest(&found, &allowed));
            let hint = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
            format!("{found}{hint} (allowed: {})", allowed.join(", "))
        }
        _ => plain,
    }
}

fn nearest(found: &str, allowed: &[String]) -> Option<String> {
    let close = |name: &&String| distance(found, name) <= name.len().min(found.len()) / 3 + 1;
    allowed.iter().filter(close).min_by_key(|name| distance(found, name)).cloned()
}

/// Levenshtein distance in bytes; long texts are cut, for they are no misspelt key.
fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes().iter().take(64);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, &y) in row.iter_mut().skip(1).zip(b.clone()) {
            let next = (diagonal + usize::from(x != y)).min(*cell + 1).min(left + 1);
            diagonal = std::mem::replace(cell, next);
            left = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

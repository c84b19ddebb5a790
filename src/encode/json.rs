//! JSON on one line, whatever a name from the network holds.
//!
//! RFC 8259 lets U+0085, U+2028 and the like stand in a string, yet readers of lines break at them and terminals obey
//! them, so they are escaped as well as what must be. A parser gives back the same text.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Map, Value};

use super::human::is_unprintable;

/// Appends `value` as JSON without a line break.
pub fn write<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Neither a Vec nor what is written here can fail.
    let _ = value.serialize(&mut Serializer::with_formatter(out, OneLine));
}

/// True where `bytes` are one line without characters that break lines or reorder text.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    is_bare(bytes)
        || !any(bytes, has_control) && std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_unprintable))
}

/// True where there is surely no character that breaks lines or reorders text; of most texts this is all that must be asked.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    !any(bytes, |eight| has_control(eight) | has_suspect(eight))
}

/// True where one of `bytes` is what `is_any` tells of eight; of the last that are fewer, spaces make eight.
fn any(bytes: &[u8], is_any: impl Fn(u64) -> bool) -> bool {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    eights.iter().any(|eight| is_any(u64::from_ne_bytes(*eight))) || is_any(u64::from_ne_bytes(last))
}

/// The highest bit of each byte.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Eight times the same byte.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Not zero where a byte of `word` is less than `least`, which is at most 128. (After S. E. Anderson, "Bit Twiddling
/// Hacks", "Determine if a word has a byte less than n".)
const fn less(word: u64, least: u8) -> u64 {
    word.wrapping_sub(eight(least)) & !word & HIGH
}

/// Not zero where a byte of `word` is `byte`.
const fn equal(word: u64, byte: u8) -> u64 {
    less(word ^ eight(byte), 1)
}

const fn has_control(word: u64) -> bool {
    less(word, 0x20) | equal(word, 0x7f) != 0
}

/// Whether there is a first byte in UTF-8 of any unprintable character that is not ASCII (and of many others): 0xc2, 0xe2
/// or 0xef.
const fn has_suspect(word: u64) -> bool {
    word & HIGH != 0 && equal(word & !eight(0x20), 0xc2) | equal(word, 0xef) != 0
}

/// Whether there is what may have to be escaped.
const fn has_mark(word: u64) -> bool {
    less(word, 0x20) | equal(word, 0x7f) | equal(word, b'"') | equal(word, b'\\') != 0 || has_suspect(word)
}

/// Appends `text` as it stands within the quotes of a string.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    if any(text.as_bytes(), has_mark) {
        escape_each(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Escapes what was appended since `out` was `begin` bytes long.
pub(super) fn escape_from(begin: usize, out: &mut Vec<u8>) {
    if any(out.get(begin..).unwrap_or_default(), has_mark) {
        let appended = out.split_off(begin);
        escape_each(&String::from_utf8_lossy(&appended), out);
    }
}

/// By RFC 8259, section 7, and what readers of lines need.
fn escape_each(text: &str, out: &mut Vec<u8>) {
    let mut utf8 = [0; 4];
    for character in text.chars() {
        let escaped = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            _ if is_unprintable(character) => {
                // A Vec takes everything. All of them are of the basic plane: one escape each.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
                ""
            }
            _ => character.encode_utf8(&mut utf8),
        };
        out.extend_from_slice(escaped.as_bytes());
    }
}

struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_bare(fragment.as_bytes()) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_unprintable) {
            let (plain, tail) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, plain)?;
            let mut characters = tail.chars();
            // All of them are of the basic plane: one escape each.
            if let Some(character) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Puts `value` at the dotted `path` below `object`, making the objects on the way.
pub(super) fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = object.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_lines_or_reorders_text_is_escaped_and_comes_back_the_same() {
        let hostile = "a\n\u{85}b\u{2028}\u{202e}c\u{7f}\u{feff}d\"\\é\u{202f}日";
        let mut out = Vec::new();
        write(hostile, &mut out);
        let text = std::str::from_utf8(&out).unwrap();
        assert_eq!(text, r#""a\n\u0085b\u2028\u202ec\u007f\ufeffd\"\\é 日""#.replace(' ', "\u{202f}"));
        assert!(is_plain(&out));
        for character in hostile.chars().filter(|c| is_unprintable(*c)) {
            assert!(!is_plain(character.to_string().as_bytes()), "{character:?}");
        }
        assert_eq!(serde_json::from_str::<String>(text).unwrap(), hostile);
    }
}

//! Finding the longest end or beginning of a text that is listed.
//!
//! The text is walked once with a rolling hash, and the table is asked at each boundary: a few nanoseconds a label, no
//! allocation, linear in hostile text. What the table gives is compared with the text, so a collision finds nothing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Places of rows by the hash of their text.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<u64, u32, BuildHasherDefault<AsIs>>);

impl Places {
    /// Lists `name`, to be found as an end of names.
    pub(super) fn insert_end(&mut self, name: &str, place: u32) {
        self.0.insert(Rolling::of(name.bytes().rev()).value(), place);
    }

    /// Lists `text`, to be found as a beginning of texts.
    pub(super) fn insert_beginning(&mut self, text: &str, place: u32) {
        self.0.insert(Rolling::of(text.bytes()).value(), place);
    }

    /// What `take` makes of the longest end of `name` that begins a label and is listed. `take` is given the place of a
    /// row and the end it is listed for, and answers nothing where they do not belong together.
    pub(super) fn longest_end<R>(&self, name: &str, take: impl Fn(u32, &str) -> Option<R>) -> Option<R> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let listed = |hash: Rolling, end: &str| take(*self.0.get(&hash.value())?, end);
        let mut hash = Rolling::default();
        let mut found = None;
        for (at, &byte) in name.as_bytes().iter().enumerate().rev() {
            if byte == b'.' {
                found = name.get(at + 1..).and_then(|end| listed(hash, end)).or(found);
            }
            hash.push(byte);
        }
        listed(hash, name).or(found)
    }

    /// As [`Places::longest_end`], of the whole of `text` or a beginning of it that ends in `/` or `-`.
    pub(super) fn longest_beginning<R>(&self, text: &str, take: impl Fn(u32, &str) -> Option<R>) -> Option<R> {
        let listed = |hash: Rolling, beginning: &str| take(*self.0.get(&hash.value())?, beginning);
        let mut hash = Rolling::default();
        let mut found = None;
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            hash.push(byte);
            if matches!(byte, b'/' | b'-') {
                found = text.get(..=at).and_then(|beginning| listed(hash, beginning)).or(found);
            }
        }
        listed(hash, text).or(found)
    }
}

/// FNV-1a over the bytes of a text, letters folded to lower case.
#[derive(Clone, Copy)]
struct Rolling(u64);

impl Default for Rolling {
    fn default() -> Self {
        Rolling(0xcbf2_9ce4_8422_2325)
    }
}

impl Rolling {
    fn of(bytes: impl Iterator<Item = u8>) -> Self {
        let mut hash = Rolling::default();
        bytes.for_each(|byte| hash.push(byte));
        hash
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Mixed, since the table uses the upper and the lower bits.
    fn value(self) -> u64 {
        (self.0 ^ self.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// The hash of a number that is one.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

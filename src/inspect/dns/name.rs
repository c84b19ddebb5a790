//! A domain name where it stands in a message, compressed or not (RFC 1035, sections 3.1 and 4.1.4).

use std::fmt::{self, Write};

/// Longest name, in bytes on the wire (RFC 1035, section 2.3.4).
const WIRE_MAX: usize = 255;
/// Compression pointers one name may take; each must lead backwards.
const POINTERS_MAX: usize = 64;

/// A name in a message: read through once, so that its labels can be walked without failing.
///
/// Equality ignores ASCII case. Its text is lower-case without a trailing dot (the root is `.`), a dot or backslash in a
/// label escaped by a backslash, control characters and what is not UTF-8 as `\DDD`: at most 1,020 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
    hash: u32,
}

impl<'a> Name<'a> {
    /// The name at offset `at`, and the offset behind it.
    pub(super) fn read(message: &'a [u8], at: usize) -> Option<(Name<'a>, usize)> {
        let mut labels = Labels::new(message, at);
        let mut hash = 0x811c_9dc5_u32;
        let mut wire = 1;
        while let Some(label) = labels.step()? {
            wire += label.len() + 1;
            if wire > WIRE_MAX {
                return None;
            }
            hash = label.iter().fold(hash ^ 0xff, |hash, byte| fnv(hash, byte.to_ascii_lowercase()));
        }
        Some((Name { message, at, hash }, labels.end?))
    }

    /// Its labels, from the host up, as they stand: any bytes.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut labels = Labels::new(self.message, self.at);
        std::iter::from_fn(move || labels.step().flatten())
    }

    /// The root, which some records name to say "none".
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.labels().next().is_none()
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.labels().map(Folded).eq(other.labels().map(Folded))
    }
}

impl Eq for Name<'_> {}

struct Folded<'a>(&'a [u8]);

impl PartialEq for Folded<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            write_label(f, label)?;
        }
        Ok(())
    }
}

fn write_label(f: &mut fmt::Formatter<'_>, label: &[u8]) -> fmt::Result {
    for chunk in label.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '.' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => {
                    c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\{byte:03}"))?
                }
                c => f.write_char(c.to_ascii_lowercase())?,
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(f, "\\{byte:03}"))?;
    }
    Ok(())
}

/// A walk over labels. A pointer must lead to before the place it was reached from, so each walk ends.
struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Where the run of labels being read started; pointers lead to before it.
    run: usize,
    pointers: usize,
    /// Offset behind the name where it was first met.
    end: Option<usize>,
}

impl<'a> Labels<'a> {
    fn new(message: &'a [u8], at: usize) -> Labels<'a> {
        Labels { message, at, run: at, pointers: 0, end: None }
    }

    /// The next label; `Some(None)` behind the last, `None` where the bytes are no name.
    fn step(&mut self) -> Option<Option<&'a [u8]>> {
        loop {
            let length = *self.message.get(self.at)?;
            match length {
                0 => {
                    self.end.get_or_insert(self.at + 1);
                    return Some(None);
                }
                1..=63 => {
                    let from = self.at + 1;
                    let label = self.message.get(from..from + usize::from(length))?;
                    self.at = from + usize::from(length);
                    return Some(Some(label));
                }
                192..=255 => self.follow(length)?,
                64..=191 => return None,
            }
        }
    }

    fn follow(&mut self, high: u8) -> Option<()> {
        let low = *self.message.get(self.at + 1)?;
        self.end.get_or_insert(self.at + 2);
        self.pointers += 1;
        let to = usize::from(u16::from_be_bytes([high & 0x3f, low]));
        if to >= self.run || self.pointers > POINTERS_MAX {
            return None;
        }
        (self.at, self.run) = (to, to);
        Some(())
    }
}

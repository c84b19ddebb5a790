//! HPACK (RFC 7541), as much as tells whom an HTTP/2 request names.
//!
//! The dynamic table is kept by number of entries only: an entry counts at least 32 bytes, so a table of the default
//! 4,096 never has more than 128, and an entry evicted earlier by its size is one nobody may refer to.

use super::cursor::Cursor;
use std::collections::VecDeque;

/// Entries of the static table (appendix A).
const STATIC: usize = 61;
const DYNAMIC_MAX: usize = 128;
/// Longest value kept, in bytes.
const VALUE_MAX: usize = 512;

/// The fields that are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Authority,
    Method,
    Path,
    UserAgent,
    Host,
    Other,
}

impl Field {
    fn of_static(index: usize) -> Field {
        match index {
            1 => Field::Authority,
            2 | 3 => Field::Method,
            4 | 5 => Field::Path,
            38 => Field::Host,
            58 => Field::UserAgent,
            _ => Field::Other,
        }
    }

    fn named(name: &[u8]) -> Field {
        match name {
            b":authority" => Field::Authority,
            b":method" => Field::Method,
            b":path" => Field::Path,
            b"host" => Field::Host,
            b"user-agent" => Field::UserAgent,
            _ => Field::Other,
        }
    }
}

/// Decodes the header blocks of one direction, in their order.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Newest first; values of fields of no interest are left out.
    dynamic: VecDeque<(Field, Vec<u8>)>,
}

impl Decoder {
    /// Shows each field of interest in a header block; `None` if the block is damaged, and then no later one can be read.
    pub(super) fn block(&mut self, block: &[u8], mut visit: impl FnMut(Field, &[u8])) -> Option<()> {
        let mut cursor = Cursor(block);
        while let Some(first) = cursor.u8() {
            let (field, value) = match first {
                0x80.. => self.entry(integer(first, 7, &mut cursor)?)?,
                0x40..0x80 => {
                    let field = self.literal(integer(first, 6, &mut cursor)?, &mut cursor)?;
                    self.dynamic.truncate(DYNAMIC_MAX - 1);
                    self.dynamic.push_front(field.clone());
                    field
                }
                0x20..0x40 => {
                    integer(first, 5, &mut cursor)?;
                    continue;
                }
                0..0x20 => self.literal(integer(first, 4, &mut cursor)?, &mut cursor)?,
            };
            if field != Field::Other {
                visit(field, &value);
            }
        }
        Some(())
    }

    fn entry(&self, index: usize) -> Option<(Field, Vec<u8>)> {
        let value: &[u8] = match index {
            0 => return None,
            2 => b"GET",
            3 => b"POST",
            4 => b"/",
            5 => b"/index.html",
            1..=STATIC => b"",
            _ => return self.dynamic.get(index - STATIC - 1).cloned(),
        };
        Some((Field::of_static(index), value.to_vec()))
    }

    fn literal(&self, name: usize, cursor: &mut Cursor<'_>) -> Option<(Field, Vec<u8>)> {
        let field = match name {
            0 => Field::named(&string(cursor)?),
            1..=STATIC => Field::of_static(name),
            _ => self.dynamic.get(name - STATIC - 1)?.0,
        };
        let value = string(cursor)?;
        Some((field, if field == Field::Other { Vec::new() } else { value }))
    }
}

/// An integer whose first byte has `bits` of it (section 5.1), at most 2²¹.
fn integer(first: u8, bits: u32, cursor: &mut Cursor<'_>) -> Option<usize> {
    let mask = (1_u8 << bits) - 1;
    let mut value = usize::from(first & mask);
    if first & mask < mask {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let byte = cursor.u8()?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string (section 5.2), its first [`VALUE_MAX`] bytes.
fn string(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    let first = cursor.u8()?;
    let length = integer(first, 7, cursor)?;
    let bytes = cursor.take(length)?;
    match first & 0x80 {
        0 => Some(bytes.get(..VALUE_MAX).unwrap_or(bytes).to_vec()),
        _ => unpack(bytes),
    }
}

/// Undoes the Huffman code (appendix B), a bit at a time; padding is not checked.
fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len().saturating_mul(8).div_ceil(5).min(VALUE_MAX));
    let (mut code, mut length) = (0_u32, 0_usize);
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    for bit in bits {
        code = code << 1 | bit;
        length += 1;
        let group = CODES.groups.get(length)?;
        let Some(nth) = code.checked_sub(group.first).filter(|&nth| nth < group.count) else { continue };
        let symbol = *CODES.symbols.get((group.start + nth) as usize)?;
        text.push(u8::try_from(symbol).ok()?);
        if text.len() == VALUE_MAX {
            break;
        }
        (code, length) = (0, 0);
    }
    Some(text)
}

/// The codes of one length: consecutive numbers for symbols in ascending order.
#[derive(Clone, Copy)]
struct Group {
    first: u32,
    count: u32,
    /// Index of its first symbol.
    start: u32,
}

struct Codes {
    /// By length in bits.
    groups: [Group; 31],
    symbols: [u16; 257],
}

/// The code is canonical: the lengths of its codes tell them all.
static CODES: Codes = Codes::from_lengths(&LENGTHS);

impl Codes {
    #[expect(clippy::indexing_slicing, reason = "evaluated at compile time, where a bad index does not compile")]
    const fn from_lengths(lengths: &[u8; 257]) -> Codes {
        let mut codes = Codes { groups: [Group { first: 0, count: 0, start: 0 }; 31], symbols: [0; 257] };
        let (mut code, mut index, mut length) = (0, 0, 1);
        while length < codes.groups.len() {
            codes.groups[length] = Group { first: code, count: 0, start: index };
            let mut symbol = 0;
            while symbol < lengths.len() {
                if lengths[symbol] as usize == length {
                    codes.symbols[index as usize] = symbol as u16;
                    codes.groups[length].count += 1;
                    index += 1;
                }
                symbol += 1;
            }
            code = (code + codes.groups[length].count) << 1;
            length += 1;
        }
        codes
    }
}

/// Length in bits of each byte's code, and of the end-of-string symbol's (appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(decoder: &mut Decoder, block: &[u8]) -> Vec<String> {
        let mut shown = Vec::new();
        decoder
            .block(block, |field, value| shown.push(format!("{field:?} {}", String::from_utf8_lossy(value))))
            .unwrap();
        shown
    }

    #[test]
    fn requests_of_rfc_7541_appendix_c_4_are_read_with_huffman_and_dynamic_table() {
        let mut decoder = Decoder::default();
        let first =
            [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(fields(&mut decoder, &first), ["Method GET", "Path /", "Authority www.example.com"]);
        let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
        assert_eq!(fields(&mut decoder, &second), ["Method GET", "Path /", "Authority www.example.com"]);
        let third = [
            0x82, 0x87, 0x85, 0xbf, 0x40, 0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f, 0x89, 0x25, 0xa8, 0x49,
            0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf,
        ];
        assert_eq!(fields(&mut decoder, &third), ["Method GET", "Path /index.html", "Authority www.example.com"]);
    }

    #[test]
    fn a_reference_to_nothing_and_an_endless_integer_are_damage() {
        assert_eq!(Decoder::default().block(&[0xbe], |_, _| ()), None);
        assert_eq!(Decoder::default().block(&[0xff, 0xff, 0xff, 0xff, 0xff], |_, _| ()), None);
    }
}

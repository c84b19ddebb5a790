//! Text and JSON appended piece by piece.
//!
//! A record is some hundred small values between pieces that never change. The pieces are constants, and numbers, times and
//! addresses are put down digit by digit, which is several times as fast as `fmt` and `serde` are.

use std::fmt::Display;
use std::io::Write as _;
use std::net::IpAddr;

use super::human::{Bytes, is_unprintable};
use super::json::{self, is_bare};
use crate::net::{Country, MacAddr, Timestamp};

/// Appends to bytes that are UTF-8 and stay it.
pub(super) struct Pen<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Pen<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Pen { out }
    }

    /// As it is.
    #[inline]
    pub(super) fn raw(&mut self, piece: &str) -> &mut Self {
        self.out.extend_from_slice(piece.as_bytes());
        self
    }

    /// ASCII as it is.
    pub(super) fn ascii(&mut self, text: &[u8]) -> &mut Self {
        self.out.extend_from_slice(text);
        self
    }

    /// In decimal digits.
    pub(super) fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        let number = number.into();
        let (mut rest, mut digits) = (number, [0; 20]);
        let width = number.checked_ilog10().map_or(1, |power| power as usize + 1);
        for place in digits.iter_mut().take(width).rev() {
            (*place, rest) = (b'0' + (rest % 10) as u8, rest / 10);
        }
        // All twenty are put down at once, which is cheaper than as many as there are.
        let end = self.out.len() + width;
        self.out.extend_from_slice(&digits);
        self.out.truncate(end);
        self
    }

    /// With a thin space between groups of three digits.
    pub(super) fn count(&mut self, number: u64) -> &mut Self {
        if number < 1000 {
            return self.number(number);
        }
        self.count(number / 1000).raw("\u{202f}");
        let below = number % 1000;
        for digit in [below / 100, below / 10 % 10, below % 10] {
            self.out.push(b'0' + digit as u8);
        }
        self
    }

    /// As [`Bytes`] has it.
    pub(super) fn bytes(&mut self, bytes: u64) -> &mut Self {
        match Bytes(bytes).rounded() {
            Some((whole, tenth, unit)) => {
                self.number(whole);
                if let Some(tenth) = tenth {
                    self.raw(".").number(tenth);
                }
                self.raw(unit)
            }
            None => self.display(Bytes(bytes)),
        }
    }

    pub(super) fn ip(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                self.number(a).raw(".").number(b).raw(".").number(c).raw(".").number(d)
            }
            IpAddr::V6(v6) => self.display(v6),
        }
    }

    /// RFC 3339.
    pub(super) fn time(&mut self, at: Timestamp) -> &mut Self {
        self.out.extend_from_slice(&at.rfc3339());
        self
    }

    /// In the form of ECS (RFC 7042).
    pub(super) fn mac(&mut self, mac: MacAddr) -> &mut Self {
        const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
        let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or_default();
        let mut text = [b'-'; 17];
        for (pair, octet) in text.chunks_mut(3).zip(mac.0) {
            pair.iter_mut().zip([digit(octet >> 4), digit(octet)]).for_each(|(place, digit)| *place = digit);
        }
        self.out.extend_from_slice(&text);
        self
    }

    pub(super) fn country(&mut self, country: Country) -> &mut Self {
        self.out.extend_from_slice(&country.code());
        self
    }

    /// What is seldom, or has no form of its own here.
    pub(super) fn display(&mut self, value: impl Display) -> &mut Self {
        // A Vec takes everything.
        let _ = write!(self.out, "{value}");
        self
    }

    /// Without control characters: see [`super::human::Printable`].
    pub(super) fn printable(&mut self, text: &str) -> &mut Self {
        if is_bare(text.as_bytes()) {
            return self.raw(text);
        }
        for character in text.chars() {
            let character = if is_unprintable(character) { '\u{fffd}' } else { character };
            self.raw(character.encode_utf8(&mut [0; 4]));
        }
        self
    }

    /// Several, with `separator` between them.
    pub(super) fn join<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        separator: &str,
        mut put: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(separator);
            }
            put(self, item);
        }
        self
    }

    /// `text` within the quotes of JSON.
    pub(super) fn inner(&mut self, text: &str) -> &mut Self {
        json::escape(text, self.out);
        self
    }

    /// `text` as JSON.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.raw("\"").inner(text).raw("\"")
    }

    /// What `say` appends, within the quotes of JSON.
    pub(super) fn said(&mut self, say: impl FnOnce(&mut Pen<'_>)) -> &mut Self {
        let begin = self.out.len();
        say(&mut Pen::new(self.out));
        json::escape_from(begin, self.out);
        self
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, flag: bool) -> &mut Self {
        self.raw(if flag { "true" } else { "false" })
    }

    /// `piece`, which ends with a key, and a text as JSON; nothing without one.
    pub(super) fn text_at(&mut self, piece: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.raw(piece).text(text),
            None => self,
        }
    }

    /// As [`Pen::text_at`], of a word of ours that needs no escape.
    pub(super) fn word_at(&mut self, piece: &str, word: Option<&str>) -> &mut Self {
        match word {
            Some(word) => self.raw(piece).raw("\"").raw(word).raw("\""),
            None => self,
        }
    }

    /// As [`Pen::text_at`], of a number.
    pub(super) fn number_at(&mut self, piece: &str, number: Option<impl Into<u64>>) -> &mut Self {
        match number {
            Some(number) => self.raw(piece).number(number),
            None => self,
        }
    }

    /// A list of texts as JSON.
    pub(super) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> &mut Self {
        self.raw("[")
            .join(texts, ",", |pen, text| {
                pen.text(text);
            })
            .raw("]")
    }

    /// An object any of whose fields may be absent: `fields` puts a comma before each.
    pub(super) fn object(&mut self, fields: impl FnOnce(&mut Pen<'_>)) -> &mut Self {
        self.raw("{");
        let begin = self.out.len();
        fields(&mut Pen::new(self.out));
        if self.out.get(begin) == Some(&b',') {
            self.out.remove(begin);
        }
        self.raw("}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::human::{Count, Printable};
    use super::*;
    use proptest::prelude::*;

    fn put(say: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut out = Vec::new();
        say(&mut Pen::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn values_are_put_as_fmt_and_serde_put_them(
            number in prop_oneof![any::<u64>(), 0u64..2_000_000, any::<u64>().prop_map(|n| n >> 20)],
            text in r#"[ -~\t\n"\\é日\u{7f}-\u{9f}\u{2028}\u{202e}\u{feff}]{0,40}"#,
            address: IpAddr, mac: [u8; 6],
        ) {
            prop_assert_eq!(put(|pen| { pen.number(number); }), number.to_string());
            prop_assert_eq!(put(|pen| { pen.count(number); }), Count(number).to_string());
            prop_assert_eq!(put(|pen| { pen.bytes(number); }), Bytes(number).to_string());
            prop_assert_eq!(put(|pen| { pen.ip(address); }), address.to_string());
            prop_assert_eq!(put(|pen| { pen.mac(MacAddr(mac)); }), MacAddr(mac).to_string());
            prop_assert_eq!(put(|pen| { pen.printable(&text); }), Printable(&text).to_string());
            let mut expected = Vec::new();
            json::write(&text, &mut expected);
            prop_assert_eq!(put(|pen| { pen.text(&text); }).into_bytes(), expected.clone());
            let said = put(|pen| { pen.raw("\"").said(|pen| { pen.raw(&text); }).raw("\""); });
            prop_assert_eq!(said.into_bytes(), expected);
        }

        #[test]
        fn sizes_at_the_edges_are_rounded_as_fmt_rounds(unit in 1u32..7, tenths in 0u64..10_000, off in -2i64..3) {
            let size = (10u64.pow(3 * unit - 2) / 2).saturating_mul(tenths).saturating_add_signed(off);
            prop_assert_eq!(put(|pen| { pen.bytes(size); }), Bytes(size).to_string());
        }
    }

    #[test]
    fn an_object_begins_with_its_first_field() {
        assert_eq!(
            put(|pen| {
                pen.object(|_| {});
            }),
            "{}"
        );
        let one = put(|pen| {
            pen.object(|pen| {
                pen.text_at(",\"a\":", None).number_at(",\"b\":", Some(1u32));
            });
        });
        assert_eq!(one, "{\"b\":1}");
        assert_eq!(
            put(|pen| {
                pen.texts(["a", "\""]);
            }),
            r#"["a","\""]"#
        );
    }
}

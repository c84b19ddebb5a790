//! Numbers and times for people.

use std::fmt;

use crate::net::Timestamp;

/// Bytes in decimal units: `517 B`, `24.0 MB`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Whole units, tenths of one where they are shown, and the unit; `None` where halves decide, which is for [`fmt`].
    pub(super) fn rounded(self) -> Option<(u64, Option<u64>, &'static str)> {
        let bytes = self.0;
        let (size, unit) = match bytes {
            0..1_000 => return Some((bytes, None, " B")),
            1_000..999_500 => (1_000, " kB"),
            999_500..999_500_000 => (1_000_000, " MB"),
            999_500_000..999_500_000_000 => (1_000_000_000, " GB"),
            999_500_000_000..=u64::MAX => return None,
        };
        let step = if bytes >= size / 100 * 9_995 { size } else { size / 10 };
        if bytes % step == step / 2 {
            return None;
        }
        let steps = (bytes + step / 2) / step;
        Some(if step == size { (steps, None, unit) } else { (steps / 10, Some(steps % 10), unit) })
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
        if self.0 < 1000 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut value = self.0 as f64 / 1000.0;
        let mut units = UNITS.iter();
        let mut unit = units.next().unwrap_or(&"");
        while value >= 999.5 {
            let Some(next) = units.next() else { break };
            (value, unit) = (value / 1000.0, next);
        }
        let decimals = if value >= 99.95 { 0 } else { 1 };
        f.pad(&format!("{value:.decimals$} {unit}"))
    }
}

/// A number with a thin space between groups of three digits.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push('\u{202f}');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// A moment to the second: `2025-11-12 06:15:03Z`.
#[derive(Clone, Copy, Debug)]
pub struct Moment(pub Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, _) = self.0.civil();
        f.pad(&format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z"))
    }
}

/// Text without control characters, so that no name can forge a line or move a terminal's cursor.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.chars().any(is_unprintable) {
            let clean: String = self.0.chars().map(|c| if is_unprintable(c) { '\u{fffd}' } else { c }).collect();
            f.pad(&clean)
        } else {
            f.pad(self.0)
        }
    }
}

/// Control characters, and the format characters that reorder or hide text.
pub(super) fn is_unprintable(c: char) -> bool {
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_short_and_never_print_a_thousand() {
        let printed: Vec<_> = [0, 999, 1000, 1499, 99_949, 99_951, 999_499, 999_500, 24_011_196, u64::MAX]
            .map(|bytes| Bytes(bytes).to_string())
            .into();
        let expected =
            ["0 B", "999 B", "1.0 kB", "1.5 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB", "24.0 MB", "18.4 EB"];
        assert_eq!(printed, expected);
        assert_eq!(Count(1_234_567).to_string(), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn a_name_cannot_forge_a_line_or_an_escape_sequence() {
        assert_eq!(Printable("a\nb\x1b[31m\u{202e}c").to_string(), "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
    }
}

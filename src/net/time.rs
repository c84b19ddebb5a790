//! Packet time: nanoseconds since the Unix epoch, printed as RFC 3339 in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A moment in packet time, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Arithmetic saturates, so no timestamp a capture can hold makes it panic. The range ends in the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch, and the smallest timestamp.
    pub const ZERO: Timestamp = Timestamp(0);
    /// The largest timestamp, 2554-07-21T23:34:33.709551615Z.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// From nanoseconds since the epoch.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Timestamp(nanos)
    }

    /// From seconds since the epoch and nanoseconds within the second; saturates.
    #[inline]
    #[must_use]
    pub const fn from_parts(seconds: u64, nanos: u32) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as u64))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[inline]
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Whole milliseconds since the epoch.
    #[inline]
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time elapsed since `earlier`; zero where `earlier` is later.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus `duration`; saturates.
    #[inline]
    #[must_use]
    pub const fn after(self, duration: Duration) -> Timestamp {
        let nanos = duration.as_nanos();
        let nanos = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 };
        Timestamp(self.0.saturating_add(nanos))
    }

    /// Calendar date and time of day in UTC: year, month, day, hour, minute, second, nanosecond.
    #[must_use]
    pub fn civil(self) -> (u64, u64, u64, u64, u64, u64, u64) {
        let seconds = self.as_secs();
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days, for days since 1970.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        (year, month, day, rest / 3_600, rest / 60 % 60, rest % 60, self.0 % 1_000_000_000)
    }
}

impl Timestamp {
    /// RFC 3339 in UTC with nine digits of fraction: `2025-09-03T08:15:00.000000000Z`.
    #[must_use]
    pub fn rfc3339(self) -> [u8; 30] {
        let (year, month, day, hour, minute, second, nanos) = self.civil();
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let fields =
            [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second), (20, 9, nanos)];
        for (begin, width, number) in fields {
            let mut rest = number;
            for place in text.iter_mut().skip(begin).take(width).rev() {
                (*place, rest) = (b'0' + (rest % 10) as u8, rest / 10);
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    /// As [`Timestamp::rfc3339`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.rfc3339()).unwrap_or_default())
    }
}

/// Why a text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date (2027-01-31) or a time in RFC 3339 (2027-01-31T18:00:00Z), from 1970 to 2554")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339 (section 5.6) with any offset and up to nine digits of fraction, or a date alone, which is its first
    /// moment in UTC. A leap second is the moment after.
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        parse(text).ok_or(TimestampError)
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let days = parse_date(date)?;
    if rest.is_empty() {
        return Some(Timestamp::from_parts(u64::try_from(days).ok()?.checked_mul(86_400)?, 0));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [hour, minute, second] = fields(clock, ":", &[23, 59, 60])?;
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, zone) = if digits > 0 { rest.split_at_checked(digits + 1)? } else { ("", rest) };
    let fraction = fraction.get(1..).unwrap_or_default();
    if fraction.len() > 9 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let [hours, minutes] = fields(zone, ":", &[23, 59])?;
            let seconds = (hours * 60 + minutes) * 60;
            if sign == "+" { seconds } else { (sign == "-").then_some(-seconds)? }
        }
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
    let nanos_all = u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(u64::from(nanos))?;
    Some(Timestamp(nanos_all))
}

/// Days since 1970 of a date that exists.
fn parse_date(text: &str) -> Option<i64> {
    let [year, month, day] = fields(text, "-", &[2554, 12, 31])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        2 => 28 + i64::from(leap),
        _ => 30,
    };
    if year < 1970 || month == 0 || day == 0 || day > last {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted / 400, shifted % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Numbers of fixed width between separators, none above its bound.
fn fields<const N: usize>(text: &str, separator: &str, most: &[i64; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, most) in numbers.iter_mut().zip(most) {
        let part = parts.next().filter(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))?;
        *number = part.parse().ok().filter(|number| number <= most)?;
    }
    parts.next().is_none().then_some(numbers)
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::known::parsed(deserializer)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_in_utc() {
        assert_eq!(Timestamp::ZERO.to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_parts(1_756_887_300, 5).to_string(), "2025-09-03T08:15:00.000000005Z");
        assert_eq!(Timestamp::from_parts(951_782_400, 0).to_string(), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn reads_what_it_prints_and_what_people_write() {
        for nanos in [0, 1, 951_782_400_000_000_000, 1_756_887_300_000_000_005, u64::MAX] {
            let moment = Timestamp::from_nanos(nanos);
            assert_eq!(moment.to_string().parse(), Ok(moment));
        }
        let read = |text: &str| text.parse::<Timestamp>().map(|moment| moment.to_string()).ok();
        assert_eq!(read("2027-01-31").as_deref(), Some("2027-01-31T00:00:00.000000000Z"));
        assert_eq!(read("2027-01-31T01:30:00+02:00").as_deref(), Some("2027-01-30T23:30:00.000000000Z"));
        assert_eq!(read("2024-02-29T00:00:00.25Z").as_deref(), Some("2024-02-29T00:00:00.250000000Z"));
        for wrong in [
            "",
            "2027",
            "2027-02-29",
            "2027-13-01",
            "2027-01-31T",
            "2027-01-31T25:00:00Z",
            "1969-12-31",
            "2027-01-31T00:00:00",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arithmetic_never_overflows() {
        assert_eq!(Timestamp::MAX.after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::from_parts(u64::MAX, u32::MAX), Timestamp::MAX);
    }
}

//! Moments as people type them: RFC 3339, or a date.

use crate::net::Timestamp;

const EXPECTED: &str = "expected a time such as 2026-03-01T08:30:00Z or 2026-03-01T09:30:00+01:00, or a date such as 2026-03-01 (UTC), from 1970 to 2261";

/// `2026-03-01`, or RFC 3339 section 5.6 with `Z` or an offset and up to nine digits of fraction.
pub(super) fn read(text: &str) -> Result<Timestamp, &'static str> {
    moment(text).ok_or(EXPECTED)
}

fn moment(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if !(1970..=2261).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let whole_years =
        (1970..year).map(|year| if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 366 } else { 365 });
    let days = whole_years.sum::<u64>() + lengths.iter().take(usize::try_from(month).ok()? - 1).sum::<u64>() + day - 1;
    let (seconds, nanos) = time.map_or(Some((0, 0)), of_day)?;
    let seconds = i64::try_from(days * 86_400).ok()?.checked_add(seconds)?;
    Some(Timestamp::from_parts(u64::try_from(seconds).ok()?, nanos))
}

/// Seconds since midnight in UTC, which an offset makes negative or more than a day, and nanoseconds.
fn of_day(text: &str) -> Option<(i64, u32)> {
    let at = text.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = text.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    let nanos = match fraction {
        None => 0,
        Some(digits) if is_digits(digits) && digits.len() <= 9 => format!("{digits:0<9}").parse().ok()?,
        Some(_) => return None,
    };
    let behind = match offset {
        "Z" | "z" => 0,
        offset => {
            let [hours, minutes] = fields(offset.get(1..)?, ':', [2, 2])?;
            let seconds = i64::try_from(hours * 3_600 + minutes * 60).ok()?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            if offset.starts_with('-') { -seconds } else { seconds }
        }
    };
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let seconds = i64::try_from(hour * 3_600 + minute * 60 + second).ok()?;
    is_time.then_some((seconds - behind, nanos))
}

/// Numbers of exactly so many digits.
fn fields<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_a_time_and_an_offset_are_understood() {
        let told = |text| read(text).unwrap().to_string();
        assert_eq!(told("2025-09-03"), "2025-09-03T00:00:00.000000000Z");
        assert_eq!(told("2024-02-29T23:59:59.5Z"), "2024-02-29T23:59:59.500000000Z");
        assert_eq!(told("2026-01-01T00:30:00+01:00"), "2025-12-31T23:30:00.000000000Z");
        assert_eq!(told("2025-12-31 23:30:00-01:00"), "2026-01-01T00:30:00.000000000Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["", "yesterday", "2025-13-01", "2025-02-29", "2025-9-3", "2025-09-03T08:15", "2025-09-03T25:00:00Z"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        for text in
            ["2025-09-03T08:15:00", "2025-09-03T08:15:00.Z", "2025-09-03T08:15:00Zx", "1969-12-31", "+025-01-01"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("1970-01-01T00:00:00+01:00").is_err(), "before the epoch");
    }
}

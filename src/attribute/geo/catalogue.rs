//! What the shipped data says of itself: `geoip/sources.tsv`, one line per file.
//!
//! `build.rs` includes this file too, to find the files and to hold their dates against the line.

/// One shipped file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shipped<'a> {
    /// Name of the data set.
    pub(crate) name: &'a str,
    /// What it is for: `country` or `asn`.
    pub(crate) role: &'a str,
    /// File name below `geoip/`.
    pub(crate) file: &'a str,
    /// Version of the package it came from.
    pub(crate) version: &'a str,
    /// Day it was made, `YYYY-MM-DD`.
    pub(crate) date: &'a str,
    /// Licence.
    pub(crate) licence: &'a str,
    /// Line the licence asks to be shown.
    pub(crate) attribution: &'a str,
    /// Where it is from.
    pub(crate) url: &'a str,
}

/// Rows of `geoip/sources.tsv`; lines without exactly eight columns are none.
pub(crate) fn shipped(text: &str) -> impl Iterator<Item = Shipped<'_>> {
    text.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next();
        let row = Shipped {
            name: next()?,
            role: next()?,
            file: next()?,
            version: next()?,
            date: next()?,
            licence: next()?,
            attribution: next()?,
            url: next()?,
        };
        next().is_none().then_some(row)
    })
}

/// The day, `YYYY-MM-DD`, of a number of seconds since 1970 (civil calendar, UTC).
pub(crate) fn day_of_epoch(epoch_s: u64) -> String {
    // Days to civil date over 400-year eras that begin on 1 March 0000.
    let days = epoch_s / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

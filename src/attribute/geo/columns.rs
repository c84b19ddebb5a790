//! Address ranges as sorted columns: the one form every database takes, whatever file it came from.
//!
//! A [`Table`] is ranges that point at rows; a row is a number and a text (country: 0 and the code; network: the AS
//! number and its organisation). Row 0 is "nothing known". IPv4 starts are a `u32` column. Nearly all IPv6
//! boundaries fall on a /64, so IPv6 is a `u64` column of upper halves; the few /64s that are divided are marked
//! [`DIVIDED`] there and answered by a small `u128` column. Each column has a jump index.
//!
//! `build.rs` includes this file too: it encodes the shipped tables and the library decodes them, so it stands on
//! `std` alone.

use std::collections::HashMap;

/// Row of an address nothing is known about.
pub(crate) const UNKNOWN: u32 = 0;
/// Marks a /64 whose parts have different rows.
const DIVIDED: u32 = u32::MAX;
const BUCKETS: usize = 1 << 16;
/// Text of all rows; the 81,276 organisations of the Internet take 2 MiB.
const TEXT_LIMIT_BYTES: usize = 128 << 20;

/// An address, or half of one, as a sorted column holds it.
pub(crate) trait Key: Copy + Ord + Default {
    /// Bytes of the encoded form.
    const WIDTH: usize;
    /// Bits that tell the buckets of a fine table apart.
    const FINE_BITS: u32;
    /// The first 16 bits.
    fn bucket(self) -> usize;
    /// The [`Key::FINE_BITS`] bits after them.
    fn fine(self) -> usize;
    /// The next key, or none after the last.
    fn next(self) -> Option<Self>;
    /// Appends `self - before`, little-endian.
    fn write_step(self, before: Self, out: &mut Vec<u8>);
    /// The inverse of [`Key::write_step`].
    fn read_step(before: Self, bytes: &[u8]) -> Option<Self>;
}

macro_rules! key {
    ($type:ty, $fine_bits:literal) => {
        impl Key for $type {
            const WIDTH: usize = size_of::<$type>();
            const FINE_BITS: u32 = $fine_bits;

            fn bucket(self) -> usize {
                (self >> (<$type>::BITS - 16)) as usize
            }

            fn fine(self) -> usize {
                ((self << 16) >> (<$type>::BITS - Self::FINE_BITS)) as usize
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn write_step(self, before: Self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.wrapping_sub(before).to_le_bytes());
            }

            fn read_step(before: Self, bytes: &[u8]) -> Option<Self> {
                before.checked_add(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    };
}

// /24 and /28: allocations are seldom smaller than the next few bits tell apart.
key!(u32, 8);
key!(u64, 12);
key!(u128, 12);

/// Rows by first key; each range reaches to the next start.
///
/// The bucket of a key's first 16 bits says which starts to search. Where it holds many (half of IPv6 lies in a few
/// /16s), a finer table over the key's next bits does; such a table takes at most 8 bytes per start.
#[derive(Debug)]
struct Column<K> {
    starts: Vec<K>,
    rows: Vec<u32>,
    /// Where each bucket's starts begin, and the end of the last.
    jumps: Vec<u32>,
    /// By bucket: number of its fine table, from 1; 0 for none.
    fine_of: Vec<u16>,
    /// The fine tables, each as `jumps`.
    fine_jumps: Vec<u32>,
}

impl<K: Key> Column<K> {
    const FINE_BUCKETS: usize = 1 << K::FINE_BITS;

    fn new(starts: Vec<K>, rows: Vec<u32>) -> Self {
        let mut jumps = Vec::with_capacity(BUCKETS + 1);
        push_jumps(&mut jumps, BUCKETS, 0, starts.iter().map(|start| start.bucket()));
        let mut column = Column { starts, rows, jumps, fine_of: vec![0; BUCKETS], fine_jumps: Vec::new() };
        column.refine();
        column
    }

    fn refine(&mut self) {
        let mut tables = 0_u16;
        for (bounds, table) in self.jumps.windows(2).zip(&mut self.fine_of) {
            let [first, end] = *bounds else { continue };
            let group = self.starts.get(first as usize..end as usize).unwrap_or_default();
            if group.len() >= Self::FINE_BUCKETS / 2 && tables < u16::MAX {
                tables += 1;
                *table = tables;
                push_jumps(&mut self.fine_jumps, Self::FINE_BUCKETS, first, group.iter().map(|start| start.fine()));
            }
        }
    }

    fn row(&self, key: K) -> u32 {
        self.find(key).unwrap_or(UNKNOWN)
    }

    fn find(&self, key: K) -> Option<u32> {
        let bucket = key.bucket();
        let (jumps, at) = match usize::from(*self.fine_of.get(bucket)?).checked_sub(1) {
            None => (&self.jumps, bucket),
            Some(table) => (&self.fine_jumps, table * (Self::FINE_BUCKETS + 1) + key.fine()),
        };
        let (first, end) = (*jumps.get(at)? as usize, *jumps.get(at + 1)? as usize);
        let inside = self.starts.get(first..end)?.partition_point(|start| *start <= key);
        self.rows.get((first + inside).checked_sub(1)?).copied()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.starts.len() as u32).to_le_bytes());
        let mut before = K::default();
        for start in &self.starts {
            start.write_step(before, out);
            before = *start;
        }
        write_numbers(&self.rows, out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let count = from.number()? as usize;
        let mut before = K::default();
        let steps = from.take(count.checked_mul(K::WIDTH)?)?;
        let mut starts = Vec::with_capacity(count);
        for step in steps.chunks_exact(K::WIDTH) {
            before = K::read_step(before, step)?;
            starts.push(before);
        }
        Some(Column::new(starts, from.numbers(count)?))
    }
}

/// Appends where the starts of each bucket begin, and their end; `buckets_of` are ascending, the first start's place is
/// `first`.
fn push_jumps(jumps: &mut Vec<u32>, buckets: usize, first: u32, buckets_of: impl Iterator<Item = usize>) {
    let begin = jumps.len();
    let mut place = first;
    for bucket in buckets_of {
        // Most starts share their bucket with the one before.
        if bucket >= jumps.len() - begin {
            jumps.resize(begin + bucket + 1, place);
        }
        place += 1;
    }
    jumps.resize(begin + buckets + 1, place);
}

/// A range begins before the one given last, lies inside it, or ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

/// Collects ascending ranges into the starts and rows of a column; equal neighbours become one.
///
/// Where a range begins before its predecessor ended, the later start wins.
#[derive(Debug, Default)]
struct Runs<K> {
    starts: Vec<K>,
    rows: Vec<u32>,
    latest: Option<(K, K)>,
}

impl<K: Key> Runs<K> {
    fn push(&mut self, first: K, last: K, row: u32) -> Result<(), OutOfOrder> {
        if first > last || self.latest.is_some_and(|latest| latest.0 >= first || latest.1 >= last) {
            return Err(OutOfOrder);
        }
        let uncovered = self.latest.map_or(Some(K::default()), |latest| latest.1.next());
        if let Some(uncovered) = uncovered.filter(|uncovered| *uncovered < first) {
            self.start(uncovered, UNKNOWN);
        }
        self.start(first, row);
        self.latest = Some((first, last));
        Ok(())
    }

    fn start(&mut self, first: K, row: u32) {
        if self.rows.last() != Some(&row) {
            self.starts.push(first);
            self.rows.push(row);
        }
    }

    fn finish(mut self) -> (Vec<K>, Vec<u32>) {
        if let Some(uncovered) = self.latest.map_or(Some(K::default()), |latest| latest.1.next()) {
            self.start(uncovered, UNKNOWN);
        }
        (self.starts, self.rows)
    }
}

/// Splits IPv6 runs into a column of upper halves and a column of the divided /64s.
fn split(starts: &[u128], rows: &[u32]) -> (Column<u64>, Column<u128>) {
    let (mut halves, mut divided) = (Runs::<u64>::default(), Runs::<u128>::default());
    let entries: Vec<(u128, u32)> = starts.iter().copied().zip(rows.iter().copied()).collect();
    let mut before = UNKNOWN;
    let mut reached = Some(0_u64);
    for group in entries.chunk_by(|a, b| a.0 >> 64 == b.0 >> 64) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let half = (first.0 >> 64) as u64;
        if let Some(reached) = reached.filter(|reached| *reached < half) {
            halves.start(reached, before);
        }
        if last.0 as u64 == 0 {
            halves.start(half, last.1);
        } else {
            if first.0 as u64 != 0 {
                divided.start(u128::from(half) << 64, before);
            }
            group.iter().for_each(|(start, row)| divided.start(*start, *row));
            halves.start(half, DIVIDED);
        }
        before = last.1;
        reached = half.checked_add(1);
    }
    if let Some(reached) = reached {
        halves.start(reached, before);
    }
    (Column::new(halves.starts, halves.rows), Column::new(divided.starts, divided.rows))
}

/// Ranges of both IP versions and the rows they point at.
#[derive(Debug)]
pub(crate) struct Table {
    v4: Column<u32>,
    v6: Column<u64>,
    v6_divided: Column<u128>,
    rows: Rows,
}

impl Table {
    /// Row of an IPv4 address.
    pub(crate) fn row_v4(&self, address: u32) -> u32 {
        self.v4.row(address)
    }

    /// Row of an IPv6 address.
    pub(crate) fn row_v6(&self, address: u128) -> u32 {
        match self.v6.row((address >> 64) as u64) {
            DIVIDED => self.v6_divided.row(address),
            row => row,
        }
    }

    /// Every IPv4 range, ascending: its first and last address, and its row.
    pub(crate) fn ranges_v4(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let ends = self.v4.starts.iter().skip(1).map(|next| next - 1).chain([u32::MAX]);
        self.v4.starts.iter().zip(ends).zip(&self.v4.rows).map(|((first, last), row)| (*first, last, *row))
    }

    /// Every IPv6 range by the upper halves of its addresses, ascending but for those that divide a /64, which come last.
    pub(crate) fn ranges_v6(&self) -> impl Iterator<Item = (u64, u64, u32)> {
        let ends = self.v6.starts.iter().skip(1).map(|next| next - 1).chain([u64::MAX]);
        let whole = self.v6.starts.iter().zip(ends).zip(&self.v6.rows).map(|((first, last), row)| (*first, last, *row));
        let halves = self.v6_divided.starts.iter().map(|start| (start >> 64) as u64);
        // The last part of a divided /64 may reach no further: the whole ones begin anew behind it.
        whole
            .filter(|(_, _, row)| *row != DIVIDED)
            .chain(halves.zip(&self.v6_divided.rows).map(|(half, row)| (half, half, *row)))
    }

    /// Number and text of a row.
    pub(crate) fn entry(&self, row: u32) -> (u32, &str) {
        self.rows.entry(row as usize).unwrap_or_default()
    }

    /// Number of rows, the unknown one included.
    pub(crate) fn row_count(&self) -> u32 {
        self.rows.numbers.len() as u32
    }

    /// Number of ranges after equal neighbours became one, unknown ones included.
    pub(crate) fn range_count(&self) -> usize {
        self.v4.starts.len() + self.v6.starts.len() + self.v6_divided.starts.len()
    }

    /// First addresses of the ranges, for tests that look at every boundary.
    #[cfg(test)]
    pub(crate) fn starts(&self) -> (Vec<u32>, Vec<u128>) {
        let halves = self.v6.starts.iter().map(|half| u128::from(*half) << 64);
        (self.v4.starts.clone(), halves.chain(self.v6_divided.starts.iter().copied()).collect())
    }

    /// The encoded form, for [`Table::decode`].
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.v4.write(&mut out);
        self.v6.write(&mut out);
        self.v6_divided.write(&mut out);
        self.rows.write(&mut out);
        out
    }

    /// Reads what [`Table::encode`] wrote; none where the bytes are not that.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Bytes(bytes);
        let v4 = Column::read(&mut from)?;
        let v6 = Column::read(&mut from)?;
        let v6_divided = Column::read(&mut from)?;
        let rows = Rows::read(&mut from)?;
        from.0.is_empty().then_some(Table { v4, v6, v6_divided, rows })
    }
}

/// Numbers and texts by row; the texts lie in one arena.
#[derive(Debug, Default)]
struct Rows {
    numbers: Vec<u32>,
    text_ends: Vec<u32>,
    text: String,
}

impl Rows {
    fn push(&mut self, number: u32, text: &str) {
        self.numbers.push(number);
        self.text.push_str(text);
        self.text_ends.push(self.text.len() as u32);
    }

    fn entry(&self, row: usize) -> Option<(u32, &str)> {
        let first = match row.checked_sub(1) {
            Some(before) => *self.text_ends.get(before)? as usize,
            None => 0,
        };
        let end = *self.text_ends.get(row)? as usize;
        Some((*self.numbers.get(row)?, self.text.get(first..end)?))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.numbers.len() as u32).to_le_bytes());
        write_numbers(&self.numbers, out);
        write_numbers(&self.text_ends, out);
        out.extend_from_slice(&(self.text.len() as u32).to_le_bytes());
        out.extend_from_slice(self.text.as_bytes());
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let count = from.number()? as usize;
        let (numbers, text_ends) = (from.numbers(count)?, from.numbers(count)?);
        let length = from.number()? as usize;
        let text = String::from_utf8(from.take(length)?.to_vec()).ok()?;
        Some(Rows { numbers, text_ends, text })
    }
}

/// More rows than 32 bits can number, or more text than [`TEXT_LIMIT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyRows;

/// Collects rows and ascending ranges into a [`Table`].
#[derive(Debug)]
pub(crate) struct TableBuilder {
    v4: Runs<u32>,
    v6: Runs<u128>,
    rows: Rows,
    known: HashMap<(u32, String), u32>,
}

impl TableBuilder {
    /// An empty table: every address is unknown.
    pub(crate) fn new() -> Self {
        let mut rows = Rows::default();
        rows.push(0, "");
        let known = HashMap::from([((0, String::new()), UNKNOWN)]);
        TableBuilder { v4: Runs::default(), v6: Runs::default(), rows, known }
    }

    /// The row of a number and a text, made on first sight.
    pub(crate) fn row(&mut self, number: u32, text: &str) -> Result<u32, TooManyRows> {
        let key = (number, text.to_owned());
        if let Some(row) = self.known.get(&key) {
            return Ok(*row);
        }
        let row = u32::try_from(self.rows.numbers.len()).ok().filter(|row| *row < DIVIDED).ok_or(TooManyRows)?;
        if self.rows.text.len() + text.len() > TEXT_LIMIT_BYTES {
            return Err(TooManyRows);
        }
        self.rows.push(number, text);
        self.known.insert(key, row);
        Ok(row)
    }

    /// Adds an IPv4 range, first and last address included; ranges come in ascending order.
    pub(crate) fn push_v4(&mut self, first: u32, last: u32, row: u32) -> Result<(), OutOfOrder> {
        self.v4.push(first, last, row)
    }

    /// Adds an IPv6 range, first and last address included; ranges come in ascending order.
    pub(crate) fn push_v6(&mut self, first: u128, last: u128, row: u32) -> Result<(), OutOfOrder> {
        self.v6.push(first, last, row)
    }

    /// The finished table.
    pub(crate) fn finish(self) -> Table {
        let (starts, rows) = self.v4.finish();
        let v4 = Column::new(starts, rows);
        let (starts, rows) = self.v6.finish();
        let (v6, v6_divided) = split(&starts, &rows);
        Table { v4, v6, v6_divided, rows: self.rows }
    }
}

fn write_numbers(numbers: &[u32], out: &mut Vec<u8>) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

/// Bytes not yet read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u32>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        let mut numbers = Vec::with_capacity(count);
        numbers.extend(bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)));
        Some(numbers)
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;

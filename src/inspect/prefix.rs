//! The contiguous beginning of one direction, from segments in any order.

/// Bytes of a direction that are looked at.
pub(super) const MOST_BYTES: usize = 16 << 10;

/// Stretches beyond a gap that are remembered.
const MOST_STRETCHES: usize = 8;

/// The first bytes of a direction. Bytes that came first stand; later ones for the same place are ignored.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    bytes: Vec<u8>,
    /// Bytes known from the beginning on.
    whole: usize,
    /// Known stretches behind the first gap, as (start, end).
    stretches: [(usize, usize); MOST_STRETCHES],
    stretch_count: usize,
}

impl Prefix {
    /// With room for all it will ever hold.
    pub(super) fn new() -> Self {
        Prefix { bytes: Vec::with_capacity(MOST_BYTES), ..Prefix::default() }
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.whole, self.stretch_count) = (0, 0);
    }

    /// The beginning known so far.
    pub(super) fn whole(&self) -> &[u8] {
        self.bytes.get(..self.whole).unwrap_or_default()
    }

    /// Adds a segment; true where the known beginning has grown.
    pub(super) fn add(&mut self, offset: usize, segment: &[u8]) -> bool {
        let end = offset.saturating_add(segment.len()).min(MOST_BYTES);
        if end <= self.whole || offset >= end {
            return false;
        }
        if offset > self.whole {
            self.keep_beyond_gap(offset, end, segment);
            return false;
        }
        self.write(self.whole, end, offset, segment);
        self.whole = end;
        self.join();
        true
    }

    fn keep_beyond_gap(&mut self, offset: usize, end: usize, segment: &[u8]) {
        let Some(place) = self.stretches.get_mut(self.stretch_count) else { return };
        *place = (offset, end);
        self.stretch_count += 1;
        self.write(offset, end, offset, segment);
    }

    /// Writes bytes `from..end` of the direction out of `segment`, which begins at `offset`, where none are known.
    fn write(&mut self, from: usize, end: usize, offset: usize, segment: &[u8]) {
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let known = self.stretches.get(..self.stretch_count).unwrap_or_default();
        let is_last_known = |&(start, stop): &(usize, usize)| (start, stop) == (offset, end);
        for at in from..end {
            let taken =
                known.iter().filter(|range| !is_last_known(range)).any(|&(start, stop)| (start..stop).contains(&at));
            if let (false, Some(place), Some(&byte)) = (taken, self.bytes.get_mut(at), segment.get(at - offset)) {
                *place = byte;
            }
        }
    }

    /// Takes up stretches the beginning has reached.
    fn join(&mut self) {
        let mut index = 0;
        while let Some(&(start, end)) = self.stretches.get(..self.stretch_count).and_then(|all| all.get(index)) {
            if start > self.whole {
                index += 1;
                continue;
            }
            self.whole = self.whole.max(end);
            self.stretches.copy_within(index + 1..self.stretch_count, index);
            self.stretch_count -= 1;
            index = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_in_any_order_give_the_same_beginning(
            len in 1usize..3000, cuts in prop::collection::btree_set(1usize..3000, 0..7), order in any::<u64>(),
        ) {
            let bytes: Vec<u8> = (0..len).map(|n| n as u8 ^ (n >> 8) as u8).collect();
            let mut edges: Vec<usize> = cuts.into_iter().filter(|&cut| cut < len).collect();
            edges.push(len);
            let mut start = 0;
            let mut segments: Vec<(usize, usize)> = edges.into_iter().map(|end| { let s = (start, end); start = end; s }).collect();
            segments.sort_by_key(|&(start, _)| (start as u64 + 1).wrapping_mul(order | 1));
            let mut prefix = Prefix::default();
            for &(start, end) in segments.iter().chain(&segments) {
                prefix.add(start, &bytes[start..end]);
                prop_assert!(bytes.starts_with(prefix.whole()));
            }
            prop_assert_eq!(prefix.whole(), &bytes[..]);
        }
    }

    #[test]
    fn the_first_bytes_for_a_place_stand() {
        let mut prefix = Prefix::default();
        prefix.add(2, b"CD");
        prefix.add(0, b"abxx");
        prefix.add(0, b"zzzz");
        assert_eq!(prefix.whole(), b"abCD");
    }
}

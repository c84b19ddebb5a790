//! Which bytes of a datagram have come.

/// Most separate ranges of one datagram: more means fragments so tiny or so scattered that nobody honest sent them.
pub(super) const MAX_RANGES: usize = 32;

/// Disjoint ranges that do not touch, in order; of each the first byte and the one behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ranges {
    items: [(u32, u32); MAX_RANGES],
    len: usize,
}

impl Ranges {
    pub(super) const EMPTY: Ranges = Ranges { items: [(0, 0); MAX_RANGES], len: 0 };

    fn as_slice(&self) -> &[(u32, u32)] {
        self.items.get(..self.len).unwrap_or_default()
    }

    /// Adds `start..end`, and says whether part of it was there; `None` where there are too many ranges.
    pub(super) fn cover(&mut self, start: u32, end: u32) -> Option<bool> {
        let is_overlapping = self.as_slice().iter().any(|&(from, to)| from < end && start < to);
        let mut merged = Ranges::EMPTY;
        let (mut start, mut end, mut is_placed) = (start, end, false);
        for &(from, to) in self.as_slice() {
            if to < start {
                merged.push((from, to))?;
            } else if from > end {
                if !is_placed {
                    merged.push((start, end))?;
                    is_placed = true;
                }
                merged.push((from, to))?;
            } else {
                (start, end) = (start.min(from), end.max(to));
            }
        }
        if !is_placed {
            merged.push((start, end))?;
        }
        *self = merged;
        Some(is_overlapping)
    }

    fn push(&mut self, range: (u32, u32)) -> Option<()> {
        *self.items.get_mut(self.len)? = range;
        self.len += 1;
        Some(())
    }

    /// The first part of `start..end` that is missing.
    pub(super) fn gap(&self, mut start: u32, end: u32) -> Option<(u32, u32)> {
        for &(from, to) in self.as_slice() {
            if start < from {
                return (start < end).then_some((start, end.min(from)));
            }
            start = start.max(to);
        }
        (start < end).then_some((start, end))
    }

    /// True where byte 0 is missing.
    pub(super) fn first_is_missing(&self) -> bool {
        self.as_slice().first().is_none_or(|&(from, _)| from != 0)
    }

    /// The byte behind the last.
    pub(super) fn end(&self) -> u32 {
        self.as_slice().last().map_or(0, |&(_, to)| to)
    }

    /// True for exactly `0..total`.
    pub(super) fn is_just(&self, total: u32) -> bool {
        self.as_slice() == [(0, total)]
    }
}

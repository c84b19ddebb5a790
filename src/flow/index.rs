//! A fixed-size hash index from flow hash to slot number: open addressing, linear probing, backward-shift deletion.
//!
//! Each bucket is one word: 32 bits of hash and the slot number plus one, so eight buckets share a cache line and a
//! probe compares hashes before it touches a slot. There are at least two buckets per slot; nothing ever grows.

/// The index. Which slots a hash may mean is asked with a closure that compares keys.
#[derive(Debug)]
pub(super) struct Index {
    buckets: Vec<u64>,
    mask: usize,
}

impl Index {
    /// An index for at most `slots` entries.
    pub(super) fn new(slots: usize) -> Self {
        let buckets = (slots.max(1) * 2).next_power_of_two();
        Index { buckets: vec![0; buckets], mask: buckets - 1 }
    }

    /// The first bucket of a hash: reading it brings its neighbours into the cache, too.
    #[inline]
    pub(super) fn warm(&self, hash: u32) -> u64 {
        self.buckets.get(hash as usize & self.mask).copied().unwrap_or_default()
    }

    /// The slot with hash `hash` for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut place = hash as usize & self.mask;
        loop {
            let bucket = *self.buckets.get(place)?;
            if bucket == 0 {
                return None;
            }
            if (bucket >> 32) as u32 == hash && is_it(bucket as u32 - 1) {
                return Some(bucket as u32 - 1);
            }
            place = (place + 1) & self.mask;
        }
    }

    /// Adds a slot that is not in the index yet.
    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        let mut place = hash as usize & self.mask;
        while let Some(bucket) = self.buckets.get_mut(place) {
            if *bucket == 0 {
                *bucket = u64::from(hash) << 32 | u64::from(slot + 1);
                return;
            }
            place = (place + 1) & self.mask;
        }
    }

    /// Takes a slot out, and closes the gap so that no probe stops early.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let wanted = u64::from(hash) << 32 | u64::from(slot + 1);
        let mut gap = hash as usize & self.mask;
        while let Some(&bucket) = self.buckets.get(gap) {
            match bucket {
                0 => return,
                found if found == wanted => break,
                _ => gap = (gap + 1) & self.mask,
            }
        }
        let mut place = (gap + 1) & self.mask;
        while let Some(&bucket) = self.buckets.get(place) {
            if bucket == 0 {
                break;
            }
            let home = (bucket >> 32) as usize & self.mask;
            if place.wrapping_sub(home) & self.mask >= place.wrapping_sub(gap) & self.mask {
                self.set(gap, bucket);
                gap = place;
            }
            place = (place + 1) & self.mask;
        }
        self.set(gap, 0);
    }

    fn set(&mut self, place: usize, bucket: u64) {
        if let Some(old) = self.buckets.get_mut(place) {
            *old = bucket;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few hash values make long probe runs and wrap-around.
        #[test]
        fn agrees_with_a_map_under_any_insertions_and_removals(steps in prop::collection::vec((0u32..40, any::<bool>()), 0..400)) {
            let mut index = Index::new(16);
            let mut model = BTreeMap::new();
            for (n, add) in steps {
                let (slot, hash) = (n % 16, (n % 16) * 7 % 5 + 29);
                if add && !model.contains_key(&slot) {
                    index.insert(hash, slot);
                    model.insert(slot, hash);
                } else if model.remove(&slot).is_some() {
                    index.remove(hash, slot);
                }
                for slot in 0..16 {
                    let hash = slot * 7 % 5 + 29;
                    prop_assert_eq!(index.find(hash, |found| found == slot).is_some(), model.contains_key(&slot));
                }
            }
        }
    }
}

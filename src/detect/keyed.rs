//! Hashes of keys that whoever sends packets may choose: keyed, so that nobody can aim at one bucket, and a few
//! multiplications each.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes hashers of one random key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed {
    begin: u64,
    factors: [u64; 2],
}

impl Default for Keyed {
    fn default() -> Self {
        let random = RandomState::new();
        Keyed { begin: random.hash_one(0), factors: [random.hash_one(1) | 1, random.hash_one(2) | 1] }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding { state: self.begin, factors: self.factors }
    }
}

/// Folds the 128 bits of a product into 64 for every word, as foldhash and wyhash do.
pub(super) struct Folding {
    state: u64,
    factors: [u64; 2],
}

impl Folding {
    #[inline]
    fn word(&mut self, word: u64) {
        self.state = fold(self.state ^ word, self.factors[0]);
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Hasher for Folding {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            self.word(u64::from_le_bytes(last));
        }
        // A text that ends with zeros is another than one that ends before them.
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.word(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.word(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.word(number);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, self.factors[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_keys_spread_and_no_two_keys_of_the_hasher_agree() {
        let (one, other) = (Keyed::default(), Keyed::default());
        let mut buckets = [0u32; 64];
        for number in 0..64_000u32 {
            buckets[(one.hash_one((number, "key")) >> 58) as usize] += 1;
            assert_ne!(one.hash_one((number, "key")), other.hash_one((number, "key")));
        }
        assert!(buckets.iter().all(|count| (800..1200).contains(count)), "{buckets:?}");
        assert_ne!(one.hash_one("a"), one.hash_one("a\0"));
    }
}

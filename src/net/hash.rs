//! Hashes of keys that come from the network, for maps that are asked very often.

/// Keyed at random, so that nobody can aim at one bucket, and much cheaper than the hash of `std`.
pub type Keyed = foldhash::fast::RandomState;

/// A map by such a hash.
pub type Map<K, V> = std::collections::HashMap<K, V, Keyed>;

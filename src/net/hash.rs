//! Maps that are asked very often, by keys that come from the network.

/// A map whose hash is keyed at random, so that nobody can aim at one bucket, and cheaper than that of `std`.
pub type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

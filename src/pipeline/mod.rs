//! The stages wired together, without threads and without input or output of its own.
//!
//! ```text
//! batch ──▸ Front: filter, decode, hash ──▸ Shard × N: flows ──▸ Judge: attribute, detect ──▸ outputs
//! ```
//!
//! Decoding happens once and in capture order, because fragments and duplicates are matters of the whole capture. What
//! it yields is dealt to shards by flow hash. Shards hand on flow updates; the judge puts them into one order.

mod front;
mod judge;
mod shard;

pub use front::{Covered, Front, FrontCounters, Prepared, Seen, Sighting};
pub use judge::Judge;
pub use shard::Shard;

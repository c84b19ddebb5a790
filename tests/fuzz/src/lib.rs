//! What must hold of any input: one module per fuzz target, each with a function `check` that panics where it does not.
//!
//! Two programs run them: the fuzzer (`fuzz_targets`), and `tests/fuzz_corpus.rs` of the main package over the committed
//! corpora and over every input that once broke something.

pub mod announce;
pub mod config;
pub mod conversation;
pub mod decoder;
pub mod dialogue;
pub mod flow_table;
mod input;
pub mod mmdb;
pub mod reader;
pub mod readers;
pub mod reassembly;
pub mod replay;

/// A target: its name and its check.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 11] = [
    ("announce", announce::check),
    ("config", config::check),
    ("conversation", conversation::check),
    ("decoder", decoder::check),
    ("dialogue", dialogue::check),
    ("flow_table", flow_table::check),
    ("mmdb", mmdb::check),
    ("reader", reader::check),
    ("readers", readers::check),
    ("reassembly", reassembly::check),
    ("replay", replay::check),
];

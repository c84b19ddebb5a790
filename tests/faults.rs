//! The whole way from a capture to receivers that keep what they get, while everything that can fail does: outputs that are
//! down, slow or come and go, a killed process, a full or read-only disk, a damaged journal. Each test prints how many
//! alerts were created, delivered, doubled, lost (never one) and delivered out of order (never one).
//!
//! What a capture makes and which harm is done when follows from fixed seeds; `faults/README.md` has the long form.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]
#![expect(clippy::print_stdout, reason = "a test prints its figures, and why it is skipped")]
#![expect(clippy::disallowed_methods, reason = "a test gives up after a while, and measures")]

#[path = "faults/damage.rs"]
mod damage;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/kills.rs"]
mod kills;
#[path = "faults/kit.rs"]
mod kit;
#[path = "faults/outputs.rs"]
mod outputs;
#[path = "faults/receiver.rs"]
mod receiver;
#[path = "faults/throughput.rs"]
mod throughput;

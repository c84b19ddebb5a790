//! The daemon on interfaces, as on a span port: each test makes a network namespace with virtual cables, replays captures
//! into one end and has `borderflow monitor` listen at the other.
//!
//! They need Linux, root, and tcpreplay, tcpdump and ip (packaging/peers.sh fetches them); without, each says why it is
//! skipped. `live/README.md` says what is shown where, and has the long form.

#![cfg(target_os = "linux")]
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test says where it fails")]
#![expect(clippy::print_stdout, reason = "a test prints its figures, and why it is skipped")]
#![expect(clippy::disallowed_methods, reason = "a test gives up after a while, and measures")]

#[path = "live/capture.rs"]
mod capture;
#[path = "live/clock.rs"]
mod clock;
#[path = "live/daemon.rs"]
mod daemon;
#[path = "live/delay.rs"]
mod delay;
#[path = "live/interfaces.rs"]
mod interfaces;
#[path = "live/life.rs"]
mod life;
#[path = "live/loss.rs"]
mod loss;
#[path = "live/memory.rs"]
mod memory;
#[path = "live/network.rs"]
mod network;
#[path = "live/own.rs"]
mod own;
#[path = "live/power.rs"]
mod power;
#[path = "live/records.rs"]
mod records;
#[path = "live/reload.rs"]
mod reload;
#[path = "live/same.rs"]
mod same;
#[path = "live/tools.rs"]
mod tools;

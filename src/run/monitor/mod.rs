//! The daemon: interfaces in, alerts out, for as long as it is left alone.
//!
//! ```text
//! interfaces ──handles──▸ shard × N: read ▸ decode ▸ flow ──updates──▸ judge ──alerts──▸ journal ──▸ outputs
//!                              ▲ ╰─ what belongs to another shard ─╯
//! supervisor: signals, watchdog, reload, loss, status ──▸ metrics
//! ```
//!
//! Each is a thread. Everything that needs power happens first: handles are opened, the metrics endpoint is bound. Then the
//! process becomes the user it is to be, one thread keeps the capability to open interfaces again, and the main thread is
//! confined ([`super::sandbox`]) before it starts all the others, which inherit that.

mod clock;
mod interfaces;
mod judge;
mod loss;
mod memory;
mod news;
mod order;
mod reload;
mod report;
mod shard;
mod start;
mod supervisor;

pub use memory::memory_limit;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::capture::live::LiveError;
use crate::config::Config;
use crate::encode::Format;

use super::log::Logging;
use super::sandbox::SandboxError;
use super::{AttributorError, DeliveriesError};

/// What to monitor, and how, beside what the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    /// The configuration's file as it was named, and what overrides it: to read it again.
    pub source: (Option<PathBuf>, Vec<String>),
    /// How alerts are written to standard output, where no output is configured; `None`: text on a terminal, ECS elsewhere.
    pub format: Option<Format>,
}

/// Why the daemon could not begin.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Nothing to listen to.
    #[error(
        "no interface to listen to: name one with -i, or in [capture] interfaces; the interfaces here: {}", .known.join(", ")
    )]
    NoInterface {
        /// Those there are.
        known: Vec<String>,
    },
    /// One is named twice.
    #[error("interface {0:?} is named twice; every frame would count twice")]
    InterfaceTwice(String),
    /// It cannot be listened to.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A database or catalogue cannot serve.
    #[error(transparent)]
    Attributor(#[from] AttributorError),
    /// The journal or an output cannot begin.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// The metrics endpoint.
    #[error("[metrics] listen: {address}: {error}; choose another address, or \"\" for none")]
    Metrics {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// systemd waits and cannot be reached.
    #[error("NOTIFY_SOCKET: {0}")]
    Notify(io::Error),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The system refuses a thread.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Monitors until the user or the system asks to stop. True where everything was delivered and nothing of our own failed.
///
/// # Errors
/// Whatever keeps it from beginning. What goes wrong later is logged, told as an alert, and mended where possible.
pub fn monitor(request: &Monitor, config: Config, log: &Logging) -> Result<bool, MonitorError> {
    Ok(start::start(request, config)?.run(log))
}

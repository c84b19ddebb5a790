//! Interruption by the user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// Set once the user or the system asks the program to stop. A second request ends it at once.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM on a thread of its own.
    ///
    /// # Errors
    /// The system refuses the thread or the handler.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Interrupt::default();
        let seen = interrupt.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(seen.wait()))?;
        Ok(interrupt)
    }

    async fn wait(self) {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if self.0.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    }

    /// True once a request came.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

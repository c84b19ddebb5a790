//! Interruption by the user.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Set once the user or the system asks the program to stop. A second request ends it at once.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    stop: Arc<AtomicBool>,
    /// Times a reload was asked for.
    reloads: Arc<AtomicU64>,
}

/// SIGHUP is heard from now on, which would end the process otherwise; what it asks for waits until somebody listens.
pub struct Hangups {
    runtime: Runtime,
    signal: Signal,
}

impl Hangups {
    /// As the first thing a daemon does.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub fn hear() -> std::io::Result<Hangups> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let signal = signal(SignalKind::hangup())?;
        drop(inside);
        Ok(Hangups { runtime, signal })
    }

    /// As [`Interrupt::listen`], and SIGHUP asks for a reload.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub fn listen(self) -> std::io::Result<Interrupt> {
        Interrupt::start(self.runtime, Some(self.signal))
    }
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM on a thread of its own.
    ///
    /// # Errors
    /// The system refuses the thread or the handler.
    pub fn listen() -> std::io::Result<Self> {
        Self::start(Builder::new_current_thread().enable_all().build()?, None)
    }

    fn start(runtime: Runtime, hangup: Option<Signal>) -> std::io::Result<Self> {
        let interrupt = Interrupt::default();
        let seen = interrupt.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async { tokio::join!(seen.wait(), seen.wait_for_reloads(hangup)) });
        })?;
        Ok(interrupt)
    }

    async fn wait(&self) {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if self.stop.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        }
    }

    async fn wait_for_reloads(&self, hangup: Option<Signal>) {
        let Some(mut hangup) = hangup else { return };
        while hangup.recv().await.is_some() {
            self.reloads.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Times a reload was asked for.
    #[must_use]
    pub fn reloads(&self) -> u64 {
        self.reloads.load(Ordering::Relaxed)
    }

    /// True once a request came.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

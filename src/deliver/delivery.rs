//! The loop of one output.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tracing::warn;

use super::counters::Counters;
use super::shipper::Shipper;
use super::{Context, Feed, Filter, Message, StartError, Stored, Target};
use crate::encode::Format;

/// A source that hands over as many entries at once has more waiting: there is nothing to linger for.
const BUSY: usize = 100;

/// Where an output's entries come from: the journal, past the output's cursor.
pub trait Source: Send {
    /// Waits for the next entries, in order; `None`: closing, and nothing is left.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Arc<Stored>>>> + Send;

    /// Everything up to `seq` needs no further delivery.
    fn acknowledge(&mut self, seq: u64) -> impl Future<Output = ()> + Send;
}

impl Source for Feed {
    fn next(&mut self) -> impl Future<Output = Option<Vec<Arc<Stored>>>> + Send {
        Feed::next(self)
    }

    fn acknowledge(&mut self, seq: u64) -> impl Future<Output = ()> + Send {
        Feed::acknowledge(self, seq)
    }
}

/// An output as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its name, which is also that of its cursor.
    pub name: String,
    /// Where to.
    pub target: Target,
    /// How an alert is written.
    pub format: Format,
    /// Which alerts.
    pub filter: Filter,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything its source had was delivered.
    Drained,
    /// Time was up; the source still has what was not acknowledged.
    Deadline,
}

/// Delivers what its source has until the source ends.
pub struct Delivery<S> {
    source: S,
    shipper: Shipper,
    format: Format,
    filter: Filter,
}

impl Delivery<()> {
    /// Begins nothing yet but reads key files and checks what can be checked without the other side.
    ///
    /// # Errors
    /// The key that is wrong.
    pub fn prepare(options: Options, context: &Context) -> Result<Self, StartError> {
        let transport = options.target.open(context)?;
        if options.target.is_insecure() {
            warn!(
                "output {:?}: insecure = true: whoever answers gets the alerts, for nothing verifies who it is",
                options.name
            );
        }
        let shipper = Shipper::new(&options.name, transport, Arc::default(), context);
        Ok(Delivery { source: (), shipper, format: options.format, filter: options.filter })
    }

    /// With where its entries come from.
    #[must_use]
    pub fn fed_by<S: Source>(self, source: S) -> Delivery<S> {
        Delivery { source, shipper: self.shipper, format: self.format, filter: self.filter }
    }
}

impl<S> Delivery<S> {
    /// What it did so far, to be read while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(self.shipper.counters())
    }
}

impl<S: Source> Delivery<S> {
    /// [`Delivery::prepare`] with where its entries come from.
    ///
    /// # Errors
    /// The key that is wrong.
    pub fn open(options: Options, source: S, context: &Context) -> Result<Self, StartError> {
        Ok(Delivery::prepare(options, context)?.fed_by(source))
    }

    /// Delivers until the source ends or `deadline` is ready.
    pub async fn run(mut self, deadline: impl Future<Output = ()> + Send) -> Ended {
        let deliver = async {
            while let Some(entries) = self.next().await {
                self.deliver(&entries).await;
            }
            self.shipper.close().await;
        };
        tokio::select! {
            () = deliver => Ended::Drained,
            () = deadline => Ended::Deadline,
        }
    }

    /// The next entries; meanwhile sends again what turns out lost.
    async fn next(&mut self) -> Option<Vec<Arc<Stored>>> {
        let mut next = pin!(self.source.next());
        loop {
            let lost = tokio::select! {
                biased;
                entries = &mut next => return entries,
                lost = self.shipper.idle() => lost,
            };
            self.shipper.resume(lost).await;
        }
    }

    async fn deliver(&mut self, entries: &[Arc<Stored>]) {
        let limits = self.shipper.limits();
        let mut messages = Vec::with_capacity(entries.len());
        for stored in entries {
            if !self.filter.wants(&stored.entry) {
                self.shipper.counters().filtered();
                continue;
            }
            match Message::of(&stored.entry, self.format, limits.message_bytes) {
                Ok(message) => messages.push(message),
                Err(reason) => self.shipper.refuse(&stored.entry.id, &reason),
            }
        }
        let lingers = !messages.is_empty() && entries.len() < BUSY;
        self.shipper.ship(messages).await;
        if let Some(last) = entries.last() {
            self.source.acknowledge(last.seq).await;
        }
        if lingers && !limits.linger.is_zero() {
            tokio::time::sleep(limits.linger).await;
        }
    }
}

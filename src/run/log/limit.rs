//! So many messages of a kind in a minute: what is beyond it is counted, and told in one line when the minute is over.
//!
//! A kind is a place in the program. There are as many as the program has, so nothing here grows.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

const MINUTE: Duration = Duration::from_secs(60);
const MOST_OF_AN_EXAMPLE: usize = 200;
/// Of the lines that tell what was left out; nothing leaves them out.
const TARGET: &str = "borderflow::left_out";

/// What each kind has said in its minute.
#[derive(Debug)]
pub(super) struct Limit {
    max_per_minute: u32,
    kinds: Mutex<HashMap<Identifier, Kind>>,
}

#[derive(Debug)]
struct Kind {
    level: Level,
    /// When its minute began.
    began: Instant,
    /// Messages in it.
    seen: u32,
    /// Of them, those left out.
    left_out: u64,
    /// Those left out in minutes that are over.
    untold: u64,
    example: String,
}

impl Limit {
    pub(super) fn new(max_per_minute: u32) -> Self {
        Limit { max_per_minute, kinds: Mutex::default() }
    }

    /// Tells what was left out in minutes that are over.
    pub(super) fn tick(&self) {
        for (level, count, example) in self.due(now()) {
            let limit = self.max_per_minute;
            if level == Level::ERROR {
                tracing::error!(target: TARGET, "{count} more messages like this were left out (log.max_per_minute = {limit}): {example}");
            } else if level == Level::WARN {
                tracing::warn!(target: TARGET, "{count} more messages like this were left out (log.max_per_minute = {limit}): {example}");
            } else {
                tracing::info!(target: TARGET, "{count} more messages like this were left out (log.max_per_minute = {limit}): {example}");
            }
        }
    }

    fn due(&self, now: Instant) -> Vec<(Level, u64, String)> {
        let mut due = Vec::new();
        for kind in self.kinds().values_mut() {
            kind.turn(now);
            if kind.untold > 0 {
                due.push((kind.level, std::mem::take(&mut kind.untold), std::mem::take(&mut kind.example)));
            }
        }
        due.sort_unstable();
        due
    }

    /// Whether this message is told.
    fn admits(&self, event: &Event<'_>, now: Instant) -> bool {
        let metadata = event.metadata();
        if metadata.target() == TARGET {
            return true;
        }
        let mut kinds = self.kinds();
        let kind = kinds.entry(metadata.callsite()).or_insert_with(|| Kind::new(*metadata.level(), now));
        kind.turn(now);
        kind.seen = kind.seen.saturating_add(1);
        if kind.seen <= self.max_per_minute {
            return true;
        }
        kind.left_out += 1;
        if kind.example.is_empty() {
            event.record(&mut Example(&mut kind.example));
        }
        false
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    const fn new(level: Level, now: Instant) -> Self {
        Kind { level, began: now, seen: 0, left_out: 0, untold: 0, example: String::new() }
    }

    /// Begins another minute where one is over.
    fn turn(&mut self, now: Instant) {
        if now.duration_since(self.began) >= MINUTE {
            self.untold += std::mem::take(&mut self.left_out);
            (self.began, self.seen) = (now, 0);
        }
    }
}

/// The filter that [`Limit`] is to a layer.
#[derive(Debug)]
pub(super) struct Limited(pub(super) std::sync::Arc<Limit>);

impl<S> Filter<S> for Limited {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.admits(event, now())
    }
}

/// What one of the messages said.
struct Example<'a>(&'a mut String);

impl Visit for Example<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}").chars().take(MOST_OF_AN_EXAMPLE).collect();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how often the program speaks is about this machine, not about packets")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Remembers what was told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl<S: tracing::Subscriber> Layer<S> for Told {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut text = String::new();
            event.record(&mut Example(&mut text));
            self.0.lock().unwrap().push(format!("{} {text}", event.metadata().level()));
        }
    }

    fn log(limit: &Arc<Limit>) -> (Told, tracing::subscriber::DefaultGuard) {
        let told = Told::default();
        let layer = told.clone().with_filter(Limited(Arc::clone(limit)));
        (told, tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)))
    }

    /// The minute of everything said so far is over.
    fn let_a_minute_pass(limit: &Limit) {
        for kind in limit.kinds().values_mut() {
            kind.began -= MINUTE;
        }
    }

    #[test]
    fn a_kind_that_speaks_too_often_is_counted_and_told_once_and_others_are_heard() {
        let limit = Arc::new(Limit::new(3));
        let (told, _guard) = log(&limit);
        for number in 1..=50 {
            tracing::warn!("output \"siem\": attempt {number} failed");
        }
        tracing::info!("another kind");
        limit.tick();
        let said = std::mem::take(&mut *told.0.lock().unwrap());
        assert_eq!(said.len(), 4, "{said:?}");
        assert_eq!(said[3], "INFO another kind");
        let_a_minute_pass(&limit);
        limit.tick();
        limit.tick();
        let summary =
            "WARN 47 more messages like this were left out (log.max_per_minute = 3): output \"siem\": attempt 4 failed";
        assert_eq!(*told.0.lock().unwrap(), [summary]);
    }

    #[test]
    fn after_its_minute_a_kind_is_heard_again_and_what_it_lost_is_still_told() {
        let limit = Arc::new(Limit::new(1));
        let (told, _guard) = log(&limit);
        for round in 0..2 {
            for number in 0..3 {
                tracing::error!("round {round}, number {number}");
            }
            let_a_minute_pass(&limit);
        }
        limit.tick();
        let said = told.0.lock().unwrap();
        let summary = "ERROR 4 more messages like this were left out (log.max_per_minute = 1): round 0, number 1";
        assert_eq!(*said, ["ERROR round 0, number 0", "ERROR round 1, number 0", summary]);
    }

    #[test]
    fn what_tells_of_messages_left_out_is_never_left_out() {
        let limit = Arc::new(Limit::new(1));
        let (told, _guard) = log(&limit);
        for _ in 0..5 {
            for _ in 0..3 {
                tracing::debug!("often");
            }
            let_a_minute_pass(&limit);
            limit.tick();
        }
        assert_eq!(told.0.lock().unwrap().iter().filter(|line| line.contains("2 more messages")).count(), 5);
    }
}

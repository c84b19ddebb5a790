//! What several shards saw, in the order of packet time: a name that one learned explains the flow that another saw next.
//!
//! Each shard says how far it has told everything. What is earlier than that of all shards can be judged; the rest waits.

use std::time::Duration;

use super::judge::Seen;
use crate::flow::{FlowUpdate, Place};
use crate::net::Timestamp;
use crate::pipeline::Sighting;

/// A shard that is further behind the others is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits for its turn.
pub(super) struct Order {
    /// Until when each shard has told everything.
    told: Vec<Timestamp>,
    updates: Vec<FlowUpdate>,
    sightings: Vec<Sighting>,
    /// The first place of all that waits.
    first: Option<Place>,
}

impl Order {
    /// Of so many shards.
    pub(super) fn new(shards: usize) -> Self {
        Order { told: vec![Timestamp::ZERO; shards], updates: Vec::new(), sightings: Vec::new(), first: None }
    }

    /// Puts what a shard saw in its place; what stays in `seen` is what can be judged now. One shard alone is in order.
    pub(super) fn sort(&mut self, seen: &mut Seen) {
        if self.told.len() <= 1 {
            return;
        }
        if let Some(told) = self.told.get_mut(usize::from(seen.shard)) {
            *told = seen.clock.max(*told);
        }
        let ahead = self.told.iter().max().copied().unwrap_or_default();
        let all = self.told.iter().min().copied().unwrap_or_default();
        let patient = Timestamp::from_nanos(ahead.as_nanos().saturating_sub(PATIENCE.as_nanos() as u64));
        let until = Place::of_packet(all.max(patient), 0);
        self.first = self.first.into_iter().chain(first(&seen.updates, &seen.sightings)).min();
        self.updates.append(&mut seen.updates);
        self.sightings.append(&mut seen.sightings);
        // Shards that end tell of a million flows in a thousand parts, none of which can be judged before the last.
        if self.first.is_none_or(|first| first >= until) {
            return;
        }
        seen.updates.extend(self.updates.extract_if(.., |update| update.place < until));
        seen.sightings.extend(self.sightings.extract_if(.., |sighting| sighting.place < until));
        self.first = first(&self.updates, &self.sightings);
    }

    /// Everything that still waits: nothing more comes.
    pub(super) fn rest(&mut self) -> (Vec<FlowUpdate>, Vec<Sighting>) {
        (std::mem::take(&mut self.updates), std::mem::take(&mut self.sightings))
    }
}

fn first(updates: &[FlowUpdate], sightings: &[Sighting]) -> Option<Place> {
    updates.iter().map(|update| update.place).chain(sightings.iter().map(|sighting| sighting.place)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Coverage;
    use crate::pipeline::{Covered, Seen as Sight};

    fn seen(shard: u16, clock_s: u64, places_s: &[u64]) -> Seen {
        let sighting = |&second: &u64| {
            let at = Timestamp::from_parts(second, 0);
            let covered = Covered { front: (shard, 2), at, coverage: Coverage::default() };
            Sighting { place: Place::of_packet(at, second), seen: Sight::Coverage(covered) }
        };
        let sightings = places_s.iter().map(sighting).collect();
        Seen { shard, updates: Vec::new(), sightings, clock: Timestamp::from_parts(clock_s, 0) }
    }

    fn ready(order: &mut Order, mut seen: Seen) -> Vec<Place> {
        order.sort(&mut seen);
        seen.sightings.iter().map(|sighting| sighting.place).collect()
    }

    fn places(seconds: &[u64]) -> Vec<Place> {
        seconds.iter().map(|&second| Place::of_packet(Timestamp::from_parts(second, 0), second)).collect()
    }

    #[test]
    fn nothing_is_judged_before_every_shard_has_told_what_came_earlier() {
        let mut order = Order::new(2);
        assert_eq!(ready(&mut order, seen(1, 1, &[])), []);
        assert_eq!(ready(&mut order, seen(0, 2, &[1, 2])), []);
        assert_eq!(ready(&mut order, seen(1, 2, &[])), places(&[1]));
        assert_eq!(ready(&mut order, seen(1, 3, &[3])), []);
        assert_eq!(ready(&mut order, seen(0, 4, &[])), places(&[2]));
        assert_eq!(order.rest().1.len(), 1);
    }

    #[test]
    fn a_shard_that_says_nothing_is_not_waited_for_for_ever() {
        let mut order = Order::new(2);
        assert_eq!(ready(&mut order, seen(0, 10, &[7, 9])), places(&[7]));
    }

    #[test]
    fn one_shard_alone_waits_for_nobody() {
        assert_eq!(ready(&mut Order::new(1), seen(0, 4, &[4, 5])), places(&[4, 5]));
    }
}

//! The destination ids that opened a client's Initials, and the keys they gave.

use super::header::{ConnectionId, Initial};
use super::keys::InitialKeys;

/// How many are remembered: of the first Initial, after a Retry, and one to spare.
const MOST_ORIGINS: usize = 3;

/// Where a client's keys come from.
pub(super) struct Origin {
    version: u32,
    destination: ConnectionId,
    pub(super) keys: InitialKeys,
}

impl Origin {
    /// The keys that a packet's own destination gives, if a client may have made that up.
    pub(super) fn of(initial: &Initial<'_>) -> Option<Origin> {
        let Initial { version, scheme, destination, .. } = *initial;
        let keys = InitialKeys::derive(scheme, &destination).filter(|_| destination.may_be_first())?;
        Some(Origin { version, destination, keys })
    }

    pub(super) fn is_destination_of(&self, initial: &Initial<'_>) -> bool {
        self.destination == initial.destination
    }
}

/// The last origins of a flow.
pub(super) struct Origins {
    items: [Option<Origin>; MOST_ORIGINS],
}

impl Origins {
    pub(super) const EMPTY: Origins = Origins { items: [const { None }; MOST_ORIGINS] };

    /// The origin to try first: of the packet's destination, else the latest of its version.
    pub(super) fn find(&self, initial: &Initial<'_>) -> Option<&Origin> {
        let of_version = || self.items.iter().flatten().filter(|origin| origin.version == initial.version);
        of_version().find(|origin| origin.is_destination_of(initial)).or_else(|| of_version().next())
    }

    /// Remembers one, latest first.
    pub(super) fn remember(&mut self, origin: Origin) {
        self.items.rotate_right(1);
        if let Some(first) = self.items.first_mut() {
            *first = Some(origin);
        }
    }
}

//! Why a frame yields no packet, and how often.

/// The reason a frame yields no packet. Every frame read is either part of a packet or counted under one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Skip {
    /// The link type is one this program cannot read.
    UnknownLinkType,
    /// The captured bytes end within a header that is needed.
    Truncated,
    /// A header contradicts itself (a version or a header length that cannot be).
    Malformed,
    /// The frame carries something other than IP (ARP, LLDP, spanning tree, GOOSE, …).
    NotIp,
    /// Encrypted or otherwise unreadable below the IP layer.
    Opaque,
    /// Nested deeper than the configured bound.
    TooDeep,
    /// A fragment whose datagram never became complete.
    FragmentIncomplete,
    /// The second copy of a packet mirrored twice.
    Duplicate,
    /// Left out by the user's filter expression.
    Filtered,
}

impl Skip {
    /// Every reason, in the order of [`SkipCounters`].
    pub const ALL: [Skip; 9] = [
        Skip::UnknownLinkType,
        Skip::Truncated,
        Skip::Malformed,
        Skip::NotIp,
        Skip::Opaque,
        Skip::TooDeep,
        Skip::FragmentIncomplete,
        Skip::Duplicate,
        Skip::Filtered,
    ];

    /// Its name in the summary and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Skip::UnknownLinkType => "unknown_link_type",
            Skip::Truncated => "truncated",
            Skip::Malformed => "malformed",
            Skip::NotIp => "not_ip",
            Skip::Opaque => "opaque",
            Skip::TooDeep => "too_deep",
            Skip::FragmentIncomplete => "fragment_incomplete",
            Skip::Duplicate => "duplicate",
            Skip::Filtered => "filtered",
        }
    }
}

/// Frames skipped, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkipCounters([u64; Skip::ALL.len()]);

impl SkipCounters {
    /// Counts `frames` frames under `reason`.
    pub fn add(&mut self, reason: Skip, frames: u64) {
        if let Some(counter) = self.0.get_mut(reason as usize) {
            *counter += frames;
        }
    }

    /// Frames skipped for `reason`.
    #[must_use]
    pub fn of(&self, reason: Skip) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// Frames skipped for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

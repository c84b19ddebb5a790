//! Coverage: what of the traffic the capture shows, for the period an alert is about.

/// Counts over a period. What was lost before it was captured is known only where the capture or the system tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Coverage {
    /// Frames read.
    pub frames: u64,
    /// Frames lost before they were captured, by the system or the interface.
    pub frames_lost: u64,
    /// Frames cut by the snap length.
    pub frames_cut: u64,
    /// Frames that could not be decoded or hold no IP.
    pub frames_skipped: u64,
    /// Payload bytes of ended flows that were acknowledged and never seen.
    pub missed_bytes: u64,
    /// Ended TCP flows of which one direction was seen although the other took part.
    pub one_sided_flows: u64,
}

impl Coverage {
    /// What came after `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Coverage) -> Coverage {
        Coverage {
            frames: self.frames.saturating_sub(earlier.frames),
            frames_lost: self.frames_lost.saturating_sub(earlier.frames_lost),
            frames_cut: self.frames_cut.saturating_sub(earlier.frames_cut),
            frames_skipped: self.frames_skipped.saturating_sub(earlier.frames_skipped),
            missed_bytes: self.missed_bytes.saturating_sub(earlier.missed_bytes),
            one_sided_flows: self.one_sided_flows.saturating_sub(earlier.one_sided_flows),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Coverage) -> Coverage {
        Coverage {
            frames: self.frames.saturating_add(other.frames),
            frames_lost: self.frames_lost.saturating_add(other.frames_lost),
            frames_cut: self.frames_cut.saturating_add(other.frames_cut),
            frames_skipped: self.frames_skipped.saturating_add(other.frames_skipped),
            missed_bytes: self.missed_bytes.saturating_add(other.missed_bytes),
            one_sided_flows: self.one_sided_flows.saturating_add(other.one_sided_flows),
        }
    }
}

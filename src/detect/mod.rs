//! Judgement: whose hosts these are, which jurisdictions are flagged, and what of it becomes a finding.

mod asset;
mod jurisdiction;

pub use asset::{Asset, AssetConflict, AssetKey, Assets, Criticality, Direction, PrefixRef};
pub use jurisdiction::{Flag, Jurisdictions, Preset};

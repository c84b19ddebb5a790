//! Capabilities: what of root's power a thread keeps.

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};

/// Keeps `wanted` of what the calling thread may use, permitted and in effect, and gives up everything else for good: nothing
/// inheritable, nothing ambient, and nothing in the bounding set where the thread may change that. Says what was kept.
pub(super) fn keep(wanted: &[Capability]) -> Result<Vec<Capability>, CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    if permitted.contains(&Capability::CAP_SETPCAP) {
        caps::raise(None, CapSet::Effective, Capability::CAP_SETPCAP)?;
        caps::clear(None, CapSet::Bounding)?;
    }
    let kept: CapsHashSet = wanted.iter().copied().filter(|capability| permitted.contains(capability)).collect();
    // A kernel or container without ambient capabilities has none to give up.
    if caps::runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient)?;
    }
    caps::clear(None, CapSet::Inheritable)?;
    // In this order: what is in effect must be permitted.
    caps::clear(None, CapSet::Effective)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    caps::set(None, CapSet::Effective, &kept)?;
    Ok(wanted.iter().copied().filter(|capability| kept.contains(capability)).collect())
}

/// Whether what is permitted outlives the loss of user id 0.
pub(super) fn survive_user(survive: bool) -> Result<(), CapsError> {
    caps::securebits::set_keepcaps(survive)
}

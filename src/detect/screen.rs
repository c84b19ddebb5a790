//! What needs no closer look: flow updates from which no finding can come, told apart before anything is attributed.
//!
//! Most traffic has nothing to do with a flagged jurisdiction, and most of it says so by its addresses alone. So the
//! judge asks the [`Screen`] first, which knows every address range with evidence of its own for a flagged country, and
//! every maker of devices. It answers "no" only where a closer look could find nothing; where a flow has said a name, or
//! DNS has, the closer look decides.

use crate::attribute::{Attributor, Basis, Knowledge, Neighbours, Ranges};
use crate::flow::{FlowUpdate, Party};
use crate::net::MacAddr;

use super::judged::flagged;
use super::{Assets, Jurisdictions, is_encrypted};

/// Hardware addresses whose maker is remembered: a network has few, and a router's stands for many hosts.
const MAKERS: usize = 1024;

/// Knows what cannot become a finding.
#[derive(Debug)]
pub struct Screen {
    flagged: Ranges,
    makers: Vec<Option<(MacAddr, bool)>>,
    /// Whether a device of a flagged maker was ever seen.
    has_devices: bool,
}

impl Screen {
    /// By these databases, catalogues and flagged countries.
    #[must_use]
    pub fn new(attributor: &Attributor, jurisdictions: &Jurisdictions) -> Self {
        let flagged = attributor.ranges(|country| jurisdictions.flag(country).is_some());
        Screen { flagged, makers: vec![None; MAKERS], has_devices: false }
    }

    /// The screen that takes the place of this one, which may have let devices pass that are flagged now.
    #[must_use]
    pub fn renewed(attributor: &Attributor, jurisdictions: &Jurisdictions) -> Self {
        Screen { has_devices: true, ..Screen::new(attributor, jurisdictions) }
    }

    /// Takes note of the device of a home host.
    pub fn see(&mut self, mac: MacAddr, attributor: &Attributor, jurisdictions: &Jurisdictions) {
        if !self.has_devices {
            self.has_devices = self.is_flagged_device(mac, attributor, jurisdictions);
        }
    }

    /// True where no finding can come from `update`, nothing that is counted of what is hidden, and no command.
    pub fn passes(
        &mut self,
        update: &FlowUpdate,
        knowledge: &Knowledge,
        assets: &Assets,
        jurisdictions: &Jurisdictions,
    ) -> bool {
        let (initiator, responder) = (update.initiator.endpoint.address, update.responder.endpoint.address);
        let attributor = &*knowledge.attributor;
        update.facts.is_none()
            && update.dealings.is_none()
            && !self.flagged.contains(initiator)
            && !self.flagged.contains(responder)
            && !(update.cause.is_end() && update.application.is_some_and(|protocol| counts(protocol, attributor)))
            && !self.shows_device(update, knowledge, assets, jurisdictions)
            && !knowledge.answers.has(initiator, responder)
    }

    /// True where a flow is answered that shows a device of a flagged maker.
    fn shows_device(
        &mut self,
        update: &FlowUpdate,
        knowledge: &Knowledge,
        assets: &Assets,
        jurisdictions: &Jurisdictions,
    ) -> bool {
        if !self.has_devices || !update.answered || update.was_answered {
            return false;
        }
        [&update.initiator, &update.responder].into_iter().any(|party| {
            assets.is_home(party.endpoint.address)
                && own_mac(&knowledge.neighbours, party)
                    .is_some_and(|mac| self.is_flagged_device(mac, &knowledge.attributor, jurisdictions))
        })
    }

    fn is_flagged_device(&mut self, mac: MacAddr, attributor: &Attributor, jurisdictions: &Jurisdictions) -> bool {
        let [_, _, _, d, e, f] = mac.0;
        let place = (usize::from(d) ^ usize::from(e) << 3 ^ usize::from(f) << 2) % MAKERS;
        let Some(known) = self.makers.get_mut(place) else { return true };
        match *known {
            Some((same, is_flagged)) if same == mac => is_flagged,
            _ => {
                let device = attributor.device(mac).map(|device| attributor.attribute_device(device));
                let is_flagged = device.is_some_and(|made| flagged(&made, jurisdictions).is_some());
                *known = Some((mac, is_flagged));
                is_flagged
            }
        }
    }
}

fn own_mac(neighbours: &Neighbours, party: &Party) -> Option<MacAddr> {
    neighbours.own_mac(party.endpoint.address, party.mac)
}

/// True where a flow of `protocol` is counted when it ends; see [`super::Hidden`].
fn counts(protocol: &str, attributor: &Attributor) -> bool {
    is_encrypted(protocol) || attributor.tool([(Basis::Protocol, protocol)]).is_some()
}

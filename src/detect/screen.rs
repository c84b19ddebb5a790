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
use super::{Jurisdictions, Policy, is_encrypted};

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
    pub fn passes(&mut self, update: &FlowUpdate, knowledge: &Knowledge, policy: &Policy) -> bool {
        let (initiator, responder) = (update.initiator.endpoint.address, update.responder.endpoint.address);
        let attributor = &*knowledge.attributor;
        let is_counted = update.cause.is_end() && update.application.is_some_and(|it| counts(it, attributor));
        update.facts.is_none()
            && update.dealings.is_none()
            && !is_counted
            && !self.flagged.contains(initiator)
            && !self.flagged.contains(responder)
            && !self.shows_device(update, knowledge, policy)
            && !knowledge.answers.has(initiator, responder)
    }

    /// True where a flow is answered that shows a device of a flagged maker.
    fn shows_device(&mut self, update: &FlowUpdate, knowledge: &Knowledge, policy: &Policy) -> bool {
        if !self.has_devices || !update.answered || update.was_answered {
            return false;
        }
        [&update.initiator, &update.responder].into_iter().any(|party| {
            policy.assets.is_home(party.endpoint.address)
                && own_mac(&knowledge.neighbours, party)
                    .is_some_and(|mac| self.is_flagged_device(mac, &knowledge.attributor, &policy.jurisdictions))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Catalogue;
    use crate::attribute::geo::{Databases, Override};
    use crate::detect::Preset;
    use crate::net::IpVersion;
    use std::net::IpAddr;

    fn jurisdictions(preset: &str) -> Jurisdictions {
        Jurisdictions::from_preset(Preset::named(preset).unwrap())
    }

    /// Pseudo-random addresses: of IPv4 anywhere, of IPv6 in what is allotted.
    fn addresses() -> impl Iterator<Item = IpAddr> {
        let mut state = 7u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        };
        (0..100_000).flat_map(move |_| {
            let (v4, v6) = (next() as u32, 0x2000 << 48 | next() >> 3);
            [IpVersion::V4.address(v4.into()), IpVersion::V6.address(u128::from(v6) << 64 | 1)]
        })
    }

    #[test]
    fn no_address_with_evidence_for_a_flagged_country_passes_and_hardly_any_other_is_kept() {
        let word = |prefix: &str, country: &str| Override {
            prefix: prefix.parse().unwrap(),
            country: country.parse().ok(),
            asn: None,
            organization: None,
        };
        let overrides = vec![word("10.9.0.0/16", "CN"), word("2001:db8::/32", "CN")];
        let databases = Databases::embedded().unwrap().with_overrides(overrides);
        let attributor = Attributor::new(databases, Catalogue::embedded().unwrap());
        for preset in ["nukib-2025", "us-28cfr202", "none"] {
            let jurisdictions = jurisdictions(preset);
            let screen = Screen::new(&attributor, &jurisdictions);
            let special = ["10.9.1.2", "10.8.1.2", "2001:db8::7", "64:ff9b::2f58:1", "47.91.67.66", "8.8.8.8"];
            let special = special.into_iter().map(|text| text.parse().unwrap());
            let (mut kept, mut flagged_ones) = (0, 0);
            for address in addresses().chain(special) {
                let is_flagged = flagged(&attributor.attribute(address), &jurisdictions).is_some();
                let is_kept = screen.flagged.contains(address);
                assert!(is_kept || !is_flagged, "{address} of {preset}");
                (kept, flagged_ones) = (kept + u32::from(is_kept), flagged_ones + u32::from(is_flagged));
            }
            assert!(kept - flagged_ones < 200, "{preset}: {kept} for {flagged_ones}");
        }
    }
}

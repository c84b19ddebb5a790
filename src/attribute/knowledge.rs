//! Everything that attribution rests on: what is shipped, and what the traffic itself taught.

use std::sync::Arc;

use super::neighbours::{Neighbours, Said};
use super::{Answers, Attributor, Device};
use crate::flow::{FlowUpdate, Party};
use crate::inspect::Announcement;
use crate::net::MacAddr;

/// DNS answers remembered, to name later flows.
const MOST_ANSWERS: usize = 200_000;

/// Devices of the monitored networks that are remembered.
const MOST_NEIGHBOURS: usize = 50_000;

/// The databases and catalogues, which others may share, and what the traffic taught.
#[derive(Debug)]
pub struct Knowledge {
    /// Attributes addresses and names.
    pub attributor: Arc<Attributor>,
    /// Names by the DNS answers that clients were given.
    pub answers: Answers,
    /// The devices on the monitored networks.
    pub neighbours: Neighbours,
}

/// What is known of a device on a monitored network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour<'a> {
    /// Its own hardware address, where the capture shows it.
    pub mac: Option<MacAddr>,
    /// Who made it, by that address.
    pub device: Option<Device<'a>>,
    /// What it said of itself.
    pub said: Option<&'a Said>,
}

impl Knowledge {
    /// What is shipped, and nothing learned yet.
    #[must_use]
    pub fn new(attributor: Arc<Attributor>) -> Self {
        Knowledge { attributor, answers: Answers::new(MOST_ANSWERS), neighbours: Neighbours::new(MOST_NEIGHBOURS) }
    }

    /// Takes over what a flow update teaches.
    pub fn learn(&mut self, update: &FlowUpdate) {
        for answer in &update.answers {
            self.answers.learn(update.initiator.endpoint.address, answer, update.at);
        }
        for said in update.facts.iter().flat_map(|facts| &facts.announced) {
            self.neighbours.learn(said);
        }
    }

    /// Takes over what a device said below IP.
    pub fn hear(&mut self, said: &Announcement) {
        self.neighbours.learn(said);
    }

    /// What is known of the device that is a home party of a flow.
    #[must_use]
    pub fn neighbour(&self, party: &Party) -> Neighbour<'_> {
        let address = party.endpoint.address;
        let mac = self.neighbours.own_mac(address, party.mac);
        let device = mac.and_then(|mac| self.attributor.device(mac));
        Neighbour { mac, device, said: self.neighbours.said(address, mac) }
    }
}

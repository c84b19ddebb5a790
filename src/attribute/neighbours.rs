//! The devices on the monitored networks: which hardware address an address has, and what the device said of itself.
//!
//! What a device announces is its own word; its hardware address is better evidence, where it is the device's own:
//! behind a router every host has the router's. So a hardware address that several hosts share names none of them.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::inspect::Announcement;
use crate::net::{MacAddr, Map};

/// IPv4 addresses of one hardware address from which on it is a router's.
const ROUTER_ADDRESSES: u8 = 4;

/// What a device said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its name.
    pub name: Option<String>,
    /// Its model, product or class.
    pub model: Option<String>,
    /// The protocol in which it said so last.
    pub by: &'static str,
}

impl Said {
    fn learn(&mut self, announcement: &Announcement) {
        self.by = announcement.by;
        for (known, said) in [(&mut self.name, &announcement.name), (&mut self.model, &announcement.model)] {
            if said.is_some() {
                known.clone_from(said);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Host {
    mac: Option<MacAddr>,
    said: Option<Box<Said>>,
}

#[derive(Debug, Default)]
struct Card {
    /// IPv4 addresses it was seen with, up to [`ROUTER_ADDRESSES`].
    addresses: u8,
    said: Option<Box<Said>>,
}

/// Devices by address and by hardware address; bounded, the oldest go first.
#[derive(Debug)]
pub struct Neighbours {
    hosts: Map<IpAddr, Host>,
    host_order: VecDeque<IpAddr>,
    cards: Map<MacAddr, Card>,
    card_order: VecDeque<MacAddr>,
    capacity: usize,
}

impl Neighbours {
    /// Room for `capacity` addresses and as many hardware addresses.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Neighbours {
            hosts: Map::default(),
            host_order: VecDeque::new(),
            cards: Map::default(),
            card_order: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    /// Takes note that the host at `address` was seen with `mac`.
    pub fn seen(&mut self, address: IpAddr, mac: MacAddr) {
        if self.hosts.get(&address).is_some_and(|host| host.mac == Some(mac)) {
            return;
        }
        self.host(address).mac = Some(mac);
        let card = self.card(mac);
        if address.is_ipv4() {
            card.addresses = card.addresses.saturating_add(1).min(ROUTER_ADDRESSES);
        }
    }

    /// Takes note of what a device said.
    pub fn learn(&mut self, announcement: &Announcement) {
        if let Some(address) = announcement.address.filter(|address| !address.is_unspecified()) {
            self.host(address).said.get_or_insert_default().learn(announcement);
        }
        if let Some(mac) = announcement.mac {
            self.card(mac).said.get_or_insert_default().learn(announcement);
        }
    }

    /// The hardware address of the host at `address` as far as it is its own; `seen` is the one of its last frame.
    #[must_use]
    pub fn own_mac(&self, address: IpAddr, seen: Option<MacAddr>) -> Option<MacAddr> {
        let mac = self.hosts.get(&address).and_then(|host| host.mac).or(seen)?;
        let is_shared = self.cards.get(&mac).is_some_and(|card| card.addresses >= ROUTER_ADDRESSES);
        (!is_shared).then_some(mac)
    }

    /// What the device at `address` with that hardware address of its own said of itself.
    #[must_use]
    pub fn said(&self, address: IpAddr, mac: Option<MacAddr>) -> Option<&Said> {
        let by_address = self.hosts.get(&address).and_then(|host| host.said.as_deref());
        by_address.or_else(|| self.cards.get(&mac?)?.said.as_deref())
    }

    fn host(&mut self, address: IpAddr) -> &mut Host {
        if !self.hosts.contains_key(&address) {
            self.host_order.push_back(address);
            if self.host_order.len() > self.capacity
                && let Some(oldest) = self.host_order.pop_front()
            {
                self.hosts.remove(&oldest);
            }
        }
        self.hosts.entry(address).or_default()
    }

    fn card(&mut self, mac: MacAddr) -> &mut Card {
        if !self.cards.contains_key(&mac) {
            self.card_order.push_back(mac);
            if self.card_order.len() > self.capacity
                && let Some(oldest) = self.card_order.pop_front()
            {
                self.cards.remove(&oldest);
            }
        }
        self.cards.entry(mac).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 20, 0, last])
    }

    const CAMERA: MacAddr = MacAddr([0x44, 0x19, 0xb6, 0, 0, 1]);

    #[test]
    fn a_hardware_address_that_several_hosts_share_is_a_routers_and_names_none() {
        let mut neighbours = Neighbours::new(10);
        neighbours.seen(ip(1), CAMERA);
        assert_eq!(neighbours.own_mac(ip(1), None), Some(CAMERA));
        (2..=4).for_each(|last| neighbours.seen(ip(last), CAMERA));
        assert_eq!(neighbours.own_mac(ip(1), Some(CAMERA)), None);
    }

    #[test]
    fn what_a_device_says_by_dhcp_is_found_by_its_hardware_address() {
        let mut neighbours = Neighbours::new(10);
        let said = Announcement {
            by: "dhcp",
            mac: Some(CAMERA),
            address: None,
            name: Some("gate".to_owned()),
            model: Some("DS-2CD2143".to_owned()),
        };
        neighbours.learn(&said);
        neighbours.learn(&Announcement { by: "ssdp", mac: None, address: Some(ip(9)), name: None, ..said });
        assert_eq!(neighbours.said(ip(1), Some(CAMERA)).and_then(|said| said.name.as_deref()), Some("gate"));
        assert_eq!(neighbours.said(ip(9), None).map(|said| said.by), Some("ssdp"));
        assert_eq!(neighbours.said(ip(1), None), None);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let mut neighbours = Neighbours::new(2);
        for last in 1..=3 {
            neighbours.seen(ip(last), MacAddr([0, 9, 15, 0, 0, last]));
        }
        assert_eq!(neighbours.own_mac(ip(1), None), None);
        assert!(neighbours.own_mac(ip(3), None).is_some());
        assert_eq!((neighbours.hosts.len(), neighbours.cards.len()), (2, 2));
    }
}

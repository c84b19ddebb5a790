//! What one datagram says, whatever protocol it is. QUIC, which needs several, is [`super::conversation`]'s.

use std::net::IpAddr;

use super::facts::{Announcement, Facts, Notes};
use super::{Reading, Speaker, dhcp, dhcpv6, dns, http, netbios, ntp, sip, ssdp, stun, tls};

/// Where a payload comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Who sent it.
    pub from: IpAddr,
    /// Ports of sender and receiver.
    pub ports: (u16, u16),
}

impl Route {
    /// True where either port is `port`.
    pub(super) fn uses(&self, port: u16) -> bool {
        self.ports.0 == port || self.ports.1 == port
    }
}

/// What reading a datagram came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether the facts have grown.
    pub(super) news: bool,
    /// Whether further datagrams may say more.
    pub(super) more: bool,
    /// Who sent it, where that was said.
    pub(super) speaker: Option<Speaker>,
}

/// Reads a datagram, and notes what it says; `None` where it is of no protocol known here.
pub(super) fn read(payload: &[u8], route: Route, notes: &mut Notes<'_>) -> Option<Outcome> {
    let Route { ports, .. } = route;
    match (ports.0.min(ports.1), ports.0.max(ports.1)) {
        (53 | 5353 | 5355, _) | (_, 53 | 5353 | 5355) => return name_service(payload, route, notes),
        (67, 68) | (67, 67) => return configuration(payload, notes.facts),
        (546, 547) => return configuration_v6(payload, route, notes.facts),
        (137, _) => return netbios_name(payload, route, notes.facts),
        (123, _) => return time(payload, notes.facts),
        _ if route.uses(1900) => return discovery(payload, route, notes.facts),
        _ => {}
    }
    match payload {
        [22, 0xfe, ..] => datagram_tls(payload, notes.facts),
        [0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => traversal(payload, notes.facts),
        [b'A'..=b'Z', ..] => signalling(payload, notes.facts),
        _ => None,
    }
}

/// Sets the protocol; news where it was not known.
fn found(facts: &mut Facts, protocol: &'static str, speaker: Option<Speaker>, more: bool) -> Outcome {
    let news = facts.protocol.is_none();
    facts.protocol = facts.protocol.or(Some(protocol));
    Outcome { news, more, speaker }
}

/// On its own port DNS must look like it; multicast names and LLMNR are laxer.
fn name_service(payload: &[u8], route: Route, notes: &mut Notes<'_>) -> Option<Outcome> {
    let is_local = !route.uses(53);
    let Reading::Found(message) = dns::udp(payload) else { return None };
    if !is_local && !dns::looks_like_dns(payload) {
        return None;
    }
    let news = notes.name_service(&message, route.from);
    Some(Outcome { news, more: true, speaker: Some(message.speaker()) })
}

fn configuration(payload: &[u8], facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = dhcp::dhcp(payload) else { return None };
    let outcome = found(facts, "dhcp", Some(said.speaker), true);
    let is_clients = said.speaker == Speaker::Client;
    let news = is_clients
        && facts.announce(Announcement {
            by: "dhcp",
            mac: Some(said.client),
            address: said.address.map(IpAddr::V4),
            name: said.host_name,
            model: said.vendor_class,
        });
    Some(Outcome { news: outcome.news || news, ..outcome })
}

fn configuration_v6(payload: &[u8], route: Route, facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = dhcpv6::dhcpv6(payload) else { return None };
    let outcome = found(facts, "dhcpv6", Some(said.speaker), true);
    let is_clients = said.speaker == Speaker::Client;
    let (name, model) = (said.host_name, said.vendor_class);
    let news = is_clients
        && facts.announce(Announcement { by: "dhcpv6", mac: said.client, address: Some(route.from), name, model });
    Some(Outcome { news: outcome.news || news, ..outcome })
}

/// Suffix of the names of hosts as such (workstation service, RFC 1001 appendix).
const WORKSTATION: u8 = 0;

fn netbios_name(payload: &[u8], route: Route, facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = netbios::netbios(payload) else { return None };
    let outcome = found(facts, "netbios", Some(said.speaker), true);
    let news = said.claims
        && said.suffix == WORKSTATION
        && facts.announce(Announcement {
            by: "netbios",
            mac: None,
            address: Some(said.address.map_or(route.from, IpAddr::V4)),
            name: Some(said.name),
            model: None,
        });
    Some(Outcome { news: outcome.news || news, ..outcome })
}

fn time(payload: &[u8], facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = ntp::ntp(payload) else { return None };
    Some(found(facts, "ntp", said.speaker, false))
}

/// A search names nobody; announcements and answers come from the device, and announcements are nobody's answer.
fn discovery(payload: &[u8], route: Route, facts: &mut Facts) -> Option<Outcome> {
    let hosts = match http::requests(payload) {
        Reading::Found(request) => request.hosts,
        Reading::More | Reading::Other => Vec::new(),
    };
    let said = match ssdp::ssdp(payload) {
        Reading::Found(said) => Some(said),
        Reading::More | Reading::Other if hosts.is_empty() => return None,
        Reading::More | Reading::Other => None,
    };
    let is_search = said.as_ref().is_some_and(|said| said.speaker == Speaker::Client);
    let mut outcome = found(facts, "ssdp", is_search.then_some(Speaker::Client), true);
    for host in hosts {
        outcome.news |= Facts::add(&mut facts.http_hosts, host);
    }
    if let Some(said) = said.filter(|said| said.speaker == Speaker::Server) {
        let (address, model) = (Some(route.from), said.product);
        outcome.news |= facts.announce(Announcement { by: "ssdp", mac: None, address, name: None, model });
    }
    Some(outcome)
}

fn datagram_tls(payload: &[u8], facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(hello) = tls::dtls_client(payload) else { return None };
    facts.client_hello(hello, "dtls");
    Some(Outcome { news: true, more: false, speaker: Some(Speaker::Client) })
}

fn traversal(payload: &[u8], facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = stun::stun(payload) else { return None };
    Some(found(facts, "stun", said.speaker, true))
}

fn signalling(payload: &[u8], facts: &mut Facts) -> Option<Outcome> {
    let Reading::Found(said) = sip::datagram(payload) else { return None };
    let protocol = said.protocol.name();
    facts.user_agent = facts.user_agent.take().or(said.agent);
    Some(found(facts, protocol, Some(said.speaker), false))
}

//! The field sets that alerts and flow records share.

use crate::attribute::Basis;
use crate::attribute::geo::Place;
use crate::detect::Direction;
use crate::encode::pen::Pen;
use crate::flow::{CommunityId, FlowUpdate, Party, TcpState};
use crate::net::{Endpoint, IpVersion};

/// With the version of the schema that the records follow.
pub(super) const ECS: &str = ",\"ecs\":{\"version\":\"9.4.0\"}";

/// Us.
pub(super) const OBSERVER: &str = concat!(
    ",\"observer\":{\"vendor\":\"Borderflow\",\"product\":\"borderflow\",\"version\":\"",
    env!("CARGO_PKG_VERSION"),
    "\",\"type\":\"sensor\"}"
);

/// `source` or `destination`.
pub(super) struct Peer<'a> {
    pub(super) party: &'a Party,
    pub(super) place: Place<'a>,
    /// IP protocol number of the flow.
    pub(super) protocol: u8,
    /// The name it was contacted by.
    pub(super) domain: Option<&'a str>,
}

impl Peer<'_> {
    pub(super) fn put(&self, key: &str, pen: &mut Pen<'_>) {
        let (party, place) = (self.party, self.place);
        pen.raw(key).raw("{\"ip\":\"").ip(party.endpoint.address).raw("\"").text_at(",\"domain\":", self.domain);
        pen.number_at(",\"port\":", port(party.endpoint, self.protocol));
        if let Some(mac) = party.mac {
            pen.raw(",\"mac\":\"").mac(mac).raw("\"");
        }
        pen.raw(",\"bytes\":").number(party.total.ip_bytes).raw(",\"packets\":").number(party.total.packets);
        if let Some(country) = place.country {
            pen.raw(",\"geo\":{\"country_iso_code\":\"").country(country);
            pen.raw("\",\"country_name\":").text(country.name()).raw("}");
        }
        if place.asn.is_some() || place.organization.is_some() {
            pen.raw(",\"as\":").object(|pen| {
                pen.number_at(",\"number\":", place.asn);
                if let Some(name) = place.organization {
                    pen.raw(",\"organization\":{\"name\":").text(name).raw("}");
                }
            });
        }
        pen.raw("}");
    }
}

pub(super) fn network(update: &FlowUpdate, direction: Direction, community_id: CommunityId, pen: &mut Pen<'_>) {
    let (there, back) = (update.initiator.total, update.responder.total);
    pen.raw(",\"network\":{\"transport\":\"");
    match transport_name(update.protocol) {
        Some(name) => pen.raw(name),
        None => pen.number(update.protocol),
    };
    pen.raw("\"").text_at(",\"protocol\":", update.application);
    pen.raw(match update.version {
        IpVersion::V4 => ",\"type\":\"ipv4\",\"iana_number\":\"",
        IpVersion::V6 => ",\"type\":\"ipv6\",\"iana_number\":\"",
    });
    pen.number(update.protocol).raw("\",\"community_id\":\"1:").ascii(&community_id.base64());
    pen.raw("\",\"direction\":\"").raw(direction.as_str());
    pen.raw("\",\"bytes\":").number(there.ip_bytes + back.ip_bytes);
    pen.raw(",\"packets\":").number(there.packets + back.packets);
    let mut vlans = update.vlans.iter();
    if let Some(vlan) = vlans.next() {
        pen.raw(",\"vlan\":{\"id\":\"").number(vlan).raw("\"}");
    }
    if let Some(vlan) = vlans.next() {
        pen.raw(",\"inner\":{\"vlan\":{\"id\":\"").number(vlan).raw("\"}}");
    }
    pen.raw("}");
}

/// What `borderflow` says of a flow.
pub(super) fn flow_detail(update: &FlowUpdate, domain_basis: Option<Basis>, pen: &mut Pen<'_>) {
    let facts = update.facts.as_deref();
    let nonzero = |number: u64| (number != 0).then_some(number);
    pen.raw("{\"initiator_basis\":\"").raw(update.basis.name()).raw("\"");
    // What `destination.domain` was read from.
    pen.word_at(",\"domain_basis\":", domain_basis.map(Basis::as_str));
    pen.raw(",\"payload_bytes_sent\":").number(update.initiator.total.payload_bytes);
    pen.raw(",\"payload_bytes_received\":").number(update.responder.total.payload_bytes);
    pen.raw(",\"answered\":").flag(update.answered);
    pen.word_at(",\"tcp_state\":", update.tcp_state.map(TcpState::name));
    pen.word_at(",\"end_reason\":", update.cause.is_end().then(|| update.cause.name()));
    if update.one_sided {
        pen.raw(",\"one_sided\":true");
    }
    pen.number_at(",\"missed_bytes_sent\":", nonzero(update.initiator.missed_bytes));
    pen.number_at(",\"missed_bytes_received\":", nonzero(update.responder.missed_bytes));
    pen.number_at(",\"icmp_type\":", is_icmp(update.protocol).then_some(update.initiator.endpoint.port));
    if let Some(path) = &update.tunnel_path {
        let stripped = path.iter();
        let put = |pen: &mut Pen<'_>, stripped| {
            pen.raw("\"").display(stripped).raw("\"");
        };
        pen.raw(",\"tunnel_path\":[").join(stripped, ",", put).raw("]");
    }
    // What the server of a mail, file transfer or remote framebuffer connection said first.
    pen.text_at(",\"banner\":", facts.and_then(|facts| facts.banner.as_deref()));
    pen.text_at(",\"mqtt_client_id\":", facts.and_then(|facts| facts.client_id.as_deref()));
    pen.text_at(",\"encrypted_dns\":", facts.and_then(|facts| facts.encrypted_dns)).raw("}");
}

/// The ECS name of a transport, where it has one.
pub(in crate::encode) fn transport_name(protocol: u8) -> Option<&'static str> {
    match protocol {
        1 => Some("icmp"),
        6 => Some("tcp"),
        17 => Some("udp"),
        58 => Some("ipv6-icmp"),
        132 => Some("sctp"),
        _ => None,
    }
}

fn is_icmp(protocol: u8) -> bool {
    matches!(protocol, 1 | 58)
}

/// Ports of transports that have them.
fn port(endpoint: Endpoint, protocol: u8) -> Option<u16> {
    (!is_icmp(protocol) && (endpoint.port != 0 || matches!(protocol, 6 | 17 | 132))).then_some(endpoint.port)
}

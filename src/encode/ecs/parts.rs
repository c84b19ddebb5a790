//! The field sets that alerts and flow records share.

use std::fmt::Display;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::attribute::{Attribution, Basis};
use crate::detect::{Direction, PartyInfo};
use crate::flow::{CommunityId, FlowUpdate, Party, TcpState, TunnelPath};
use crate::net::{Country, Endpoint, IpVersion, MacAddr};

#[derive(Serialize)]
pub(super) struct Ecs {
    version: &'static str,
}

impl Ecs {
    /// Version of the schema the records follow.
    pub(super) const VERSION: Ecs = Ecs { version: "9.4.0" };
}

#[derive(Serialize)]
pub(super) struct Observer {
    vendor: &'static str,
    product: &'static str,
    version: &'static str,
    r#type: &'static str,
}

impl Observer {
    pub(super) const US: Observer =
        Observer { vendor: "Borderflow", product: "borderflow", version: env!("CARGO_PKG_VERSION"), r#type: "sensor" };
}

/// `source` or `destination`.
#[derive(Serialize)]
pub(super) struct Peer<'a> {
    #[serde(serialize_with = "display")]
    ip: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "display_option")]
    mac: Option<MacAddr>,
    bytes: u64,
    packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo: Option<Geo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#as: Option<As<'a>>,
}

#[derive(Serialize)]
struct Geo {
    #[serde(serialize_with = "display")]
    country_iso_code: Country,
    country_name: &'static str,
}

#[derive(Serialize)]
struct As<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<Organization<'a>>,
}

#[derive(Serialize)]
struct Organization<'a> {
    name: &'a str,
}

impl<'a> Peer<'a> {
    pub(super) fn of_party(party: &Party, attribution: &Attribution<'a>, protocol: u8) -> Self {
        let place = attribution.place;
        Peer {
            ip: party.endpoint.address,
            domain: None,
            port: port(party.endpoint, protocol),
            mac: party.mac,
            bytes: party.total.ip_bytes,
            packets: party.total.packets,
            geo: Geo::of(place.country),
            r#as: As::of(place.asn, place.organization),
        }
    }

    /// With the name it was contacted by.
    pub(super) fn named(self, domain: Option<&'a str>) -> Self {
        Peer { domain, ..self }
    }

    pub(super) fn of_info(info: &'a PartyInfo, protocol: u8) -> Self {
        Peer {
            ip: info.endpoint.address,
            domain: None,
            port: port(info.endpoint, protocol),
            mac: info.mac,
            bytes: info.ip_bytes,
            packets: info.packets,
            geo: Geo::of(info.country),
            r#as: As::of(info.asn, info.organization.as_deref()),
        }
    }
}

impl Geo {
    fn of(country: Option<Country>) -> Option<Self> {
        country.map(|country| Geo { country_iso_code: country, country_name: country.name() })
    }
}

impl<'a> As<'a> {
    fn of(number: Option<u32>, organization: Option<&'a str>) -> Option<Self> {
        let organization = organization.map(|name| Organization { name });
        (number.is_some() || organization.is_some()).then_some(As { number, organization })
    }
}

#[derive(Serialize)]
pub(super) struct Network {
    #[serde(serialize_with = "transport")]
    transport: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    r#type: &'static str,
    #[serde(serialize_with = "display")]
    iana_number: u8,
    community_id: CommunityId,
    direction: Direction,
    bytes: u64,
    packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Inner>,
}

#[derive(Serialize)]
struct Vlan {
    #[serde(serialize_with = "display")]
    id: u16,
}

#[derive(Serialize)]
struct Inner {
    vlan: Vlan,
}

impl Network {
    pub(super) fn of(update: &FlowUpdate, direction: Direction, community_id: CommunityId) -> Self {
        let (there, back) = (update.initiator.total, update.responder.total);
        let mut vlans = update.vlans.iter().map(|id| Vlan { id });
        Network {
            transport: update.protocol,
            protocol: update.application,
            r#type: match update.version {
                IpVersion::V4 => "ipv4",
                IpVersion::V6 => "ipv6",
            },
            iana_number: update.protocol,
            community_id,
            direction,
            bytes: there.ip_bytes + back.ip_bytes,
            packets: there.packets + back.packets,
            vlan: vlans.next(),
            inner: vlans.next().map(|vlan| Inner { vlan }),
        }
    }
}

/// What `borderflow` says of a flow.
#[derive(Serialize)]
pub(super) struct FlowDetail<'a> {
    initiator_basis: &'static str,
    /// What `destination.domain` was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_basis: Option<Basis>,
    payload_bytes_sent: u64,
    payload_bytes_received: u64,
    answered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    one_sided: bool,
    #[serde(skip_serializing_if = "is_zero")]
    missed_bytes_sent: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missed_bytes_received: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_type: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "path")]
    tunnel_path: Option<Arc<TunnelPath>>,
    /// What the server of a mail, file transfer or remote framebuffer connection said first.
    #[serde(skip_serializing_if = "Option::is_none")]
    banner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt_client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_dns: Option<&'static str>,
}

impl<'a> FlowDetail<'a> {
    pub(super) fn of(update: &'a FlowUpdate, domain_basis: Option<Basis>) -> Self {
        let facts = update.facts.as_deref();
        FlowDetail {
            initiator_basis: update.basis.name(),
            domain_basis,
            payload_bytes_sent: update.initiator.total.payload_bytes,
            payload_bytes_received: update.responder.total.payload_bytes,
            answered: update.answered,
            tcp_state: update.tcp_state.map(TcpState::name),
            end_reason: update.cause.is_end().then(|| update.cause.name()),
            one_sided: update.one_sided,
            missed_bytes_sent: update.initiator.missed_bytes,
            missed_bytes_received: update.responder.missed_bytes,
            icmp_type: is_icmp(update.protocol).then_some(update.initiator.endpoint.port),
            tunnel_path: update.tunnel_path.clone(),
            banner: facts.and_then(|facts| facts.banner.as_deref()),
            mqtt_client_id: facts.and_then(|facts| facts.client_id.as_deref()),
            encrypted_dns: facts.and_then(|facts| facts.encrypted_dns),
        }
    }
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

fn transport<S: Serializer>(protocol: &u8, serializer: S) -> Result<S::Ok, S::Error> {
    match transport_name(*protocol) {
        Some(name) => serializer.serialize_str(name),
        None => serializer.collect_str(protocol),
    }
}

fn path<S: Serializer>(path: &Option<Arc<TunnelPath>>, serializer: S) -> Result<S::Ok, S::Error> {
    let stripped = path.iter().flat_map(|path| path.iter());
    serializer.collect_seq(stripped.map(|stripped| stripped.to_string()))
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub(super) fn display<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn display_option<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

//! What a flow said about its responder: the names and certificate found in payloads and DNS answers.

use crate::net::Country;

/// Names kept of one endpoint at most; of a longer CNAME chain the first ones, the name asked for among them.
pub const MAX_NAMES: usize = 12;

/// What a piece of evidence was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The address, in a country database.
    #[default]
    Address,
    /// The number of the autonomous system.
    Asn,
    /// The address (and port), in the catalogue of services.
    AddressRule,
    /// The server name of a TLS or QUIC ClientHello.
    Sni,
    /// The Host of an HTTP request, or its `:authority`.
    HttpHost,
    /// A DNS answer that gave this address, its CNAME chain included.
    Dns,
    /// The subject of a TLS certificate.
    Certificate,
    /// A protocol offered in a TLS or QUIC ClientHello (ALPN, RFC 7301).
    Alpn,
    /// The protocol the payload is of.
    Protocol,
    /// The hardware address of the device.
    Mac,
    /// A name the user typed.
    Asked,
}

impl Basis {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Address => "address",
            Basis::Asn => "asn",
            Basis::AddressRule => "address_rule",
            Basis::Sni => "sni",
            Basis::HttpHost => "http_host",
            Basis::Dns => "dns",
            Basis::Certificate => "certificate",
            Basis::Alpn => "alpn",
            Basis::Protocol => "protocol",
            Basis::Mac => "mac",
            Basis::Asked => "asked",
        }
    }
}

/// The subject of a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Organisation (O); empty where there is none.
    pub organization: &'a str,
    /// Country (C) as written; empty where there is none.
    pub country: &'a str,
}

impl Certificate<'_> {
    pub(super) fn jurisdiction(&self) -> Option<Country> {
        Country::from_database(self.country)
    }
}

/// Everything a flow said about one endpoint.
///
/// Names are ASCII host names (A-labels, RFC 5890) in any case; a trailing dot does no harm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    names: [(Basis, &'a str); MAX_NAMES],
    count: usize,
    /// The subject of the certificate it showed.
    pub certificate: Option<Certificate<'a>>,
    /// Its IP protocol number and port, where it is the one that was contacted.
    pub service: Option<(u8, u16)>,
}

impl<'a> Names<'a> {
    /// With one more name; one too many is left out.
    #[must_use]
    pub fn with(mut self, basis: Basis, name: &'a str) -> Self {
        self.add(basis, name);
        self
    }

    /// Adds one more name; one too many is left out.
    pub fn add(&mut self, basis: Basis, name: &'a str) {
        if let Some(place) = self.names.get_mut(self.count) {
            *place = (basis, name);
            self.count += 1;
        }
    }

    /// With the names of a DNS answer: the one asked for and every CNAME.
    #[must_use]
    pub fn with_dns(mut self, chain: impl IntoIterator<Item = &'a str>) -> Self {
        chain.into_iter().for_each(|name| self.add(Basis::Dns, name));
        self
    }

    /// With the subject of its certificate.
    #[must_use]
    pub fn with_certificate(mut self, organization: &'a str, country: &'a str) -> Self {
        self.certificate = Some(Certificate { organization, country });
        self
    }

    /// With the IP protocol number and port at which it was contacted.
    #[must_use]
    pub fn at(mut self, protocol: u8, port: u16) -> Self {
        self.service = Some((protocol, port));
        self
    }

    /// Each name with what it was read from, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = (Basis, &'a str)> {
        self.names.iter().take(self.count).copied()
    }
}

//! Community id v1: one hash of a flow's five-tuple that other tools compute too
//! (<https://github.com/corelight/community-id-spec>).

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use sha1::{Digest as _, Sha1};

use crate::net::Endpoint;

/// A community id; prints as `1:` and the Base64 of a SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommunityId([u8; 20]);

impl CommunityId {
    /// Of a flow, with seed 0. `one_way` keeps the endpoints in the given order (ICMP messages without counterpart).
    #[must_use]
    pub fn new(source: Endpoint, destination: Endpoint, protocol: u8, one_way: bool) -> Self {
        let ordered = one_way || (source.address, source.port) < (destination.address, destination.port);
        let (first, second) = if ordered { (source, destination) } else { (destination, source) };
        let mut sha = Sha1::new();
        sha.update(0u16.to_be_bytes());
        update(&mut sha, first.address);
        update(&mut sha, second.address);
        sha.update([protocol, 0]);
        if has_ports(protocol) {
            sha.update(first.port.to_be_bytes());
            sha.update(second.port.to_be_bytes());
        }
        CommunityId(sha.finalize().into())
    }
}

/// ICMP, TCP, UDP, ICMPv6 and SCTP enter the hash with their ports.
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 1 | 6 | 17 | 58 | 132)
}

fn update(sha: &mut Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => sha.update(v4.octets()),
        IpAddr::V6(v6) => sha.update(v6.octets()),
    }
}

impl CommunityId {
    /// The Base64 of its hash, which `1:` stands before.
    #[must_use]
    pub fn base64(self) -> [u8; 28] {
        let mut text = [0; 28];
        // 28 is the length of the Base64 of 20 bytes.
        let _ = base64::engine::general_purpose::STANDARD.encode_slice(self.0, &mut text);
        text
    }
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1:{}", std::str::from_utf8(&self.base64()).unwrap_or_default())
    }
}

impl<'de> serde::Deserialize<'de> for CommunityId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let encoded = text.strip_prefix("1:").unwrap_or_default();
        let digest = base64::engine::general_purpose::STANDARD.decode(encoded).ok();
        let digest = digest.and_then(|bytes| bytes.try_into().ok());
        digest.map(CommunityId).ok_or_else(|| serde::de::Error::custom("no community id"))
    }
}

impl serde::Serialize for CommunityId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(source: &str, sport: u16, destination: &str, dport: u16, protocol: u8, one_way: bool) -> String {
        let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port };
        CommunityId::new(end(source, sport), end(destination, dport), protocol, one_way).to_string()
    }

    /// Vectors of the specification's baseline (corelight/community-id-spec, baseline/baseline_deflt.json).
    #[test]
    fn equals_the_published_baseline() {
        let tcp = id("128.232.110.120", 34855, "66.35.250.204", 80, 6, false);
        assert_eq!(tcp, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(id("66.35.250.204", 80, "128.232.110.120", 34855, 6, false), tcp);
        assert_eq!(id("192.168.1.52", 54585, "8.8.8.8", 53, 17, false), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        assert_eq!(id("192.168.0.89", 8, "192.168.0.1", 0, 1, false), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        assert_eq!(id("192.168.170.8", 7, "192.168.170.56", 80, 132, false), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=");
    }
}

//! Plain values every stage shares: time, addresses, prefixes, hardware addresses, country codes.

mod country;
pub mod deal;
mod hash;
pub mod known;
mod mac;
mod prefix;
mod scope;
mod time;

pub use country::{Country, CountryError};
pub use hash::{Keyed, Map};
pub use mac::{MacAddr, MacError};
pub use prefix::{Prefix, PrefixError, PrefixMap};
pub use scope::Scope;
pub use time::{Timestamp, TimestampError};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP version of a packet; both its addresses share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum IpVersion {
    /// IPv4, RFC 791.
    V4 = 4,
    /// IPv6, RFC 8200.
    V6 = 6,
}

impl IpVersion {
    /// The address whose network-order bytes, read as a number, are `bits` (IPv4: the low 32 bits).
    #[must_use]
    pub fn address(self, bits: u128) -> IpAddr {
        match self {
            IpVersion::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
            IpVersion::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
        }
    }

    /// Version and numeric bits of an address; the inverse of [`IpVersion::address`].
    #[must_use]
    pub fn split(address: IpAddr) -> (IpVersion, u128) {
        match address {
            IpAddr::V4(v4) => (IpVersion::V4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (IpVersion::V6, v6.to_bits()),
        }
    }
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Endpoint {
    /// Its IP address.
    pub address: IpAddr,
    /// TCP, UDP or SCTP port; for ICMP the value the community id specification puts there; otherwise 0.
    pub port: u16,
}

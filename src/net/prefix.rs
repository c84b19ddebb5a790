//! Address prefixes and a longest-match map over them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::IpVersion;

/// A network prefix, such as `10.0.0.0/8` or `2001:db8::/32`; a bare address is a prefix of full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    version: IpVersion,
    bits: u128,
    length: u8,
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// The part before the slash is no IP address.
    #[error("expected an address or a prefix such as 10.0.0.0/8 or 2001:db8::/32")]
    Address,
    /// The part after the slash is no length, or longer than the address.
    #[error("the prefix length must be between 0 and {0}")]
    Length(u8),
    /// Bits beyond the length are set; the text meant may be the one given.
    #[error("address bits beyond the prefix length are set; did you mean {0}?")]
    HostBits(Prefix),
}

impl Prefix {
    /// The prefix of `length` bits that holds `address`; host bits are cleared, a length beyond the address is cut.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Self {
        let (version, bits) = IpVersion::split(address);
        let length = length.min(Self::width(version));
        Prefix { version, bits: bits & Self::mask(version, length), length }
    }

    /// IP version of the prefix.
    #[must_use]
    pub fn version(self) -> IpVersion {
        self.version
    }

    /// First address as a number (IPv4 in the low 32 bits).
    #[must_use]
    pub fn first_bits(self) -> u128 {
        self.bits
    }

    /// Last address as a number.
    #[must_use]
    pub fn last_bits(self) -> u128 {
        let all = Self::mask(self.version, Self::width(self.version));
        self.bits | (all & !Self::mask(self.version, self.length))
    }

    /// Number of fixed bits.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// True where `address` lies inside.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let (version, bits) = IpVersion::split(address);
        self.contains_bits(version, bits)
    }

    /// As [`Prefix::contains`], for an address already split.
    #[must_use]
    pub fn contains_bits(self, version: IpVersion, bits: u128) -> bool {
        version == self.version && bits & Self::mask(version, self.length) == self.bits
    }

    /// True where the two have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Prefix) -> bool {
        let length = self.length.min(other.length);
        self.version == other.version && (self.bits ^ other.bits) & Self::mask(self.version, length) == 0
    }

    fn width(version: IpVersion) -> u8 {
        match version {
            IpVersion::V4 => 32,
            IpVersion::V6 => 128,
        }
    }

    fn mask(version: IpVersion, length: u8) -> u128 {
        let host = u32::from(Self::width(version) - length);
        let all = match version {
            IpVersion::V4 => u128::from(u32::MAX),
            IpVersion::V6 => u128::MAX,
        };
        all & u128::MAX.checked_shl(host).unwrap_or(0)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError::Address)?;
        let (version, bits) = IpVersion::split(address);
        let width = Self::width(version);
        let length = match length {
            None => width,
            Some(digits) if digits.bytes().all(|c| c.is_ascii_digit()) => {
                digits.parse().ok().filter(|&length| length <= width).ok_or(PrefixError::Length(width))?
            }
            Some(_) => return Err(PrefixError::Length(width)),
        };
        let prefix = Prefix::new(address, length);
        if prefix.bits == bits { Ok(prefix) } else { Err(PrefixError::HostBits(prefix)) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.version.address(self.bits), self.length)
    }
}

/// Values by prefix; the longest prefix that holds an address wins.
///
/// A look-up searches one sorted list per distinct prefix length, longest first: a handful for any real configuration.
/// Most addresses are told apart from all prefixes by their first octet alone.
#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    by_length: Vec<OfLength<T>>,
    /// The first octets of the addresses that any prefix holds, by IP version.
    octets: [[u64; 4]; 2],
}

/// The prefixes of one length, by their first address.
#[derive(Clone, Debug)]
struct OfLength<T> {
    version: IpVersion,
    length: u8,
    values: Vec<(u128, T)>,
}

impl<T> Default for PrefixMap<T> {
    fn default() -> Self {
        PrefixMap { by_length: Vec::new(), octets: [[0; 4]; 2] }
    }
}

impl<T> PrefixMap<T> {
    /// Adds a prefix and returns the value it had before.
    pub fn insert(&mut self, prefix: Prefix, value: T) -> Option<T> {
        let (first, last) = (first_octet(prefix.version, prefix.bits), first_octet(prefix.version, prefix.last_bits()));
        for octet in first..=last {
            if let Some(word) = octets_of(&mut self.octets, prefix.version).get_mut(usize::from(octet / 64)) {
                *word |= 1 << (octet % 64);
            }
        }
        let rank = |version, length| (version, std::cmp::Reverse(length));
        let wanted = rank(prefix.version, prefix.length);
        let place = match self.by_length.binary_search_by_key(&wanted, |group| rank(group.version, group.length)) {
            Ok(place) => place,
            Err(place) => {
                let group = OfLength { version: prefix.version, length: prefix.length, values: Vec::new() };
                self.by_length.insert(place, group);
                place
            }
        };
        let values = &mut self.by_length.get_mut(place)?.values;
        match values.binary_search_by_key(&prefix.bits, |(bits, _)| *bits) {
            Ok(index) => values.get_mut(index).map(|(_, old)| std::mem::replace(old, value)),
            Err(index) => {
                values.insert(index, (prefix.bits, value));
                None
            }
        }
    }

    /// The value of the longest prefix that holds `address`, and that prefix.
    #[must_use]
    pub fn longest(&self, address: IpAddr) -> Option<(Prefix, &T)> {
        let (version, bits) = IpVersion::split(address);
        if !self.has_octet(version, first_octet(version, bits)) {
            return None;
        }
        self.by_length.iter().filter(|group| group.version == version).find_map(|group| {
            let prefix = Prefix { version, bits: bits & Prefix::mask(version, group.length), length: group.length };
            let index = group.values.binary_search_by_key(&prefix.bits, |(bits, _)| *bits).ok()?;
            group.values.get(index).map(|(_, value)| (prefix, value))
        })
    }

    #[inline]
    fn has_octet(&self, version: IpVersion, octet: u8) -> bool {
        let [v4, v6] = &self.octets;
        let words = if version == IpVersion::V4 { v4 } else { v6 };
        words.get(usize::from(octet / 64)).is_some_and(|word| word >> (octet % 64) & 1 != 0)
    }

    /// Every prefix that was added.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        self.by_length.iter().flat_map(|group| {
            let of = |bits: u128| Prefix { version: group.version, bits, length: group.length };
            group.values.iter().map(move |(bits, _)| of(*bits))
        })
    }

    /// True where no prefix was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_length.is_empty()
    }
}

#[inline]
fn first_octet(version: IpVersion, bits: u128) -> u8 {
    (bits >> (Prefix::width(version) - 8)) as u8
}

fn octets_of(octets: &mut [[u64; 4]; 2], version: IpVersion) -> &mut [u64; 4] {
    let [v4, v6] = octets;
    if version == IpVersion::V4 { v4 } else { v6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn reads_prefixes_and_says_what_is_wrong() {
        assert_eq!(prefix("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(prefix("10.1.2.3").to_string(), "10.1.2.3/32");
        assert_eq!(prefix("::/0").to_string(), "::/0");
        assert_eq!("10.0.0.1/8".parse::<Prefix>(), Err(PrefixError::HostBits(prefix("10.0.0.0/8"))));
        assert_eq!("10.0.0.0/33".parse::<Prefix>(), Err(PrefixError::Length(32)));
        assert_eq!("10.0.0.0/+8".parse::<Prefix>(), Err(PrefixError::Length(32)));
        assert_eq!("ten/8".parse::<Prefix>(), Err(PrefixError::Address));
    }

    #[test]
    fn knows_what_lies_inside_and_what_overlaps() {
        assert!(prefix("10.0.0.0/8").contains("10.255.0.1".parse().unwrap()));
        assert!(!prefix("10.0.0.0/8").contains("11.0.0.0".parse().unwrap()));
        assert!(!prefix("::/0").contains("10.0.0.1".parse().unwrap()));
        assert!(prefix("10.0.0.0/8").overlaps(prefix("10.1.0.0/16")));
        assert!(!prefix("10.0.0.0/16").overlaps(prefix("10.1.0.0/16")));
        assert_eq!(prefix("10.0.0.0/8").last_bits(), 0x0aff_ffff);
        assert_eq!(prefix("0.0.0.0/0").last_bits(), 0xffff_ffff);
        assert_eq!(prefix("::/0").last_bits(), u128::MAX);
    }

    #[test]
    fn the_longest_prefix_wins() {
        let mut map = PrefixMap::default();
        map.insert(prefix("10.0.0.0/8"), "site");
        map.insert(prefix("10.1.0.0/16"), "plant");
        map.insert(prefix("2001:db8::/32"), "v6");
        assert_eq!(map.longest("10.1.2.3".parse().unwrap()), Some((prefix("10.1.0.0/16"), &"plant")));
        assert_eq!(map.longest("10.2.2.3".parse().unwrap()), Some((prefix("10.0.0.0/8"), &"site")));
        assert_eq!(map.longest("11.2.2.3".parse().unwrap()), None);
        assert_eq!(map.insert(prefix("10.1.0.0/16"), "pump"), Some("plant"));
    }
}

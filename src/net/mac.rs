//! Hardware addresses (IEEE 802 MAC-48).

use std::fmt;
use std::str::FromStr;

use super::known::parsed;

/// A MAC address in transmission order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// True for group addresses (broadcast and multicast): the lowest bit of the first octet is set.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// True for locally administered addresses, which name no manufacturer.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }
}

/// Why a text is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a MAC address such as 00:11:22:aa:bb:cc")]
pub struct MacError;

impl FromStr for MacAddr {
    type Err = MacError;

    /// Accepts `00:11:22:aa:bb:cc`, `00-11-22-AA-BB-CC` and `0011.22aa.bbcc`.
    fn from_str(text: &str) -> Result<Self, MacError> {
        let group = match text.as_bytes().get(2) {
            Some(b':' | b'-') => 2,
            _ => 4,
        };
        let mut octets = [0u8; 6];
        let mut digits = 0usize;
        for (index, c) in text.bytes().enumerate() {
            if index % (group + 1) == group {
                let expected: &[u8] = if group == 2 { b":-" } else { b"." };
                if !expected.contains(&c) {
                    return Err(MacError);
                }
                continue;
            }
            let value = (c as char).to_digit(16).ok_or(MacError)? as u8;
            let octet = octets.get_mut(digits / 2).ok_or(MacError)?;
            *octet = *octet << 4 | value;
            digits += 1;
        }
        if digits == 12 && text.len() == 12 + 12 / group - 1 { Ok(MacAddr(octets)) } else { Err(MacError) }
    }
}

impl serde::Serialize for MacAddr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for MacAddr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

impl fmt::Display for MacAddr {
    /// ECS form: upper-case hexadecimal pairs joined by hyphens (RFC 7042).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_usual_notations() {
        let mac = MacAddr([0, 0x11, 0x22, 0xaa, 0xbb, 0xcc]);
        for text in ["00:11:22:aa:bb:cc", "00-11-22-AA-BB-CC", "0011.22aa.bbcc"] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "00-11-22-AA-BB-CC");
        for text in
            ["", "00:11:22:aa:bb", "00:11:22:aa:bb:cc:dd", "001122aabbcc", "zz:11:22:aa:bb:cc", "00:11:22:aa:bb:cc:"]
        {
            assert_eq!(text.parse::<MacAddr>(), Err(MacError), "{text}");
        }
    }
}

//! LLDP (IEEE 802.1AB-2016, clause 8): what a neighbour on the link says of itself; EtherType 0x88cc.

use super::Reading;
use super::cursor::Cursor;
use super::text::some_text;
use crate::net::MacAddr;
use std::net::IpAddr;

const TEXT_MAX: usize = 255;

/// One announcement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lldp {
    /// Hardware address that identifies the chassis, where that is what does.
    pub chassis: Option<MacAddr>,
    /// System name.
    pub name: Option<String>,
    /// System description: product and version.
    pub description: Option<String>,
    /// Port description, else the port's identifier where it is text.
    pub port: Option<String>,
    /// First management address.
    pub management: Option<IpAddr>,
}

/// The payload of a frame, behind its EtherType.
#[must_use]
pub fn lldp(payload: &[u8]) -> Reading<Lldp> {
    read(payload).map_or(Reading::Other, Reading::Found)
}

fn read(payload: &[u8]) -> Option<Lldp> {
    let mut cursor = Cursor(payload);
    let mut found = Lldp::default();
    for mandatory in 1..=3 {
        let (kind, value) = element(&mut cursor).filter(|(kind, _)| *kind == mandatory)?;
        found.element(kind, value);
    }
    while let Some((kind, value)) = element(&mut cursor).filter(|(kind, _)| *kind != 0) {
        found.element(kind, value);
    }
    Some(found)
}

/// Seven bits of type, nine of length.
fn element<'a>(cursor: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    let head = cursor.be16()?;
    cursor.take(usize::from(head & 0x1ff)).map(|value| (head >> 9, value))
}

impl Lldp {
    fn element(&mut self, kind: u16, value: &[u8]) {
        match (kind, value) {
            (1, &[4, a, b, c, d, e, f]) => self.chassis = Some(MacAddr([a, b, c, d, e, f])),
            (2, [1 | 5 | 7, port @ ..]) => self.port = some_text(port, TEXT_MAX),
            (4, port) => self.port = some_text(port, TEXT_MAX).or(self.port.take()),
            (5, name) => self.name = some_text(name, TEXT_MAX),
            (6, description) => self.description = some_text(description, TEXT_MAX),
            (8, [length, family, rest @ ..]) if self.management.is_none() => {
                self.management = address(*length, *family, rest)
            }
            _ => {}
        }
    }
}

/// An address whose length counts its family's byte; 1 is IPv4, 2 is IPv6 (IANA, Address Family Numbers).
fn address(length: u8, family: u8, rest: &[u8]) -> Option<IpAddr> {
    let mut cursor = Cursor(rest);
    match (length, family) {
        (5, 1) => cursor.array::<4>().map(IpAddr::from),
        (17, 2) => cursor.array::<16>().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_says_its_name_product_and_management_address() {
        let bytes = [
            &[2, 7, 4, 0, 1, 2, 3, 4, 5][..],
            b"\x04\x05\x05Gi0/",
            &[6, 2, 0, 120],
            b"\x0a\x04sw-1",
            b"\x0c\x06RUGGED",
            &[0x10, 12, 5, 1, 10, 0, 0, 1, 2, 0, 0, 0, 1, 0],
            &[0, 0],
        ]
        .concat();
        let Reading::Found(found) = lldp(&bytes) else { panic!("not read") };
        assert_eq!((found.name.as_deref(), found.description.as_deref()), (Some("sw-1"), Some("RUGGED")));
        assert_eq!((found.chassis, found.port.as_deref()), (Some(MacAddr([0, 1, 2, 3, 4, 5])), Some("Gi0/")));
        assert_eq!(found.management, Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(lldp(&bytes[9..]), Reading::Other);
    }
}

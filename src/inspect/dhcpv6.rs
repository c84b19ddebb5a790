//! DHCP for IPv6 (RFC 9915): the client's name (RFC 4704), maker and hardware address.

use super::cursor::Cursor;
use super::text::{host_name, some_text};
use super::{Reading, Speaker};
use crate::net::MacAddr;

const TEXT_MAX: usize = 255;

/// One message between a client and a server; relayed ones are not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcpv6 {
    /// Who sent it.
    pub speaker: Speaker,
    /// 1 solicit, 2 advertise, 3 request, 7 reply, 11 information request, …
    pub kind: u8,
    /// Hardware address in the client identifier.
    pub client: Option<MacAddr>,
    /// Option 39, the client's name.
    pub host_name: Option<String>,
    /// Option 16, the first of its strings.
    pub vendor_class: Option<String>,
}

/// A datagram between ports 546 and 547.
#[must_use]
pub fn dhcpv6(payload: &[u8]) -> Reading<Dhcpv6> {
    read(payload).map_or(Reading::Other, Reading::Found)
}

fn read(payload: &[u8]) -> Option<Dhcpv6> {
    let mut cursor = Cursor(payload);
    let kind = cursor.u8()?;
    let speaker = match kind {
        1 | 3..=6 | 8 | 9 | 11 => Speaker::Client,
        2 | 7 | 10 => Speaker::Server,
        _ => return None,
    };
    cursor.take(3)?;
    let mut found = Dhcpv6 { speaker, kind, client: None, host_name: None, vendor_class: None };
    while let Some((code, value)) = cursor.be16().zip(cursor.counted16()) {
        match (code, value) {
            (1, &[0, 1, 0, 1, _, _, _, _, a, b, c, d, e, f] | &[0, 3, 0, 1, a, b, c, d, e, f]) => {
                found.client = Some(MacAddr([a, b, c, d, e, f]));
            }
            (16, [_, _, _, _, classes @ ..]) => {
                found.vendor_class = Cursor(classes).counted16().and_then(|class| some_text(class, TEXT_MAX));
            }
            (39, [_flags, labels @ ..]) => found.host_name = dotted(labels),
            _ => {}
        }
    }
    cursor.0.is_empty().then_some(found)
}

/// A name in labels, with the root at its end or, of one label only, without.
fn dotted(labels: &[u8]) -> Option<String> {
    let mut name = Vec::with_capacity(labels.len());
    let mut cursor = Cursor(labels);
    while let Some(length) = cursor.u8().filter(|length| *length > 0) {
        name.extend_from_slice(cursor.take(usize::from(length))?);
        name.push(b'.');
    }
    host_name(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_its_name_and_hardware_address() {
        let identifier = [0, 1, 0, 10, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7];
        let name = [&[0, 39, 0, 8, 0][..], b"\x06Logger"].concat();
        let bytes = [&[1, 9, 9, 9][..], &identifier, &name].concat();
        let Reading::Found(found) = dhcpv6(&bytes) else { panic!("not read") };
        assert_eq!((found.speaker, found.client), (Speaker::Client, Some(MacAddr([2, 3, 4, 5, 6, 7]))));
        assert_eq!(found.host_name.as_deref(), Some("logger"));
        assert_eq!(dhcpv6(&bytes[..bytes.len() - 1]), Reading::Other);
    }
}

//! DHCP for IPv4 (RFC 2131, options RFC 2132): the names and makers hosts give of themselves.

use super::cursor::Cursor;
use super::text::some_text;
use super::{Reading, Speaker};
use crate::net::MacAddr;
use std::net::Ipv4Addr;

const TEXT_MAX: usize = 255;
const COOKIE: [u8; 4] = [99, 130, 83, 99];

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    /// Who sent it.
    pub speaker: Speaker,
    /// 1 discover, 2 offer, 3 request, 4 decline, 5 acknowledge, 6 refuse, 7 release, 8 inform; none in BOOTP.
    pub kind: Option<u8>,
    /// Hardware address of the client.
    pub client: MacAddr,
    /// Address the client is given, has, or asks for.
    pub address: Option<Ipv4Addr>,
    /// Option 12, else the name of option 81.
    pub host_name: Option<String>,
    /// Option 60: maker and kind of the client's software.
    pub vendor_class: Option<String>,
}

/// A datagram between ports 67 and 68.
#[must_use]
pub fn dhcp(payload: &[u8]) -> Reading<Dhcp> {
    read(payload).map_or(Reading::Other, Reading::Found)
}

fn read(payload: &[u8]) -> Option<Dhcp> {
    let mut cursor = Cursor(payload);
    let speaker = match cursor.array::<4>()? {
        [1, 1, 6, _] => Speaker::Client,
        [2, 1, 6, _] => Speaker::Server,
        _ => return None,
    };
    cursor.take(8)?;
    let (own, given) = (Ipv4Addr::from(cursor.array::<4>()?), Ipv4Addr::from(cursor.array::<4>()?));
    cursor.take(8)?;
    let client = MacAddr(cursor.array::<6>()?);
    cursor.take(10 + 64 + 128)?;
    let address = [given, own].into_iter().find(|address| !address.is_unspecified());
    cursor.array::<4>().filter(|cookie| *cookie == COOKIE)?;
    let mut found = Dhcp { speaker, kind: None, client, address, host_name: None, vendor_class: None };
    while let Some((code, value)) = option(&mut cursor) {
        found.option(code, value);
    }
    Some(found)
}

/// The next option; padding is passed over, the end mark ends.
fn option<'a>(cursor: &mut Cursor<'a>) -> Option<(u8, &'a [u8])> {
    loop {
        match cursor.u8()? {
            0 => {}
            255 => return None,
            code => {
                let length = cursor.u8()?;
                return cursor.take(usize::from(length)).map(|value| (code, value));
            }
        }
    }
}

impl Dhcp {
    fn option(&mut self, code: u8, value: &[u8]) {
        match (code, value) {
            (12, name) => self.host_name = some_text(name.trim_ascii_end(), TEXT_MAX),
            (50, &[a, b, c, d]) => self.address = self.address.or(Some(Ipv4Addr::new(a, b, c, d))),
            (53, &[kind]) => self.kind = Some(kind),
            (60, class) => self.vendor_class = some_text(class, TEXT_MAX),
            (81, [flags, _, _, name @ ..]) if flags & 4 == 0 && self.host_name.is_none() => {
                self.host_name = some_text(name, TEXT_MAX);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let mut fixed = vec![0; 236];
        fixed[..3].copy_from_slice(&[1, 1, 6]);
        fixed[28..34].copy_from_slice(&[0x44, 0x47, 0xcc, 1, 2, 3]);
        let options = b"\x35\x01\x03\0\x32\x04\x0a\x14\0\x11\x0c\x09DS-2CD214\x3c\x06udhcp \xff\x0c\x01x";
        [&fixed[..], &COOKIE, options].concat()
    }

    #[test]
    fn a_camera_that_asks_for_an_address_says_its_name_and_software() {
        let Reading::Found(found) = dhcp(&golden()) else { panic!("not read") };
        assert_eq!(
            (found.speaker, found.kind, found.client),
            (Speaker::Client, Some(3), MacAddr([0x44, 0x47, 0xcc, 1, 2, 3]))
        );
        assert_eq!(found.address, Some(Ipv4Addr::new(10, 20, 0, 17)));
        assert_eq!((found.host_name.as_deref(), found.vendor_class.as_deref()), (Some("DS-2CD214"), Some("udhcp")));
    }

    #[test]
    fn without_the_magic_cookie_it_is_none() {
        let mut bytes = golden();
        bytes[236] = 0;
        assert_eq!(dhcp(&bytes), Reading::Other);
    }
}

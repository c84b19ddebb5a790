//! Devices that announce themselves in Ethernet frames of their own (IEEE 802.1AB; Cisco Discovery Protocol).

use std::net::IpAddr;

use super::cursor::Cursor;
use super::{Announcement, Reading, cdp, lldp};
use crate::net::MacAddr;

const VLAN: u16 = 0x8100;
const LLDP: u16 = 0x88cc;
/// Logical link control and SNAP header of CDP.
const CDP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0];

/// What an Ethernet frame without IP announces, if anything.
#[must_use]
pub fn below_ip(frame: &[u8]) -> Option<Announcement> {
    let mut cursor = Cursor(frame);
    let (_to, from) = (cursor.array::<6>()?, MacAddr(cursor.array::<6>()?));
    let mut kind = cursor.be16()?;
    if kind == VLAN {
        cursor.be16()?;
        kind = cursor.be16()?;
    }
    match kind {
        LLDP => topology(cursor.0, from),
        0..=1500 => cisco(cursor.0.strip_prefix(&CDP)?, from),
        _ => None,
    }
}

fn topology(payload: &[u8], from: MacAddr) -> Option<Announcement> {
    let Reading::Found(said) = lldp::lldp(payload) else { return None };
    let address = said.management.filter(|address| !IpAddr::is_unspecified(address));
    let mac = Some(said.chassis.unwrap_or(from));
    some(Announcement { by: "lldp", mac, address, name: said.name, model: said.description })
}

fn cisco(payload: &[u8], from: MacAddr) -> Option<Announcement> {
    let Reading::Found(said) = cdp::cdp(payload) else { return None };
    some(Announcement { by: "cdp", mac: Some(from), address: None, name: said.device, model: said.platform })
}

fn some(said: Announcement) -> Option<Announcement> {
    (said.name.is_some() || said.model.is_some()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: [u8; 12] = [1, 0x80, 0xc2, 0, 0, 14, 0x44, 0x19, 0xb6, 0, 0, 1];

    #[test]
    fn a_switch_gives_its_name_and_description_with_and_without_a_tag() {
        let body = [
            &[2, 7, 4, 0x44, 0x19, 0xb6, 0, 0, 9, 4, 2, 7, b'1', 6, 2, 0, 120][..],
            &[10, 4, b'g', b'a', b't', b'e', 12, 3, b'C', b'a', b'm', 0, 0],
        ]
        .concat();
        let said = below_ip(&[&ADDRESSES, &[0x88, 0xcc][..], &body].concat()).unwrap();
        assert_eq!((said.by, said.name.as_deref(), said.model.as_deref()), ("lldp", Some("gate"), Some("Cam")));
        assert_eq!(said.mac, Some(MacAddr([0x44, 0x19, 0xb6, 0, 0, 9])));
        assert_eq!(below_ip(&[&ADDRESSES, &[0x81, 0, 0, 7, 0x88, 0xcc][..], &body].concat()), Some(said));
    }

    #[test]
    fn cdp_gives_name_and_platform_and_other_frames_nothing() {
        let body = [&[2, 180, 0, 0, 0, 1, 0, 6][..], b"sw", &[0, 6, 0, 7], b"C29"].concat();
        let said = below_ip(&[&ADDRESSES, &[0, 30][..], &CDP, &body].concat()).unwrap();
        assert_eq!((said.by, said.name.as_deref(), said.model.as_deref()), ("cdp", Some("sw"), Some("C29")));
        assert_eq!(below_ip(&[&ADDRESSES, &[8, 6, 0, 1][..]].concat()), None);
        assert_eq!(below_ip(&ADDRESSES), None);
    }
}

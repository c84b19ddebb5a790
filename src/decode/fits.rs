//! Does a guess hold? Whether bytes can be what a port or a missing type field suggests: each length must fit into
//! what is around it.

use super::ether::VLAN_TYPES;
use super::ppp;
use super::view::View;

/// An IP packet whose lengths lie within the view.
pub(super) fn ip(view: View<'_>) -> bool {
    match view.data {
        [first @ 0x45..=0x4f, _, high, low, ..] => {
            let total = usize::from(u16::from_be_bytes([*high, *low]));
            let is_super_frame = total == 0 && view.wire > 0xffff;
            is_super_frame || total >= usize::from(first & 0x0f) * 4 && total <= view.wire
        }
        [0x60..=0x6f, _, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 40 <= view.wire,
        _ => false,
    }
}

/// An Ethernet frame with something inside that leads on to IP.
pub(super) fn ethernet(view: View<'_>) -> bool {
    let mut at = 12;
    loop {
        let (Ok(ether_type), Ok(rest)) = (view.be16(at), view.skip(at + 2)) else { return false };
        match ether_type {
            tag if VLAN_TYPES.contains(&tag) && at < 12 + 4 * 4 => at += 4,
            0x0800 | 0x86dd => return ip(rest),
            0x8847 | 0x8848 | 0x8864 | 0x88e5 | 0x88e7 | 0x894f => return true,
            3..=1500 => return usize::from(ether_type) <= rest.wire && rest.data.starts_with(&[0xaa, 0xaa, 0x03]),
            _ => return false,
        }
    }
}

/// A PPP frame with IP inside.
pub(super) fn ppp(view: View<'_>) -> bool {
    ppp::protocol(view).is_ok_and(|(protocol, rest)| matches!(protocol, 0x0021 | 0x0057) && ip(rest))
}

//! Tunnels in UDP, found by their port and believed only when every header inside fits: reserved bits are zero, and
//! the lengths of the packet inside lie within the datagram.

use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use super::{Encapsulation, Skip, fits, gre};

/// A tunnel, its number, and what it carries.
type Content<'a> = (Encapsulation, Option<u32>, Layer, View<'a>);

impl<'a, R: Recorder> Walk<'a, R> {
    /// The packet inside the UDP datagram found, to or from a tunnel port; `None` where there is none.
    #[inline(never)]
    pub(super) fn udp_tunnel(&mut self) -> Result<Option<Outcome>, Skip> {
        let segment = self.found.segment;
        for port in [segment.destination_port, segment.source_port] {
            let Ok((kind, id, layer, content)) = content(port, segment.payload) else { continue };
            if kind == Encapsulation::L2tp && layer == Layer::Ip {
                return self.l2tp_session(content);
            }
            let is_plausible = match layer {
                Layer::Ethernet => fits::ethernet(content),
                Layer::Ip => fits::ip(content),
                Layer::Ppp => fits::ppp(content),
                Layer::EtherType(0x0800 | 0x86dd) => fits::ip(content),
                Layer::EtherType(_) | Layer::Wifi => true,
            };
            if is_plausible {
                return self.tunnel((kind, id), layer, content);
            }
        }
        Ok(None)
    }
}

fn content(port: u16, payload: View<'_>) -> Result<Content<'_>, Skip> {
    match port {
        4789 | 8472 => vxlan(payload),
        4790 => vxlan_gpe(payload),
        6081 => geneve(payload),
        2152 => gtp(payload),
        3544 => teredo(payload),
        1701 => l2tp(payload),
        4341 => lisp(payload),
        4342 => lisp_control(payload),
        4754 => gre::in_udp(payload),
        5247 => capwap(payload),
        _ => Err(Skip::NotIp),
    }
}

/// RFC 7348. Bits it reserves are ignored: extensions use them (draft-smith-vxlan-group-policy, the generic protocol
/// extension on the old port).
fn vxlan(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const HAS_VNI: u8 = 0x08;
    let (h, content) = payload.take::<8>()?;
    if h[0] & HAS_VNI == 0 || h[7] != 0 {
        return Err(Skip::Malformed);
    }
    let vni = u32::from_be_bytes([0, h[4], h[5], h[6]]);
    Ok((Encapsulation::Vxlan, Some(vni), Layer::Ethernet, content))
}

/// draft-ietf-nvo3-vxlan-gpe: version 0, instance bit, next protocol.
fn vxlan_gpe(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const VNI_AND_PROTOCOL: u8 = 0x0c;
    let (h, content) = payload.take::<8>()?;
    if h[0] & !0x03 != VNI_AND_PROTOCOL || h[1] != 0 || h[2] != 0 || h[7] != 0 {
        return Err(Skip::Malformed);
    }
    let layer = match h[3] {
        1 | 2 => Layer::Ip,
        3 => Layer::Ethernet,
        4 => Layer::EtherType(0x894f),
        5 => Layer::EtherType(0x8847),
        _ => return Err(Skip::NotIp),
    };
    Ok((Encapsulation::VxlanGpe, Some(u32::from_be_bytes([0, h[4], h[5], h[6]])), layer, content))
}

/// RFC 8926: version 0, length of the options, protocol type.
fn geneve(payload: View<'_>) -> Result<Content<'_>, Skip> {
    let (h, rest) = payload.take::<8>()?;
    if h[0] & 0xc0 != 0 || h[1] & 0x3f != 0 || h[7] != 0 {
        return Err(Skip::Malformed);
    }
    let layer = match u16::from_be_bytes([h[2], h[3]]) {
        0x6558 => Layer::Ethernet,
        0x0800 | 0x86dd => Layer::Ip,
        _ => return Err(Skip::NotIp),
    };
    let content = rest.skip(usize::from(h[0] & 0x3f) * 4)?;
    Ok((Encapsulation::Geneve, Some(u32::from_be_bytes([0, h[4], h[5], h[6]])), layer, content))
}

/// 3GPP TS 29.281, section 5: a G-PDU of version 1, with extension headers.
fn gtp(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const G_PDU: u8 = 255;
    const ANY_OPTION: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let (h, rest) = payload.take::<8>()?;
    if h[0] & 0xf8 != 0x30 || h[1] != G_PDU || usize::from(u16::from_be_bytes([h[2], h[3]])) > rest.wire {
        return Err(Skip::Malformed);
    }
    let mut content = rest;
    if h[0] & ANY_OPTION != 0 {
        let (options, behind) = rest.take::<4>()?;
        content = behind;
        let mut next = if h[0] & EXTENSION == 0 { 0 } else { options[3] };
        while next != 0 {
            let len = usize::from(content.byte(0)?) * 4;
            next = content.byte(len.checked_sub(1).ok_or(Skip::Malformed)?)?;
            content = content.skip(len)?;
        }
    }
    Ok((Encapsulation::Gtp, Some(u32::from_be_bytes([h[4], h[5], h[6], h[7]])), Layer::Ip, content))
}

/// RFC 4380, section 5.1.1: authentication, then origin indication, both optional, then IPv6.
fn teredo(payload: View<'_>) -> Result<Content<'_>, Skip> {
    let mut content = payload;
    if let [0, 1, id_len, value_len, ..] = content.data {
        content = content.skip(4 + usize::from(*id_len) + usize::from(*value_len) + 9)?;
    }
    if let [0, 0, ..] = content.data {
        content = content.skip(8)?;
    }
    if content.byte(0)? >> 4 != 6 {
        return Err(Skip::NotIp);
    }
    Ok((Encapsulation::Teredo, None, Layer::Ip, content))
}

/// A data message of version 2 (RFC 2661, section 3.1) or 3 (RFC 3931, section 4.1.2.1, from its session id on).
fn l2tp(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    const RESERVED: u16 = 0x34f0;
    let flags = payload.be16(0)?;
    if flags & (CONTROL | RESERVED) != 0 {
        return Err(Skip::NotIp);
    }
    if flags == 3 && payload.be16(2)? == 0 {
        return Ok((Encapsulation::L2tp, None, Layer::Ip, payload.skip(4)?));
    }
    if flags & 0x000f != 2 {
        return Err(Skip::NotIp);
    }
    let mut at = 2;
    if flags & LENGTH != 0 {
        if usize::from(payload.be16(at)?) > payload.wire {
            return Err(Skip::Malformed);
        }
        at += 2;
    }
    let session = payload.be16(at + 2)?;
    at += 4;
    at += if flags & SEQUENCE == 0 { 0 } else { 4 };
    at += if flags & OFFSET == 0 { 0 } else { 2 + usize::from(payload.be16(at)?) };
    Ok((Encapsulation::L2tp, Some(session.into()), Layer::Ppp, payload.skip(at)?))
}

/// RFC 9300, section 5.1.
fn lisp(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const HAS_INSTANCE: u8 = 0x08;
    let (h, content) = payload.take::<8>()?;
    let instance = (h[0] & HAS_INSTANCE != 0).then(|| u32::from_be_bytes([0, h[4], h[5], h[6]]));
    Ok((Encapsulation::Lisp, instance, Layer::Ip, content))
}

/// RFC 9301, section 5.8: an encapsulated control message without authentication data.
fn lisp_control(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const ENCAPSULATED: u8 = 0x80;
    const AUTHENTICATED: u8 = 0x08;
    let (h, content) = payload.take::<4>()?;
    if h[0] & (0xf0 | AUTHENTICATED) != ENCAPSULATED {
        return Err(Skip::NotIp);
    }
    Ok((Encapsulation::Lisp, None, Layer::Ip, content))
}

/// RFC 5415, section 4.3: a clear-text data packet that is no fragment, with an 802.11 or an Ethernet frame.
fn capwap(payload: View<'_>) -> Result<Content<'_>, Skip> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    let h = payload.peek::<8>()?;
    let content = payload.skip(usize::from(h[1] >> 3) * 4)?;
    if h[0] != 0 || h[1] >> 3 < 2 || h[3] & FRAGMENT != 0 {
        return Err(Skip::NotIp);
    }
    let layer = if h[2] & NATIVE == 0 { Layer::Ethernet } else { Layer::Wifi };
    Ok((Encapsulation::Capwap, None, layer, content))
}

//! GRE (RFC 2784, 2890, 1701; version 1: RFC 2637) and what rides in it: IP, Ethernet (NVGRE, RFC 7637), PPP,
//! ERSPAN (draft-foschiano-erspan), WCCP redirection.

use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use super::{Encapsulation, Skip};

/// A GRE header.
struct Gre<'a> {
    protocol: u16,
    key: Option<u32>,
    has_sequence: bool,
    content: View<'a>,
}

impl<'a, R: Recorder> Walk<'a, R> {
    /// The packet inside a GRE packet; `None` where there is none.
    pub(super) fn gre(&mut self, data: View<'a>) -> Result<Option<Outcome>, Skip> {
        let Ok(gre) = header(data) else { return Ok(None) };
        let Ok((kind, id, layer, content)) = content(&gre) else { return Ok(None) };
        self.tunnel((kind, id), layer, content)
    }
}

/// GRE in UDP (RFC 8086), which has neither routing nor a version: what it carries.
pub(super) fn in_udp(payload: View<'_>) -> Result<(Encapsulation, Option<u32>, Layer, View<'_>), Skip> {
    const RESERVED: u16 = 0x4fff;
    if payload.be16(0)? & RESERVED != 0 {
        return Err(Skip::Malformed);
    }
    content(&header(payload)?)
}

fn header(data: View<'_>) -> Result<Gre<'_>, Skip> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    let (flags, protocol) = (data.be16(0)?, data.be16(2)?);
    let version = flags & 0x0007;
    if version > 1 {
        return Err(Skip::Malformed);
    }
    let mut at = if flags & (CHECKSUM | ROUTING) == 0 { 4 } else { 8 };
    let key = if flags & KEY == 0 { None } else { Some(data.be32(at)?) };
    at += if key.is_some() { 4 } else { 0 };
    let has_sequence = flags & SEQUENCE != 0;
    at += if has_sequence { 4 } else { 0 };
    at += if version == 1 && flags & ACKNOWLEDGEMENT != 0 { 4 } else { 0 };
    if flags & ROUTING != 0 {
        at += routing_len(data.skip(at)?)?;
    }
    Ok(Gre { protocol, key, has_sequence, content: data.skip(at)? })
}

/// Source route entries (RFC 1701): address family, offset, length; the last has length 0.
fn routing_len(data: View<'_>) -> Result<usize, Skip> {
    let mut at = 0;
    loop {
        let len = usize::from(data.byte(at + 3)?);
        at += 4 + len;
        if len == 0 {
            return Ok(at);
        }
    }
}

fn content<'a>(gre: &Gre<'a>) -> Result<(Encapsulation, Option<u32>, Layer, View<'a>), Skip> {
    let Gre { protocol, key, has_sequence, content } = *gre;
    let plain = |layer| Ok((Encapsulation::Gre, key, layer, content));
    match protocol {
        0x88be if !has_sequence => Ok((Encapsulation::Erspan1, None, Layer::Ethernet, content)),
        0x88be => Ok((Encapsulation::Erspan2, Some(session(content)?), Layer::Ethernet, content.skip(8)?)),
        0x22eb => {
            const HAS_PLATFORM_HEADER: u8 = 0x01;
            let len = if content.byte(11)? & HAS_PLATFORM_HEADER == 0 { 12 } else { 20 };
            let is_ip = content.byte(10)? >> 2 & 0x1f == 2;
            let layer = if is_ip { Layer::Ip } else { Layer::Ethernet };
            Ok((Encapsulation::Erspan3, Some(session(content)?), layer, content.skip(len)?))
        }
        // Ethernet over IP as MikroTik does it: length and tunnel id where the key would be.
        0x6558 | 0x6400 => plain(Layer::Ethernet),
        0x880b => plain(Layer::Ppp),
        // WCCP version 2 has a redirect header, version 1 none.
        0x883e if content.byte(0)? >> 4 != 4 => Ok((Encapsulation::Gre, key, Layer::Ip, content.skip(4)?)),
        0x883e => plain(Layer::Ip),
        ether_type => plain(Layer::EtherType(ether_type)),
    }
}

/// Session id of an ERSPAN header: the low ten bits of its second half word.
fn session(content: View<'_>) -> Result<u32, Skip> {
    Ok(u32::from(content.be16(2)? & 0x03ff))
}

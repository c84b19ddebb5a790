//! Serial lines: PPP (RFC 1661, 1662), Cisco HDLC, frame relay (RFC 2427).

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};

impl<'a, R: Recorder> Walk<'a, R> {
    /// PPP with or without address and control field, with a protocol field of one or two bytes.
    pub(super) fn ppp(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        if matches!(view.data, [0x0f | 0x8f, 0x00, ..]) {
            return self.cisco_hdlc(view);
        }
        let (protocol, rest) = protocol(view)?;
        match protocol {
            0x0021 | 0x0057 => self.enter(Layer::Ip, rest),
            0x0281 | 0x0283 => self.mpls(rest),
            // Compressed or encrypted.
            0x002d | 0x002f | 0x0053 | 0x00fb | 0x00fd => Err(Skip::Opaque),
            _ => Err(Skip::NotIp),
        }
    }

    /// Address, control, EtherType.
    pub(super) fn cisco_hdlc(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<4>()?;
        match u16::from_be_bytes([h[2], h[3]]) {
            0xfefe if rest.byte(0)? == 0x03 => self.network_layer_id(rest.skip(1)?),
            ether_type => self.enter(Layer::EtherType(ether_type), rest),
        }
    }

    /// Address of two to four bytes; then a control byte and a network layer id, or (Cisco) an EtherType.
    pub(super) fn frame_relay(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let last = view.data.iter().take(4).position(|byte| byte & 1 == 1).ok_or(Skip::Malformed)?;
        let rest = view.skip(last + 1)?;
        match rest.byte(0)? {
            // A zero may pad the header to an even length.
            0x03 if rest.byte(1)? == 0 => self.network_layer_id(rest.skip(2)?),
            0x03 => self.network_layer_id(rest.skip(1)?),
            _ => self.enter(Layer::EtherType(rest.be16(0)?), rest.skip(2)?),
        }
    }
}

/// The protocol field of a PPP frame, and the view behind it.
pub(super) fn protocol(view: View<'_>) -> Result<(u16, View<'_>), Skip> {
    let view = if matches!(view.data, [0xff, 0x03, ..]) { view.skip(2)? } else { view };
    match view.byte(0)? {
        compressed if compressed & 1 == 1 => Ok((compressed.into(), view.skip(1)?)),
        _ => Ok((view.be16(0)?, view.skip(2)?)),
    }
}

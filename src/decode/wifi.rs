//! IEEE 802.11 data frames, bare or behind a radiotap, Prism or AVS header.

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Outcome, Walk};

/// Radiotap flag: padding between the 802.11 header and the payload, to a multiple of four bytes.
const DATA_PAD: u8 = 0x20;

const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

impl<'a, R: Recorder> Walk<'a, R> {
    /// An 802.11 frame, with the flags of its radiotap header. Of aggregated frames the first is read.
    pub(super) fn wifi(&mut self, view: View<'a>, flags: u8) -> Result<Outcome, Skip> {
        let h = view.peek::<24>()?;
        let is_later_fragment = h[22] & 0x0f != 0;
        if is_later_fragment { Err(Skip::NotIp) } else { self.wifi_frame(view, [h[0], h[1]], flags) }
    }

    /// In CAPWAP some controllers swap the bytes of the frame control field.
    pub(super) fn wifi_capwap(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        match *view.peek::<2>()? {
            [first, second] if first & 0x0f != 0x08 => self.wifi_frame(view, [second, first], 0),
            frame_control => self.wifi_frame(view, frame_control, 0),
        }
    }

    fn wifi_frame(&mut self, view: View<'a>, [kind, control]: [u8; 2], flags: u8) -> Result<Outcome, Skip> {
        let (is_data, has_quality, has_body) = (kind & 0x0f == 0x08, kind & 0x80 != 0, kind & 0x40 == 0);
        if !is_data || !has_body {
            return Err(Skip::NotIp);
        }
        if control & PROTECTED != 0 {
            return Err(Skip::Opaque);
        }
        let has_four_addresses = control & (TO_DS | FROM_DS) == TO_DS | FROM_DS;
        let mut len = if has_four_addresses { 30 } else { 24 };
        self.wifi_macs(view, control)?;
        let quality = if has_quality { view.byte(len)? } else { 0 };
        if has_quality {
            len += if control & ORDER == 0 { 2 } else { 6 };
        }
        if flags & DATA_PAD != 0 {
            len = len.next_multiple_of(4);
        }
        let body = view.skip(len)?;
        let is_aggregate = quality & 0x80 != 0;
        self.llc(if is_aggregate { body.skip(14)? } else { body })
    }

    fn wifi_macs(&mut self, view: View<'_>, control: u8) -> Result<(), Skip> {
        let at = |index: usize| view.skip(index)?.peek::<6>();
        let (destination, source) = match control & (TO_DS | FROM_DS) {
            0 => (at(4)?, at(10)?),
            TO_DS => (at(16)?, at(10)?),
            FROM_DS => (at(4)?, at(16)?),
            _ => (at(16)?, at(24)?),
        };
        self.recorder.macs(*destination, *source);
        Ok(())
    }

    /// <https://www.radiotap.org>: version 0, length, then presence words; the flags are the second field.
    pub(super) fn wifi_radiotap(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        const TIME: u8 = 0x01;
        const FLAGS: u8 = 0x02;
        let h = view.peek::<8>()?;
        let len = usize::from(u16::from_le_bytes([h[2], h[3]]));
        if h[0] != 0 || len < 8 {
            return Err(Skip::Malformed);
        }
        let mut fields = 8;
        while view.byte(fields - 1)? & 0x80 != 0 {
            fields += 4;
        }
        if h[4] & TIME != 0 {
            fields = fields.next_multiple_of(8) + 8;
        }
        let flags = if h[4] & FLAGS != 0 && fields < len { view.byte(fields)? } else { 0 };
        self.wifi(view.skip(len)?, flags)
    }

    /// Prism monitoring header (length little-endian) or AVS (version in the first bytes, length big-endian).
    pub(super) fn wifi_prism(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let h = view.peek::<8>()?;
        let len = [h[4], h[5], h[6], h[7]];
        let is_avs = [h[0], h[1], h[2] & 0xf0] == [0x80, 0x21, 0x10];
        let len = if is_avs { u32::from_be_bytes(len) } else { u32::from_le_bytes(len) };
        if len < 8 {
            return Err(Skip::Malformed);
        }
        self.wifi(view.skip(len as usize)?, 0)
    }
}

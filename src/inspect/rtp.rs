//! RTP (RFC 3550, section 5.1). One datagram proves nothing, for a quarter of all bytes begin like it: two in a row of one
//! direction that count on do.

use super::cursor::Cursor;

/// Steps a sequence number may take between two datagrams seen one after the other.
const STEP_MAX: u16 = 16;

/// What tells one datagram of a stream from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    kind: u8,
    sequence: u16,
    source: u32,
}

impl Header {
    /// The header of a datagram that may be RTP.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Header> {
        let mut cursor = Cursor(payload);
        let (first, second) = (cursor.u8()?, cursor.u8()?);
        let (sequence, _timestamp, source) = (cursor.be16()?, cursor.be32()?, cursor.be32()?);
        cursor.take(4 * usize::from(first & 0xf))?;
        let kind = second & 0x7f;
        let assigned = matches!(kind, 0..=34 | 96..=127);
        (first >> 6 == 2 && assigned && !cursor.0.is_empty()).then_some(Header { kind, sequence, source })
    }

    /// Whether `next`, seen after this one in the same direction, goes on with the same stream.
    #[must_use]
    pub fn is_followed_by(&self, next: &Header) -> bool {
        let same = self.source == next.source && self.kind == next.kind && self.source != 0;
        same && (1..=STEP_MAX).contains(&next.sequence.wrapping_sub(self.sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(kind: u8, sequence: u16, source: u32) -> Vec<u8> {
        [&[0x80, kind][..], &sequence.to_be_bytes(), &[0, 0, 1, 0], &source.to_be_bytes(), &[0xd5; 160]].concat()
    }

    fn is_stream(first: &[u8], next: &[u8]) -> bool {
        Header::read(first).zip(Header::read(next)).is_some_and(|(first, next)| first.is_followed_by(&next))
    }

    #[test]
    fn two_datagrams_that_count_on_are_a_stream() {
        assert!(is_stream(&datagram(0, 0xffff, 7), &datagram(0, 0, 7)));
        assert!(is_stream(&datagram(96, 5, 7), &datagram(0x80 | 96, 7, 7)));
    }

    #[test]
    fn another_source_a_jump_or_a_control_packet_is_none() {
        assert!(!is_stream(&datagram(0, 1, 7), &datagram(0, 2, 8)));
        assert!(!is_stream(&datagram(0, 1, 7), &datagram(0, 900, 7)));
        assert!(!is_stream(&datagram(72, 1, 7), &datagram(72, 2, 7)));
        assert!(!is_stream(&datagram(0, 1, 7), &datagram(0, 1, 7)));
    }
}

//! NTP by a datagram on port 123 (RFC 5905, section 7.3; control messages RFC 9327): nothing in it is distinctive enough
//! for other ports.

use super::{Reading, Speaker};

const HEADER: usize = 48;

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ntp {
    /// 1–4.
    pub version: u8,
    /// 1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private.
    pub mode: u8,
    /// Who sent it; symmetric peers are neither.
    pub speaker: Option<Speaker>,
}

/// A datagram from or to port 123.
#[must_use]
pub fn ntp(payload: &[u8]) -> Reading<Ntp> {
    let Some((&first, rest)) = payload.split_first() else { return Reading::Other };
    let (version, mode) = (first >> 3 & 7, first & 7);
    let answers = rest.first().is_some_and(|byte| byte & 0x80 != 0) || (mode == 7 && first & 0x80 != 0);
    let (fits, speaker) = match mode {
        1 | 2 => (is_time(payload), None),
        3 => (is_time(payload), Some(Speaker::Client)),
        4 | 5 => (is_time(payload), Some(Speaker::Server)),
        6 | 7 => (payload.len() >= 8, Some(if answers { Speaker::Server } else { Speaker::Client })),
        _ => (false, None),
    };
    if fits && (1..=4).contains(&version) { Reading::Found(Ntp { version, mode, speaker }) } else { Reading::Other }
}

/// A header, extensions in whole words, a stratum and intervals that exist.
fn is_time(payload: &[u8]) -> bool {
    let plausible = matches!(*payload, [_, 0..=16, poll, _, ..] if (poll as i8) <= 17);
    plausible && payload.len() >= HEADER && payload.len().is_multiple_of(4)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let mut payload = vec![0; HEADER];
        payload[..4].copy_from_slice(&[0xe3, 0, 6, 0xec]);
        payload
    }

    #[test]
    fn a_client_and_a_server_are_told_apart() {
        let found = |mode, speaker| Reading::Found(Ntp { version: 4, mode, speaker: Some(speaker) });
        assert_eq!(ntp(&golden()), found(3, Speaker::Client));
        let mut answer = golden();
        answer[..2].copy_from_slice(&[0x24, 2]);
        assert_eq!(ntp(&answer), found(4, Speaker::Server));
    }

    #[test]
    fn a_cut_header_is_none() {
        assert_eq!(ntp(&golden()[..44]), Reading::Other);
    }
}

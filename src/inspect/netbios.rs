//! NetBIOS name service (RFC 1002, section 4.2): names hosts register, ask for and answer to.

use super::cursor::Cursor;
use super::text::some_text;
use super::{Reading, Speaker};
use std::net::Ipv4Addr;

const TYPE_NB: u16 = 0x20;

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetBios {
    /// Who sent it: a response is the server's.
    pub speaker: Speaker,
    /// The name without padding.
    pub name: String,
    /// Its sixteenth byte: 0x00 workstation, 0x20 file server, 0x1b and 0x1c domain controllers.
    pub suffix: u8,
    /// The sender claims the name for itself: registration or refresh.
    pub claims: bool,
    /// Address that goes with the name, in claims and answers.
    pub address: Option<Ipv4Addr>,
}

/// A datagram from or to port 137.
#[must_use]
pub fn netbios(payload: &[u8]) -> Reading<NetBios> {
    read(payload).map_or(Reading::Other, Reading::Found)
}

fn read(payload: &[u8]) -> Option<NetBios> {
    let mut cursor = Cursor(payload);
    cursor.be16()?;
    let flags = cursor.be16()?;
    let counts = [cursor.be16()?, cursor.be16()?, cursor.be16()?, cursor.be16()?];
    let response = flags & 0x8000 != 0;
    let claims = !response && matches!(flags >> 11 & 0xf, 5 | 8 | 9 | 15);
    let plausible = match counts {
        [1, 0, 0, 0 | 1] => !response,
        [0, 0 | 1, 0, 0] => response,
        _ => false,
    };
    let (name, suffix) = name(&mut cursor).filter(|_| plausible)?;
    let kind = cursor.be16()?;
    cursor.be16().filter(|class| *class == 1 && matches!(kind, TYPE_NB | 0x21 | 0x0a))?;
    let address = match (response, claims) {
        (true, _) => data(&mut cursor),
        (false, true) => additional(&mut cursor),
        (false, false) => None,
    };
    let speaker = if response { Speaker::Server } else { Speaker::Client };
    Some(NetBios { speaker, name, suffix, claims, address: address.filter(|_| kind == TYPE_NB) })
}

/// A name in the first-level encoding: 32 letters A to P, two for each of sixteen bytes.
fn name(cursor: &mut Cursor<'_>) -> Option<(String, u8)> {
    cursor.u8().filter(|length| *length == 32)?;
    let encoded = cursor.array::<32>()?;
    let mut scope = cursor.u8()?;
    while scope > 0 {
        cursor.take(usize::from(scope)).filter(|_| scope < 64)?;
        scope = cursor.u8()?;
    }
    let half = |byte: u8| byte.checked_sub(b'A').filter(|half| *half < 16);
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(encoded.as_chunks::<2>().0) {
        *byte = half(pair[0])? << 4 | half(pair[1])?;
    }
    let [name @ .., suffix] = bytes;
    let end = name.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    Some((some_text(name.get(..end)?, 15)?, suffix))
}

/// Time to live, length, flags and the first address.
fn data(cursor: &mut Cursor<'_>) -> Option<Ipv4Addr> {
    cursor.be32()?;
    let mut data = Cursor(cursor.counted16()?);
    data.be16()?;
    data.array::<4>().map(Ipv4Addr::from)
}

/// The record behind the question, whose name points to the question's.
fn additional(cursor: &mut Cursor<'_>) -> Option<Ipv4Addr> {
    match cursor.u8()? {
        0xc0.. => cursor.take(1)?,
        _ => cursor.take(33)?,
    };
    cursor.take(4)?;
    data(cursor)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn encoded(name: &str, suffix: u8) -> Vec<u8> {
        let padded = name.bytes().chain(std::iter::repeat(b' ')).take(15).chain([suffix]);
        let halves = padded.flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
        [32].into_iter().chain(halves).chain([0]).collect()
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let header = [0, 7, 0x29, 0x10, 0, 1, 0, 0, 0, 0, 0, 1];
        let record = [0xc0, 12, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0, 10, 20, 0, 17];
        [&header[..], &encoded("SCADA-01", 0x20), &[0, 0x20, 0, 1], &record].concat()
    }

    #[test]
    fn a_host_that_registers_its_name_is_named_with_its_address() {
        let name = "SCADA-01".to_owned();
        let address = Some(Ipv4Addr::new(10, 20, 0, 17));
        let expected = NetBios { speaker: Speaker::Client, name, suffix: 0x20, claims: true, address };
        assert_eq!(netbios(&golden()), Reading::Found(expected));
    }

    #[test]
    fn a_name_that_is_not_encoded_is_none() {
        let mut bytes = golden();
        bytes[20] = b'Q';
        assert_eq!(netbios(&bytes), Reading::Other);
    }
}

//! The CRYPTO frames of an opened Initial (RFC 9000 section 19).

use super::bytes::Bytes;

const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
const GOOGLE_PING: u64 = 0x07;
const GOOGLE_CRYPTO: u64 = 0x08;

/// A stretch of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crypto<'a> {
    pub(super) offset: u64,
    pub(super) data: &'a [u8],
}

/// The CRYPTO frames in `frames`, up to the first frame that cannot be read.
pub(super) fn crypto(frames: &[u8], is_google: bool) -> impl Iterator<Item = Crypto<'_>> {
    let mut bytes = Bytes(frames);
    std::iter::from_fn(move || next(&mut bytes, is_google))
}

fn next<'a>(bytes: &mut Bytes<'a>, is_google: bool) -> Option<Crypto<'a>> {
    loop {
        pass_padding(bytes);
        match bytes.varint()? {
            PADDING | PING => {}
            GOOGLE_PING if is_google => {}
            CRYPTO => return read(bytes),
            GOOGLE_CRYPTO if is_google => return read(bytes),
            ACK => acknowledgement(bytes)?,
            ACK_ECN => {
                acknowledgement(bytes)?;
                numbers(bytes, 3)?;
            }
            _ => return None,
        }
    }
}

/// Passes the zeros that fill a packet up, often most of it.
fn pass_padding(bytes: &mut Bytes<'_>) {
    while let Some(rest) = bytes.0.strip_prefix(&[0; 64]) {
        bytes.0 = rest;
    }
    let padding = bytes.0.iter().position(|byte| *byte != 0).unwrap_or(bytes.0.len());
    bytes.0 = bytes.0.get(padding..).unwrap_or_default();
}

fn read<'a>(bytes: &mut Bytes<'a>) -> Option<Crypto<'a>> {
    Some(Crypto { offset: bytes.varint()?, data: bytes.prefixed()? })
}

/// Passes the body of an ACK: largest, delay, number of ranges, first range, and two numbers for each range.
fn acknowledgement(bytes: &mut Bytes<'_>) -> Option<()> {
    numbers(bytes, 2)?;
    let ranges = bytes.varint()?;
    numbers(bytes, ranges.saturating_mul(2).saturating_add(1))
}

fn numbers(bytes: &mut Bytes<'_>, count: u64) -> Option<()> {
    (0..count).try_for_each(|_| bytes.varint().map(drop))
}

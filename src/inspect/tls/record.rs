//! The record layer: from a prefix of a direction to contiguous handshake bytes.

use std::borrow::Cow;

use super::bytes::Bytes;
use super::{MESSAGE_HEADER_BYTES, MOST_MESSAGE_BYTES};
use crate::inspect::Reading;

const HANDSHAKE: u8 = 22;
/// The longest content of a record that any version allows: TLS 1.2's ciphertext (RFC 5246 section 6.2.3).
const MOST_RECORD_BYTES: u16 = (1 << 14) + 2048;

/// The handshake records at the beginning of a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    prefix: Bytes<'a>,
}

/// What stands next in a direction.
enum Fragment<'a> {
    /// Content of a handshake record, of the last one as much as is there.
    Handshake(&'a [u8]),
    /// Nothing yet.
    More,
    /// Another record, or none.
    Other,
}

impl<'a> Records<'a> {
    pub(super) fn new(prefix: &'a [u8]) -> Records<'a> {
        Records { prefix: Bytes(prefix) }
    }

    /// The handshake message that begins `offset` bytes into the handshake, header included, once it is complete, and
    /// only if it is of type `wanted`.
    pub(super) fn message(self, offset: usize, wanted: u8) -> Reading<Cow<'a, [u8]>> {
        match self.message_len(offset, wanted) {
            Reading::Found(len) if len <= MOST_MESSAGE_BYTES => self.read(offset, len),
            Reading::Found(_) | Reading::Other => Reading::Other,
            Reading::More => Reading::More,
        }
    }

    /// The length of the message that begins at `offset`, header included.
    pub(super) fn message_len(self, offset: usize, wanted: u8) -> Reading<usize> {
        match self.read(offset, 1) {
            Reading::Found(kind) if kind.first() == Some(&wanted) => {}
            Reading::Found(_) | Reading::Other => return Reading::Other,
            Reading::More => return Reading::More,
        }
        self.read(offset, MESSAGE_HEADER_BYTES)
            .map(|header| Bytes(header.get(1..).unwrap_or_default()).u24().unwrap_or(0) + MESSAGE_HEADER_BYTES)
    }

    /// `len` bytes of the handshake from `offset` on.
    pub(super) fn read(self, offset: usize, len: usize) -> Reading<Cow<'a, [u8]>> {
        let mut records = self;
        let mut skipped = 0;
        while skipped < offset + len {
            match records.next() {
                Fragment::Handshake(fragment) => {
                    let from = offset.saturating_sub(skipped);
                    if let Some(bytes) = fragment.get(from..from + len).filter(|_| skipped <= offset) {
                        return Reading::Found(Cow::Borrowed(bytes));
                    }
                    skipped += fragment.len();
                }
                Fragment::More => return Reading::More,
                Fragment::Other => return Reading::Other,
            }
        }
        Reading::Found(Cow::Owned(self.copy(offset, len)))
    }

    /// The same bytes, known to be there, out of several records.
    fn copy(mut self, offset: usize, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        let mut skip = offset;
        while bytes.len() < len
            && let Fragment::Handshake(fragment) = self.next()
        {
            let skipped = skip.min(fragment.len());
            skip -= skipped;
            bytes.extend(fragment.iter().skip(skipped).take(len - bytes.len()));
        }
        bytes
    }

    fn next(&mut self) -> Fragment<'a> {
        if self.prefix.is_empty() {
            return Fragment::More;
        }
        if !may_be_handshake(self.prefix.0) {
            return Fragment::Other;
        }
        let mut rest = self.prefix;
        let Some(len) = rest.take(3).and_then(|_| rest.u16()) else { return Fragment::More };
        let content = rest.take_at_most(len.into());
        self.prefix = rest;
        if content.is_empty() { Fragment::More } else { Fragment::Handshake(content) }
    }
}

/// Whether the header of a handshake record stands here, or the beginning of one: its type, a version 3.0 to 3.4, a
/// length that is neither zero nor beyond the limit.
fn may_be_handshake(bytes: &[u8]) -> bool {
    let at = |index: usize, test: fn(u8) -> bool| bytes.get(index).is_none_or(|&byte| test(byte));
    let length = bytes.get(3..5).and_then(|length| Bytes(length).u16());
    at(0, |kind| kind == HANDSHAKE)
        && at(1, |major| major == 3)
        && at(2, |minor| minor <= 4)
        && length.is_none_or(|len| (1..=MOST_RECORD_BYTES).contains(&len))
}

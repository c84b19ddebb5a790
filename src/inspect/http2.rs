//! HTTP/2 in clear with prior knowledge (RFC 9113, section 3.3), as gRPC uses it: whom the requests name.

use super::Reading;
use super::cursor::Cursor;
use super::hpack::{Decoder, Field};
use super::http::{Request, Requests, TEXT_MAX};
use super::text::{authority, some_text, text};
use std::borrow::Cow;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Longest frame before the peer allows more, in bytes (section 4.2).
const FRAME_MAX: u32 = 16_384;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// The requests at the beginning of a client's direction.
#[must_use]
pub fn requests(prefix: &[u8]) -> Reading<Requests> {
    let shared = prefix.len().min(PREFACE.len());
    if prefix.get(..shared) != PREFACE.get(..shared) {
        return Reading::Other;
    }
    let mut frames = Frames(Cursor(prefix.get(shared..).unwrap_or_default()));
    if frames.clone().next().is_some_and(|first| first.kind != SETTINGS) {
        return Reading::Other;
    }
    let (mut decoder, mut found) = (Decoder::default(), None::<Requests>);
    while let Some(block) = frames.header_block() {
        let Some(request) = request(&mut decoder, &block) else { break };
        match &mut found {
            None => found = Some(Requests::new(request)),
            Some(found) => found.add(request.host),
        }
    }
    found.map_or(Reading::More, Reading::Found)
}

fn request(decoder: &mut Decoder, block: &[u8]) -> Option<Request> {
    let (mut request, mut host) = (Request::default(), None);
    decoder.block(block, |field, value| match field {
        Field::Method => request.method = text(value, TEXT_MAX),
        Field::Authority => host = authority(value),
        Field::Host => host = host.take().or_else(|| authority(value)),
        Field::Path => {
            let path = value.split(|&byte| byte == b'?').next().unwrap_or(value);
            request.path = some_text(path, TEXT_MAX);
        }
        Field::UserAgent => request.user_agent = some_text(value, TEXT_MAX),
        Field::Other => {}
    })?;
    (request.host, request.port) = host.map_or((None, None), |(host, port)| (Some(host), port));
    Some(request)
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    payload: &'a [u8],
}

#[derive(Clone)]
struct Frames<'a>(Cursor<'a>);

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let mut ahead = self.0;
        let [l0, l1, l2, kind, flags, _, _, _, _] = ahead.array::<9>()?;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        let payload = ahead.take(length as usize).filter(|_| length <= FRAME_MAX)?;
        self.0 = ahead;
        Some(Frame { kind, flags, payload })
    }
}

impl<'a> Frames<'a> {
    /// The next header block that is whole, joined if it came in parts.
    fn header_block(&mut self) -> Option<Cow<'a, [u8]>> {
        let first = self.find(|frame| frame.kind == HEADERS)?;
        let mut block = Cow::Borrowed(first.fragment()?);
        let mut ended = first.flags & END_HEADERS != 0;
        while !ended {
            let next = self.next().filter(|frame| frame.kind == CONTINUATION)?;
            block.to_mut().extend_from_slice(next.payload);
            ended = next.flags & END_HEADERS != 0;
        }
        Some(block)
    }
}

impl<'a> Frame<'a> {
    /// A HEADERS frame's part of the header block (section 6.2).
    fn fragment(&self) -> Option<&'a [u8]> {
        let mut cursor = Cursor(self.payload);
        let padding = if self.flags & PADDED != 0 { cursor.u8()? } else { 0 };
        if self.flags & PRIORITY != 0 {
            cursor.take(5)?;
        }
        let length = cursor.0.len().checked_sub(usize::from(padding))?;
        cursor.take(length)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32).to_be_bytes()[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn literal(index: u8, value: &str) -> Vec<u8> {
        [&[0x40 | index, value.len() as u8], value.as_bytes()].concat()
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let head = [vec![0x83, 0x86], literal(4, "/s/M?q=1"), literal(1, "a.example:50051")].concat();
        let (one, two) = head.split_at(9);
        let agent = [two, &literal(58, "grpc-go/1.60")].concat();
        let padded = [&[3, 0, 0, 0, 0, 0], one, &[0; 3]].concat();
        [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, &[]),
            frame(HEADERS, PADDED | PRIORITY, &padded),
            frame(CONTINUATION, END_HEADERS, &agent),
            frame(0, 0, b"body"),
            frame(HEADERS, END_HEADERS, &[&[0x82, 0x86, 0x84][..], &literal(1, "b.example")].concat()),
        ]
        .concat()
    }

    #[test]
    fn a_grpc_request_names_its_authority_however_its_headers_are_cut() {
        let Reading::Found(found) = requests(&golden()) else { panic!("not read") };
        assert_eq!((found.first.method.as_str(), found.first.port), ("POST", Some(50051)));
        assert_eq!(
            (found.first.path.as_deref(), found.first.user_agent.as_deref()),
            (Some("/s/M"), Some("grpc-go/1.60"))
        );
        assert_eq!(found.hosts, ["a.example", "b.example"]);
    }

    #[test]
    fn the_answer_waits_for_the_whole_header_block() {
        let bytes = golden();
        let first = (0..bytes.len()).find(|&end| matches!(requests(&bytes[..end]), Reading::Found(_))).unwrap();
        assert!((0..first).all(|end| requests(&bytes[..end]) == Reading::More));
        assert_eq!(requests(b"PRI * HTTP/1.0"), Reading::Other);
    }
}

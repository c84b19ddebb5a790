//! ISO transport over TCP as industrial protocols use it (RFC 1006; RFC 905, section 13).

use super::cursor::Cursor;
use super::{Message, Reading, Speaker};

const DATA: u8 = 0xf0;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const DISCONNECT_REQUEST: u8 = 0x80;
const HEADER: usize = 4;
/// Connections are opened in fewer bytes than this.
const CONNECTION_MAX: usize = 128;
const CALLED: u8 = 0xc2;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Bytes of the whole packet.
    pub(super) length: usize,
    pub(super) body: Body<'a>,
}

/// What a packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// Opens the connection, or accepts that, with parameters such as RDP never gives.
    Connection { by: Speaker, called: Option<&'a [u8]> },
    /// Ends it.
    Disconnect,
    /// Carries `length` bytes, of which `there` are there to read.
    Data { there: &'a [u8], length: usize, last: bool },
}

impl Packet<'_> {
    pub(super) fn message(&self) -> Message<'static> {
        Message { length: self.length, ..Message::default() }
    }
}

/// The packet that begins with the first byte.
pub(super) fn packet(bytes: &[u8]) -> Reading<Packet<'_>> {
    parse(bytes).unwrap_or(Reading::More)
}

fn parse(bytes: &[u8]) -> Option<Reading<Packet<'_>>> {
    let mut cursor = Cursor(bytes);
    if cursor.u8()? != 3 || cursor.u8()? != 0 {
        return Some(Reading::Other);
    }
    let length = usize::from(cursor.be16()?);
    let (head, code) = (usize::from(cursor.u8()?), cursor.u8()?);
    let fits = length > HEADER + head;
    let body = match code {
        DATA if fits && head == 2 => {
            let last = cursor.u8()? & 0x80 != 0;
            let length = length - HEADER - 1 - head;
            Body::Data { there: cursor.0.get(..length).unwrap_or(cursor.0), length, last }
        }
        DISCONNECT_REQUEST if fits && head >= 6 => Body::Disconnect,
        CONNECTION_REQUEST | CONNECTION_CONFIRM if fits && head >= 6 && length <= CONNECTION_MAX => {
            cursor.take(5)?;
            let parameters = cursor.take(head - 6)?;
            let by = if code == CONNECTION_REQUEST { Speaker::Client } else { Speaker::Server };
            match called(Cursor(parameters)) {
                Some(called) => Body::Connection { by, called },
                None => return Some(Reading::Other),
            }
        }
        _ => return Some(Reading::Other),
    };
    Some(Reading::Found(Packet { length, body }))
}

/// The selector of the called side among the parameters; `None` where they are no parameters, or there are none.
fn called(mut parameters: Cursor<'_>) -> Option<Option<&[u8]>> {
    let mut called = None;
    let mut known = false;
    while !parameters.0.is_empty() {
        let (code, length) = (parameters.u8()?, parameters.u8()?);
        let value = parameters.take(usize::from(length))?;
        known |= matches!(code, 0xc0..=0xc2);
        called = if code == CALLED { Some(value) } else { called };
    }
    known.then_some(called)
}

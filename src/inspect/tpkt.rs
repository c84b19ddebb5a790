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
const SIZE: u8 = 0xc0;
const CALLING: u8 = 0xc1;
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
    Connection { by: Speaker, selectors: Selectors<'a> },
    /// Ends it.
    Disconnect,
    /// Carries `length` bytes, of which `there` are there to read.
    Data { there: &'a [u8], length: usize, last: bool },
}

/// The selectors of the calling and the called side, where they are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors<'a> {
    pub(super) calling: Option<&'a [u8]>,
    pub(super) called: Option<&'a [u8]>,
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
            match selectors(Cursor(parameters)) {
                Some(selectors) => Body::Connection { by, selectors },
                None => return Some(Reading::Other),
            }
        }
        _ => return Some(Reading::Other),
    };
    Some(Reading::Found(Packet { length, body }))
}

/// What the parameters say; `None` where they are no parameters of this use, or there are none.
fn selectors(mut parameters: Cursor<'_>) -> Option<Selectors<'_>> {
    let mut selectors = Selectors::default();
    let mut known = false;
    while !parameters.0.is_empty() {
        let (code, length) = (parameters.u8()?, parameters.u8()?);
        let value = parameters.take(usize::from(length))?;
        match code {
            SIZE => {}
            CALLING => selectors.calling = Some(value),
            CALLED => selectors.called = Some(value),
            _ => continue,
        }
        known = true;
    }
    known.then_some(selectors)
}

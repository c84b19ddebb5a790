//! RDP connection requests and confirmations over TPKT and X.224 (MS-RDPBCGR, sections 2.2.1.1 and 2.2.1.2).
//!
//! Industrial protocols open with the same X.224; RDP is told by its cookie or its negotiation. A request with neither,
//! as clients before Windows XP sent it, is not claimed.

use super::cursor::Cursor;
use super::text::some_text;
use super::{Reading, Speaker};

const TEXT_MAX: usize = 64;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;

/// What the first packet of a side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdp {
    /// A request is the client's.
    pub speaker: Speaker,
    /// Account of the client's user from `Cookie: mstshash=`, cut to nine characters by most clients.
    pub account: Option<String>,
    /// Security protocols offered or chosen: 0 RDP itself, 1 TLS, 2 CredSSP, 8 CredSSP early; the server's refusal gives none.
    pub protocols: Option<u32>,
}

/// The beginning of either direction.
#[must_use]
pub fn rdp(prefix: &[u8]) -> Reading<Rdp> {
    let header = [3, 0];
    let shared = prefix.len().min(header.len());
    if prefix.get(..shared) != header.get(..shared) {
        return Reading::Other;
    }
    let mut cursor = Cursor(prefix.get(shared..).unwrap_or_default());
    let Some(length) = cursor.be16() else { return Reading::More };
    if !(11..=1024).contains(&length) {
        return Reading::Other;
    }
    match cursor.take(usize::from(length) - 4) {
        None if cursor.0.get(1).is_none_or(|kind| matches!(*kind, CONNECTION_REQUEST | CONNECTION_CONFIRM)) => {
            Reading::More
        }
        None => Reading::Other,
        Some(packet) => connection(packet).map_or(Reading::Other, Reading::Found),
    }
}

fn connection(packet: &[u8]) -> Option<Rdp> {
    let mut cursor = Cursor(packet);
    let (length, kind) = (cursor.u8()?, cursor.u8()?);
    cursor.take(5).filter(|_| usize::from(length) + 1 == packet.len())?;
    match kind {
        CONNECTION_REQUEST => request(cursor),
        CONNECTION_CONFIRM => confirm(cursor),
        _ => None,
    }
}

fn request(mut cursor: Cursor<'_>) -> Option<Rdp> {
    let cookie = if cursor.0.starts_with(b"Cookie: ") { cursor.line() } else { None };
    let account =
        cookie.and_then(|line| line.strip_prefix(b"Cookie: mstshash=")).and_then(|it| some_text(it, TEXT_MAX));
    let protocols = negotiation(cursor).filter(|(kind, _)| *kind == 1).map(|(_, protocols)| protocols);
    (cookie.is_some() || protocols.is_some()).then_some(Rdp { speaker: Speaker::Client, account, protocols })
}

fn confirm(cursor: Cursor<'_>) -> Option<Rdp> {
    let (kind, value) = negotiation(cursor)?;
    let protocols = (kind == 2).then_some(value);
    matches!(kind, 2 | 3).then_some(Rdp { speaker: Speaker::Server, account: None, protocols })
}

/// Kind and value of a negotiation structure: type, flags, length 8, value, least significant byte first.
fn negotiation(mut cursor: Cursor<'_>) -> Option<(u8, u32)> {
    let [kind, _flags, 8, 0] = cursor.array::<4>()? else { return None };
    cursor.array().map(|value| (kind, u32::from_le_bytes(value)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn packet(kind: u8, variable: &[u8]) -> Vec<u8> {
        let length = 6 + variable.len() as u8;
        [&[3, 0, 0, length + 5, length, kind, 0, 0, 0, 0, 0], variable].concat()
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        packet(CONNECTION_REQUEST, b"Cookie: mstshash=operator\r\n\x01\x00\x08\x00\x0b\x00\x00\x00")
    }

    #[test]
    fn a_request_names_the_account_and_what_it_offers() {
        let client = Rdp { speaker: Speaker::Client, account: Some("operator".to_owned()), protocols: Some(11) };
        assert_eq!(rdp(&golden()), Reading::Found(client));
    }

    #[test]
    fn an_answer_is_the_servers() {
        let server = |protocols| Reading::Found(Rdp { speaker: Speaker::Server, account: None, protocols });
        assert_eq!(rdp(&packet(CONNECTION_CONFIRM, &[2, 0, 8, 0, 2, 0, 0, 0])), server(Some(2)));
        assert_eq!(rdp(&packet(CONNECTION_CONFIRM, &[3, 0, 8, 0, 5, 0, 0, 0])), server(None));
    }

    #[test]
    fn a_programmable_controllers_connection_is_not_rdp() {
        assert_eq!(rdp(&packet(CONNECTION_REQUEST, &[0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2])), Reading::Other);
    }
}

//! SMB over TCP, directly or in a NetBIOS session (MS-CIFS, section 2.2.3.1; MS-SMB2, section 2.2.1).

use super::cursor::Cursor;
use super::{Reading, Speaker};

/// The first message of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smb {
    /// Header in use: 1 CIFS, 2 SMB 2 and 3, 3 encrypted SMB 3.
    pub generation: u8,
    /// Who sent it; encryption hides it.
    pub speaker: Option<Speaker>,
}

/// The beginning of either direction.
#[must_use]
pub fn smb(prefix: &[u8]) -> Reading<Smb> {
    let mut cursor = Cursor(prefix);
    match cursor.0 {
        [0x81, 0, 0, 68, session @ ..] => cursor = Cursor(session.get(68..).unwrap_or_default()),
        [0x82, 0, 0, 0, session @ ..] => cursor = Cursor(session),
        _ => {}
    }
    let message = match *cursor.0 {
        [0, _, _, _, ref message @ ..] => message,
        [] | [0] | [0, _] | [0, _, _] => return Reading::More,
        [0x81 | 0x82, ref rest @ ..] if rest.len() < 3 => return Reading::More,
        _ => return Reading::Other,
    };
    header(message)
}

fn header(message: &[u8]) -> Reading<Smb> {
    let generation = match message {
        [0xff, b'S', b'M', b'B', ..] => 1,
        [0xfe, b'S', b'M', b'B', ..] => 2,
        [0xfd, b'S', b'M', b'B', ..] => return Reading::Found(Smb { generation: 3, speaker: None }),
        [] | [0xfd..=0xff] | [0xfd..=0xff, b'S'] | [0xfd..=0xff, b'S', b'M'] => return Reading::More,
        _ => return Reading::Other,
    };
    let answers = match generation {
        1 => message.get(9).map(|flags| flags & 0x80 != 0),
        _ => message.get(16).map(|flags| flags & 1 != 0),
    };
    answers.map_or(Reading::More, |answers| {
        Reading::Found(Smb { generation, speaker: Some(if answers { Speaker::Server } else { Speaker::Client }) })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        [&[0, 0, 0, 64, 0xfe][..], b"SMB", &[64, 0], &[0; 58]].concat()
    }

    #[test]
    fn the_answering_side_is_told_by_a_flag() {
        let found = |generation, speaker| Reading::Found(Smb { generation, speaker: Some(speaker) });
        assert_eq!(smb(&golden()), found(2, Speaker::Client));
        let mut answer = golden();
        answer[20] = 1;
        assert_eq!(smb(&answer), found(2, Speaker::Server));
        assert_eq!(smb(b"\x82\0\0\0\0\0\0\x20\xffSMB\x72\0\0\0\0\x98"), found(1, Speaker::Server));
    }
}

//! SMB over TCP, directly or in a NetBIOS session (MS-CIFS, section 2.2.3.1; MS-SMB2, section 2.2.1).
//!
//! As messages: logins, and what a client asks for. The administrative shares and the named pipes of the service control
//! manager and the task scheduler are what remote administration uses; names are UTF-16, so the function says which. Of
//! messages in a chain the first is read. The head is 256 bytes where a name is looked for, else 64. Encrypted SMB 3 says
//! nothing.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Its ports, directly and in NetBIOS sessions.
pub const PROTOCOL: Protocol = Protocol { name: "smb", carrier: Carrier::Stream, ports: &[139, 445], read };

/// Bytes in which a share or a pipe is looked for.
const NAME_HEAD: usize = 256;
const SMB2_HEADER: usize = 64;

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

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let Some([kind, high, middle, low]) = cursor.array::<4>() else {
        let may_be = bytes.first().is_none_or(|kind| matches!(kind, 0 | 0x81..=0x85));
        return if may_be { Reading::More } else { Reading::Other };
    };
    let length = 4 + (usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low));
    let found = Message { length, ..Message::default() };
    match (kind, length) {
        (0, 36..) => {}
        (0x81, 40..=76) | (0x82 | 0x85, 4) | (0x83, 5) | (0x84, 10) => return Reading::Found(found),
        _ => return Reading::Other,
    }
    let message = cursor.0.get(..length - 4).unwrap_or(cursor.0);
    let generation = match header(message) {
        Reading::Found(smb) => smb.generation,
        Reading::More => return Reading::More,
        Reading::Other => return Reading::Other,
    };
    let said = match generation {
        1 => Said::of_cifs(message),
        2 => Said::of_smb2(message),
        _ => return Reading::Found(found),
    };
    match said {
        Some(said) if !said.wants_name() || message.len() >= NAME_HEAD.min(length - 4) => {
            let speaker = Some(if said.answers { Speaker::Server } else { Speaker::Client });
            Reading::Found(Message { speaker, command: said.command(message), login: said.login(), ..found })
        }
        Some(_) | None => Reading::More,
    }
}

/// The parts of a header that matter, with commands as SMB 2 numbers them.
struct Said {
    command: u16,
    answers: bool,
    status: u32,
    /// How a file is opened (MS-SMB2, section 2.2.13: 1 open, 3 open or create; others create or replace).
    disposition: Option<u8>,
}

const SESSION_SETUP: u16 = 1;
const TREE_CONNECT: u16 = 3;
const CREATE: u16 = 5;

impl Said {
    fn of_smb2(message: &[u8]) -> Option<Said> {
        let field = |at: usize| message.get(at..)?.first_chunk::<4>().copied().map(u32::from_le_bytes);
        let (status, command, flags) = (field(8)?, field(12)? as u16, field(16)?);
        let disposition = message.get(SMB2_HEADER + 36).copied();
        Some(Said { command, answers: flags & 1 != 0, status, disposition })
    }

    fn of_cifs(message: &[u8]) -> Option<Said> {
        let status = u32::from_le_bytes(*message.get(5..)?.first_chunk()?);
        let command = match *message.get(4)? {
            0x73 => SESSION_SETUP,
            0x75 => TREE_CONNECT,
            0x2d | 0xa2 => CREATE,
            0x2e => 8,
            0x0b | 0x2f => 9,
            0x06 | 0x07 => 17,
            _ => u16::MAX,
        };
        Some(Said { command, answers: message.get(9)? & 0x80 != 0, status, disposition: Some(1) })
    }

    fn wants_name(&self) -> bool {
        !self.answers && matches!(self.command, TREE_CONNECT | CREATE)
    }

    fn login(&self) -> Option<Login> {
        match (self.command, self.answers, self.status) {
            (SESSION_SETUP, false, _) => Some(Login::Tried),
            (SESSION_SETUP, true, 0) => Some(Login::Granted),
            // More processing is required: the login goes on.
            (SESSION_SETUP, true, 0xc000_0016) => None,
            (SESSION_SETUP, true, 0xc000_0000..) => Some(Login::Refused),
            _ => None,
        }
    }

    fn command(&self, message: &[u8]) -> Option<Command> {
        let head = message.get(..NAME_HEAD).unwrap_or(message);
        let names = |name: &str| mentions(head, name);
        let (kind, function) = match self.command {
            _ if self.answers => return None,
            TREE_CONNECT if names("\\ADMIN$") || names("\\C$") || names("\\D$") => {
                (CommandKind::Control, "tree connect to an admin share")
            }
            TREE_CONNECT if names("IPC$") => (CommandKind::Read, "tree connect to named pipes"),
            TREE_CONNECT => (CommandKind::Read, "tree connect"),
            CREATE if names("svcctl") => (CommandKind::Control, "open service control manager"),
            CREATE if names("atsvc") => (CommandKind::Control, "open task scheduler"),
            CREATE if names("winreg") => (CommandKind::Control, "open remote registry"),
            CREATE if matches!(self.disposition, Some(1 | 3)) => (CommandKind::Read, "open"),
            CREATE => (CommandKind::Write, "create"),
            8 => (CommandKind::Read, "read"),
            9 => (CommandKind::Write, "write"),
            14 => (CommandKind::Read, "query directory"),
            16 => (CommandKind::Read, "query info"),
            17 => (CommandKind::Write, "set info"),
            _ => return None,
        };
        Some(Command { kind, function })
    }
}

/// Whether a name occurs in UTF-16 or in ASCII, in any case.
fn mentions(bytes: &[u8], name: &str) -> bool {
    let is = |(byte, letter): (&u8, u8)| byte.eq_ignore_ascii_case(&letter);
    let wide = |window: &[u8]| {
        window.iter().step_by(2).zip(name.bytes()).all(is) && window.iter().skip(1).step_by(2).all(|byte| *byte == 0)
    };
    bytes.windows(name.len() * 2).any(wide)
        || bytes.windows(name.len()).any(|window| window.iter().zip(name.bytes()).all(is))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn smb2(command: u8, answers: bool, status: u32, body: &[u8]) -> Vec<u8> {
        let mut header = [&[0xfe][..], b"SMB", &[64, 0, 0, 0], &status.to_le_bytes(), &[command, 0, 1, 0]].concat();
        header.extend([u8::from(answers), 0, 0, 0]);
        header.resize(64, 0);
        header.extend(body);
        [&[0, 0, 0, header.len() as u8], header.as_slice()].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn admin_shares_and_service_pipes_are_named() {
        let function = |command, name: &str| {
            found(&smb2(command, false, 0, &[&[0; 56][..], &wide(name)].concat())).command.map(|it| it.function)
        };
        assert_eq!(function(3, "\\\\plc1\\admin$"), Some("tree connect to an admin share"));
        assert_eq!(function(3, "\\\\plc1\\IPC$"), Some("tree connect to named pipes"));
        assert_eq!(function(5, "svcctl"), Some("open service control manager"));
        assert_eq!(found(&smb2(9, false, 0, &[0; 48])).command.map(|it| it.kind), Some(CommandKind::Write));
    }

    #[test]
    fn a_login_is_tried_refused_or_granted() {
        let login = |answers, status| found(&smb2(1, answers, status, &[0; 8])).login;
        assert_eq!(login(false, 0), Some(Login::Tried));
        assert_eq!(login(true, 0xc000_0016), None);
        assert_eq!(login(true, 0xc000_006d), Some(Login::Refused));
        assert_eq!(login(true, 0), Some(Login::Granted));
    }

    #[test]
    fn encryption_hides_all_and_a_cut_name_is_waited_for() {
        let sealed = [&[0, 0, 0, 60, 0xfd][..], b"SMB", &[7; 56]].concat();
        assert_eq!(found(&sealed), Message { length: 64, ..Message::default() });
        let tree = smb2(3, false, 0, &wide("\\\\plc1\\C$"));
        assert_eq!(read(&tree[..70]), Reading::More);
        assert_eq!(read(b"GET / HTTP/1.1"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &smb2(3, false, 0, &wide("\\\\plc1\\C$")));
    }

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

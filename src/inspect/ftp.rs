//! FTP's control connection, line by line (RFC 959, sections 4.1 and 4.2): logins, files, and what `SITE` runs. Who greets
//! first is read by `greeting`.
//!
//! A line is a message; it is waited for up to 512 bytes.

use super::text::words;
use super::tftp::is_firmware;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Its port and a common other.
pub const PROTOCOL: Protocol = Protocol { name: "ftp", carrier: Carrier::Stream, ports: &[21, 2121], read };

const LINE_MAX: usize = 512;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let head = bytes.get(..LINE_MAX).unwrap_or(bytes);
    let is_text = |byte: &u8| matches!(*byte, b'\t' | b'\r' | b'\n' | b' '..=b'~' | 0x80..);
    let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
        return if head.len() < LINE_MAX && head.iter().all(is_text) { Reading::More } else { Reading::Other };
    };
    let line = head.get(..end).unwrap_or_default();
    if !line.iter().all(is_text) {
        return Reading::Other;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let found = Message { length: end + 1, ..Message::default() };
    match line {
        [a @ b'1'..=b'6', b, c, b' ' | b'-', ..] if b.is_ascii_digit() && c.is_ascii_digit() => {
            Reading::Found(Message { speaker: Some(Speaker::Server), login: replied([*a, *b, *c]), ..found })
        }
        // A reply goes on.
        [] | [b' ', ..] => Reading::Found(Message { speaker: Some(Speaker::Server), ..found }),
        _ => client(line, found),
    }
}

fn replied(code: [u8; 3]) -> Option<Login> {
    match &code {
        b"230" | b"232" => Some(Login::Granted),
        b"331" | b"332" => Some(Login::Tried),
        b"430" | b"530" | b"532" => Some(Login::Refused),
        _ => None,
    }
}

fn client<'a>(line: &'a [u8], found: Message<'a>) -> Reading<Message<'a>> {
    let mut halves = line.splitn(2, |byte| *byte == b' ');
    let (verb, argument) = (halves.next().unwrap_or_default(), halves.next().and_then(words));
    if !(3..=4).contains(&verb.len()) || !verb.iter().all(u8::is_ascii_alphabetic) {
        return Reading::Other;
    }
    let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
    let any = |names: &[&str]| names.iter().any(|name| is(name));
    let file = argument.unwrap_or_default();
    let asked = if any(&["STOR", "STOU", "APPE"]) {
        Some(if is_firmware(file) { (CommandKind::Program, "store firmware") } else { (CommandKind::Write, "store") })
    } else if any(&["DELE", "RNFR", "RNTO", "RMD", "XRMD", "MKD", "XMKD"]) {
        Some((CommandKind::Write, if is("DELE") { "delete" } else { "rename or change directory" }))
    } else if is("SITE") {
        let runs = file.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("EXEC"));
        Some(if runs { (CommandKind::Control, "site exec") } else { (CommandKind::Write, "site") })
    } else if any(&["RETR", "LIST", "NLST", "MLSD", "MLST", "STAT", "SIZE", "MDTM"]) {
        Some((CommandKind::Read, if is("RETR") { "retrieve" } else { "list" }))
    } else {
        None
    };
    let command = asked.map(|(kind, function)| Command { kind, function });
    let login = any(&["USER", "PASS", "ACCT"]).then_some(Login::Tried);
    // A password is nobody's business.
    let detail = command.and(argument);
    Reading::Found(Message { speaker: Some(Speaker::Client), command, login, detail, ..found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        found
    }

    #[test]
    fn files_are_stored_fetched_and_deleted() {
        let kind = |line: &str| found(line.as_bytes()).command.map(|it| it.kind);
        assert_eq!(kind("STOR config.xml\r\n"), Some(CommandKind::Write));
        assert_eq!(kind("stor update.BIN\r\n"), Some(CommandKind::Program));
        assert_eq!(kind("RETR log.txt\r\n"), Some(CommandKind::Read));
        assert_eq!(kind("DELE log.txt\r\n"), Some(CommandKind::Write));
        assert_eq!(kind("SITE EXEC reboot\r\n"), Some(CommandKind::Control));
        assert_eq!((kind("PASV\r\n"), found(b"STOR a.txt\r\n").detail), (None, Some("a.txt")));
    }

    #[test]
    fn a_login_is_followed_and_no_password_kept() {
        assert_eq!((found(b"PASS secret\r\n").login, found(b"PASS secret\r\n").detail), (Some(Login::Tried), None));
        assert_eq!(found(b"230 Welcome\r\n").login, Some(Login::Granted));
        assert_eq!(found(b"530 Login incorrect.\r\n").login, Some(Login::Refused));
    }

    #[test]
    fn a_line_ends_at_its_end_and_is_waited_for() {
        assert_eq!(found(b"USER a\r\nPASS b\r\n").length, 8);
        assert_eq!(read(b"STOR fi"), Reading::More);
        assert_eq!(read(&[b'A'; 600]), Reading::Other);
        assert_eq!(read(b"\x16\x03\x01\x02\0\x01"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"STOR config.xml\r\n");
    }
}

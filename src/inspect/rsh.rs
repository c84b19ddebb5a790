//! The BSD remote shell and rexec (4.3BSD, rshd(8), rexecd(8)): a port for errors, two names, the command, each ended by a
//! zero; the server's answer is a zero, or a one and a reason. The head is 256 bytes.
//!
//! Port 514 over TCP is also syslog's, whose lines begin with `<`; only what begins with digits and a zero is a shell's.

use super::text::words;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Its port.
pub const PROTOCOL: Protocol = Protocol { name: "rsh", carrier: Carrier::Stream, ports: &[514], read };
/// The same with a password in place of the second name.
pub const EXEC: Protocol = Protocol { name: "rexec", carrier: Carrier::Stream, ports: &[512], read };

const HEAD: usize = 256;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let server = |login| {
        Reading::Found(Message {
            length: bytes.len(),
            speaker: Some(Speaker::Server),
            login: Some(login),
            ..Message::default()
        })
    };
    match bytes {
        [0] => server(Login::Granted),
        [1] => Reading::More,
        [1, b' '..=b'~', ..] => server(Login::Refused),
        _ => request(bytes),
    }
}

fn request(bytes: &[u8]) -> Reading<Message<'_>> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let digits = head.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    match head.get(digits) {
        // A port of none is written as nothing.
        Some(0) if digits <= 5 => {}
        None if digits <= 5 => return Reading::More,
        _ => return Reading::Other,
    }
    let mut parts = head.get(digits + 1..).unwrap_or_default().split(|byte| *byte == 0);
    let (Some(user), Some(_), Some(command)) = (parts.next(), parts.next(), parts.next()) else {
        return if bytes.len() < HEAD { Reading::More } else { Reading::Other };
    };
    let is_name = (1..=32).contains(&user.len()) && user.iter().all(u8::is_ascii_graphic);
    let Some(said) = words(command).filter(|_| is_name) else {
        return if is_name && command.is_empty() && bytes.len() < HEAD { Reading::More } else { Reading::Other };
    };
    if parts.next().is_none() && bytes.len() < HEAD {
        return Reading::More;
    }
    Reading::Found(Message {
        length: bytes.len(),
        speaker: Some(Speaker::Client),
        command: Some(Command { kind: CommandKind::Control, function: "execute command" }),
        login: Some(Login::Tried),
        detail: Some(said),
        ..Message::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_quoted() {
        let Reading::Found(found) = read(b"1022\0local\0operator\0reboot now\0") else { panic!("not read") };
        assert_eq!((found.detail, found.login), (Some("reboot now"), Some(Login::Tried)));
        assert_eq!(read(b"1022\0local\0oper"), Reading::More);
        assert_eq!(read(b"10"), Reading::More);
    }

    #[test]
    fn the_server_answers_and_syslog_is_another() {
        let login = |bytes: &'static [u8]| read(bytes).map(|found| found.login);
        assert_eq!(login(b"\0"), Reading::Found(Some(Login::Granted)));
        assert_eq!(login(b"\x01Permission denied.\n"), Reading::Found(Some(Login::Refused)));
        assert_eq!(login(b"<34>Oct 11 22:14:15 su: failed"), Reading::Other);
        assert_eq!(login(b"67 <34>1 2025"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"1022\0local\0operator\0reboot now\0");
    }
}

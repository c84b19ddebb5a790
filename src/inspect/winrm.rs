//! WinRM: WS-Management over HTTP (MS-WSMV, section 2.1; DMTF DSP0226), PowerShell remoting in it (MS-PSRP, section 3.1).
//!
//! The body is mostly sealed by Negotiate or Kerberos; then only that a request is made shows.

use super::httphead::{Start, after, field, length, start};
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Its ports, both sides.
pub const PROTOCOL: Protocol = Protocol { name: "winrm", carrier: Carrier::Stream, ports: &[5985, 47001], read };
/// Any port: requests to its path.
pub const REQUEST: Protocol = Protocol { name: "winrm", carrier: Carrier::Stream, ports: &[], read: read_request };

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let found = Message { length: length(bytes), speaker: Some(Speaker::Server), ..Message::default() };
    match start(bytes) {
        Reading::Found(Start::Response(200)) => Reading::Found(Message { login: Some(Login::Granted), ..found }),
        Reading::Found(Start::Response(401 | 403)) => Reading::Found(Message { login: Some(Login::Refused), ..found }),
        Reading::Found(Start::Response(_)) => Reading::Found(found),
        Reading::Found(Start::Request { .. }) | Reading::Other => read_request(bytes),
        Reading::More => Reading::More,
    }
}

fn read_request(bytes: &[u8]) -> Reading<Message<'_>> {
    match start(bytes) {
        Reading::Found(Start::Request { method: "POST", target }) if is_path(target) => Reading::Found(request(bytes)),
        Reading::More => Reading::More,
        Reading::Found(_) | Reading::Other => Reading::Other,
    }
}

fn is_path(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or(target);
    let path = path.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map_or(path, |(_, path)| path);
    let path = path.strip_prefix('/').unwrap_or(path);
    path.get(..5).is_some_and(|begin| begin.eq_ignore_ascii_case("wsman"))
        && matches!(path.as_bytes().get(5), None | Some(b'/' | b'-'))
}

fn request(bytes: &[u8]) -> Message<'_> {
    let is_shell = after(bytes, "schemas.microsoft.com/powershell/").is_some();
    let function = if is_shell { "powershell remoting" } else { "wsman request" };
    Message {
        length: length(bytes),
        speaker: Some(Speaker::Client),
        command: Some(Command { kind: CommandKind::Control, function }),
        login: field(bytes, "Authorization").map(|_| Login::Tried),
        ..Message::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &[u8] = b"POST /wsman HTTP/1.1\r\nAuthorization: Negotiate Yw==\r\n\r\n";

    #[test]
    fn a_request_to_the_path_controls() {
        let Reading::Found(found) = read_request(ASKED) else { panic!("not read") };
        assert_eq!((found.command.map(|it| it.function), found.login), (Some("wsman request"), Some(Login::Tried)));
        let shell = b"POST /wsman?PSVersion=5 HTTP/1.1\r\n\r\n<w:ResourceURI>http://schemas.microsoft.com/powershell/X";
        assert!(matches!(
            read(shell),
            Reading::Found(Message { command: Some(Command { function: "powershell remoting", .. }), .. })
        ));
    }

    #[test]
    fn the_answer_says_how_the_login_went_on_its_port() {
        let login = |bytes: &'static [u8]| read(bytes).map(|found| found.login);
        assert_eq!(login(b"HTTP/1.1 401 \r\n\r\n"), Reading::Found(Some(Login::Refused)));
        assert_eq!(login(b"HTTP/1.1 200 \r\n\r\n"), Reading::Found(Some(Login::Granted)));
        assert_eq!(read_request(b"HTTP/1.1 200 \r\n\r\n"), Reading::Other);
        assert_eq!(read_request(b"POST /wsmanager HTTP/1.1\r\n\r\n"), Reading::Other);
        assert_eq!(read_request(b"POST /ws"), Reading::More);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, ASKED);
    }
}

//! Mail and file transfer by their first line: SMTP (RFC 5321), FTP (RFC 959), POP3 (RFC 1939), IMAP (RFC 9051).

use super::cursor::Cursor;
use super::text::{some_text, text};
use super::{Reading, Speaker};

/// Longest first line, in bytes (RFC 5321, section 4.5.3.1.5).
const LINE_MAX: usize = 512;

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Mail between servers and from clients.
    Smtp,
    /// File transfer, its control connection.
    Ftp,
    /// Fetching mail.
    Pop3,
    /// Reading mail on the server.
    Imap,
}

impl Protocol {
    /// Its name in `network.protocol`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Smtp => "smtp",
            Protocol::Ftp => "ftp",
            Protocol::Pop3 => "pop3",
            Protocol::Imap => "imap",
        }
    }
}

/// A first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// SMTP and FTP greet alike, FTP and POP3 log in alike: none where the line leaves it open and the port must tell.
    pub protocol: Option<Protocol>,
    /// Who sent it.
    pub speaker: Speaker,
    /// The server's greeting, or the name the client gives in EHLO or HELO.
    pub text: Option<String>,
}

/// The beginning of either direction.
#[must_use]
pub fn greeting(prefix: &[u8]) -> Reading<Greeting> {
    let printable = |line: &[u8]| line.iter().all(|&byte| byte >= b' ' || byte == b'\t');
    let mut cursor = Cursor(prefix.get(..LINE_MAX).unwrap_or(prefix));
    match cursor.line() {
        Some(line) if printable(line) => server(line).or_else(|| client(line)).map_or(Reading::Other, Reading::Found),
        Some(_) => Reading::Other,
        None if cursor.0.len() == LINE_MAX || !printable(prefix.strip_suffix(b"\r").unwrap_or(prefix)) => {
            Reading::Other
        }
        None => Reading::More,
    }
}

fn server(line: &[u8]) -> Option<Greeting> {
    let greeting =
        |protocol, said| Some(Greeting { protocol, speaker: Speaker::Server, text: some_text(said, LINE_MAX) });
    let (code, said) = line.split_at_checked(4)?;
    match code {
        b"220 " | b"220-" => greeting(smtp_or_ftp(said), said),
        b"554 " => greeting(Some(Protocol::Smtp), said),
        b"421 " => greeting(None, said),
        b"+OK " => greeting(Some(Protocol::Pop3), said),
        b"* OK" | b"* PR" | b"* BY" => {
            let said = [b"* OK ".as_slice(), b"* PREAUTH ", b"* BYE "].iter().find_map(|&it| line.strip_prefix(it))?;
            greeting(Some(Protocol::Imap), said)
        }
        _ => None,
    }
}

fn smtp_or_ftp(said: &[u8]) -> Option<Protocol> {
    let said = text(said, LINE_MAX).to_ascii_uppercase();
    match (said.contains("SMTP"), said.contains("FTP")) {
        (true, _) => Some(Protocol::Smtp),
        (false, true) => Some(Protocol::Ftp),
        (false, false) => None,
    }
}

fn client(line: &[u8]) -> Option<Greeting> {
    let greeting = |protocol, text| Some(Greeting { protocol, speaker: Speaker::Client, text });
    let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let (verb, argument) = (words.next()?.to_ascii_uppercase(), words.next());
    let name = argument.and_then(|name| some_text(name, LINE_MAX));
    match verb.as_slice() {
        b"EHLO" | b"HELO" | b"LHLO" if name.is_some() => greeting(Some(Protocol::Smtp), name),
        b"AUTH"
            if argument.is_some_and(|kind| kind.eq_ignore_ascii_case(b"TLS") || kind.eq_ignore_ascii_case(b"SSL")) =>
        {
            greeting(Some(Protocol::Ftp), None)
        }
        b"FEAT" => greeting(Some(Protocol::Ftp), None),
        b"CAPA" | b"STLS" | b"APOP" => greeting(Some(Protocol::Pop3), None),
        b"USER" if argument.is_some() => greeting(None, None),
        _ if argument.is_some_and(is_imap_command) && verb.len() <= 16 => greeting(Some(Protocol::Imap), None),
        _ => None,
    }
}

fn is_imap_command(word: &[u8]) -> bool {
    let first = [b"CAPABILITY".as_slice(), b"LOGIN", b"AUTHENTICATE", b"STARTTLS", b"ID"];
    first.iter().any(|command| word.eq_ignore_ascii_case(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        match greeting(line.as_bytes()) {
            Reading::Found(Greeting { protocol, speaker, text }) => {
                format!("{protocol:?} {speaker:?} {}", text.unwrap_or_default())
            }
            Reading::Other => "other".to_owned(),
            Reading::More => "more".to_owned(),
        }
    }

    #[test]
    fn servers_and_clients_are_told_by_their_first_line() {
        assert_eq!(shown("220 mx.example ESMTP Postfix\r\n"), "Some(Smtp) Server mx.example ESMTP Postfix");
        assert_eq!(shown("220-ProFTPD ready\r\n220 x"), "Some(Ftp) Server ProFTPD ready");
        assert_eq!(shown("220 welcome\r\n"), "None Server welcome");
        assert_eq!(shown("+OK Dovecot ready.\r\n"), "Some(Pop3) Server Dovecot ready.");
        assert_eq!(shown("* OK [CAPABILITY IMAP4] hi\r\n"), "Some(Imap) Server [CAPABILITY IMAP4] hi");
        assert_eq!(shown("EHLO camera.local\r\n"), "Some(Smtp) Client camera.local");
        assert_eq!(shown("USER admin\r\n"), "None Client ");
        assert_eq!(shown("a001 LOGIN x y\r\n"), "Some(Imap) Client ");
    }

    #[test]
    fn a_database_that_says_ok_is_no_mail_server() {
        assert_eq!(shown("+OK\r\n"), "other");
        assert_eq!(shown("22"), "more");
        assert_eq!(shown("\u{1}22"), "other");
    }
}

//! SIP (RFC 3261) and RTSP (RFC 7826): calls and camera streams, by the first head of a datagram or a direction.

use super::http::Head;
use super::text::{authority, some_text};
use super::{Reading, Speaker};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Sets up calls.
    Sip,
    /// Controls media streams.
    Rtsp,
}

impl Protocol {
    /// Its name in `network.protocol`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Sip => "sip",
            Protocol::Rtsp => "rtsp",
        }
    }
}

/// What the first head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// SIP or RTSP.
    pub protocol: Protocol,
    /// Who sent it: a request is the client's.
    pub speaker: Speaker,
    /// Method of a request.
    pub method: Option<String>,
    /// Host the request is for.
    pub host: Option<String>,
    /// Status of a response.
    pub status: Option<u16>,
    /// Field `User-Agent`, else `Server`.
    pub agent: Option<String>,
}

/// A datagram, which is all there is of the message.
#[must_use]
pub fn datagram(payload: &[u8]) -> Reading<Signal> {
    Head::whole(payload, may_be).and_then(|head| read(&head)).map_or(Reading::Other, Reading::Found)
}

/// The beginning of a direction of a TCP connection.
#[must_use]
pub fn tcp(prefix: &[u8]) -> Reading<Signal> {
    match Head::read(prefix, may_be) {
        Reading::Found(head) => read(&head).map_or(Reading::Other, Reading::Found),
        Reading::More => Reading::More,
        Reading::Other => Reading::Other,
    }
}

fn read(head: &Head<'_>) -> Option<Signal> {
    let mut words = head.start().split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next()?);
    let agent = head.field_text("user-agent").or_else(|| head.field_text("server"));
    if let Some(protocol) = protocol(first) {
        let status = str::from_utf8(second).ok()?.parse().ok().filter(|status| (100..700).contains(status))?;
        return Some(Signal {
            protocol,
            speaker: Speaker::Server,
            method: None,
            host: None,
            status: Some(status),
            agent,
        });
    }
    let protocol = protocol(words.next()?)?;
    let method = some_text(first, 24)?;
    Some(Signal { protocol, speaker: Speaker::Client, method: Some(method), host: host(second), status: None, agent })
}

fn protocol(version: &[u8]) -> Option<Protocol> {
    match version {
        b"SIP/2.0" => Some(Protocol::Sip),
        b"RTSP/1.0" | b"RTSP/2.0" => Some(Protocol::Rtsp),
        _ => None,
    }
}

/// Host of `sip:user@host;parameters`, `sips:` or `rtsp://host/path`.
fn host(uri: &[u8]) -> Option<String> {
    let colon = uri.iter().position(|&byte| byte == b':')?;
    let rest = uri.get(colon + 1..)?;
    let rest = rest.strip_prefix(b"//").unwrap_or(rest);
    let end = rest.iter().position(|byte| matches!(byte, b';' | b'?' | b'/' | b'>')).unwrap_or(rest.len());
    authority(rest.get(..end)?).map(|(host, _)| host)
}

fn may_be(line: &[u8], whole: bool) -> bool {
    let first = line.split(|&byte| byte == b' ').next().unwrap_or(line);
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or(line);
    let begins = |version: &[u8]| version.starts_with(first) || first.starts_with(version);
    let response = !line.is_empty() && (begins(b"SIP/2.0") || begins(b"RTSP/1.0") || begins(b"RTSP/2.0"));
    let request = first.len() <= 24 && first.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    match whole {
        false => response || request,
        true => (response && protocol(first).is_some()) || (request && protocol(last).is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_and_a_stream_name_their_hosts() {
        let call = b"REGISTER sip:101@voice.example:5060;transport=udp SIP/2.0\r\nUser-Agent: Grandstream\r\n\r\n";
        let Reading::Found(found) = datagram(call) else { panic!("not read") };
        assert_eq!(
            (found.protocol, found.speaker, found.host.as_deref()),
            (Protocol::Sip, Speaker::Client, Some("voice.example"))
        );
        assert_eq!((found.method.as_deref(), found.agent.as_deref()), (Some("REGISTER"), Some("Grandstream")));
        let Reading::Found(found) = tcp(b"DESCRIBE rtsp://cam.example/ch1 RTSP/1.0\r\nCSeq: 2\r\n\r\n") else {
            panic!()
        };
        assert_eq!((found.protocol, found.host.as_deref()), (Protocol::Rtsp, Some("cam.example")));
    }

    #[test]
    fn a_response_is_the_servers() {
        let Reading::Found(found) = tcp(b"RTSP/1.0 401 Unauthorized\r\nServer: Rtsp Server/3.0\r\n\r\n") else {
            panic!()
        };
        assert_eq!(
            (found.speaker, found.status, found.agent.as_deref()),
            (Speaker::Server, Some(401), Some("Rtsp Server/3.0"))
        );
        assert_eq!(tcp(b"HTTP/1.1 200 OK\r\n\r\n"), Reading::Other);
        assert_eq!(tcp(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }
}

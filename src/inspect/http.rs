//! HTTP/1 heads (RFC 9112): whom requests name, what the client and the server say they are.
//!
//! A head is read from its first 4,096 bytes, so a client with long cookies is named no later than that. Behind a request
//! of known length the next one is read, for a proxy's connection names several hosts.

use super::Reading;
use super::cursor::Cursor;
use super::text::{authority, some_text, text};

/// Bytes of a head that are read; what a longer one says behind them is not seen.
pub const HEAD_MAX: usize = 4096;
/// Most hosts kept of a connection.
pub const HOSTS_MAX: usize = 8;
/// Longest path, user agent or server kept, in bytes.
pub(super) const TEXT_MAX: usize = 256;
const METHOD_MAX: usize = 24;

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `CONNECT`, …
    pub method: String,
    /// Host asked for, without port: the target's if it names one, else that of the `Host` field.
    pub host: Option<String>,
    /// Port beside the host.
    pub port: Option<u16>,
    /// Path of the target without its query.
    pub path: Option<String>,
    /// Field `User-Agent`.
    pub user_agent: Option<String>,
    /// Field `Upgrade`, lower-case: `websocket`, `h2c`.
    pub upgrade: Option<String>,
}

/// What the client of a connection asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// The first request.
    pub first: Request,
    /// Different hosts of all requests seen, in their order, at most [`HOSTS_MAX`]; it grows with the bytes read.
    pub hosts: Vec<String>,
}

impl Requests {
    pub(super) fn new(first: Request) -> Requests {
        let hosts = first.host.iter().cloned().collect();
        Requests { first, hosts }
    }

    pub(super) fn add(&mut self, host: Option<String>) {
        let new = host.filter(|host| self.hosts.len() < HOSTS_MAX && !self.hosts.contains(host));
        self.hosts.extend(new);
    }
}

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code, 100–999.
    pub status: u16,
    /// Field `Server`.
    pub server: Option<String>,
    /// It asks for a login.
    pub www_authenticate: bool,
    /// Field `Upgrade`, lower-case.
    pub upgrade: Option<String>,
}

/// The requests at the beginning of a client's direction.
#[must_use]
pub fn requests(prefix: &[u8]) -> Reading<Requests> {
    let head = match Head::read(prefix, may_be_request) {
        Reading::Found(head) => head,
        Reading::More => return Reading::More,
        Reading::Other => return Reading::Other,
    };
    let Some(first) = head.request() else { return Reading::Other };
    let mut found = Requests::new(first);
    let mut rest = head.rest();
    while let Some(next) = rest.and_then(next_head) {
        found.add(next.request().and_then(|request| request.host));
        rest = next.rest();
    }
    Reading::Found(found)
}

/// The first response of a server's direction that is not provisional (1xx), 101 excepted.
#[must_use]
pub fn response(prefix: &[u8]) -> Reading<Response> {
    let mut prefix = prefix;
    loop {
        let head = match Head::read(prefix, may_be_response) {
            Reading::Found(head) => head,
            Reading::More => return Reading::More,
            Reading::Other => return Reading::Other,
        };
        match (head.response(), head.after) {
            (Some(Response { status: 100 | 102..=199, .. }), Some(after)) => prefix = after,
            (Some(response), _) => return Reading::Found(response),
            (None, _) => return Reading::Other,
        }
    }
}

fn next_head(rest: &[u8]) -> Option<Head<'_>> {
    match Head::read(rest, may_be_request) {
        Reading::Found(head) => Some(head),
        Reading::Other | Reading::More => None,
    }
}

/// Start line and fields, as far as they are read.
pub(super) struct Head<'a> {
    start: &'a [u8],
    fields: Cursor<'a>,
    /// What follows the empty line, if that was reached.
    after: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// A head whose start line, `whole` or its beginning, may be one.
    pub(super) fn read(bytes: &'a [u8], may_be: fn(&[u8], whole: bool) -> bool) -> Reading<Head<'a>> {
        let seen = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        let mut cursor = Cursor(seen);
        let Some(start) = cursor.line() else {
            let open = seen.len() < HEAD_MAX && may_be(seen, false);
            return if open { Reading::More } else { Reading::Other };
        };
        if !may_be(start, true) || !start.iter().all(|&byte| byte >= b' ' || byte == b'\t') {
            return Reading::Other;
        }
        let fields = cursor;
        while let Some(line) = cursor.line() {
            if line.is_empty() {
                return Reading::Found(Head { start, fields, after: bytes.get(seen.len() - cursor.0.len()..) });
            }
        }
        if seen.len() < HEAD_MAX { Reading::More } else { Reading::Found(Head { start, fields, after: None }) }
    }

    /// The head a datagram is, whether or not an empty line ends it.
    pub(super) fn whole(datagram: &'a [u8], may_be: fn(&[u8], whole: bool) -> bool) -> Option<Head<'a>> {
        let mut cursor = Cursor(datagram);
        let start = cursor.line().filter(|line| may_be(line, true))?;
        Some(Head { start, fields: cursor, after: None })
    }

    /// The first line, without its end.
    pub(super) fn start(&self) -> &'a [u8] {
        self.start
    }

    /// The value of the first field of that name, given in lower case.
    pub(super) fn field(&self, name: &str) -> Option<&'a [u8]> {
        let mut lines = self.fields;
        std::iter::from_fn(|| lines.line().filter(|line| !line.is_empty())).find_map(|line| {
            let (found, value) = line.split_at_checked(name.len())?;
            let value = value.trim_ascii_start().strip_prefix(b":")?;
            found.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
        })
    }

    /// A field as text for a record.
    pub(super) fn field_text(&self, name: &str) -> Option<String> {
        self.field(name).and_then(|value| some_text(value, TEXT_MAX))
    }

    fn request(&self) -> Option<Request> {
        let mut words = self.start.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let (method, target, version) = (words.next()?, words.next()?, words.next_back()?);
        if !version.starts_with(b"HTTP/1.") || !is_method(method) {
            return None;
        }
        let Target { host, path } = Target::of(method, target);
        let host = host.and_then(authority).or_else(|| self.field("host").and_then(authority));
        let (host, port) = host.map_or((None, None), |(host, port)| (Some(host), port));
        Some(Request {
            method: text(method, METHOD_MAX),
            host,
            port,
            path: path.and_then(|path| some_text(path, TEXT_MAX)),
            user_agent: self.field_text("user-agent"),
            upgrade: self.upgrade(),
        })
    }

    fn response(&self) -> Option<Response> {
        let status = self.start.split(|&byte| byte == b' ').nth(1)?;
        let status: u16 = str::from_utf8(status).ok()?.parse().ok()?;
        (100..1000).contains(&status).then(|| Response {
            status,
            server: self.field_text("server"),
            www_authenticate: self.field("www-authenticate").is_some(),
            upgrade: self.upgrade(),
        })
    }

    fn upgrade(&self) -> Option<String> {
        self.field_text("upgrade").map(|protocol| protocol.to_ascii_lowercase())
    }

    /// What follows the body; `None` where its end is not known or the connection turns into something else.
    fn rest(&self) -> Option<&'a [u8]> {
        let after = self.after.filter(|_| !self.start.starts_with(b"CONNECT "))?;
        match (self.field("transfer-encoding"), self.field("content-length")) {
            (Some(_), _) => behind_chunks(after),
            (None, Some(length)) => after.get(str::from_utf8(length).ok()?.parse::<usize>().ok()?..),
            (None, None) => Some(after),
        }
    }
}

/// What follows the last chunk and an empty trailer (RFC 9112, section 7.1).
fn behind_chunks(body: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor(body);
    loop {
        let size = cursor.line()?.split(|&byte| byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(str::from_utf8(size).ok()?, 16).ok()?;
        cursor.take(size)?;
        let ended = cursor.line()?.is_empty();
        match (size, ended) {
            (0, true) => return Some(cursor.0),
            (0, false) | (_, false) => return None,
            (_, true) => {}
        }
    }
}

struct Target<'a> {
    host: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// The four forms of RFC 9112, section 3.2.
    fn of(method: &[u8], target: &'a [u8]) -> Target<'a> {
        if method == b"CONNECT" {
            return Target { host: Some(target), path: None };
        }
        let bare = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or(target);
        match bare.windows(3).position(|bytes| bytes == b"://").filter(|_| !bare.starts_with(b"/")) {
            None => Target { host: None, path: Some(bare) },
            Some(scheme) => {
                let absolute = bare.get(scheme + 3..).unwrap_or_default();
                let end = absolute.iter().position(|&byte| byte == b'/').unwrap_or(absolute.len());
                let (host, path) = absolute.split_at_checked(end).unwrap_or_default();
                Target { host: Some(host), path: Some(path) }
            }
        }
    }
}

fn is_method(bytes: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
    (1..=METHOD_MAX).contains(&bytes.len()) && bytes.iter().all(token)
}

fn may_be_request(line: &[u8], whole: bool) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let method = words.next().unwrap_or(line);
    let version = words.next_back().unwrap_or_default();
    (line.is_empty() || is_method(method)) && (!whole || version.starts_with(b"HTTP/1."))
}

fn may_be_response(line: &[u8], whole: bool) -> bool {
    let version = b"HTTP/1.";
    let shared = line.len().min(version.len());
    line.get(..shared) == version.get(..shared) && (!whole || shared == version.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Requests {
        match requests(text.as_bytes()) {
            Reading::Found(found) => found,
            Reading::Other | Reading::More => panic!("not read: {text}"),
        }
    }

    #[test]
    fn a_request_names_host_path_and_user_agent() {
        let first =
            found("GET /a/b?token=secret HTTP/1.1\r\nhOsT: Example.COM:8080\r\nUser-Agent: curl/8\r\n\r\n").first;
        assert_eq!(
            (first.method.as_str(), first.host.as_deref(), first.port),
            ("GET", Some("example.com"), Some(8080))
        );
        assert_eq!((first.path.as_deref(), first.user_agent.as_deref()), (Some("/a/b"), Some("curl/8")));
    }

    #[test]
    fn the_target_of_a_proxy_request_outweighs_the_host_field() {
        let absolute = found("GET http://real.example:81/x?y=http://z/ HTTP/1.1\r\nHost: front.example\r\n\r\n").first;
        assert_eq!((absolute.host.as_deref(), absolute.path.as_deref()), (Some("real.example"), Some("/x")));
        let tunnel = found("CONNECT vpn.example:443 HTTP/1.1\r\nHost: other\r\n\r\n\x16\x03\x01").first;
        assert_eq!((tunnel.host.as_deref(), tunnel.port, tunnel.path), (Some("vpn.example"), Some(443), None));
    }

    #[test]
    fn all_hosts_of_a_connection_are_found_behind_bodies_of_known_length() {
        let text = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nGET \
                    PUT / HTTP/1.1\r\nHost: b.example\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\n\
                    GET / HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: c.example\r\n\r\nGET / HT";
        assert_eq!(found(text).hosts, ["a.example", "b.example", "c.example"]);
    }

    #[test]
    fn a_websocket_is_recognised_on_both_sides() {
        let asked = found("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n");
        assert_eq!(asked.first.upgrade.as_deref(), Some("websocket"));
        let Reading::Found(answer) = response(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n") else {
            panic!()
        };
        assert_eq!((answer.status, answer.upgrade.as_deref()), (101, Some("websocket")));
    }

    #[test]
    fn a_response_says_its_server_and_that_it_wants_a_login() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No\r\nServer: Hikvision-Webs\r\nWWW-Authenticate: Digest\r\n\r\n";
        let Reading::Found(answer) = response(bytes) else { panic!("not read") };
        assert_eq!(
            (answer.status, answer.server.as_deref(), answer.www_authenticate),
            (401, Some("Hikvision-Webs"), true)
        );
    }

    #[test]
    fn a_long_head_is_read_from_its_first_bytes() {
        let text = format!("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: {}", "x".repeat(HEAD_MAX));
        assert_eq!(found(&text).hosts, ["a.example"]);
        assert_eq!(requests(&text.as_bytes()[..HEAD_MAX - 1]), Reading::More);
    }

    #[test]
    fn what_only_resembles_a_request_is_none() {
        for text in [
            "EHLO mail.example\r\n",
            "GET / HTTP\r\n\r\n",
            "OPTIONS rtsp://a RTSP/1.0\r\n\r\n",
            "\x16\x03\x01",
            "hello\r\n",
        ] {
            assert_eq!(requests(text.as_bytes()), Reading::Other, "{text:?}");
        }
    }
}

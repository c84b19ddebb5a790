//! Asks a running daemon for its status: one HTTP request, bounded in time and size.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::Status;

const TIMEOUT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 64 << 20;
const PAGE: &str = "/status";

/// Where a daemon tells its status: `http://HOST[:PORT][/PREFIX]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// As the Host header has it.
    authority: String,
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no [`Url`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The daemon itself speaks no TLS.
    #[error("expected http://: the daemon speaks no TLS; behind a proxy that does, ask it on its own machine")]
    Scheme,
    /// It does not name a host and a port.
    #[error("expected http://HOST[:PORT], such as http://127.0.0.1:9469")]
    Authority,
}

impl Url {
    /// Of a daemon that listens at this address; a wildcard is asked on loopback.
    #[must_use]
    pub fn of(listen: SocketAddr) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) => IpAddr::V4(if ip.is_unspecified() { Ipv4Addr::LOCALHOST } else { ip }),
            IpAddr::V6(ip) => IpAddr::V6(if ip.is_unspecified() { Ipv6Addr::LOCALHOST } else { ip }),
        };
        let authority = SocketAddr::new(ip, listen.port()).to_string();
        Url { authority, host: ip.to_string(), port: listen.port(), path: PAGE.to_owned() }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(UrlError::Scheme),
            None => text,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| UrlError::Authority)?),
            _ => (authority, 80),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "@?#[]\\".contains(c);
        let is_name = !host.is_empty() && !host.contains(':');
        if !(is_name || bare.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()))
            || bare.unwrap_or(host).contains(is_odd)
            || path.contains(is_odd)
        {
            return Err(UrlError::Authority);
        }
        let prefix = path.trim_end_matches('/').trim_end_matches(PAGE);
        let (authority, host) = (authority.to_owned(), bare.unwrap_or(host).to_owned());
        Ok(Url { authority, host, port, path: format!("{prefix}{PAGE}") })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody is there.
    #[error(
        "{url}: {error}: is the daemon running (systemctl status borderflow), and is this what [metrics] listen says?"
    )]
    Unreachable {
        /// What was asked.
        url: Url,
        /// What the system said.
        error: io::Error,
    },
    /// The connection broke or took too long.
    #[error("{url}: no whole answer within {} s: {error}; the daemon's log tells more", TIMEOUT.as_secs())]
    Broken {
        /// What was asked.
        url: Url,
        /// What the system said.
        error: io::Error,
    },
    /// Whoever answered is no daemon of ours, or refuses.
    #[error("{url}: whoever answers there does not tell the status of a Borderflow daemon: {found}")]
    Foreign {
        /// What was asked.
        url: Url,
        /// What was found instead.
        found: String,
    },
}

/// The status of the daemon there.
///
/// # Errors
/// See [`AskError`].
pub fn ask(url: &Url) -> Result<Status, AskError> {
    let deadline = now() + TIMEOUT;
    let stream = connect(url).map_err(|error| AskError::Unreachable { url: url.clone(), error })?;
    let answer = exchange(stream, url, deadline).map_err(|error| AskError::Broken { url: url.clone(), error })?;
    read(&answer).map_err(|found| AskError::Foreign { url: url.clone(), found })
}

fn connect(url: &Url) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (url.host.as_str(), url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// HTTP/1.0, so that the answer ends with the connection and comes in one piece, also through a proxy.
fn exchange(mut stream: TcpStream, url: &Url, deadline: Instant) -> io::Result<Vec<u8>> {
    stream.set_write_timeout(Some(TIMEOUT))?;
    let head = format!("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", url.path, url.authority);
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = vec![0; 64 << 10];
    loop {
        let left = deadline.saturating_duration_since(now());
        if left.is_zero() || answer.len() > MOST_BYTES {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return Ok(answer),
            Ok(bytes) => answer.extend_from_slice(part.get(..bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error),
        }
    }
}

/// What is wrong with it, in words.
fn read(answer: &[u8]) -> Result<Status, String> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = end.map_or((answer, [].as_slice()), |end| answer.split_at(end));
    let head = String::from_utf8_lossy(head);
    let first = head.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split(' ').collect();
    if !matches!(words.as_slice(), [version, "200", ..] if version.starts_with("HTTP/1.")) {
        return Err(format!("{:?}", first.chars().take(80).collect::<String>()));
    }
    let status: Status = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if status.version.is_empty() { Err("no version in it".to_owned()) } else { Ok(status) }
}

#[expect(clippy::disallowed_methods, reason = "how long an answer takes is about this machine, not about packets")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_daemon_that_listens_everywhere_is_asked_on_loopback() {
        for (listen, expected) in [
            ("127.0.0.1:9469", "http://127.0.0.1:9469/status"),
            ("0.0.0.0:9469", "http://127.0.0.1:9469/status"),
            ("[::]:80", "http://[::1]:80/status"),
            ("[fe80::7]:1", "http://[fe80::7]:1/status"),
        ] {
            assert_eq!(Url::of(listen.parse().unwrap()).to_string(), expected);
        }
    }

    #[test]
    fn urls_are_read_as_people_write_them() {
        for (text, host, port, shown) in [
            ("http://127.0.0.1:9469", "127.0.0.1", 9469, "http://127.0.0.1:9469/status"),
            ("sensor-1:9469", "sensor-1", 9469, "http://sensor-1:9469/status"),
            ("HTTP://[::1]:9469/", "::1", 9469, "http://[::1]:9469/status"),
            ("http://[::1]", "::1", 80, "http://[::1]/status"),
            ("http://proxy/site-7/status", "proxy", 80, "http://proxy/site-7/status"),
            ("http://proxy/site-7/", "proxy", 80, "http://proxy/site-7/status"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host.as_str(), url.port, url.to_string().as_str()), (host, port, shown), "{text}");
        }
        assert_eq!("https://127.0.0.1:9469".parse::<Url>(), Err(UrlError::Scheme));
        for text in ["", "http://", ":9469", "http://a:b", "::1", "http://[::g]:1", "a b:1", "a\r\nX: y", "u:p@a:1"] {
            assert_eq!(text.parse::<Url>(), Err(UrlError::Authority), "{text:?}");
        }
    }

    /// What is made of an answer of these bytes.
    fn answered(answer: &'static [u8]) -> Result<Status, AskError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::of(listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 512];
            let bytes = stream.read(&mut head).unwrap();
            stream.write_all(answer).unwrap();
            String::from_utf8(head[..bytes].to_vec()).unwrap()
        });
        let status = ask(&url);
        assert!(server.join().unwrap().starts_with("GET /status HTTP/1.0\r\nHost: 127.0.0.1:"));
        status
    }

    #[test]
    fn a_daemon_of_another_version_is_understood_as_far_as_it_goes() {
        let status = answered(b"HTTP/1.0 200 OK\r\n\r\n{\"version\":\"9.0.0\",\"pid\":7,\"colour\":\"blue\"}").unwrap();
        assert_eq!((status.version.as_str(), status.pid, status.uptime_s), ("9.0.0", 7, 0));
    }

    #[test]
    fn whoever_is_no_daemon_is_told_with_the_url_and_what_was_found() {
        for (answer, found) in [
            (b"HTTP/1.1 404 Not Found\r\n\r\nno".as_slice(), "404 Not Found"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
            (b"", "\"\""),
            (b"HTTP/1.1 200 OK\r\n\r\n<html>", "expected value"),
            (b"HTTP/1.1 200 OK\r\n\r\n{}", "no version"),
        ] {
            let error = answered(answer).unwrap_err().to_string();
            assert!(error.starts_with("http://127.0.0.1:") && error.contains(found), "{error}");
        }
    }

    #[test]
    fn a_daemon_that_is_not_there_is_told_with_what_to_do() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::of(listener.local_addr().unwrap());
        drop(listener);
        let error = ask(&url).unwrap_err().to_string();
        assert!(error.contains("is the daemon running") && error.contains(&url.to_string()), "{error}");
    }
}

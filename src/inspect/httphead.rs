//! The start line and fields of an HTTP/1 message, borrowed, for readers of what is managed over HTTP.

use super::Reading;
use super::cursor::Cursor;
use super::text::words;

/// Bytes of a segment in which fields and bodies are searched.
const LOOKED_AT: usize = 4096;
/// Longest line without its end that may still become one.
const HEAD: usize = 64;

/// A start line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// Method and target as far as they are there.
    Request { method: &'a str, target: &'a str },
    /// Status code.
    Response(u16),
}

/// The start line at the beginning of `bytes`.
pub(super) fn start(bytes: &[u8]) -> Reading<Start<'_>> {
    // Asked of the first bytes of every stream, most of which are something else.
    if !matches!(bytes, [] | [b'D' | b'G' | b'H' | b'O' | b'P' | b'\r' | b'\n', ..]) {
        return Reading::Other;
    }
    let first = bytes.get(..1024).unwrap_or(bytes);
    let is_cut = !first.contains(&b'\n');
    let Some(line) = words(first.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or(first)) else {
        return if bytes.is_empty() { Reading::More } else { Reading::Other };
    };
    if "HTTP/1.".starts_with(line) {
        return if is_cut { Reading::More } else { Reading::Other };
    }
    if let Some(rest) = line.strip_prefix("HTTP/1.") {
        let status = rest.get(2..5).and_then(|digits| digits.parse().ok());
        return match status {
            Some(status) => Reading::Found(Start::Response(status)),
            None if is_cut && rest.len() < 5 => Reading::More,
            None => Reading::Other,
        };
    }
    request(line, is_cut)
}

fn request(line: &str, is_cut: bool) -> Reading<Start<'_>> {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS"];
    let mut parts = line.splitn(3, ' ');
    let (method, target, version) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let Some(target) = target else {
        let may_be = is_cut && METHODS.iter().any(|known| known.starts_with(method));
        return if may_be { Reading::More } else { Reading::Other };
    };
    let is_target = target.is_empty() && is_cut || target.starts_with('/') || target.starts_with("http://");
    if !METHODS.contains(&method) || !is_target {
        return Reading::Other;
    }
    match version {
        Some(version) if version.starts_with("HTTP/1.") => Reading::Found(Start::Request { method, target }),
        Some(version) if !(is_cut && "HTTP/1.".starts_with(version)) => Reading::Other,
        _ if is_cut && line.len() < HEAD => Reading::More,
        // The line goes on behind what is there, or is longer than lines of this kind are kept.
        _ if line.len() >= HEAD => Reading::Found(Start::Request { method, target }),
        _ => Reading::Other,
    }
}

/// Bytes of the message that begins with `bytes`: head and body where the head says how long that is, no body where it says
/// of a request nothing, else as many as are there.
pub(super) fn length(bytes: &[u8]) -> usize {
    let Some(behind) = after(bytes, "\r\n\r\n") else { return bytes.len() };
    let head = bytes.len().min(LOOKED_AT) - behind.len();
    let body = field(bytes, "Content-Length").and_then(|digits| str::from_utf8(digits).ok()?.parse::<u32>().ok());
    let is_bodiless = match start(bytes) {
        Reading::Found(Start::Response(status)) => matches!(status, 100..=199 | 204 | 304),
        Reading::Found(Start::Request { .. }) => body.is_none() && field(bytes, "Transfer-Encoding").is_none(),
        Reading::More | Reading::Other => false,
    };
    match body {
        _ if is_bodiless => head,
        Some(body) => head + body as usize,
        None => bytes.len(),
    }
}

/// The value of a field of the head, if it is among the bytes there.
pub(super) fn field<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut cursor = Cursor(bytes.get(..LOOKED_AT).unwrap_or(bytes));
    while let Some(line) = cursor.line().filter(|line| !line.is_empty()) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        if halves.next().is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes())) {
            return halves.next().map(<[u8]>::trim_ascii);
        }
    }
    None
}

/// What follows the first occurrence of `needle` in the bytes there.
pub(super) fn after<'a>(bytes: &'a [u8], needle: &str) -> Option<&'a [u8]> {
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let at = bytes.windows(needle.len()).position(|window| window == needle.as_bytes())?;
    bytes.get(at + needle.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_line_is_told_from_other_texts() {
        let request = Start::Request { method: "GET", target: "/a?b" };
        assert_eq!(start(b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"), Reading::Found(request));
        assert_eq!(start(b"HTTP/1.0 401 Unauthorized\r\n"), Reading::Found(Start::Response(401)));
        for cut in ["", "G", "GET ", "GET /a HTT", "HTTP/1.1 4"] {
            assert_eq!(start(cut.as_bytes()), Reading::More, "{cut}");
        }
        for other in
            ["GET sip:a SIP/2.0\r\n", "OPTIONS rtsp://a RTSP/1.0\r\n", "GET / RTSP/1.0\r\n", "hello\r\n", "\x16\x03"]
        {
            assert_eq!(start(other.as_bytes()), Reading::Other, "{other}");
        }
    }

    #[test]
    fn a_message_ends_where_its_head_says() {
        assert_eq!(length(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nbo"), 140);
        assert_eq!(length(b"GET / HTTP/1.1\r\nA: b\r\n\r\nGET /2"), 24);
        assert_eq!(length(b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n"), 38);
        assert_eq!(length(b"HTTP/1.1 200 OK\r\n\r\nbody"), 23);
    }

    #[test]
    fn fields_and_bodies_are_searched() {
        let bytes = b"GET / HTTP/1.1\r\naUTHORIZATION:  Digest x\r\n\r\nbody";
        assert_eq!(field(bytes, "Authorization"), Some(b"Digest x".as_slice()));
        assert_eq!(after(bytes, "\n\r\n"), Some(b"body".as_slice()));
    }
}

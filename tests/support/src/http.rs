//! HTTP/1.1 messages (RFC 9112).

/// A request with a `Host` header, a `User-Agent`, and a `Content-Length` where there is a body.
#[must_use]
pub fn request(method: &str, host: &str, target: &str, user_agent: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\n");
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A response with a `Content-Type` and a `Content-Length`.
#[must_use]
pub fn response(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

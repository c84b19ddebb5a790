//! Bytes from the network as text for records: bounded, valid UTF-8, no control characters; and host names.

use std::net::{IpAddr, Ipv6Addr};

/// Longest host name, in bytes (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;

/// At most `limit` bytes of `bytes` as text: surrounding blanks removed, control characters and invalid UTF-8 replaced
/// by U+FFFD.
pub(super) fn text(bytes: &[u8], limit: usize) -> String {
    let bytes = bytes.trim_ascii();
    let kept = bytes.get(..limit).unwrap_or(bytes);
    let lossy = String::from_utf8_lossy(kept);
    lossy.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Text that is not empty.
pub(super) fn some_text(bytes: &[u8], limit: usize) -> Option<String> {
    Some(text(bytes, limit)).filter(|text| !text.is_empty())
}

/// The words at the beginning of `bytes`, borrowed: valid UTF-8 up to the first control character; none where none are.
pub(super) fn words(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.get(..NAME_MAX).unwrap_or(bytes);
    let valid = bytes.utf8_chunks().next()?.valid();
    valid.split(char::is_control).next().filter(|words| !words.is_empty())
}

/// A plausible host name or address, lower-cased, without a trailing dot.
pub(super) fn host_name(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
    let plausible = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let labels = || bytes.split(|&byte| byte == b'.');
    let fits = bytes.len() <= NAME_MAX && labels().all(|label| (1..=63).contains(&label.len()));
    (fits && bytes.iter().all(plausible))
        .then(|| bytes.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

/// Host and port of an authority as in `Host`, `:authority` or a URI (RFC 3986, section 3.2): user information is
/// dropped, an IPv6 literal loses its brackets and zone.
pub(super) fn authority(bytes: &[u8]) -> Option<(String, Option<u16>)> {
    let bytes = bytes.trim_ascii();
    let bytes = bytes.rsplit(|&byte| byte == b'@').next().unwrap_or(bytes);
    if let Some(literal) = bytes.strip_prefix(b"[") {
        let end = literal.iter().position(|&byte| byte == b']')?;
        let (address, rest) = literal.split_at_checked(end)?;
        let address = address.split(|&byte| byte == b'%').next()?;
        let address: Ipv6Addr = str::from_utf8(address).ok()?.parse().ok()?;
        return Some((IpAddr::V6(address).to_string(), rest.strip_prefix(b"]:").and_then(port)));
    }
    let mut halves = bytes.splitn(2, |&byte| byte == b':');
    let host = host_name(halves.next()?)?;
    Some((host, halves.next().and_then(port)))
}

fn port(digits: &[u8]) -> Option<u16> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_a_record_has_no_control_characters_and_a_limit() {
        assert_eq!(text(b" a\x1b[31mb\xff ", 64), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(text(b"abcdef", 3), "abc");
    }

    #[test]
    fn borrowed_words_end_where_text_ends() {
        assert_eq!(words("cmd/žluť\0more".as_bytes()), Some("cmd/žluť"));
        assert_eq!(words(b"ab\xff"), Some("ab"));
        assert_eq!(words(b"\nab"), None);
    }

    #[test]
    fn a_host_is_found_with_and_without_port_brackets_and_user() {
        let found = |text: &str| authority(text.as_bytes()).map(|(host, port)| format!("{host} {port:?}"));
        assert_eq!(found("Example.COM."), Some("example.com None".to_owned()));
        assert_eq!(found("user:pw@example.com:8443"), Some("example.com Some(8443)".to_owned()));
        assert_eq!(found("[2001:DB8::1]:80"), Some("2001:db8::1 Some(80)".to_owned()));
        assert_eq!(found("[fe80::1%25eth0]"), Some("fe80::1 None".to_owned()));
        assert_eq!(found("bad host"), None);
        assert_eq!(found("a..b"), None);
        assert_eq!(found(""), None);
    }
}

//! Names and texts out of handshakes, in the form records keep them.

/// The longest name that is kept (RFC 1035 section 2.3.4).
const MOST_NAME_BYTES: usize = 255;

/// A host name: lower case, without the trailing dot; `None` for what cannot be one.
pub(super) fn host_name(bytes: &[u8]) -> Option<String> {
    let name = bytes.strip_suffix(b".").unwrap_or(bytes);
    let plausible = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = (1..=MOST_NAME_BYTES).contains(&name.len()) && name.iter().all(plausible);
    fits.then(|| name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

/// A text: valid UTF-8 of at most 255 bytes, control characters replaced.
pub(super) fn clean(bytes: &[u8]) -> String {
    let mut text = String::new();
    for char in bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid)
    }) {
        let char = if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
        if text.len() + char.len_utf8() > MOST_NAME_BYTES {
            break;
        }
        text.push(char);
    }
    text
}

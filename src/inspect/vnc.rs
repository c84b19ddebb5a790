//! VNC: the protocol version each side sends first (RFC 6143, section 7.1.1). Both send the same twelve bytes; the
//! server is the one that speaks first.

use super::Reading;

const SHAPE: &[u8; 12] = b"RFB 000.000\n";

/// The version at the beginning of either direction: `003.008`.
#[must_use]
pub fn version(prefix: &[u8]) -> Reading<String> {
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if !prefix.iter().zip(SHAPE).all(fits) {
        return Reading::Other;
    }
    match prefix.get(4..SHAPE.len() - 1) {
        Some(version) if prefix.len() >= SHAPE.len() => {
            Reading::Found(version.iter().map(|&it| char::from(it)).collect())
        }
        _ => Reading::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_when_all_of_it_is_there() {
        assert_eq!(version(b"RFB 003.889\n\x01"), Reading::Found("003.889".to_owned()));
        assert_eq!(version(b"RFB 003.008"), Reading::More);
        assert_eq!(version(b"RFB 003,008\n"), Reading::Other);
    }
}

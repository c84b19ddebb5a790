//! CDP, Cisco's discovery of neighbours: behind an LLC/SNAP header with OUI 00-00-0c and protocol 0x2000.
//!
//! Cisco publishes no specification; the format is as Wireshark's documentation of the protocol describes it (version 1
//! and 2: version, hold time, checksum, then elements of type, length with its own four bytes, value).

use super::Reading;
use super::cursor::Cursor;
use super::text::some_text;

const TEXT_MAX: usize = 255;

/// One announcement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cdp {
    /// Device identifier, mostly its host name.
    pub device: Option<String>,
    /// Platform: the model.
    pub platform: Option<String>,
    /// Software version, its beginning.
    pub software: Option<String>,
    /// Port it was sent from.
    pub port: Option<String>,
}

/// The payload behind the SNAP header.
#[must_use]
pub fn cdp(payload: &[u8]) -> Reading<Cdp> {
    read(payload).map_or(Reading::Other, Reading::Found)
}

fn read(payload: &[u8]) -> Option<Cdp> {
    let mut cursor = Cursor(payload);
    let [1 | 2, _hold_time, _, _] = cursor.array::<4>()? else { return None };
    let mut found = Cdp::default();
    while let Some((kind, length)) = cursor.be16().zip(cursor.be16()) {
        let Some(value) = usize::from(length).checked_sub(4).and_then(|length| cursor.take(length)) else { break };
        match kind {
            1 => found.device = some_text(value, TEXT_MAX),
            3 => found.port = some_text(value, TEXT_MAX),
            5 => found.software = some_text(value, TEXT_MAX),
            6 => found.platform = some_text(value, TEXT_MAX),
            _ => {}
        }
    }
    found.device.is_some().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_says_its_name_and_model() {
        let bytes = b"\x02\xb4\0\0\0\x01\0\x08gw-7\0\x06\0\x0aIE-300\0\x03\0\xff";
        let Reading::Found(found) = cdp(bytes) else { panic!("not read") };
        assert_eq!((found.device.as_deref(), found.platform.as_deref()), (Some("gw-7"), Some("IE-300")));
        assert_eq!(cdp(b"\x07\xb4\0\0"), Reading::Other);
    }
}

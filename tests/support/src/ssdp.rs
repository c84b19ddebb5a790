//! SSDP (UPnP Device Architecture 2.0, section 1.2), to port 1900 of 239.255.255.250.

/// An announcement of a root device: where it describes itself, and what product it is.
#[must_use]
pub fn notify(location: &str, product: &str, unique_name: &str) -> Vec<u8> {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\nLOCATION: {location}\r\n\
         NT: upnp:rootdevice\r\nNTS: ssdp:alive\r\nSERVER: {product}\r\nUSN: {unique_name}::upnp:rootdevice\r\n\r\n"
    )
    .into_bytes()
}

//! SSDP (UPnP Device Architecture 2.0, section 1): devices announce themselves in HTTP heads over UDP.

use super::http::Head;
use super::text::authority;
use super::{Reading, Speaker};

/// One datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssdp {
    /// A search is the client's; announcements and answers come from the device.
    pub speaker: Speaker,
    /// Field `SERVER`: system, UPnP version, product; of a search `USER-AGENT`.
    pub product: Option<String>,
    /// Field `NT` or `ST`: what is announced or sought.
    pub target: Option<String>,
    /// Field `USN`: the device's unique name.
    pub usn: Option<String>,
    /// Host of `LOCATION`, where the device describes itself.
    pub location: Option<String>,
}

/// A datagram from or to port 1900.
#[must_use]
pub fn ssdp(payload: &[u8]) -> Reading<Ssdp> {
    let Some(head) = Head::whole(payload, may_be) else { return Reading::Other };
    let speaker = if head.start().starts_with(b"M-SEARCH") { Speaker::Client } else { Speaker::Server };
    let target = head.field_text("nt").or_else(|| head.field_text("st"));
    let found = Ssdp {
        speaker,
        product: head.field_text("server").or_else(|| head.field_text("user-agent")),
        usn: head.field_text("usn"),
        location: head.field("location").and_then(url_host),
        target,
    };
    if found.target.is_some() || found.usn.is_some() { Reading::Found(found) } else { Reading::Other }
}

fn url_host(url: &[u8]) -> Option<String> {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"))?;
    authority(rest.split(|&byte| byte == b'/').next()?).map(|(host, _)| host)
}

fn may_be(line: &[u8], _whole: bool) -> bool {
    [b"NOTIFY * HTTP/1.".as_slice(), b"M-SEARCH * HTTP/1.", b"HTTP/1.1 200", b"HTTP/1.0 200"]
        .iter()
        .any(|it| line.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_announces_its_product_and_where_it_is() {
        let bytes = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nLOCATION: http://10.0.0.7:49152/d.xml\r\nNT: upnp:rootdevice\r\n\
                      SERVER: Linux UPnP/1.0 Cam/2\r\nUSN: uuid:1::upnp:rootdevice\r\n";
        let Reading::Found(found) = ssdp(bytes) else { panic!("not read") };
        assert_eq!((found.speaker, found.product.as_deref()), (Speaker::Server, Some("Linux UPnP/1.0 Cam/2")));
        assert_eq!(
            (found.location.as_deref(), found.usn.as_deref()),
            (Some("10.0.0.7"), Some("uuid:1::upnp:rootdevice"))
        );
    }

    #[test]
    fn a_search_is_the_clients_and_other_http_is_none() {
        let Reading::Found(found) = ssdp(b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\nUSER-AGENT: App/1\r\n\r\n") else {
            panic!()
        };
        assert_eq!((found.speaker, found.product.as_deref()), (Speaker::Client, Some("App/1")));
        assert_eq!(ssdp(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), Reading::Other);
    }
}

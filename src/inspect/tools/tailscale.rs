//! Tailscale: its discovery messages between peers begin with `TS💬` (tailscale/tailscale, `disco/disco.go`); the tunnel
//! itself is WireGuard.

use super::super::{Carrier, Message, Protocol, Reading};

/// Any port: six known bytes.
pub const PROTOCOL: Protocol = Protocol { name: "tailscale", carrier: Carrier::Datagram, ports: &[], read };

/// Magic, sender's key, nonce.
const HEADER: usize = 6 + 32 + 24;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if bytes.starts_with("TS💬".as_bytes()) && bytes.len() > HEADER {
        Reading::Found(Message { length: bytes.len(), ..Message::default() })
    } else {
        Reading::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discovery_is_known_by_its_magic() {
        let ping = [&b"TS\xf0\x9f\x92\xac"[..], &[9; 90]].concat();
        assert!(matches!(read(&ping), Reading::Found(Message { length: 96, .. })));
        assert_eq!(read(&ping[..40]), Reading::Other);
        assert_eq!(read(&[b'T'; 96]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, &[&b"TS\xf0\x9f\x92\xac"[..], &[9; 90]].concat());
    }
}

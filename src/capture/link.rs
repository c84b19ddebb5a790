//! Link types, by the numbers capture files use (<https://www.tcpdump.org/linktypes.html>, as of 2025).

use std::fmt;

/// The link type of a frame: a `LINKTYPE_` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// One line per link type: what the first byte of a frame is, the constant, the number and the name in messages.
macro_rules! link_types {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $constant: LinkType = LinkType($number);)*

            /// The name for messages; `None` for a link type this program knows nothing about.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: four bytes of address family in the byte order of the capturing host.
    NULL = 0, "BSD loopback";
    /// Ethernet.
    ETHERNET = 1, "Ethernet";
    /// IEEE 802.5 Token Ring.
    TOKEN_RING = 6, "Token Ring";
    /// SLIP, with a header of its direction and compression.
    SLIP = 8, "SLIP";
    /// PPP, with or without HDLC-like framing (RFC 1661, RFC 1662).
    PPP = 9, "PPP";
    /// FDDI.
    FDDI = 10, "FDDI";
    /// Raw IP, by the number most systems use internally; seen in files of broken writers.
    RAW_12 = 12, "raw IP";
    /// Raw IP, by the number OpenBSD uses internally; seen in files.
    RAW_14 = 14, "raw IP";
    /// PPP in HDLC-like framing (RFC 1662), or Cisco HDLC where the first byte says so.
    PPP_HDLC = 50, "PPP in HDLC framing";
    /// PPPoE session: PPPoE header, then PPP (RFC 2516).
    PPP_ETHER = 51, "PPPoE";
    /// LLC-encapsulated ATM (RFC 2684).
    ATM_RFC1483 = 100, "RFC 1483 ATM";
    /// Raw IP, version in the first nibble.
    RAW = 101, "raw IP";
    /// Cisco HDLC (RFC 1547, section 4.3.1).
    CISCO_HDLC = 104, "Cisco HDLC";
    /// IEEE 802.11, from the MAC header on.
    IEEE802_11 = 105, "IEEE 802.11";
    /// Frame relay (RFC 2427).
    FRAME_RELAY = 107, "frame relay";
    /// OpenBSD loopback: four bytes of address family in network byte order.
    LOOP = 108, "OpenBSD loopback";
    /// Linux cooked capture v1.
    LINUX_SLL = 113, "Linux cooked v1";
    /// Prism monitor mode header, then 802.11.
    PRISM = 119, "Prism header and IEEE 802.11";
    /// RFC 2625 IP over Fibre Channel.
    IP_OVER_FC = 122, "IP over Fibre Channel";
    /// Radiotap header, then 802.11.
    RADIOTAP = 127, "radiotap header and IEEE 802.11";
    /// AVS monitor mode header, then 802.11.
    AVS = 163, "AVS header and IEEE 802.11";
    /// PPP with a byte of direction in front.
    PPP_WITH_DIRECTION = 166, "PPP with direction";
    /// USB as Linux captures it.
    USB_LINUX = 189, "USB, Linux";
    /// Per-packet information header, then a frame of the link type it names.
    PPI = 192, "per-packet information";
    /// IEEE 802.15.4 with frame check sequence.
    IEEE802_15_4 = 195, "IEEE 802.15.4";
    /// Bluetooth HCI with a header of its direction.
    BLUETOOTH_H4 = 201, "Bluetooth HCI";
    /// USB as Linux captures it, with the longer header.
    USB_LINUX_MMAPPED = 220, "USB, Linux";
    /// CAN bus frames as SocketCAN has them.
    CAN_SOCKETCAN = 227, "CAN";
    /// Raw IPv4.
    IPV4 = 228, "raw IPv4";
    /// Raw IPv6.
    IPV6 = 229, "raw IPv6";
    /// D-Bus messages.
    DBUS = 231, "D-Bus";
    /// Netfilter log messages with a packet inside.
    NFLOG = 239, "netfilter log";
    /// IP over InfiniBand (RFC 4391).
    IPOIB = 242, "IP over InfiniBand";
    /// Raw InfiniBand.
    INFINIBAND = 247, "InfiniBand";
    /// Linux cooked capture v2.
    LINUX_SLL2 = 276, "Linux cooked v2";
    /// Ethernet in Marvell DSA tagging.
    DSA_TAG = 284, "Ethernet with DSA tag";
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "link type {} ({name})", self.0),
            None => write!(f, "unknown link type {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_type_is_named_with_its_number_so_that_it_can_be_looked_up() {
        assert_eq!(LinkType::LINUX_SLL2.to_string(), "link type 276 (Linux cooked v2)");
        assert_eq!(LinkType(60_000).to_string(), "unknown link type 60000");
    }
}

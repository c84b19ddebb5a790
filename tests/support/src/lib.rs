//! Writes frames and captures byte by byte, for tests, benches and the demo.
//!
//! Every frame is a function of its arguments: no clock, no operating system randomness, no dependency but ring (for
//! [`quic`]), so the same calls give the same bytes on any machine. The layers mirror the wire and know nothing of Borderflow, whose
//! decoders are tested against them:
//!
//! * messages: [`dns`], [`tls`], [`ssh`], [`http`], [`mqtt`], [`ntp`], [`quic`], [`industrial`], [`dhcp`], [`ssdp`], [`turn`];
//! * transport: [`udp`], [`tcp`], [`icmp_echo`], [`sctp`], and [`Conversation`], which runs a whole TCP connection;
//! * network and link: [`ip_packet`], [`Link`], [`Host`];
//! * captures: [`Frame`], [`Pcap`], [`Pcapng`];
//! * and to replay them, [`program`].
//!
//! ```
//! use borderflow_testkit::{Conversation, Host, Link, Pcap, tls::ClientHello, Prng};
//!
//! let mut prng = Prng::new(1);
//! let camera = Host::new("10.0.0.7");
//! let cloud = Host::new("47.97.1.10");
//! let frames = Conversation::new(camera, 40_000, cloud, 443)
//!     .at(1_000_000_000)
//!     .open()
//!     .client(&ClientHello::for_name("upload.example").record(&mut prng))
//!     .close()
//!     .frames();
//! let capture = Pcap::microseconds(Link::Ethernet.link_type()).write(&frames);
//! assert_eq!(&capture[..4], &0xa1b2_c3d4u32.to_le_bytes());
//! ```

mod capture;
mod conversation;
pub mod dhcp;
pub mod dns;
pub mod http;
pub mod industrial;
mod ip;
mod link;
pub mod mqtt;
pub mod ntp;
mod prng;
pub mod program;
pub mod quic;
pub mod ssdp;
pub mod ssh;
pub mod tls;
mod transport;
pub mod turn;

pub use capture::{Frame, Interface, Pcap, Pcapng, Resolution};
pub use conversation::{Conversation, Side};
pub use ip::{Ipv6Extension, internet_checksum, ip_packet, ipv6_extended, protocol};
pub use link::{Host, Link};
pub use prng::Prng;
pub use transport::{Segment, flags, icmp_echo, icmp_unreachable, sctp, tcp, udp};

use std::net::SocketAddr;

/// One UDP datagram from `from` to `to` as a frame of `link`.
#[must_use]
pub fn udp_frame(link: &Link, time_ns: u64, from: (Host, u16), to: (Host, u16), payload: &[u8]) -> Frame {
    let (source, destination) = (SocketAddr::new(from.0.ip, from.1), SocketAddr::new(to.0.ip, to.1));
    let datagram = udp(source, destination, payload);
    packet_frame(link, time_ns, from.0, to.0, protocol::UDP, &datagram)
}

/// One IP packet with the given transport bytes as a frame of `link`.
#[must_use]
pub fn packet_frame(link: &Link, time_ns: u64, from: Host, to: Host, protocol: u8, transport: &[u8]) -> Frame {
    let id = (time_ns / 1_000) as u16;
    let packet = ip_packet(from.ip, to.ip, protocol, from.hop_limit, id, transport);
    Frame::new(time_ns, link.frame(from, to, &packet))
}

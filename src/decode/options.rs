//! What can be set about decoding.

use std::time::Duration;

use super::TunnelSet;

/// How to decode; the default is the product's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most encapsulations (VLAN tags, label stacks, tunnels) stripped from one frame.
    pub max_depth: u8,
    /// The tunnels that are stripped. One that is not stays the conversation it is: a GRE or UDP packet.
    pub tunnels: TunnelSet,
    /// Bounds of reassembly.
    pub fragments: FragmentOptions,
    /// Time within which a second copy of a packet is a mirrored duplicate; zero switches the search off.
    pub duplicate_window: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            max_depth: 16,
            tunnels: TunnelSet::ALL,
            fragments: FragmentOptions::default(),
            duplicate_window: Duration::from_millis(50),
        }
    }
}

/// Bounds of the reassembly of IP fragments. All memory is taken at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentOptions {
    /// Most fragment payload held at once, in bytes. When full, the oldest datagram is given up.
    pub max_bytes: usize,
    /// Most datagrams incomplete at once. When full, the oldest is given up.
    pub max_datagrams: usize,
    /// Packet time after its first fragment at which an incomplete datagram is given up (RFC 8200: 60 s; RFC 791
    /// suggests 15 s; Linux: 30 s).
    pub timeout: Duration,
}

impl Default for FragmentOptions {
    fn default() -> FragmentOptions {
        FragmentOptions { max_bytes: 4 << 20, max_datagrams: 1024, timeout: Duration::from_secs(30) }
    }
}

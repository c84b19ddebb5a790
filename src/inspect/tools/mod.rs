//! Remote support and tunnels, recognised by the first bytes of their own protocols (class B of remote management: that a
//! tool is used, not what is done with it).
//!
//! Everything behind those bytes is encrypted, so none of these readers finds a command. AnyDesk speaks TLS and shows in
//! its certificate and names; ngrok, GoToHTTP and the Chinese tools ToDesk and Sunlogin show in names alone.

use super::Protocol;

pub mod frp;
pub mod ike;
pub mod l2tp;
pub mod n2n;
pub mod openvpn;
pub mod pptp;
pub mod radmin;
pub mod rustdesk;
pub mod tailscale;
pub mod teamviewer;
pub mod wireguard;
pub mod zerotier;

/// All of them.
pub const ALL: [Protocol; 18] = [
    frp::PROTOCOL,
    ike::PROTOCOL,
    l2tp::PROTOCOL,
    n2n::PROTOCOL,
    openvpn::DATAGRAM,
    openvpn::DATAGRAM_ANY_PORT,
    openvpn::STREAM,
    openvpn::STREAM_ANY_PORT,
    pptp::PROTOCOL,
    radmin::PROTOCOL,
    rustdesk::DATAGRAM,
    rustdesk::STREAM,
    tailscale::PROTOCOL,
    teamviewer::DATAGRAM,
    teamviewer::STREAM,
    wireguard::PROTOCOL,
    zerotier::PROTOCOL,
    zerotier::HELLO,
];

//! Names and verbs in payloads: one protocol per file.
//!
//! Each file reads what one protocol says in the first kilobytes of a direction, or in one datagram. A reader is a pure
//! function over bytes; it keeps nothing, so splitting, repeating or delaying segments cannot change what it finds: the
//! flow hands it the contiguous beginning of a direction, again whenever that has grown.

pub mod bacnet;
mod below_ip;
pub mod cdp;
mod conversation;
mod cursor;
pub mod cwmp;
mod datagram;
mod dealings;
pub mod dhcp;
pub mod dhcpv6;
mod dialogue;
pub mod dnp3;
pub mod dns;
pub mod enip;
mod facts;
pub mod fins;
pub mod ftp;
pub mod ge_srtp;
pub mod greeting;
pub mod growatt;
#[cfg(test)]
mod hostile;
mod hpack;
pub mod http;
pub mod http2;
pub mod httpadmin;
mod httphead;
pub mod iec104;
pub mod ipmi;
pub mod lldp;
pub mod mdns;
mod message;
pub mod mms;
pub mod modbus;
pub mod mqtt;
pub mod netbios;
pub mod ntp;
pub mod ocpp;
pub mod opcua;
pub mod pppp;
mod prefix;
pub mod quic;
pub mod rdp;
mod registry;
pub mod reolink;
pub mod rlogin;
pub mod rsh;
pub mod rtp;
pub mod s7comm;
pub mod sip;
pub mod smb;
pub mod snmp;
pub mod socks;
pub mod solarman;
pub mod ssdp;
pub mod ssh;
mod ssh_login;
mod stream;
pub mod stun;
pub mod telnet;
#[cfg(test)]
mod tests;
mod text;
pub mod tftp;
pub mod tls;
pub mod tools;
mod tpkt;
pub mod tuya;
pub mod vnc;
pub mod winrm;
pub mod x11;

pub use below_ip::below_ip;
pub use conversation::{Conversation, End, Heard, Open};
pub use datagram::Route;
pub use dealings::{Asked, Dealings};
pub use dialogue::{Dialogue, Followed};
pub use facts::{Announcement, Answer, Facts, Notes};
pub use message::{Carrier, Command, CommandKind, Login, Message, Protocol};
pub use registry::protocols;

/// Which end of a conversation sent what was read, where the protocol's grammar says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The end that asks: it opened the conversation.
    Client,
    /// The end that answers.
    Server,
}

/// What a reader makes of the beginning of a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// These bytes are not of this protocol, and no further ones will change that.
    Other,
    /// So far it may be; more bytes will tell.
    More,
    /// This is what they say.
    Found(T),
}

impl<T> Reading<T> {
    /// The same reading of something made from what was found.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Reading::Other => Reading::Other,
            Reading::More => Reading::More,
            Reading::Found(found) => Reading::Found(make(found)),
        }
    }
}

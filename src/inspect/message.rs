//! What one message of a protocol asks of the host it is sent to.
//!
//! Names are read once, from the beginning of a flow. Commands may come at any time in a flow that lasts for months, so
//! their protocols are read message by message: a reader looks at the first bytes of one message, says how long it is
//! and what it asks, and keeps nothing. Whoever follows the flow finds the next message by the length.

use std::net::SocketAddr;

use super::{Reading, Speaker};

/// What a command does to the host that obeys it, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum CommandKind {
    /// Asks for values or state; changes nothing.
    Read,
    /// Sets a value, a file or a parameter.
    Write,
    /// Operates: a switching command, start, stop, restart.
    Control,
    /// Changes what the host runs: program or firmware.
    Program,
}

/// A command as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Command {
    /// What it does.
    pub kind: CommandKind,
    /// The function's name in the protocol's own document, in words (`write multiple registers`).
    #[serde(deserialize_with = "crate::net::known::word")]
    pub function: crate::net::known::Word,
}

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Login {
    /// Credentials were asked for or given.
    Tried,
    /// They were refused.
    Refused,
    /// They were accepted, or none were needed.
    Granted,
}

impl Login {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Login::Tried => "tried",
            Login::Refused => "refused",
            Login::Granted => "granted",
        }
    }
}

/// One message, as far as its first bytes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// Bytes of the whole message, counted from its first; may be more than were there to read.
    pub length: usize,
    /// Who sent it, where its shape says so.
    pub speaker: Option<Speaker>,
    /// What its receiver is asked to do.
    pub command: Option<Command>,
    /// Whether its answer looks the same, so that only who is the client tells the command from the answer.
    pub is_echoed: bool,
    /// What it says about a login.
    pub login: Option<Login>,
    /// What the command is about, in the message's own words: a topic, a file, a share.
    pub detail: Option<&'a str>,
    /// The party behind the one that sent or receives it: the peer of a relay.
    pub peer: Option<SocketAddr>,
}

/// Where a protocol is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Byte streams: a message may begin and end anywhere in a segment.
    Stream,
    /// Datagrams: one message each.
    Datagram,
}

/// A protocol whose messages are followed while a flow lives.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name in `network.protocol`.
    pub name: &'static str,
    /// What carries it.
    pub carrier: Carrier,
    /// Ports of the server it is looked for on; none where its messages cannot be taken for anything else.
    pub ports: &'static [u16],
    /// Reads the message that begins with the first byte.
    pub read: for<'a> fn(&'a [u8]) -> Reading<Message<'a>>,
}

/// What is read of a message of `length` bytes that end before a field that is looked for.
pub(super) fn cut_off<T>(bytes: &[u8], length: usize) -> Reading<T> {
    if bytes.len() < length { Reading::More } else { Reading::Other }
}

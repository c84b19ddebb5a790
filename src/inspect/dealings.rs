//! What the messages of a flow amount to: what each end asked of the other.

use std::net::SocketAddr;

use super::message::{Command, Login, Message};
use super::text::text;
use super::{End, Speaker};

/// Functions and details kept per end.
const MOST_FUNCTIONS: usize = 8;

/// Parties behind a relay that are kept per flow.
const MOST_PEERS: usize = 32;

/// Longest detail kept, in bytes.
const DETAIL_BYTES: usize = 128;

/// What one end asked of the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Commands by kind, in the order of [`super::CommandKind`].
    pub commands: [u32; 4],
    /// The first functions among them.
    pub functions: Vec<Command>,
    /// The first things they were about.
    pub details: Vec<String>,
    /// Messages it sent, of any kind.
    pub messages: u32,
}

/// What the messages of a flow amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealings {
    /// The protocol.
    pub protocol: &'static str,
    /// What each end asked: the low one, then the high one.
    pub ends: [Asked; 2],
    /// The end that asks, where a message showed it.
    pub client: Option<End>,
    /// How far a login came.
    pub login: Option<Login>,
    /// Logins that were refused.
    pub refused: u32,
    /// Parties behind a relay.
    pub peers: Vec<SocketAddr>,
    /// Messages read.
    pub messages: u32,
}

impl Dealings {
    pub(super) fn new(protocol: &'static str) -> Self {
        Dealings {
            protocol,
            ends: [Asked::default(), Asked::default()],
            client: None,
            login: None,
            refused: 0,
            peers: Vec::new(),
            messages: 0,
        }
    }

    /// What `end` asked.
    #[must_use]
    pub fn of(&self, end: End) -> &Asked {
        let [low, high] = &self.ends;
        match end {
            End::Low => low,
            End::High => high,
        }
    }

    /// Takes note of a message that `end` sent in a flow that `opener` seems to have opened; true where it says something new, and not only more.
    pub(super) fn note(&mut self, end: End, opener: Option<End>, message: &Message<'_>) -> bool {
        self.messages = self.messages.saturating_add(1);
        let mut news = self.messages == 1;
        self.learn_client(end, opener, message);
        let is_answer = message.is_echoed && self.client != Some(end);
        let [low, high] = &mut self.ends;
        let asked = match end {
            End::Low => low,
            End::High => high,
        };
        asked.messages = asked.messages.saturating_add(1);
        if let Some(command) = message.command.filter(|_| !is_answer) {
            news |= asked.note(command);
            if let Some(detail) = message.detail
                && asked.details.len() < MOST_FUNCTIONS
                && !asked.details.iter().any(|known| known == detail)
            {
                asked.details.push(text(detail.as_bytes(), DETAIL_BYTES));
                news = true;
            }
        }
        if let Some(login) = message.login {
            news |= self.login < Some(login);
            self.login = self.login.max(Some(login));
            self.refused = self.refused.saturating_add(u32::from(login == Login::Refused));
        }
        if let Some(peer) = message.peer
            && self.peers.len() < MOST_PEERS
            && !self.peers.contains(&peer)
        {
            self.peers.push(peer);
            news = true;
        }
        news
    }

    /// A message that looks like its answer leaves it to who opened the flow; where nobody knows that, the first is the
    /// question.
    fn learn_client(&mut self, end: End, opener: Option<End>, message: &Message<'_>) {
        let client = match message.speaker {
            Some(Speaker::Client) => Some(end),
            Some(Speaker::Server) => Some(end.other()),
            None if message.is_echoed => opener.or(Some(end)),
            None => self.client,
        };
        self.client = self.client.or(client);
    }
}

impl Asked {
    fn note(&mut self, command: Command) -> bool {
        if let Some(count) = self.commands.get_mut(command.kind as usize) {
            *count = count.saturating_add(1);
        }
        let news = self.functions.len() < MOST_FUNCTIONS && !self.functions.contains(&command);
        if news {
            self.functions.push(command);
        }
        news
    }

    /// Commands of every kind.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.commands.iter().map(|&count| u64::from(count)).sum()
    }
}

//! What the payloads of a flow said.

use std::net::IpAddr;
use std::sync::LazyLock;

use super::mdns::Instance;
use super::tls::Certificate;
use super::{dns, mdns};
use crate::net::{MacAddr, known};

/// Names of one kind kept per flow; a flow that says more says them in vain.
pub(super) const MOST_NAMES: usize = 8;

/// Everything learned from the payloads of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Application protocol, by its ECS `network.protocol` name.
    #[serde(deserialize_with = "known::word_option")]
    pub protocol: Option<known::Word>,
    /// Server names the client asked for (SNI).
    pub server_names: Vec<String>,
    /// JA4 fingerprints of the client's hellos.
    pub ja4: Vec<String>,
    /// Protocols the client offered (ALPN).
    pub alpn: Vec<String>,
    /// Whether the client sent an encrypted hello, so that the server name is a cover.
    pub encrypted_hello: bool,
    /// Version of TLS the server chose.
    pub tls_version: Option<u16>,
    /// Cipher suite the server chose.
    pub tls_cipher: Option<u16>,
    /// The server's certificate, where it goes in the clear (TLS 1.2 and before).
    pub certificate: Option<Box<Certificate>>,
    /// Hosts of HTTP requests, without ports.
    pub http_hosts: Vec<String>,
    /// Method of the first HTTP request.
    pub http_method: Option<String>,
    /// User agent of the first HTTP request.
    pub user_agent: Option<String>,
    /// What the HTTP server calls itself.
    pub http_server: Option<String>,
    /// Status of the first HTTP response.
    pub http_status: Option<u16>,
    /// Names asked for in DNS.
    pub questions: Vec<String>,
    /// Banner of the SSH client.
    pub ssh_client: Option<String>,
    /// Banner of the SSH server.
    pub ssh_server: Option<String>,
    /// What the server of a mail, file transfer or remote framebuffer connection said first.
    pub banner: Option<String>,
    /// Client identifier in MQTT.
    pub client_id: Option<String>,
    /// How name resolution is hidden in TLS or QUIC: `dot`, `doh` or `doq`.
    #[serde(deserialize_with = "known::word_option")]
    pub encrypted_dns: Option<known::Word>,
    /// What devices said of themselves.
    #[serde(skip)]
    pub announced: Vec<Announcement>,
}

/// What a device says of itself on its own network. Nobody proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The protocol it was said in.
    pub by: &'static str,
    /// Hardware address, where the message holds it.
    pub mac: Option<MacAddr>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Name.
    pub name: Option<String>,
    /// Model, product or class of software.
    pub model: Option<String>,
}

impl Facts {
    /// Adds a name to a list, once and while there is room; true where it is news.
    pub(super) fn add(list: &mut Vec<String>, name: String) -> bool {
        let news = list.len() < MOST_NAMES && !list.contains(&name);
        if news {
            list.push(name);
        }
        news
    }

    /// Adds an announcement, once and while there is room; true where it is news.
    pub(super) fn announce(&mut self, said: Announcement) -> bool {
        let is_empty = said.name.is_none() && said.model.is_none();
        let news = !is_empty && self.announced.len() < MOST_NAMES && !self.announced.contains(&said);
        if news {
            self.announced.push(said);
        }
        news
    }

    /// True where nothing was learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        static NOTHING: LazyLock<Facts> = LazyLock::new(Facts::default);
        *self == *NOTHING
    }
}

/// An address that a DNS response gave for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The address.
    pub address: IpAddr,
    /// The name asked for, then each alias on the way to the address.
    pub names: Vec<String>,
    /// Seconds it may be kept.
    pub ttl_s: u32,
}

/// Where what a payload says is noted.
#[derive(Debug)]
pub struct Notes<'n> {
    /// What the flow is known by.
    pub facts: &'n mut Facts,
    /// Addresses that were answered for names.
    pub answers: &'n mut Vec<Answer>,
}

impl Notes<'_> {
    /// Takes over the questions of a DNS message, its answers, and the devices it announces; true where any is new.
    pub(super) fn name_service(&mut self, message: &dns::Message<'_>, from: IpAddr) -> bool {
        self.facts.protocol = self.facts.protocol.or(Some("dns"));
        let mut news = false;
        for question in message.questions() {
            news |= Facts::add(&mut self.facts.questions, question.name.to_string());
        }
        message.resolved(|resolved| {
            self.answers.push(Answer {
                address: resolved.address,
                names: resolved.names.iter().map(ToString::to_string).collect(),
                ttl_s: resolved.ttl_s,
            });
        });
        for instance in mdns::instances(message) {
            let Instance { name, model, .. } = instance;
            let said = Announcement { by: "mdns", mac: None, address: Some(from), name: Some(name), model };
            news |= self.facts.announce(said);
        }
        news || !self.answers.is_empty()
    }
}

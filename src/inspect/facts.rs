//! What the payloads of a flow said.

use std::net::IpAddr;

use super::tls::Certificate;

/// Names of one kind kept per flow; a flow that says more says them in vain.
const MOST_NAMES: usize = 8;

/// Everything learned from the payloads of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Application protocol, by its ECS `network.protocol` name.
    pub protocol: Option<&'static str>,
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

    /// True where nothing was learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Facts::default()
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

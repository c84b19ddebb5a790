//! What the beginning of one direction of a byte stream says, whatever protocol it is.

use super::facts::Facts;
use super::{Reading, Speaker, http, http2, ssh, tls};

/// Longest beginning that is waited for before a direction is given up, by what it may be.
const PATIENCE_BYTES: usize = 15 << 10;

/// What reading a direction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether the facts have grown.
    pub(super) news: bool,
    /// Whether more bytes could tell more.
    pub(super) more: bool,
    /// Who sent the direction, where that was said.
    pub(super) speaker: Option<Speaker>,
}

impl Outcome {
    const NOTHING: Outcome = Outcome { news: false, more: false, speaker: None };
    const WAIT: Outcome = Outcome { news: false, more: true, speaker: None };
}

/// Reads the beginning of a direction, and adds what it says to `facts`.
pub(super) fn read(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let outcome = match prefix {
        [] => Outcome::WAIT,
        [22, ..] | [0x80..=0xff, _, 1, ..] => tls_direction(prefix, facts),
        [b'S', ..] if b"SSH-".starts_with(prefix.get(..4).unwrap_or(prefix)) => ssh_direction(prefix, facts),
        [b'A'..=b'Z', ..] => http_direction(prefix, facts),
        _ => Outcome::NOTHING,
    };
    Outcome { more: outcome.more && prefix.len() < PATIENCE_BYTES, ..outcome }
}

fn tls_direction(prefix: &[u8], facts: &mut Facts) -> Outcome {
    match tls::client(prefix) {
        Reading::Found(hello) => {
            facts.client_hello(hello, "tls");
            Outcome { news: true, more: false, speaker: Some(Speaker::Client) }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => tls_server(prefix, facts),
    }
}

/// The server's hello is news as soon as it is there; a certificate may follow.
fn tls_server(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let before = (facts.tls_version, facts.certificate.is_some());
    if let Reading::Found(hello) = tls::server_hello(prefix) {
        facts.protocol = facts.protocol.or(Some("tls"));
        (facts.tls_version, facts.tls_cipher) = (Some(hello.version), Some(hello.cipher));
    }
    let more = match tls::server(prefix) {
        Reading::Found(server) => {
            facts.certificate = server.certificate.map(Box::new).or(facts.certificate.take());
            false
        }
        Reading::More => true,
        Reading::Other => false,
    };
    let news = before != (facts.tls_version, facts.certificate.is_some());
    Outcome { news, more, speaker: facts.tls_version.map(|_| Speaker::Server) }
}

fn ssh_direction(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let Reading::Found(banner) = ssh::banner(prefix) else {
        return if ssh::banner(prefix) == Reading::More { Outcome::WAIT } else { Outcome::NOTHING };
    };
    let news = facts.protocol != Some("ssh");
    facts.protocol = Some("ssh");
    match ssh::speaker(prefix) {
        Reading::Found(speaker) => {
            let place = match speaker {
                Speaker::Client => &mut facts.ssh_client,
                Speaker::Server => &mut facts.ssh_server,
            };
            *place = Some(banner.text);
            Outcome { news: true, more: false, speaker: Some(speaker) }
        }
        Reading::More => Outcome { news, more: true, speaker: None },
        Reading::Other => Outcome { news, more: false, speaker: None },
    }
}

/// Requests go on being read for the hosts they name; of responses the first tells.
fn http_direction(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let requests = http2::requests(prefix);
    match if requests == Reading::Other { http::requests(prefix) } else { requests } {
        Reading::Found(requests) => {
            facts.protocol = facts.protocol.or(Some("http"));
            let mut news = facts.http_method.is_none();
            facts.http_method.get_or_insert(requests.first.method);
            facts.user_agent = facts.user_agent.take().or(requests.first.user_agent);
            for host in requests.hosts {
                news |= Facts::add(&mut facts.http_hosts, host);
            }
            Outcome { news, more: true, speaker: Some(Speaker::Client) }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => http_response(prefix, facts),
    }
}

fn http_response(prefix: &[u8], facts: &mut Facts) -> Outcome {
    match http::response(prefix) {
        Reading::Found(response) => {
            facts.protocol = facts.protocol.or(Some("http"));
            facts.http_status = Some(response.status);
            facts.http_server = response.server;
            Outcome { news: true, more: false, speaker: Some(Speaker::Server) }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => Outcome::NOTHING,
    }
}

impl Facts {
    /// Takes over what a client's hello says.
    pub(super) fn client_hello(&mut self, hello: tls::ClientHello, protocol: &'static str) {
        self.protocol = Some(protocol);
        if let Some(name) = hello.server_name {
            Facts::add(&mut self.server_names, name);
        }
        Facts::add(&mut self.ja4, hello.ja4);
        for protocol in hello.alpn {
            Facts::add(&mut self.alpn, protocol);
        }
        self.encrypted_hello |= hello.ech;
    }
}

//! What the beginning of one direction of a byte stream says, whatever protocol it is.

use super::datagram::Route;
use super::facts::{Facts, Notes};
use super::{Reading, Speaker, dns, greeting, http, http2, mqtt, rdp, registry, sip, smb, ssh, stun, telnet, tls, vnc};

/// Longest beginning that is waited for before a direction is given up, by what it may be.
const PATIENCE_BYTES: usize = 15 << 10;

/// Bytes within which the head of a first message shows whose it is.
const HEAD_BYTES: usize = 32;

/// What reading a direction came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    pub(super) const WAIT: Outcome = Outcome { more: true, ..Outcome::NOTHING };

    fn or_else(self, other: impl FnOnce() -> Outcome) -> Outcome {
        if self == Outcome::NOTHING { other() } else { self }
    }
}

/// Reads the beginning of a direction, and notes what it says.
pub(super) fn read(prefix: &[u8], route: Route, notes: &mut Notes<'_>) -> Outcome {
    let facts = &mut *notes.facts;
    let outcome = match prefix {
        [] => Outcome::WAIT,
        _ if route.uses(53) => return name_service(prefix, route, notes),
        [22, ..] | [21, 3, _, 0, 2, 1, ..] => tls_direction(prefix, route, facts),
        [0x80..=0xff, _, 1, ..] => tls_direction(prefix, route, facts),
        [0xff, ..] => found(&telnet::telnet(prefix), "telnet", telnet_speaker(prefix), facts),
        [b'S', ..] if b"SSH-".starts_with(prefix.get(..4).unwrap_or(prefix)) => ssh_direction(prefix, facts),
        [b'R', b'F', ..] => framebuffer(prefix, facts),
        [b'A'..=b'Z', ..] => http_direction(prefix, facts)
            .or_else(|| signalling(prefix, facts))
            .or_else(|| greeted(prefix, route, facts)),
        [b'2' | b'4' | b'5' | b'+' | b'*' | b'a'..=b'z', ..] => greeted(prefix, route, facts),
        [3, ..] => desktop(prefix, facts),
        [0x10 | 0x20, ..] => publish_subscribe(prefix, facts),
        [0 | 0x81 | 0x82, ..] => files(prefix, facts).or_else(|| traversal(prefix, facts)),
        [1, ..] => traversal(prefix, facts),
        _ => Outcome::NOTHING,
    };
    if outcome == Outcome::NOTHING && prefix.len() < HEAD_BYTES && registry::awaits(route.ports, prefix) {
        return Outcome::WAIT;
    }
    Outcome { more: outcome.more && prefix.len() < PATIENCE_BYTES, ..outcome }
}

/// What a reading of a protocol comes to that is only recognised.
fn found<T>(reading: &Reading<T>, protocol: &'static str, speaker: Option<Speaker>, facts: &mut Facts) -> Outcome {
    match reading {
        Reading::Found(_) => {
            let news = facts.protocol.is_none();
            facts.protocol = facts.protocol.or(Some(protocol));
            Outcome { news, speaker, ..Outcome::NOTHING }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => Outcome::NOTHING,
    }
}

/// Every message of the direction may name another host.
fn name_service(prefix: &[u8], route: Route, notes: &mut Notes<'_>) -> Outcome {
    match dns::tcp(prefix) {
        Reading::Found(messages) => {
            let (mut news, mut speaker) = (false, None);
            for message in messages {
                news |= notes.name_service(&message, route.from);
                speaker = speaker.or(Some(message.speaker()));
            }
            Outcome { news, more: prefix.len() < PATIENCE_BYTES, speaker }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => Outcome::NOTHING,
    }
}

fn telnet_speaker(prefix: &[u8]) -> Option<Speaker> {
    match telnet::speaker(prefix) {
        Reading::Found(speaker) => Some(speaker),
        Reading::More | Reading::Other => None,
    }
}

fn framebuffer(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let version = vnc::version(prefix);
    let outcome = found(&version, "vnc", None, facts);
    if let Reading::Found(version) = version {
        facts.banner.get_or_insert(version);
    }
    outcome
}

fn signalling(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let signal = sip::tcp(prefix);
    let Reading::Found(said) = &signal else { return found(&signal, "sip", None, facts) };
    facts.user_agent = facts.user_agent.take().or_else(|| said.agent.clone());
    found(&signal, said.protocol.name(), Some(said.speaker), facts)
}

/// A line that leaves the protocol open is told by the port.
fn greeted(prefix: &[u8], route: Route, facts: &mut Facts) -> Outcome {
    let greeting = greeting::greeting(prefix);
    let Reading::Found(said) = &greeting else { return found(&greeting, "smtp", None, facts) };
    let by_port = || match [21, 110, 25, 587, 143].into_iter().find(|port| route.uses(*port)) {
        Some(21) => Some("ftp"),
        Some(110) => Some("pop3"),
        Some(143) => Some("imap"),
        Some(_) => Some("smtp"),
        None => None,
    };
    let Some(protocol) = said.protocol.map(greeting::Protocol::name).or_else(by_port) else { return Outcome::NOTHING };
    if said.speaker == Speaker::Server {
        facts.banner = facts.banner.take().or_else(|| said.text.clone());
    }
    found(&greeting, protocol, Some(said.speaker), facts)
}

fn desktop(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let desktop = rdp::rdp(prefix);
    let speaker = match &desktop {
        Reading::Found(said) => Some(said.speaker),
        Reading::More | Reading::Other => None,
    };
    found(&desktop, "rdp", speaker, facts)
}

fn publish_subscribe(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let reading = mqtt::mqtt(prefix);
    let Reading::Found(said) = &reading else { return found(&reading, "mqtt", None, facts) };
    if let Some(connect) = &said.connect {
        facts.client_id = Some(connect.client_id.clone());
    }
    found(&reading, "mqtt", Some(said.speaker), facts)
}

fn files(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let reading = smb::smb(prefix);
    let speaker = match &reading {
        Reading::Found(said) => said.speaker,
        Reading::More | Reading::Other => None,
    };
    found(&reading, "smb", speaker, facts)
}

fn traversal(prefix: &[u8], facts: &mut Facts) -> Outcome {
    let reading = stun::stun(prefix);
    let speaker = match &reading {
        Reading::Found(said) => said.speaker,
        Reading::More | Reading::Other => None,
    };
    found(&reading, "stun", speaker, facts)
}

/// The port of DNS over TLS (RFC 7858, section 3.1).
const DOT_PORT: u16 = 853;

fn tls_direction(prefix: &[u8], route: Route, facts: &mut Facts) -> Outcome {
    match tls::client(prefix) {
        Reading::Found(hello) => {
            facts.client_hello(hello, "tls");
            if route.ports.1 == DOT_PORT || facts.alpn.iter().any(|protocol| protocol == "dot") {
                facts.encrypted_dns = Some("dot");
            }
            Outcome { news: true, speaker: Some(Speaker::Client), ..Outcome::NOTHING }
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

/// Reads the hello that a client repeats with what the server asked for (RFC 8446, section 4.1.4), alone in `segment` or
/// behind the change of cipher that old middleboxes want to see (appendix D.4): whether it says something new, or `None`
/// where the client goes on with something else.
pub(super) fn second_hello(segment: &[u8], facts: &mut Facts) -> Option<bool> {
    let segment = segment.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(segment);
    match tls::client(segment) {
        Reading::Found(hello) => {
            let known = facts.ja4.len();
            facts.client_hello(hello, "tls");
            Some(facts.ja4.len() > known)
        }
        Reading::More | Reading::Other => None,
    }
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
            Outcome { news: true, speaker: Some(speaker), ..Outcome::NOTHING }
        }
        Reading::More => Outcome { news, ..Outcome::WAIT },
        Reading::Other => Outcome { news, ..Outcome::NOTHING },
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
            Outcome { news, speaker: Some(Speaker::Client), ..Outcome::WAIT }
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
            Outcome { news: true, speaker: Some(Speaker::Server), ..Outcome::NOTHING }
        }
        Reading::More => Outcome::WAIT,
        Reading::Other => Outcome::NOTHING,
    }
}

impl Facts {
    /// Takes over what a client's hello says. Remote desktop keeps its name: it always goes on in TLS.
    pub(super) fn client_hello(&mut self, hello: tls::ClientHello, protocol: &'static str) {
        if self.protocol != Some("rdp") {
            self.protocol = Some(protocol);
        }
        if let Some(name) = hello.server_name {
            if dns::is_doh(&name) {
                self.encrypted_dns = Some("doh");
            }
            Facts::add(&mut self.server_names, name);
        }
        Facts::add(&mut self.ja4, hello.ja4);
        for protocol in hello.alpn {
            Facts::add(&mut self.alpn, protocol);
        }
        self.encrypted_hello |= hello.ech;
    }
}

//! What every network on the Internet sees all day, made by rule: scans, guessed passwords, and one session among them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use borderflow_testkit::{
    Conversation, Frame, Host, Link, Prng, Segment, Side, dns, flags, icmp_echo, icmp_unreachable, packet_frame,
    protocol, ssh, tcp, udp_frame,
};

/// Midnight.
pub(crate) const START_NS: u64 = 1_750_032_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// Networks that the configuration maps to a flagged country, each an autonomous system of its own.
pub(crate) const FLAGGED: [(&str, u32); 4] =
    [("198.18.0.0/18", 64_500), ("198.18.64.0/18", 64_501), ("198.18.128.0/18", 64_502), ("198.18.192.0/18", 64_503)];

/// A host of the `n`th network of the experiment; of the first four all hosts are flagged.
fn outside(network: u8, n: u16) -> Host {
    let [high, low] = (u16::from(network % 4) << 14 | n & 0x3fff).to_be_bytes();
    let address = Ipv4Addr::new(198, 18 + network / 4, high, low);
    Host { ip: IpAddr::V4(address), mac: [2, 0, 0, 0, 0, 1], hop_limit: 49 }
}

pub(crate) fn asset(n: u8) -> Host {
    Host::new(&format!("10.20.0.{n}"))
}

/// Frames and what is in them.
#[derive(Default)]
pub(crate) struct Traffic {
    pub(crate) frames: Vec<Frame>,
    /// Probes from flagged networks that nobody answered, and those that were answered with nothing of value.
    pub(crate) unanswered: u64,
    pub(crate) answered: u64,
    /// Connections in which flagged hosts were refused.
    pub(crate) refused: u64,
}

impl Traffic {
    /// Frames in the order of their time.
    pub(crate) fn sorted(mut self) -> Traffic {
        self.frames.sort_by_key(|frame| frame.timestamp_ns);
        self
    }

    /// Packets from hosts that look for open ports: `count` of them from `sources`, most in flagged networks.
    pub(crate) fn scan(&mut self, prng: &mut Prng, count: u64, sources: u64) {
        for n in 0..count {
            let number = n % sources;
            let from = outside((number % 16 % 5) as u8, 0x1000 + number as u16);
            let at = START_NS + prng.below(DAY - 600 * SECOND);
            let to = asset(prng.between(1, 255) as u8);
            // A port of its own per packet, so that each is a flow.
            let from_port = 1_024 + (n / sources * 2_500 + prng.below(2_500)) as u16;
            let (frames, is_answered) = probe(prng, at, (from, from_port), to);
            self.frames.extend(frames);
            if number % 16 % 5 < 4 {
                *if is_answered { &mut self.answered } else { &mut self.unanswered } += 1;
            }
        }
    }

    /// Connections to a service that answers and asks for a password that the other side does not know.
    pub(crate) fn guess(&mut self, prng: &mut Prng, service: Service, from: Host, to: Host, count: u64) {
        let mut at = START_NS + prng.below(DAY / 2);
        for n in 0..count {
            let conversation = Conversation::new(from, 30_000 + n as u16, to, service.port()).at(at).open();
            let conversation = service.login(prng, conversation, 1 + n % 3);
            let over = if n % 4 == 0 { conversation.reset(Side::Client) } else { conversation.close() };
            at = over.now_ns() + prng.between(SECOND / 2, 20 * SECOND);
            self.frames.extend(over.frames());
        }
        self.refused += count;
    }

    /// Campaigns, by turns against SSH and Telnet, each from a flagged host of its own.
    pub(crate) fn campaigns(&mut self, prng: &mut Prng, count: u16) {
        for n in 0..count {
            let service = if n % 2 == 0 { Service::Ssh } else { Service::Telnet };
            let (from, guesses) = (outside(n as u8 % 4, 100 + n), prng.between(30, 301));
            self.guess(prng, service, from, asset(10 + n as u8), guesses);
        }
    }
}

/// One packet of somebody who looks for open ports, what comes back of it, and whether that is an answer.
fn probe(prng: &mut Prng, at: u64, from: (Host, u16), to: Host) -> (Vec<Frame>, bool) {
    let port = [22, 23, 80, 443, 445, 502, 3389, 5900, 8080, 20_000][prng.below(10) as usize];
    let syn_to = |port: u16| Conversation::new(from.0, from.1, to, port).at(at).syn();
    let frames = match prng.below(100) {
        0..=57 => vec![syn(prng, at, from, (to, port))],
        58 => return (syn_to(80).answer_syn().reset(Side::Client).frames(), true),
        59 => {
            let greeted = syn_to(22).answer_syn().server(&ssh::banner("OpenSSH_10.0p2 Debian-7"));
            return (greeted.close().frames(), true);
        }
        60..=79 => syn_to(port).refuse().frames(),
        80..=89 => vec![datagram(prng, at, from, to)],
        90..=94 => {
            let asked = datagram(prng, at, from, to);
            let quoted = asked.data.get(14..).unwrap_or_default();
            let unreachable = icmp_unreachable(to.ip, from.0.ip, quoted);
            let told = packet_frame(&Link::Ethernet, at + 200_000, to, from.0, protocol::ICMP, &unreachable);
            vec![asked, told]
        }
        n => {
            let echo = |from: Host, to: Host, at: u64, reply: bool| {
                let message = icmp_echo(from.ip, to.ip, reply, 1, 1, &[7; 56]);
                packet_frame(&Link::Ethernet, at, from, to, protocol::ICMP, &message)
            };
            let asked = echo(from.0, to, at, false);
            if n >= 97 {
                return (vec![asked, echo(to, from.0, at + 150_000, true)], true);
            }
            vec![asked]
        }
    };
    (frames, false)
}

/// A SYN without options, as scanners send it.
fn syn(prng: &mut Prng, at: u64, from: (Host, u16), to: (Host, u16)) -> Frame {
    let segment = Segment {
        from: SocketAddr::new(from.0.ip, from.1),
        to: SocketAddr::new(to.0.ip, to.1),
        sequence: prng.next_u64() as u32,
        acknowledgement: 0,
        flags: flags::SYN,
        options: &[],
    };
    packet_frame(&Link::Ethernet, at, from.0, to.0, protocol::TCP, &tcp(&segment, &[]))
}

/// A question to a service that is not there.
fn datagram(prng: &mut Prng, at: u64, from: (Host, u16), to: Host) -> Frame {
    let snmp: &[u8] = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x4a\x69\x7d\x25\x02\x01\x00\x02\x01\x00\
        \x30\x0b\x30\x09\x06\x05\x2b\x06\x01\x02\x01\x05\x00";
    let (port, payload) = match prng.below(5) {
        0 => (53, dns::query(7, "version.example", dns::Kind::A)),
        1 => (123, [&[0x1b][..], &[0; 47]].concat()),
        2 => (161, snmp.to_vec()),
        3 => (1900, b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n".to_vec()),
        _ => ([623, 5683, 11_211, 47_808][prng.below(4) as usize], prng.bytes(32)),
    };
    udp_frame(&Link::Ethernet, at, from, (to, port), &payload)
}

/// A service with passwords.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Ssh,
    Telnet,
}

impl Service {
    fn port(self) -> u16 {
        match self {
            Service::Ssh => 22,
            Service::Telnet => 23,
        }
    }

    /// `tries` passwords, all refused.
    fn login(self, prng: &mut Prng, conversation: Conversation, tries: u64) -> Conversation {
        match self {
            Service::Ssh => {
                let asked = keys(prng, conversation);
                (0..tries).fold(asked, |open, _| {
                    open.exchange(Side::Client, &ssh::encrypted(160, prng), &ssh::encrypted(80, prng))
                })
            }
            Service::Telnet => {
                let open = conversation.server(b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27");
                let open = open.client(b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27").server(b"\r\nrtu login: ");
                (0..tries).fold(open, |open, _| {
                    let open = open.exchange(Side::Client, b"root\r\n", b"root\r\nPassword: ");
                    open.exchange(Side::Client, b"vizxv\r\n", b"\r\n\r\nLogin incorrect\r\nrtu login: ")
                })
            }
        }
    }

    /// The right password.
    fn grant(self, prng: &mut Prng, conversation: Conversation) -> Conversation {
        match self {
            Service::Ssh => {
                keys(prng, conversation).exchange(Side::Client, &ssh::encrypted(160, prng), &ssh::encrypted(48, prng))
            }
            Service::Telnet => {
                let open = self.login(prng, conversation, 0);
                let open = open.exchange(Side::Client, b"root\r\n", b"root\r\nPassword: ");
                open.exchange(Side::Client, b"juantech\r\n", b"\r\nLast login: Mon Jun 16\r\nroot@rtu:~# ")
            }
        }
    }
}

/// SSH as OpenSSH 10 speaks it up to the first password, by the sizes of `tests/peers/captures/ssh-brute.pcap`.
fn keys(prng: &mut Prng, conversation: Conversation) -> Conversation {
    let encrypted = |open: Conversation, asked: usize, answered: usize, prng: &mut Prng| {
        open.exchange(Side::Client, &ssh::encrypted(asked, prng), &ssh::encrypted(answered, prng))
    };
    let open = conversation.server(&ssh::banner("OpenSSH_10.0p2 Debian-7")).client(&ssh::banner("Go"));
    let open = open.exchange(Side::Client, &ssh::kexinit(prng), &ssh::kexinit(prng));
    let open = open.exchange(Side::Client, &ssh::ecdh_init(prng), &ssh::ecdh_reply(prng)).client(&ssh::new_keys(prng));
    let open = encrypted(open, 64, 64, prng);
    encrypted(open, 80, 80, prng)
}

/// A session that is granted and then worked in, a line every few seconds.
pub(crate) fn session(prng: &mut Prng, service: Service, from: Host, to: Host, at: u64, lines: u64) -> Vec<Frame> {
    let open = Conversation::new(from, 51_234, to, service.port()).at(at).open();
    let open = service.grant(prng, open);
    let worked = (0..lines).fold(open, |open, n| {
        let open = open.wait(prng.between(8 * SECOND, 12 * SECOND));
        match service {
            Service::Ssh => {
                open.exchange(Side::Client, &ssh::encrypted(36, prng), &ssh::encrypted(52 + n as usize % 7 * 16, prng))
            }
            Service::Telnet => open.exchange(Side::Client, b"ls\r\n", b"ls\r\nsetpoints\r\nroot@rtu:~# "),
        }
    });
    worked.close().frames()
}

/// Where the session of the day comes from and goes to.
pub(crate) fn session_ends() -> (Host, Host) {
    (outside(2, 9), asset(200))
}

/// Payload of TCP in frames from `host`.
pub(crate) fn payload_bytes(frames: &[Frame], host: Host) -> u64 {
    let IpAddr::V4(address) = host.ip else { return 0 };
    let of = |frame: &Frame| {
        let packet = frame.data.get(14..).unwrap_or_default();
        let is_from = packet.get(12..16) == Some(&address.octets());
        let total = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
        if is_from { total - 20 - u64::from(packet[32] >> 4) * 4 } else { 0 }
    };
    frames.iter().map(of).sum()
}

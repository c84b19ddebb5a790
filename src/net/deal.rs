//! Dealing packets to shards by their addresses and ports, the same way for both directions.
//!
//! The function is one that the kernel can compute as well: [`Deal::program`] is the same as a program in classic BPF,
//! which deals what comes in on an interface to one socket per shard (`PACKET_FANOUT_CBPF`, packet(7)). So a packet is
//! read, decoded and followed on one processor. The kernel looks at the outermost IP header, behind tags, labels and PPPoE
//! which may well be there in one direction alone, and cannot see ports in fragments: what belongs elsewhere once it is
//! decoded is handed over. The ports of a tunnel do not count, for they often differ between its two directions: whoever
//! reads a tunnel reads both.

/// Parts that flows are dealt to.
pub const PARTS: usize = 64;

/// UDP ports under which a tunnel may come: VXLAN (two), VXLAN-GPE, GENEVE, GTP-U, Teredo, L2TP, LISP (two), GRE in UDP, CAPWAP.
const TUNNEL_PORTS: [u16; 11] = [4789, 8472, 4790, 6081, 2152, 3544, 1701, 4341, 4342, 4754, 5247];

/// How far behind the network header the program looks for IP, in bytes: behind four tags or labels. The kernel has taken the
/// first tag away.
const PLACES: [u32; 5] = [0, 4, 8, 12, 16];

const PARTS_BITS: u32 = PARTS.trailing_zeros();

/// Odd, and without small factors in common: the golden ratio and the plastic number, of 2^32.
const BY_XOR: u32 = 0x9e37_79b1;
const BY_SUM: u32 = 0xc13f_a9a9;

/// A way to deal, by its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal(u32);

impl Deal {
    /// With a seed that whoever sends packets does not know.
    #[must_use]
    pub const fn new(seed: u64) -> Deal {
        Deal((seed ^ seed >> 32) as u32)
    }

    /// The part of what goes between two addresses, both given as words, and two ports. Ports count for TCP, UDP and SCTP, and
    /// where neither is one of a tunnel.
    #[inline(always)]
    #[must_use]
    pub fn part(self, addresses: [u64; 4], ports: (u16, u16), protocol: u8) -> usize {
        let [a, b, c, d] = addresses;
        let mixed = a ^ b ^ c ^ d;
        let (mut xor, mut sum) = ((mixed ^ mixed >> 32) as u32, 0u32);
        sum = add(add(add(add(sum, a), b), c), d);
        if matches!(protocol, 6 | 17 | 132) && !is_tunnel_port(ports.0) && !is_tunnel_port(ports.1) {
            xor ^= ports.0 as u32 ^ ports.1 as u32;
            sum = sum.wrapping_add(ports.0 as u32).wrapping_add(ports.1 as u32);
        }
        let spread = (xor ^ self.0).wrapping_mul(BY_XOR).wrapping_add(sum.wrapping_mul(BY_SUM));
        (spread >> (32 - PARTS_BITS)) as usize
    }

    /// The same for frames on an interface, as a program that gives the number of the shard, of `shards`. What is no IP,
    /// or cannot be read, goes to the first.
    #[must_use]
    pub fn program(self, shards: u32) -> Vec<Instruction> {
        let mut program = vec![
            Instruction::new(LOAD, 0),
            Instruction::new(0x02, XOR_CELL),
            Instruction::new(0x02, SUM_CELL),
            Instruction::new(H, PROTOCOL),
        ];
        // Jumps lead forward only: the last place comes first.
        let mut places: Vec<Vec<Instruction>> = Vec::new();
        for place in PLACES.into_iter().rev() {
            places.insert(0, at_place(NETWORK + place, &places));
        }
        program.extend(places.concat());
        program.extend([
            Instruction::new(0x60, XOR_CELL),
            Instruction::new(0xa4, self.0),
            Instruction::new(0x24, BY_XOR),
            Instruction::new(0x02, SPARE_CELL),
            Instruction::new(0x60, SUM_CELL),
            Instruction::new(0x24, BY_SUM),
            Instruction::new(0x61, SPARE_CELL),
            Instruction::new(0x0c, 0),
            Instruction::new(RIGHT, 32 - PARTS_BITS),
            Instruction::new(0x94, shards.max(1)),
            Instruction::new(0x16, 0),
        ]);
        program
    }
}

#[inline]
const fn add(sum: u32, word: u64) -> u32 {
    sum.wrapping_add(word as u32).wrapping_add((word >> 32) as u32)
}

/// Multiplies the tunnel ports to different upper bits, which saves comparing the ports of each packet with all of them.
const TUNNEL_FACTOR: u16 = 833;
/// Each tunnel port in the slot of its upper four bits; an empty slot holds a port that belongs into another.
const TUNNEL_SLOTS: [u16; 16] =
    [3544, 4789, 4341, 4342, 6081, 2152, 4754, 4789, 4789, 1701, 8472, 5247, 4789, 4789, 4790, 4789];

/// Whether a tunnel may come under this UDP port.
#[inline(always)]
#[must_use]
pub fn is_tunnel_port(port: u16) -> bool {
    let slot = usize::from(port.wrapping_mul(TUNNEL_FACTOR) >> 12);
    TUNNEL_SLOTS.get(slot) == Some(&port)
}

/// An instruction of classic BPF: `struct sock_filter` of linux/filter.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip where a comparison holds.
    pub jump_true: u8,
    /// And where it does not.
    pub jump_false: u8,
    /// A number.
    pub value: u32,
}

impl Instruction {
    const fn new(code: u16, value: u32) -> Instruction {
        Instruction { code, jump_true: 0, jump_false: 0, value }
    }
}

/// `SKF_NET_OFF`: offsets count from the network header.
const NETWORK: u32 = 0xfff0_0000;
/// `SKF_AD_OFF + SKF_AD_PROTOCOL`: the EtherType.
const PROTOCOL: u32 = 0xffff_f000;
/// Loads of four, two and one byte at a place.
const W: u16 = 0x20;
const H: u16 = 0x28;
const B: u16 = 0x30;
/// Loads a number.
const LOAD: u16 = 0x00;
/// Shifts to the right.
const RIGHT: u16 = 0x74;
const JEQ: u16 = 0x15;
const JSET: u16 = 0x45;
/// Jumps.
const JUMP: u16 = 0x05;
/// Goes to the first shard.
const FIRST: Instruction = Instruction::new(0x06, 0);
const ETHER_FOUR: u32 = 0x0800;
const ETHER_SIX: u32 = 0x86dd;
const XOR_CELL: u32 = 0;
const SUM_CELL: u32 = 1;
const SPARE_CELL: u32 = 2;

const fn jump(code: u16, value: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, value }
}

/// What is done with a header that begins at `at`, where its EtherType is loaded: IP is added up, and the end follows, behind
/// the places that come `later`; a tag, a label or PPPoE leads to one of those with the EtherType of what is in it.
fn at_place(at: u32, later: &[Vec<Instruction>]) -> Vec<Instruction> {
    let to_end: usize = later.iter().map(Vec::len).sum();
    let (four, six) = (ip_four(at), ip_six(at));
    let mut stage = vec![jump(JEQ, ETHER_SIX, four.len() as u8 + 3, 0), jump(JEQ, ETHER_FOUR, 1, 0), FIRST];
    let over_six = six.len() + 1;
    stage.extend(four);
    stage.push(Instruction::new(JUMP, (over_six + to_end) as u32));
    stage.extend(six);
    stage.push(Instruction::new(JUMP, to_end as u32));
    let go_on = Instruction::new(JUMP, 0);
    if let Some(next) = later.first()
        && later.len() > 1
    {
        let as_ip = |four: u32, six: u32| {
            let is = |number, ethertype| [jump(JEQ, number, 0, 2), Instruction::new(LOAD, ethertype), go_on];
            [is(four, ETHER_FOUR).as_slice(), &is(six, ETHER_SIX), &[FIRST]].concat()
        };
        // RFC 2516 section 4 and the PPP protocol behind it.
        let session = [vec![Instruction::new(H, at + 6)], as_ip(0x0021, 0x0057)].concat();
        stage = header(&[0x8864], session, next.len(), stage);
        // RFC 3032 section 2.1: the last label says so, and nothing says what is behind it.
        let label = [Instruction::new(B, at + 2), jump(JSET, 1, 2, 0), Instruction::new(LOAD, 0x8847), go_on];
        let packet = [Instruction::new(B, at + 4), Instruction::new(RIGHT, 4)];
        stage = header(&[0x8847, 0x8848], [label.as_slice(), &packet, &as_ip(4, 6)].concat(), 0, stage);
        stage = header(&[0x8100, 0x88a8], vec![Instruction::new(H, at + 2), go_on], 0, stage);
    }
    stage
}

/// `body` where the EtherType is one of these, before `stage`. Its jumps lead behind the stage, and `beyond` that.
fn header(ethertypes: &[u32], mut body: Vec<Instruction>, beyond: usize, stage: Vec<Instruction>) -> Vec<Instruction> {
    let length = body.len();
    for (place, step) in body.iter_mut().enumerate().filter(|(_, step)| step.code == JUMP) {
        step.value = (length - place - 1 + stage.len() + beyond) as u32;
    }
    let is_one = |(number, &ethertype): (usize, &u32)| {
        let others = (ethertypes.len() - number - 1) as u8;
        jump(JEQ, ethertype, others, if others == 0 { length as u8 } else { 0 })
    };
    let mut program: Vec<Instruction> = ethertypes.iter().enumerate().map(is_one).collect();
    program.extend(body);
    program.extend(stage);
    program
}

/// Adds addresses and ports of an IPv4 packet at `at`.
fn ip_four(at: u32) -> Vec<Instruction> {
    let mut program = adding(&[vec![Instruction::new(W, at + 12)], vec![Instruction::new(W, at + 16)]]);
    let ports = ports(at, Instruction::new(0xb1, at));
    let is_fragment = [Instruction::new(H, at + 6), jump(JSET, 0x3fff, ports.len() as u8, 0)];
    program.extend(only_with_ports(at + 9, &is_fragment, ports));
    program
}

/// Adds addresses and ports of an IPv6 packet at `at`.
fn ip_six(at: u32) -> Vec<Instruction> {
    let words: Vec<Vec<Instruction>> = (0..8).map(|word| vec![Instruction::new(W, at + 8 + 4 * word)]).collect();
    let mut program = adding(&words);
    program.extend(only_with_ports(at + 6, &[], ports(at, Instruction::new(0x01, 40))));
    program
}

/// Adds the ports behind a header at `at`, whose length `length` loads into X; not those of a tunnel.
fn ports(at: u32, length: Instruction) -> Vec<Instruction> {
    let beside = |offset: u32| vec![length, Instruction::new(0x48, at + offset)];
    let loads = [beside(0), beside(2)];
    let added = adding(&loads);
    let mut program = unless_tunnel(&loads, added.len());
    program.extend(added);
    program
}

/// Adds what each of these loads brings to both cells.
fn adding(loads: &[Vec<Instruction>]) -> Vec<Instruction> {
    let mut program = Vec::new();
    for load in loads {
        for (cell, with) in [(XOR_CELL, 0xac), (SUM_CELL, 0x0c)] {
            program.extend(load);
            program.push(Instruction::new(0x61, cell));
            program.push(Instruction::new(with, 0));
            program.push(Instruction::new(0x02, cell));
        }
    }
    program
}

/// Skips `skipped` instructions behind it where one of these loads brings a tunnel's port.
fn unless_tunnel(loads: &[Vec<Instruction>], skipped: usize) -> Vec<Instruction> {
    let mut program: Vec<Instruction> = Vec::new();
    for load in loads {
        program.extend(load);
        program.extend(TUNNEL_PORTS.iter().map(|&port| jump(JEQ, u32::from(port), 0, 0)));
    }
    let end = program.len() + skipped;
    for (place, step) in program.iter_mut().enumerate().filter(|(_, step)| step.code == JEQ) {
        step.jump_true = (end - place - 1) as u8;
    }
    program
}

/// `ports`, where the protocol at `offset` has some and `unless`, which ends in a jump over them, does not skip them.
fn only_with_ports(offset: u32, unless: &[Instruction], ports: Vec<Instruction>) -> Vec<Instruction> {
    let beyond = (unless.len() + ports.len()) as u8;
    let mut program =
        vec![Instruction::new(B, offset), jump(JEQ, 6, 2, 0), jump(JEQ, 17, 1, 0), jump(JEQ, 132, 0, beyond)];
    program.extend(unless);
    program.extend(ports);
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a program on an IP packet, as the kernel does; a load beyond the packet ends it with 0.
    fn run(program: &[Instruction], ethertype: u32, packet: &[u8]) -> u32 {
        let (mut a, mut x, mut cells, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
        let read = |offset: u32, length: usize| {
            let start = offset.wrapping_sub(NETWORK) as usize;
            let bytes = packet.get(start..start + length)?;
            Some(bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
        };
        loop {
            let Instruction { code, jump_true, jump_false, value } = program[at];
            at += 1;
            let either = |holds: bool| usize::from(if holds { jump_true } else { jump_false });
            match code {
                0x00 => a = value,
                0x01 => x = value,
                0x02 => cells[value as usize] = a,
                0x05 => at += value as usize,
                0x06 => return value,
                0x0c => a = a.wrapping_add(x),
                0x15 => at += either(a == value),
                0x16 => return a,
                0x24 => a = a.wrapping_mul(value),
                0x28 if value == PROTOCOL => a = ethertype,
                0x20 | 0x28 | 0x30 | 0x48 => {
                    let (length, offset) = match code {
                        0x20 => (4, value),
                        0x28 => (2, value),
                        0x30 => (1, value),
                        _ => (2, value.wrapping_add(x)),
                    };
                    match read(offset, length) {
                        Some(loaded) => a = loaded,
                        None => return 0,
                    }
                }
                0x45 => at += either(a & value != 0),
                0x60 => a = cells[value as usize],
                0x61 => x = cells[value as usize],
                0x74 => a >>= value,
                0x94 => a %= value,
                0xa4 => a ^= value,
                0xac => a ^= x,
                0xb1 => match read(value, 1) {
                    Some(byte) => x = 4 * (byte & 15),
                    None => return 0,
                },
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    fn four(source: u32, destination: u32, protocol: u8, ports: (u16, u16), options: usize) -> Vec<u8> {
        let mut packet = vec![0x45 + options as u8, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        packet.extend(source.to_be_bytes());
        packet.extend(destination.to_be_bytes());
        packet.extend(vec![1; options * 4]);
        packet.extend(ports.0.to_be_bytes());
        packet.extend(ports.1.to_be_bytes());
        packet
    }

    fn six(source: u128, destination: u128, protocol: u8, ports: (u16, u16)) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 4, protocol, 64];
        packet.extend(source.to_be_bytes());
        packet.extend(destination.to_be_bytes());
        packet.extend(ports.0.to_be_bytes());
        packet.extend(ports.1.to_be_bytes());
        packet
    }

    fn words(low: u128, high: u128) -> [u64; 4] {
        [(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64]
    }

    proptest! {
        #[test]
        fn the_kernel_deals_as_we_do_in_both_directions(
            seed: u64, source: u128, destination: u128, ports: (u16, u16), tunnel: bool, shards in 1u32..65,
            options in 0usize..11,
            protocol in prop_oneof![Just(6u8), Just(17), Just(132), Just(1), Just(47), any::<u8>()],
        ) {
            let ports = if tunnel { (TUNNEL_PORTS[usize::from(ports.0) % TUNNEL_PORTS.len()], ports.1) } else { ports };
            let deal = Deal::new(seed);
            let program = deal.program(shards);
            prop_assert!(program.len() < 4_096);
            let (s4, d4) = (source as u32, destination as u32);
            let ours = deal.part(words(s4.into(), d4.into()), ports, protocol) as u32 % shards;
            prop_assert_eq!(run(&program, 0x0800, &four(s4, d4, protocol, ports, options)), ours);
            let back = (ports.1, ports.0);
            prop_assert_eq!(run(&program, 0x0800, &four(d4, s4, protocol, back, options)), ours);
            let ours = deal.part(words(source, destination), ports, protocol) as u32 % shards;
            prop_assert_eq!(run(&program, 0x86dd, &six(source, destination, protocol, ports)), ours);
            prop_assert_eq!(run(&program, 0x86dd, &six(destination, source, protocol, back)), ours);
        }

        #[test]
        fn no_packet_leads_out_of_the_shards(seed: u64, shards in 1u32..65, ethertype in 0u32..65_536, packet: Vec<u8>) {
            for ethertype in [0x0800, 0x86dd, 0x8100, 0x8847, 0x8864, ethertype] {
                prop_assert!(run(&Deal::new(seed).program(shards), ethertype, &packet) < shards);
            }
        }
    }

    /// What stands before an IP packet of this EtherType, and the EtherType of that.
    fn wrapped(kind: u8, ethertype: u32, mut packet: Vec<u8>) -> (u32, Vec<u8>) {
        let [high, low] = (ethertype as u16).to_be_bytes();
        let (outer, header) = match kind {
            0 => (0x8100, vec![0, 7, high, low]),
            1 => (0x88a8, vec![0, 7, 0x81, 0, 0, 8, high, low]),
            2 => (0x8847, vec![0, 1, 0xd1, 255]),
            3 => (0x8848, vec![0, 1, 0xd0, 255, 0, 2, 0xd0, 255, 0, 3, 0xd1, 255]),
            4 => (0x8100, vec![0, 7, 0x88, 0x47, 0, 1, 0xd1, 255]),
            _ => (0x8864, vec![0x11, 0, 0, 9, 0, 60, 0, if ethertype == ETHER_FOUR { 0x21 } else { 0x57 }]),
        };
        packet.splice(0..0, header);
        (outer, packet)
    }

    proptest! {
        #[test]
        fn a_tag_a_label_or_a_session_in_one_direction_changes_nothing(
            seed: u64, addresses: (u32, u32), ports: (u16, u16), kind in 0u8..6, shards in 1u32..65,
        ) {
            let program = Deal::new(seed).program(shards);
            let packet = four(addresses.0, addresses.1, 6, ports, 1);
            let (outer, more) = wrapped(kind, ETHER_FOUR, packet.clone());
            prop_assert_eq!(run(&program, outer, &more), run(&program, ETHER_FOUR, &packet));
            let packet = six(addresses.0.into(), addresses.1.into(), 6, ports);
            let (outer, more) = wrapped(kind, ETHER_SIX, packet.clone());
            prop_assert_eq!(run(&program, outer, &more), run(&program, ETHER_SIX, &packet));
        }
    }

    #[test]
    fn fragments_of_a_datagram_stay_together_whatever_their_first_bytes_are() {
        let program = Deal::new(9).program(64);
        let mut first = four(0x0a00_0001, 0xcb00_7109, 17, (5_000, 5_001), 0);
        first[6] = 0x20;
        let mut second = four(0x0a00_0001, 0xcb00_7109, 17, (0x1234, 0xabcd), 0);
        second[7] = 100;
        assert_eq!(run(&program, 0x0800, &first), run(&program, 0x0800, &second));
    }

    #[test]
    fn the_list_and_the_question_agree() {
        let asked: Vec<u16> = (0..=u16::MAX).filter(|port| is_tunnel_port(*port)).collect();
        let mut listed = TUNNEL_PORTS.to_vec();
        listed.sort_unstable();
        assert_eq!(asked, listed);
    }

    #[test]
    fn both_directions_of_a_tunnel_stay_together_whatever_ports_they_come_from() {
        let deal = Deal::new(5);
        let parts: Vec<usize> = (0..100).map(|port| deal.part(words(1, 2), (50_000 + port, 4789), 17)).collect();
        assert!(parts.iter().all(|part| *part == parts[0]));
        assert_ne!(deal.part(words(1, 2), (50_000, 443), 17), deal.part(words(1, 2), (50_007, 443), 17));
    }

    #[test]
    fn neighbours_and_mirrored_numbers_are_spread() {
        let deal = Deal::new(3);
        let spread = |keys: &mut dyn Iterator<Item = (u32, u32, u16)>| {
            let mut parts = [0u32; PARTS];
            keys.for_each(|(source, destination, port)| {
                parts[deal.part(words(source.into(), destination.into()), (port, 443), 6)] += 1;
            });
            parts.iter().max().copied().unwrap() * 64 / parts.iter().sum::<u32>().max(1)
        };
        assert!(spread(&mut (0..64_000u32).map(|n| (0x0a00_0001, 0x0909_0909, n as u16))) < 2);
        assert!(spread(&mut (0..64_000u32).map(|n| (0x0a00_0000 + n, 0x0909_0909, 40_000))) < 2);
        // The host part of both addresses is the same, as where networks are mapped one to one.
        assert!(spread(&mut (0..64_000u32).map(|n| (0x0a00_0000 + n, 0x0914_0000 + n, 40_000))) < 3);
    }
}

//! What a hello survives on its way, and what a forger cannot do.

use borderflow_testkit::Prng;
use borderflow_testkit::quic::{Initial, Q050, V1, V2, Version, crypto, flight};
use borderflow_testkit::tls::ClientHello;
use proptest::prelude::*;

use super::*;

const ID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";
const NEW_ID: &[u8] = b"chosen by the server";

/// The ClientHello of RFC 9001 appendix A.2 (and RFC 9369 appendix A.2).
const RFC_HELLO: &str = "\
    010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113020100\
    00c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d001700180010000700050461\
    6c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d\
    43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e515708\
    06048000ffff";

fn hello() -> Vec<u8> {
    ClientHello::for_name("chat.deepseek.com").message(&mut Prng::new(7))
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn tls(reading: Reading<Hello<'_>>) -> Option<(u32, Vec<u8>)> {
    match reading {
        Reading::Found(Hello::Tls { version, handshake }) => Some((version, handshake.to_vec())),
        Reading::Found(Hello::Google { .. }) | Reading::More | Reading::Other => None,
    }
}

/// What the last of these datagrams yields.
fn read<D: AsRef<[u8]>>(datagrams: impl IntoIterator<Item = D>) -> Option<(u32, Vec<u8>)> {
    let mut quic = QuicHello::new();
    datagrams.into_iter().fold(None, |_, datagram| tls(quic.datagram(datagram.as_ref())))
}

/// The published packet, made from its parts; `tag` are its last 16 bytes.
fn published(version: Version, header: &str, tag: &str) -> Vec<u8> {
    let frames = crypto(0, &hex(RFC_HELLO));
    let packet = Initial { version, source: &[], ..Initial::of_client(ID, 2, frames) }.packet(1200);
    assert!(packet.starts_with(&hex(header)) && packet.ends_with(&hex(tag)), "not the RFC's packet");
    packet
}

#[test]
fn the_initial_of_rfc_9001_appendix_a_gives_its_hello() {
    let header = "c000000001088394c8f03e5157080000449e7b9aec34";
    let packet = published(V1, header, "e221af44860018ab0856972e194cd934");
    assert_eq!(read([packet]), Some((1, hex(RFC_HELLO))));
}

#[test]
fn the_initial_of_rfc_9369_appendix_a_gives_its_hello() {
    let header = "d76b3343cf088394c8f03e5157080000449ea0c95e82";
    let packet = published(V2, header, "a18b2faa745b6fe189cf772a9f84cbfc");
    assert_eq!(read([packet]), Some((V2.number, hex(RFC_HELLO))));
}

#[test]
fn a_post_quantum_hello_over_several_datagrams_is_found_in_any_order_and_with_repeats() {
    let datagrams = flight(ID, &hello());
    assert_eq!(datagrams.len(), 2);
    let [first, second] = [&datagrams[0], &datagrams[1]];
    for order in [vec![first, second], vec![second, first], vec![first, first, second], vec![second, second, first]] {
        assert_eq!(read(order), Some((1, hello())));
    }
    assert_eq!(QuicHello::new().datagram(second), Reading::More);
}

#[test]
fn packets_in_one_datagram_are_all_read() {
    let hello = hello();
    let (head, tail) = hello.split_at(500);
    let part = |number, frames| Initial::of_client(ID, number, frames).packet(0);
    let zero_rtt = hex("d0000000010883 94c8f03e515708 00 05 0102030405".replace(' ', "").as_str());
    let datagram = [part(0, crypto(500, tail)), zero_rtt, part(1, crypto(0, head))].concat();
    assert_eq!(read([datagram]), Some((1, hello.clone())));
}

#[test]
fn pings_padding_and_acknowledgements_between_the_frames_are_passed() {
    let hello = hello();
    let other = hex("000001 02 05 00 01 00 0102 03 05 00 00 00 010203".replace(' ', "").as_str());
    let frames = [other.clone(), crypto(700, &hello[700..]), other, crypto(0, &hello[..700])].concat();
    assert_eq!(read([Initial::of_client(ID, 0, frames).packet(1200)]), Some((1, hello.clone())));
}

#[test]
fn after_a_retry_the_hello_goes_on_under_new_keys() {
    let hello = hello();
    let (head, tail) = hello.split_at(900);
    let before = Initial::of_client(ID, 0, crypto(0, head)).packet(1200);
    let after = Initial { token: b"token", ..Initial::of_client(NEW_ID, 1, crypto(900, tail)) }.packet(1200);
    assert_eq!(read([&before, &after]), Some((1, hello.clone())));
    assert_eq!(read([&after, &before]), Some((1, hello)));
}

#[test]
fn a_client_that_answers_to_the_servers_id_still_is_read() {
    let hello = hello();
    let (head, tail) = hello.split_at(900);
    let first = Initial::of_client(ID, 0, crypto(0, head)).packet(1200);
    let later = Initial { destination: b"srv", ..Initial::of_client(ID, 1, crypto(900, tail)) }.packet(1200);
    assert_eq!(read([first, later]), Some((1, hello)));
}

#[test]
fn another_connection_from_the_same_port_does_not_mix_into_the_hello() {
    let [old, new] = ["old.example", "new.example"].map(|name| ClientHello::for_name(name).message(&mut Prng::new(3)));
    let stale = Initial::of_client(ID, 0, crypto(900, &old[900..])).packet(1200);
    let fresh = Initial { source: b"other", ..Initial::of_client(NEW_ID, 0, crypto(0, &new[..900])) };
    let last = Initial { number: 1, frames: crypto(900, &new[900..]), ..fresh.clone() };
    assert_eq!(read([&stale, &fresh.packet(1200)]), None);
    assert_eq!(read([stale, fresh.packet(1200), last.packet(1200)]), Some((1, new)));
}

#[test]
fn the_servers_packets_neither_end_nor_disturb_the_reading() {
    let of_server = |number| Initial {
        destination: b"client",
        source: b"server's",
        side: "server in",
        ..Initial::of_client(ID, number, crypto(0, &[2, 0, 0, 1, 0]))
    };
    let mut datagrams = flight(ID, &hello());
    (0..20).for_each(|number| datagrams.insert(1, of_server(number).packet(1200)));
    assert_eq!(read(datagrams), Some((1, hello())));
}

#[test]
fn a_hello_in_tiny_scattered_frames_is_read_until_there_are_too_many_gaps() {
    let hello = hello();
    let bytes = |from: usize, step| (from..hello.len()).step_by(step).map(|at| crypto(at, &hello[at..=at]));
    let packets = |frames: Vec<Vec<u8>>| -> Vec<_> {
        let parts = frames.chunks(200).map(<[_]>::concat).enumerate();
        parts.map(|(number, frames)| Initial::of_client(ID, number as u32, frames).packet(1200)).collect()
    };
    assert_eq!(read(packets(bytes(0, 1).rev().collect())), Some((1, hello.clone())));
    assert_eq!(read(packets(bytes(0, 2).chain(bytes(1, 2)).collect())), None);
}

#[test]
fn forged_initials_cost_a_bounded_number_of_attempts() {
    let mut quic = QuicHello::new();
    let mut forged = Initial::of_client(ID, 0, Vec::new()).packet(1200);
    *forged.last_mut().unwrap() ^= 1;
    let readings: Vec<_> = (0..10).map(|_| quic.datagram(&forged) == Reading::More).collect();
    assert_eq!(readings.iter().filter(|is_more| **is_more).count(), 7);
    assert_eq!(tls(quic.datagram(&flight(ID, &hello())[0])), None);
    quic.reset();
    assert_eq!(quic.datagram(&flight(ID, &hello())[0]), Reading::More);
}

#[test]
fn a_client_that_never_says_hello_is_given_up() {
    let mut quic = QuicHello::new();
    let pings = (0..100).map(|number| Initial::of_client(ID, number, vec![1]).packet(1200));
    let readings: Vec<_> = pings.map(|ping| quic.datagram(&ping) == Reading::Other).collect();
    assert_eq!(readings.iter().position(|is_other| *is_other), Some(31));
    assert!(readings[31..].iter().all(|is_other| *is_other));
}

#[test]
fn google_quic_names_its_server_in_the_clear_and_encrypted() {
    let tags: &[(&[u8; 4], &[u8])] = &[(b"PAD\0", &[b'-'; 40]), (b"SNI\0", b"www.youtube.com"), (b"UAID", b"Chrome")];
    let mut chlo = b"CHLO\x03\0\0\0".to_vec();
    let mut end = 0;
    for (tag, value) in tags {
        end += value.len() as u32;
        chlo.extend([**tag, end.to_le_bytes()].concat());
    }
    tags.iter().for_each(|(_, value)| chlo.extend(*value));
    let q043 = [b"\x0912345678Q043\x01hash hash 12\xa0\x01\0\x04", chlo.as_slice(), &[0; 99]].concat();
    let q046 = [b"\xc3Q046\x5012345678\0\0\0\x01hash hash 12\xa0\x01\0\x04", chlo.as_slice()].concat();
    let frames = [&[8, 0, 0x40, chlo.len() as u8], chlo.as_slice()].concat();
    let q050 = Initial { version: Q050, source: &[], ..Initial::of_client(ID, 1, frames) }.packet(1200);
    for (datagram, expected) in [(q043, *b"Q043"), (q046, *b"Q046"), (q050, *b"Q050")] {
        assert!(looks_like_quic(&datagram));
        let mut quic = QuicHello::new();
        let Reading::Found(Hello::Google { version, chlo }) = quic.datagram(&datagram) else { panic!("{expected:?}") };
        assert_eq!((version.to_be_bytes(), chlo.server_name()), (expected, Some(b"www.youtube.com".as_slice())));
        assert_eq!(chlo.user_agent(), Some(b"Chrome".as_slice()));
    }
}

#[test]
fn a_flow_that_begins_with_version_negotiation_keeps_its_name() {
    let mut grease = Initial::of_client(ID, 0, Vec::new()).packet(1200);
    grease[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
    let negotiation = hex("80000000000663 6c69656e74 08 8394c8f03e515708 00000001 6b3343cf".replace(' ', "").as_str());
    assert!(looks_like_quic(&grease) && is_version_negotiation(&negotiation) && is_handshake(&negotiation));
    assert_eq!(read([grease, negotiation].into_iter().chain(flight(ID, &hello()))), Some((1, hello())));
}

#[test]
fn other_protocols_are_told_apart_at_the_first_datagram() {
    let dns = hex("1234010000010000000000000377777706676f6f676c6503636f6d0000010001");
    let stun = hex("000100002112a442000000000000000000000000");
    let dtls = hex("16fefd0000000000000000004001000034");
    let rtp = hex("80600001000000000000000a0102030405060708");
    let short_header = hex("4683e2c1aa0102030405060708090a0b0c0d0e0f");
    for datagram in [dns, stun, dtls, rtp, short_header, Vec::new()] {
        assert!(!looks_like_quic(&datagram) && !is_handshake(&datagram), "{datagram:x?}");
        assert_eq!(QuicHello::new().datagram(&datagram), Reading::Other);
    }
}

#[test]
fn a_server_alone_is_known_as_quic_by_its_handshake() {
    let server = Initial { destination: &[], side: "server in", ..Initial::of_client(ID, 0, vec![1]) }.packet(1200);
    assert!(is_handshake(&server) && !looks_like_quic(&server));
}

#[test]
fn each_draft_has_the_keys_its_text_publishes() {
    let published = [
        (0xff00_0017, "a980b8b4fb7d9fbc13e814c23164253d"),
        (0xff00_001d, "9ddd12c994c0698b89374a9c077a3077"),
        (0xff00_0022, "9f50449e04a0e810283a1e9933adedd2"),
        (1, "9f50449e04a0e810283a1e9933adedd2"),
        (V2.number, "45b95e15235d6f45a6b19cbcb0294ba9"),
    ];
    let initial = Initial::of_client(ID, 0, Vec::new()).packet(1200);
    let destination = Invariant::parse(&initial).unwrap().destination;
    for (version, key) in published {
        let keys = InitialKeys::derive(version::scheme(version).unwrap(), &destination).unwrap();
        assert!(keys.has_header_key(&hex(key)), "{version:x}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4)) {
        let mut quic = QuicHello::new();
        for datagram in &datagrams {
            let _ = (looks_like_quic(datagram), is_handshake(datagram));
            prop_assert!(tls(quic.datagram(datagram)).is_none());
        }
    }

    #[test]
    fn any_frames_in_a_well_protected_packet_are_read_without_panic(frames in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut quic = QuicHello::new();
        if let Some((_, handshake)) = tls(quic.datagram(&Initial::of_client(ID, 0, frames).packet(1200))) {
            prop_assert_eq!(handshake[0], 1);
        }
    }

    #[test]
    fn a_damaged_header_is_read_without_panic(at in 0..60_usize, byte: u8, cut in 0..1200_usize) {
        let mut packet = flight(ID, &hello()).swap_remove(0);
        packet[at] = byte;
        let _ = QuicHello::new().datagram(&packet);
        prop_assert!(tls(QuicHello::new().datagram(&packet[..cut])).is_none());
    }

    #[test]
    fn any_split_in_any_order_gives_the_same_hello(cuts in prop::collection::btree_set(1..1800_usize, 0..12), seed: u64) {
        let hello = hello();
        let ends: Vec<_> = cuts.into_iter().filter(|cut| *cut < hello.len()).chain([hello.len()]).collect();
        let mut starts = vec![0];
        starts.extend(&ends);
        let mut packets: Vec<_> = starts.iter().zip(&ends).enumerate()
            .map(|(number, (&from, &to))| Initial::of_client(ID, number as u32, crypto(from, &hello[from..to])).packet(1200))
            .collect();
        let mut prng = Prng::new(seed);
        for index in (1..packets.len()).rev() {
            packets.swap(index, prng.below(index as u64 + 1) as usize);
        }
        let repeated: Vec<_> = packets.iter().flat_map(|packet| [packet, packet]).collect();
        prop_assert_eq!(read(packets.iter()), Some((1, hello.clone())));
        prop_assert_eq!(read(repeated), Some((1, hello)));
    }
}

//! Decoding as a whole: golden frames of each kind, hostile changes of them, and accounting.

use super::golden::{self, Golden};
use super::*;
use crate::capture::LinkType;
use crate::net::IpVersion;

fn decode(link: LinkType, wire_len: u32, bytes: &[u8]) -> (Result<Decoded, Skip>, Batch, Decoder) {
    let mut batch = Batch::default();
    batch.push(Timestamp::from_nanos(7), link, wire_len, bytes);
    let mut decoder = Decoder::new(Options::default());
    let decoded = decoder.decode(&mut batch, 0, Timestamp::from_nanos(7));
    (decoded, batch, decoder)
}

fn packet_of(golden: &Golden) -> (Packet, Batch) {
    match decode(golden.link, 0, &golden.bytes) {
        (Ok(Decoded::Packet(packet)), batch, _) => (packet, batch),
        (other, ..) => panic!("{}: {other:?}", golden.name),
    }
}

#[test]
fn every_golden_frame_gives_its_innermost_packet() {
    for golden in golden::all() {
        let (packet, batch) = packet_of(&golden);
        assert_eq!(packet.payload.of(&batch.bytes), golden::PAYLOAD, "{}", golden.name);
        assert_eq!(packet.payload_len as usize, golden::PAYLOAD.len(), "{}", golden.name);
        assert_eq!((packet.source_port, packet.destination_port), (4660, 502), "{}", golden.name);
        assert_eq!((packet.frames, packet.protocol), (1, golden.protocol), "{}", golden.name);
        let header = if packet.version == IpVersion::V4 { 20 } else { golden.ip6_header };
        let transport = if packet.protocol == 6 { 20 } else { 8 };
        assert_eq!(packet.ip_bytes as usize, header + transport + golden::PAYLOAD.len(), "{}", golden.name);
    }
}

#[test]
fn every_golden_frame_tells_its_path() {
    for golden in golden::all() {
        let mut batch = Batch::default();
        batch.push(Timestamp::ZERO, golden.link, 0, &golden.bytes);
        let envelope = envelope(batch.frame(0).unwrap(), &Options::default());
        let path: Vec<String> = envelope.path.iter().map(|step| step.to_string()).collect();
        assert_eq!(path.join(" "), golden.path, "{}", golden.name);
    }
}

#[test]
fn a_length_in_a_header_makes_no_payload_that_the_frame_had_no_room_for() {
    let golden = golden::all().into_iter().find(|golden| golden.name == "tcp").unwrap();
    let mut frame = golden.bytes.clone();
    frame[16..18].copy_from_slice(&60_000u16.to_be_bytes());
    let (decoded, ..) = decode(golden.link, frame.len() as u32, &frame);
    let Ok(Decoded::Packet(packet)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((packet.ip_bytes, packet.payload_len as usize), (60_000, golden::PAYLOAD.len()));
}

#[test]
fn a_frame_cut_by_the_snap_length_counts_its_full_volume() {
    for golden in golden::all() {
        let (whole, _) = packet_of(&golden);
        let captured = golden.bytes.len() - golden.trailer - 5;
        let (decoded, batch, decoder) = decode(golden.link, golden.bytes.len() as u32, &golden.bytes[..captured]);
        let Ok(Decoded::Packet(packet)) = decoded else { panic!("{}: {decoded:?}", golden.name) };
        assert_eq!((packet.ip_bytes, packet.payload_len), (whole.ip_bytes, whole.payload_len), "{}", golden.name);
        assert_eq!(packet.payload.of(&batch.bytes), &golden::PAYLOAD[..golden::PAYLOAD.len() - 5], "{}", golden.name);
        assert_eq!(decoder.counters().frames_cut, 1);
    }
}

#[test]
fn no_prefix_and_no_changed_byte_of_a_good_frame_panics_or_escapes_the_account() {
    let mut batch = Batch::default();
    for golden in golden::all() {
        for len in 0..golden.bytes.len() {
            batch.push(Timestamp::ZERO, golden.link, golden.bytes.len() as u32, &golden.bytes[..len]);
        }
        for index in 0..golden.bytes.len() {
            for change in [0x01, 0x04, 0x10, 0x40, 0x80, 0xff] {
                let mut bytes = golden.bytes.clone();
                bytes[index] ^= change;
                batch.push(Timestamp::ZERO, golden.link, 0, &bytes);
            }
        }
    }
    assert_accounted(&mut batch, Options::default());
}

fn assert_accounted(batch: &mut Batch, options: Options) {
    let mut decoder = Decoder::new(options);
    let frames = batch.frames.len();
    for index in 0..frames {
        if let Ok(Decoded::Packet(packet)) = decoder.decode(batch, index, Timestamp::ZERO) {
            assert!(packet.payload.len <= packet.payload_len);
            assert_eq!(packet.payload.of(&batch.bytes).len(), packet.payload.len as usize);
        }
        if let Some(frame) = batch.frame(index) {
            let _ = envelope(frame, &options);
        }
    }
    decoder.flush();
    assert_eq!(decoder.counters().frames_decoded + decoder.skips().total(), frames as u64);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_bytes_of_any_link_type_are_accounted_for(link in 0u16..300, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let mut batch = Batch::default();
        batch.push(Timestamp::ZERO, LinkType(link), 0, &bytes);
        assert_accounted(&mut batch, Options::default());
    }
}

#[test]
fn padding_behind_a_short_packet_is_not_volume() {
    let mut golden = golden::all().remove(0);
    let (packet, _) = packet_of(&golden);
    golden.bytes.extend([0; 20]);
    assert_eq!(packet_of(&golden).0, packet);
}

#[test]
fn a_super_frame_without_a_total_length_takes_the_rest_of_the_frame() {
    let mut golden = golden::all().remove(0);
    let (packet, _) = packet_of(&golden);
    golden.bytes[16] = 0;
    golden.bytes[17] = 0;
    assert_eq!(packet_of(&golden).0.ip_bytes, packet.ip_bytes);
}

#[test]
fn an_icmp_echo_and_its_reply_share_their_ports_crosswise() {
    for (kind, expected) in [(8, (8, 0, false)), (0, (0, 8, false)), (3, (3, 1, true))] {
        let bytes = golden::ethernet(0x0800, golden::ipv4(1, 64, 9, &[kind, 1, 0, 0, 0, 0, 0, 0]));
        let (decoded, ..) = decode(LinkType::ETHERNET, 0, &bytes);
        let Ok(Decoded::Packet(packet)) = decoded else { panic!("{decoded:?}") };
        assert_eq!((packet.source_port, packet.destination_port, packet.one_way), expected);
    }
}

#[test]
fn a_frame_is_skipped_for_the_reason_it_has() {
    let arp = golden::ethernet(0x0806, vec![0; 28]);
    let bad_version = golden::ethernet(0x0800, vec![0x75; 40]);
    let portless = golden::ethernet(0x0800, golden::ipv4(17, 64, 9, &golden::udp(1, 2, b"x")));
    let cases = [
        (LinkType::ETHERNET, arp, Skip::NotIp),
        (LinkType::ETHERNET, bad_version, Skip::Malformed),
        (LinkType::ETHERNET, portless[..36].to_vec(), Skip::Truncated),
        (LinkType(9999), vec![0; 60], Skip::UnknownLinkType),
    ];
    for (link, bytes, reason) in cases {
        let (decoded, _, decoder) = decode(link, 0, &bytes);
        assert_eq!(decoded, Err(reason));
        assert_eq!((decoder.skips().of(reason), decoder.skips().total()), (1, 1));
    }
}

#[test]
fn nesting_beyond_the_bound_is_given_up_as_such() {
    let mut bytes = golden::ipv4(17, 64, 9, &golden::udp(4660, 502, golden::PAYLOAD));
    for _ in 0..17 {
        bytes = golden::ipv4(4, 64, 9, &bytes);
    }
    assert_eq!(decode(LinkType::RAW, 0, &bytes).0, Err(Skip::TooDeep));
}

#[test]
fn a_tunnel_switched_off_stays_the_conversation_it_is() {
    let golden = golden::all().into_iter().find(|golden| golden.name == "4in4").unwrap();
    let mut batch = Batch::default();
    batch.push(Timestamp::ZERO, golden.link, 0, &golden.bytes);
    let options = Options { tunnels: TunnelSet::ALL.without(Encapsulation::IpInIp), ..Options::default() };
    let decoded = Decoder::new(options).decode(&mut batch, 0, Timestamp::ZERO);
    let Ok(Decoded::Packet(packet)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((packet.protocol, packet.source_port), (4, 0));
}

#[test]
fn ordinary_udp_on_a_tunnel_port_stays_what_it_is() {
    let almost = golden::udp(4660, 502, golden::PAYLOAD);
    let payloads: [&[u8]; 4] = [b"", b"hello", &[0x45; 64], &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &almost].concat()];
    for port in [1701, 2152, 3544, 4341, 4342, 4754, 4789, 4790, 5247, 6081, 8472] {
        for payload in payloads {
            let bytes = golden::ethernet(0x0800, golden::ipv4(17, 64, 9, &golden::udp(40_000, port, payload)));
            let (decoded, ..) = decode(LinkType::ETHERNET, 0, &bytes);
            let Ok(Decoded::Packet(packet)) = decoded else { panic!("{port}: {decoded:?}") };
            assert_eq!((packet.destination_port, packet.payload_len as usize), (port, payload.len()));
        }
    }
}

#[test]
fn a_tunnel_that_carries_no_ip_is_the_conversation_itself() {
    let arp = golden::ethernet(0x0806, vec![0; 28]);
    let bytes = golden::ethernet(0x0800, golden::ipv4(47, 64, 9, &[&[0, 0, 0x65, 0x58][..], &arp].concat()));
    let (decoded, ..) = decode(LinkType::ETHERNET, 0, &bytes);
    let Ok(Decoded::Packet(packet)) = decoded else { panic!("{decoded:?}") };
    assert_eq!((packet.protocol, packet.source_port, packet.ip_bytes), (47, 0, 20 + 4 + 42));
}

#[test]
fn the_quoted_header_of_an_icmp_error_is_no_conversation() {
    let error = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &golden::inner()[..28]].concat();
    let bytes = golden::ethernet(0x0800, golden::ipv4(1, 64, 9, &error));
    let Ok(Decoded::Packet(packet)) = decode(LinkType::ETHERNET, 0, &bytes).0 else { panic!() };
    assert_eq!((packet.protocol, packet.source_port, packet.one_way), (1, 3, true));
}

#[test]
fn hardware_addresses_and_vlans_are_those_of_the_innermost_link() {
    let find = |name| golden::all().into_iter().find(|golden| golden.name == name).unwrap();
    let envelope_of = |golden: Golden| {
        let mut batch = Batch::default();
        batch.push(Timestamp::ZERO, golden.link, 0, &golden.bytes);
        envelope(batch.frame(0).unwrap(), &Options::default())
    };
    let qinq = envelope_of(find("qinq"));
    assert_eq!(qinq.vlans.iter().collect::<Vec<_>>(), [20, 21]);
    assert_eq!(qinq.source_mac.unwrap().to_string(), "02-00-00-00-00-01");
    assert_eq!(qinq.destination_mac.unwrap().to_string(), "02-00-00-00-00-02");
    let nested = envelope_of(find("nested"));
    assert!(nested.source_mac.is_some() && nested.vlans.is_empty());
    let bare = envelope_of(find("4in4"));
    assert_eq!((bare.source_mac, bare.destination_mac), (None, None));
}

#[test]
fn encrypted_frames_are_opaque() {
    let secured = golden::ethernet(0x88e5, vec![0x0c; 60]);
    let protected = [&[0x08, 0x41][..], &[0; 40]].concat();
    assert_eq!(decode(LinkType::ETHERNET, 0, &secured).0, Err(Skip::Opaque));
    assert_eq!(decode(LinkType(105), 0, &protected).0, Err(Skip::Opaque));
}

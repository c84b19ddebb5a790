//! What nearly every frame is: TCP or UDP in IPv4 without options or IPv6 without extension headers, in Ethernet with at
//! most one VLAN tag; no fragment, and to no port of a tunnel.
//!
//! Such a frame is read straight from its bytes. Nothing else is decided here: what is not plain, or is wrong in any way,
//! goes the general way of [`super::walk`], which finds the same in every plain frame.

use etherparse::{EtherType, IpNumber};

use super::envelope::Recorder;
use super::ip::{Ip, Piece};
use super::transport::Segment;
use super::view::View;
use super::walk::Found;
use super::{Encapsulation, Options, ip};
use crate::net::IpVersion;
use crate::net::deal::is_tunnel_port;

/// The one EtherType of a VLAN tag that is met every day.
const CUSTOMER_TAG: u16 = 0x8100;

/// What is in an Ethernet frame, where it is plain.
#[inline(always)]
pub(super) fn find<'a, R: Recorder>(options: &Options, frame: View<'a>, recorder: &mut R) -> Option<Found<'a>> {
    let (h, mut packet) = frame.take::<14>().ok()?;
    recorder.macs([h[0], h[1], h[2], h[3], h[4], h[5]], [h[6], h[7], h[8], h[9], h[10], h[11]]);
    let mut ether_type = u16::from_be_bytes([h[12], h[13]]);
    if ether_type == CUSTOMER_TAG && options.max_depth > 0 {
        let (tag, behind) = packet.take::<4>().ok()?;
        recorder.strip(Encapsulation::Vlan, Some(u32::from(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff)));
        (ether_type, packet) = (u16::from_be_bytes([tag[2], tag[3]]), behind);
    }
    match EtherType(ether_type) {
        EtherType::IPV4 => ipv4(packet),
        EtherType::IPV6 => ipv6(packet),
        _ => None,
    }
}

/// RFC 791, section 3.1.
#[inline(always)]
fn ipv4(packet: View<'_>) -> Option<Found<'_>> {
    const VERSION_AND_LENGTH: u8 = 0x45;
    let h = packet.peek::<20>().ok()?;
    let is_fragment = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
    if h[0] != VERSION_AND_LENGTH || is_fragment {
        return None;
    }
    let total_len = u16::from_be_bytes([h[2], h[3]]);
    let data = packet.limit(total_len.into()).skip(20).ok()?;
    let ip = Ip {
        source: u128::from(u32::from_be_bytes([h[12], h[13], h[14], h[15]])),
        destination: u128::from(u32::from_be_bytes([h[16], h[17], h[18], h[19]])),
        ip_bytes: total_len.into(),
        frames: 1,
        id: u16::from_be_bytes([h[4], h[5]]),
        ttl: h[8],
        version: IpVersion::V4,
    };
    transport(ip, h[9], data)
}

/// RFC 8200, section 3.
#[inline(always)]
fn ipv6(packet: View<'_>) -> Option<Found<'_>> {
    let (h, rest) = packet.take::<{ ip::IPV6_HEADER }>().ok()?;
    let payload_len = u16::from_be_bytes([h[4], h[5]]);
    if h[0] >> 4 != 6 || payload_len == 0 {
        return None;
    }
    let [_, _, _, _, _, _, protocol, ttl, addresses @ ..] = h;
    let (source, destination) = ip::split_addresses(addresses);
    let ip_bytes = ip::IPV6_HEADER as u32 + u32::from(payload_len);
    let ip = Ip { source, destination, ip_bytes, frames: 1, id: 0, ttl: *ttl, version: IpVersion::V6 };
    transport(ip, *protocol, rest.limit(payload_len.into()))
}

#[inline(always)]
fn transport(ip: Ip, protocol: u8, data: View<'_>) -> Option<Found<'_>> {
    let segment = match IpNumber(protocol) {
        IpNumber::TCP => Segment::tcp(data.peek().ok()?, data),
        IpNumber::UDP => Segment::udp(data.peek().ok()?, data),
        _ => return None,
    };
    let may_be_tunnel = is_tunnel_port(segment.source_port) || is_tunnel_port(segment.destination_port);
    if protocol == IpNumber::UDP.0 && may_be_tunnel {
        return None;
    }
    Some(Found { ip, protocol, segment, piece: Piece::NONE, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Batch, FrameRef, LinkType};
    use crate::decode::print::Keys;
    use crate::decode::print::{Path, Print};
    use crate::decode::walk::{Outcome, Walk};
    use crate::decode::{Decoded, Decoder, Packet, Skip, golden, packet};
    use crate::net::Timestamp;
    use proptest::prelude::*;

    /// Frames that are plain, and some that are nearly.
    fn frames() -> Vec<Vec<u8>> {
        let tagged = |content: Vec<u8>| golden::ethernet(0x8100, [golden::tag(20, 0x0800), content].concat());
        let empty = golden::ipv4(6, 64, 9, &golden::tcp(b""));
        let fragment = |field: u16| {
            let mut packet = golden::ipv4(17, 64, 77, &golden::udp(5004, 5004, &[7; 96])[..104]);
            packet[6..8].copy_from_slice(&field.to_be_bytes());
            golden::ethernet(0x0800, packet)
        };
        let mut frames = vec![
            golden::ethernet(0x0800, golden::inner()),
            golden::ethernet(0x0800, golden::ipv4(17, 63, 0, &golden::udp(5004, 53, &[7; 300]))),
            golden::ethernet(0x0800, golden::ipv4(6, 64, 9, &golden::tcp(&[7; 900]))),
            golden::ethernet(0x0800, [empty.clone(), vec![0; 6]].concat()),
            golden::ethernet(0x86dd, golden::ipv6(6, &golden::tcp(golden::PAYLOAD))),
            golden::ethernet(0x86dd, golden::ipv6(17, &golden::udp(5004, 5004, golden::PAYLOAD))),
            tagged(empty),
            tagged(golden::inner()),
            fragment(0x2000),
            fragment(0x000d),
        ];
        let ethernet = golden::all().into_iter().filter(|golden| golden.link == LinkType::ETHERNET);
        frames.extend(ethernet.map(|golden| golden.bytes));
        frames
    }

    /// A good frame with some bytes changed, most of them in its headers, and cut somewhere.
    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec((prop_oneof![4 => 12usize..60, 1 => 0usize..1_000], any::<u8>()), 0..4);
        let cut = prop_oneof![2 => Just(usize::MAX), 1 => 0usize..120];
        (prop::sample::select(frames()), changes, cut).prop_map(|(mut frame, changes, cut)| {
            for (at, byte) in changes {
                let len = frame.len();
                frame[at % len] = byte;
            }
            frame.truncate(cut);
            frame
        })
    }

    /// What both ways find of a frame: everything a packet, the search for copies and the account are made of.
    fn both_ways(options: &Options, frame: &[u8], meta: &FrameRef) -> [Option<(Packet, Print, Path)>; 2] {
        let view = View::new(frame, meta.wire_len as usize);
        let told = |found: &Found<'_>, path| {
            (packet(frame, 0, meta, found), Print::of_packet(found, path, Keys::new(7)), path)
        };
        let mut path = Path::new(meta.interface);
        let plain = find(options, view, &mut path).map(|found| told(&found, path));
        let mut walk = Walk::new(options, Path::new(meta.interface));
        let outcome = walk.link(LinkType::ETHERNET, view);
        [plain, matches!(outcome, Ok(Outcome::Packet)).then(|| told(&walk.found, walk.recorder))]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn whatever_is_plain_is_what_the_general_walk_finds(
            frame in frame(), beyond in prop_oneof![Just(0u32), 0u32..2_000], interface: u16, max_depth in 0u8..3,
        ) {
            let options = Options { max_depth, ..Options::default() };
            let captured_len = frame.len() as u32;
            let (timestamp, wire_len) = (Timestamp::from_nanos(7), captured_len + beyond);
            let meta = FrameRef { timestamp, offset: 0, captured_len, wire_len, link: LinkType::ETHERNET, interface };
            let [plain, general] = both_ways(&options, &frame, &meta);
            prop_assert!(plain.is_none() || plain == general, "{plain:?} is not {general:?}");
        }
    }

    proptest! {
        // Each case takes the memory of two decoders.
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn frames_decoded_ahead_give_the_packets_and_counts_of_the_general_walk_in_order(
            frames in prop::collection::vec((frame(), 0u64..300), 1..100), ahead in 1usize..40,
        ) {
            let mut batch = Batch::default();
            let mut time = Timestamp::from_nanos(1_000_000_000);
            for (frame, later_us) in &frames {
                time = time.after(std::time::Duration::from_micros(*later_us));
                batch.push(time, LinkType::ETHERNET, 0, frame);
            }
            let (mut one, mut other) = (Decoder::new(Options::default()), Decoder::new(Options::default()));
            let mut copy = Batch { bytes: batch.bytes.clone(), frames: batch.frames.clone(), first_frame: 0 };
            let indexes: Vec<usize> = (0..frames.len()).collect();
            for chunk in indexes.chunks(ahead) {
                let mut found = vec![None; chunk.len()];
                for (index, plain) in chunk.iter().zip(&mut found) {
                    one.look_ahead(&batch, *index, plain);
                }
                one.warm(found.iter().flatten());
                for (index, plain) in chunk.iter().zip(found) {
                    let meta = batch.frames[*index];
                    one.advance(meta.timestamp);
                    let decoded: Result<Decoded, Skip> = match plain {
                        Some(plain) => one.count_plain(&meta, &plain).map(|()| Decoded::Packet(plain.packet)),
                        None => one.decode_odd(&mut batch, *index, meta.timestamp),
                    };
                    other.advance(meta.timestamp);
                    prop_assert_eq!(decoded, other.decode_odd(&mut copy, *index, meta.timestamp));
                }
            }
            prop_assert_eq!((one.counters(), one.skips()), (other.counters(), other.skips()));
            prop_assert_eq!(batch.bytes, copy.bytes);
        }
    }

    #[test]
    fn what_nearly_every_frame_is_takes_the_short_way() {
        let is_plain = |frame: &Vec<u8>| {
            let meta = FrameRef {
                timestamp: Timestamp::ZERO,
                offset: 0,
                captured_len: frame.len() as u32,
                wire_len: frame.len() as u32,
                link: LinkType::ETHERNET,
                interface: 0,
            };
            let [plain, general] = both_ways(&Options::default(), frame, &meta);
            assert!(general.is_some() || plain.is_none());
            plain.is_some()
        };
        let plain: Vec<bool> = frames().iter().take(10).map(is_plain).collect();
        assert_eq!(plain, [true, true, true, true, true, true, true, true, false, false]);
    }
}

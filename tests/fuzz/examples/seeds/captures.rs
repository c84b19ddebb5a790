//! Small captures in every format and compression.

use std::io::Write;

use borderflow_testkit::tls::ClientHello;
use borderflow_testkit::{
    Conversation, Frame, Host, Interface, Link, Pcap, Pcapng, Prng, Resolution, Side, dns, icmp_echo, packet_frame,
    protocol, udp_frame,
};

use crate::frames;

const START_NS: u64 = 1_750_000_000_000_000_000;

pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let talk = talk(&Link::Ethernet);
    let mut all = vec![
        ("pcap".to_owned(), Pcap::microseconds(1).write(&talk)),
        (
            "pcap-nanos-big".to_owned(),
            Pcap { nanoseconds: true, big_endian: true, ..Pcap::microseconds(1) }.write(&talk),
        ),
        ("pcap-vlan".to_owned(), Pcap::microseconds(1).write(&self::talk(&Link::Vlan(vec![20, 7])))),
        ("pcap-cooked".to_owned(), Pcap::microseconds(276).write(&self::talk(&Link::LinuxSll2))),
        ("pcap-raw".to_owned(), Pcap::microseconds(101).write(&self::talk(&Link::Raw))),
        ("pcapng".to_owned(), pcapng(false, &talk)),
        ("pcapng-big".to_owned(), pcapng(true, &talk)),
        ("pcapng-sections".to_owned(), [pcapng(true, &talk[..2]), pcapng(false, &talk[..2])].concat()),
        ("snoop".to_owned(), snoop(&talk[..4])),
        ("kuznetzov".to_owned(), kuznetzov(&talk[..4])),
        ("pcap-day".to_owned(), Pcap::microseconds(1).write(&day())),
        ("pcap-mirrored".to_owned(), Pcap::microseconds(1).write(&mirrored(&talk))),
    ];
    for link in [1, 101] {
        let shown = frames::all().into_iter().filter(|(_, number, _)| frames::link_type(*number) == link);
        let frames: Vec<_> = shown.zip(0..).map(|((.., data), n)| Frame::new(START_NS + n * 1_000_000, data)).collect();
        all.push((format!("pcap-frames-{link}"), Pcap::microseconds(link).write(&frames)));
    }
    all
}

/// Compressed by the crates the reader does not use for it, where there are two.
pub(crate) fn packed() -> Vec<(String, Vec<u8>)> {
    let capture = Pcap::microseconds(1).write(&talk(&Link::Ethernet));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let writers: [&mut dyn Write; 4] = [&mut gzip, &mut lz4, &mut xz, &mut bzip2];
    for writer in writers {
        writer.write_all(&capture).expect("memory takes everything");
    }
    vec![
        ("gzip".to_owned(), gzip.finish().expect("memory takes everything")),
        ("lz4".to_owned(), lz4.finish().expect("memory takes everything")),
        ("xz".to_owned(), xz.finish().expect("memory takes everything")),
        ("bzip2".to_owned(), bzip2.finish().expect("memory takes everything")),
        ("zstd".to_owned(), zstd::bulk::compress(&capture, 1).expect("memory takes everything")),
    ]
}

/// A lookup, a TLS connection to a flagged country, a ping.
fn talk(link: &Link) -> Vec<Frame> {
    let (pump, resolver, cloud) = (Host::new("10.20.1.7"), Host::new("10.20.0.53"), Host::new("47.97.1.10"));
    let mut prng = Prng::new(7);
    let name = "upload.example";
    let query = dns::query(7, name, dns::Kind::A);
    let answer = dns::answer(7, name, dns::Kind::A, &[dns::Data::Address(cloud.ip)]);
    let mut frames = vec![
        udp_frame(link, START_NS, (pump, 5353), (resolver, 53), &query),
        udp_frame(link, START_NS + 900_000, (resolver, 53), (pump, 5353), &answer),
    ];
    let conversation = Conversation::new(pump, 40_000, cloud, 443)
        .over(link.clone())
        .at(START_NS + 2_000_000)
        .open()
        .client(&ClientHello::for_name(name).record(&mut prng))
        .server(&prng.bytes(90))
        .retransmit(Side::Server)
        .client(&prng.bytes(300))
        .keep_alive(Side::Client)
        .close();
    let end_ns = conversation.now_ns();
    frames.extend(conversation.frames());
    let echo = icmp_echo(pump.ip, cloud.ip, false, 1, 1, b"ping");
    frames.push(packet_frame(link, end_ns + 1_000_000, pump, cloud, protocol::ICMP, &echo));
    frames
}

/// Flows that live for hours, fall idle, come again, and are refused.
fn day() -> Vec<Frame> {
    let (pump, far) = (Host::new("10.20.1.7"), Host::new("2400:3200::1"));
    let pump6 = Host::new("2001:db8::7");
    let cloud = Host::new("47.97.1.10");
    let minute = 60_000_000_000;
    let refused = Conversation::new(pump, 40_001, cloud, 22).at(START_NS).syn().refuse();
    let mut frames = refused.frames();
    for hour in 0..3 {
        let at = START_NS + hour * 60 * minute;
        let talk = Conversation::new(pump, 40_002, cloud, 443).at(at).open().client(&[7; 200]).wait(2 * minute);
        frames.extend(talk.client(&[8; 200]).close().frames());
        frames.push(udp_frame(&Link::Ethernet, at + 9 * minute, (pump6, 5000), (far, 123), &[0x23; 48]));
    }
    frames.sort_by_key(|frame| frame.timestamp_ns);
    frames
}

/// Each frame twice, with a smaller time to live the second time.
fn mirrored(frames: &[Frame]) -> Vec<Frame> {
    let copy = |frame: &Frame| {
        let mut copy = frame.clone();
        copy.timestamp_ns += 30_000;
        copy.data[22] -= 1;
        copy
    };
    frames.iter().flat_map(|frame| [frame.clone(), copy(frame)]).collect()
}

fn pcapng(big_endian: bool, frames: &[Frame]) -> Vec<u8> {
    let nanos = Interface { resolution: Resolution::PowerOfTen(9), offset_s: 3600, ..Interface::new("span1", 1) };
    let binary = Interface { resolution: Resolution::PowerOfTwo(20), snap_len: 96, ..Interface::new("span2", 1) };
    let interfaces = vec![Interface::new("span0", 1), nanos, binary];
    let on = |(n, frame): (usize, &Frame)| frame.clone().on(n as u32 % 3);
    let frames: Vec<_> = frames.iter().enumerate().map(on).collect();
    Pcapng { big_endian, interfaces }.write(&frames)
}

/// RFC 1761.
fn snoop(frames: &[Frame]) -> Vec<u8> {
    let mut out = [&b"snoop\0\0\0"[..], &2u32.to_be_bytes(), &4u32.to_be_bytes()].concat();
    for frame in frames {
        let captured = frame.data.len() as u32;
        let padded = captured.next_multiple_of(4);
        let (seconds, nanos) = (frame.timestamp_ns / 1_000_000_000, frame.timestamp_ns % 1_000_000_000);
        for word in [frame.wire_len, captured, 24 + padded, 3, seconds as u32, nanos as u32 / 1_000] {
            out.extend(word.to_be_bytes());
        }
        out.extend(&frame.data);
        out.resize(out.len() + (padded - captured) as usize, 0);
    }
    out
}

/// The variant of Alexey Kuznetzov: eight more bytes in each record header.
fn kuznetzov(frames: &[Frame]) -> Vec<u8> {
    let mut out = Pcap::microseconds(1).write(&[]);
    out[..4].copy_from_slice(&0xa1b2_cd34u32.to_le_bytes());
    for frame in frames {
        let record = Pcap::microseconds(1).write(std::slice::from_ref(frame));
        let (header, data) = record[24..].split_at(16);
        out.extend(header);
        out.extend([2, 0, 0, 0, 0, 8, 0, 0]);
        out.extend(data);
    }
    out
}

//! Every variant of every format gives its frames with the right time, lengths, link type and interface.

use super::{Writer, frames, read};
use crate::capture::file::bytes::Order;
use crate::capture::{Batch, CaptureReader, Delivery, LinkType, Loss, PacketSource};

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

#[test]
fn every_pcap_magic_is_read_in_both_byte_orders() {
    for order in ORDERS {
        for (magic, nanos) in [(0xa1b2_c3d4, 5_000), (0xa1b2_3c4d, 5), (0xa1b2_34cd, 5_000), (0xa12b_3c4d, 5_000)] {
            let mut writer = Writer::pcap(order, magic, (2, 4), 113);
            writer.record(3, 5, b"frame").record(4, 0, b"");
            let frames = frames(&writer.bytes);
            assert_eq!(frames.len(), 2, "{magic:x} {order:?}");
            let (meta, data) = &frames[0];
            assert_eq!(meta.timestamp.as_nanos(), 3_000_000_000 + nanos, "{magic:x} {order:?}");
            assert_eq!((meta.captured_len, meta.wire_len, meta.link), (5, 15, LinkType::LINUX_SLL));
            assert_eq!(data, b"frame");
        }
    }
}

#[test]
fn the_longer_record_header_of_kuznetzovs_tcpdump_is_stepped_over() {
    for order in ORDERS {
        let mut writer = Writer::pcap(order, 0xa1b2_cd34, (2, 4), 1);
        for data in [b"one", b"two"] {
            writer.u32(1).u32(2).u32(3).u32(3).u32(9).u16(0x0800).u16(4).raw(data);
        }
        let frames = frames(&writer.bytes);
        assert_eq!(frames.iter().map(|(_, data)| data.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
    }
}

#[test]
fn files_of_old_versions_have_their_lengths_the_other_way_round() {
    for version in [(2, 2), (2, 3), (543, 0)] {
        let mut writer = Writer::pcap(Order::Big, 0xa1b2_c3d4, version, 1);
        writer.u32(1).u32(2).u32(60).u32(4).raw(b"four");
        let frames = frames(&writer.bytes);
        assert_eq!((frames[0].0.captured_len, frames[0].0.wire_len), (4, 60), "{version:?}");
    }
}

#[test]
fn a_captured_length_above_the_wire_length_or_the_snap_length_is_believed() {
    let mut writer = Writer::pcap(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
    let long = vec![1; 70_000];
    writer.u32(0).u32(0).u32(8).u32(4).raw(b"too long").record(0, 0, &long);
    let frames = frames(&writer.bytes);
    assert_eq!((frames[0].0.captured_len, frames[0].0.wire_len), (8, 8));
    assert_eq!(frames[1].1, long);
}

#[test]
fn flags_above_the_link_type_are_no_part_of_it() {
    let frames = |link| {
        let mut writer = Writer::pcap(Order::Little, 0xa1b2_c3d4, (2, 4), link);
        writer.record(0, 0, b"x");
        read(&writer.bytes)
    };
    assert_eq!(frames(0x5400_0001).0[0].0.link, LinkType::ETHERNET);
    assert!(frames(0x0010_0001).1.unwrap().to_string().contains("reserved bits"));
}

#[test]
fn pcapng_interfaces_keep_their_own_link_type_clock_and_number_across_sections() {
    for (first, second) in [(Order::Little, Order::Big), (Order::Big, Order::Little)] {
        let offset = |order| if order == Order::Big { 100i64.to_be_bytes() } else { 100i64.to_le_bytes() };
        let mut writer = Writer::new(first);
        writer.section().interface(1, 0, &[(2, b"eth0")]).interface(101, 0, &[(9, &[9]), (14, &offset(first))]);
        writer.packet(1, 7, b"raw").packet(0, 7, b"ether");
        writer.order = second;
        writer.section().interface(276, 0, &[(9, &[0x80 | 10])]).interface(1, 0, &[(9, &[12])]);
        writer.packet(0, 1 << 9, b"half a second").packet(1, 2_000, b"2000 picoseconds");
        let seen: Vec<_> = frames(&writer.bytes)
            .iter()
            .map(|(meta, _)| {
                (meta.interface, meta.link.0, meta.timestamp.as_nanos(), meta.wire_len - meta.captured_len)
            })
            .collect();
        let expected = [(1, 101, 100_000_000_007, 10), (0, 1, 7_000, 10), (2, 276, 500_000_000, 10), (3, 1, 2, 10)];
        assert_eq!(seen, expected);
    }
}

#[test]
fn simple_packets_take_the_snap_length_of_interface_0_and_the_time_of_the_packet_before() {
    let mut writer = Writer::new(Order::Little);
    writer.section().interface(1, 4, &[]).packet(0, 9, b"1234");
    writer.block(3, |body| {
        body.u32(60).raw(b"abcd");
    });
    let frames = frames(&writer.bytes);
    let (meta, data) = &frames[1];
    assert_eq!((meta.timestamp.as_nanos(), meta.captured_len, meta.wire_len), (9_000, 4, 60));
    assert_eq!(data, b"abcd");
}

#[test]
fn obsolete_packet_blocks_are_read() {
    let mut writer = Writer::new(Order::Big);
    writer.section().interface(1, 0, &[]);
    writer.block(2, |body| {
        body.u16(0).u16(3).u32(0).u32(1).u32(3).u32(99).raw(b"old");
    });
    let frames = frames(&writer.bytes);
    assert_eq!(
        (frames[0].0.timestamp.as_nanos(), frames[0].0.wire_len, frames[0].1.as_slice()),
        (1_000, 99, &b"old"[..])
    );
}

#[test]
fn drops_told_by_the_file_are_reported_as_loss() {
    let mut writer = Writer::new(Order::Little);
    let statistics = |writer: &mut Writer, dropped: u64, by_system: u64| {
        writer.block(5, |body| {
            body.u32(0).u64(0).options(&[(5, &dropped.to_le_bytes()), (7, &by_system.to_le_bytes())]);
        });
    };
    writer.section().interface(1, 0, &[]).packet(0, 1, b"x");
    statistics(&mut writer, 1, 2);
    statistics(&mut writer, 10, 20);
    writer.section().interface(1, 0, &[]);
    statistics(&mut writer, 3, 4);
    let mut reader = CaptureReader::new("test", writer.bytes.as_slice(), Delivery::Full);
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap() {}
    assert_eq!(reader.loss(), Loss { kernel: 24, interface: 13 });
}

#[test]
fn snoop_records_are_read_without_their_padding() {
    let mut writer = Writer::new(Order::Big);
    writer.raw(b"snoop\0\0\0").u32(2).u32(4);
    for data in [b"abc", b"def"] {
        writer.u32(60).u32(3).u32(28).u32(0).u32(1).u32(2).raw(data).raw(&[0]);
    }
    let frames = frames(&writer.bytes);
    assert_eq!(frames[1].1, b"def");
    assert_eq!((frames[1].0.timestamp.as_nanos(), frames[1].0.wire_len), (1_000_002_000, 60));
}

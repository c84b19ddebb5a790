//! Cut and lying captures give every frame before the damage and then say where it is.

use super::{Writer, pcap_of, pcapng_of, read};
use crate::capture::file::bytes::Order;
use crate::capture::{Batch, CaptureError, CaptureReader, Delivery, PacketSource};
use proptest::prelude::*;

/// Offset and frame count of a [`CaptureError::Damaged`].
fn damage(error: Option<CaptureError>) -> Option<(u64, u64)> {
    match error {
        Some(CaptureError::Damaged { offset, frames, .. }) => Some((offset, frames)),
        Some(CaptureError::Io { .. } | CaptureError::Format { .. }) | None => None,
    }
}

/// Where each record starts, with the number of frames before it.
fn check_every_cut(capture: &[u8], starts: &[(usize, usize)]) {
    for cut in 4..capture.len() {
        let (frames, error) = read(&capture[..cut]);
        let &(start, before) = starts.iter().rfind(|(start, _)| *start <= cut).unwrap();
        assert_eq!(frames.len(), before, "cut at {cut}");
        let expected = if cut == start { None } else { Some((start as u64, before as u64)) };
        assert_eq!(damage(error), expected, "cut at {cut}");
    }
}

#[test]
fn a_pcap_cut_at_any_byte_gives_the_frames_before_and_the_offset_of_the_broken_record() {
    check_every_cut(&pcap_of(&[3, 0, 20]), &[(0, 0), (24, 0), (43, 1), (59, 2)]);
}

#[test]
fn a_pcapng_cut_at_any_byte_gives_the_frames_before_and_the_offset_of_the_broken_block() {
    let starts = [(0, 0), (28, 0), (52, 0), (88, 1), (108, 1), (140, 2), (160, 2)];
    let mut writer = Writer::new(Order::Big);
    writer.section().interface(1, 0, &[]);
    let header = writer.bytes.len();
    assert_eq!(header, 52);
    check_every_cut(&pcapng_of(&[3, 0]), &starts);
}

#[test]
fn a_length_beyond_the_bound_is_damage_and_no_allocation() {
    let mut writer = Writer::pcap(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
    writer.record(1, 2, b"good");
    writer.u32(0).u32(0).u32(u32::MAX).u32(u32::MAX).raw(&[0; 100]);
    let mut reader = CaptureReader::new("test", writer.bytes.as_slice(), Delivery::Full);
    let mut batch = Batch::default();
    assert!(reader.next_batch(&mut batch).unwrap());
    assert_eq!(damage(reader.next_batch(&mut batch).err()), Some((44, 1)));
    assert!(batch.bytes.capacity() < 1_000_000);
    assert!(!reader.next_batch(&mut batch).unwrap(), "after the error comes the end");
}

#[test]
fn pcapng_lengths_that_lie_are_damage_at_their_block() {
    let lies: [fn(&mut Writer); 6] = [
        |writer| {
            writer.u32(6).u32(8).u32(8).u32(8);
        },
        |writer| {
            writer.u32(6).u32(u32::MAX).raw(&[0; 64]);
        },
        |writer| {
            writer.u32(0xbad).u32(16).u32(0).u32(20);
        },
        |writer| {
            writer.block(6, |body| {
                body.u32(0).u64(0).u32(500).u32(500).raw(b"short");
            });
        },
        |writer| {
            writer.packet(7, 0, b"no such interface");
        },
        |writer| {
            writer.block(6, |body| {
                body.u32(0);
            });
        },
    ];
    for (index, lie) in lies.iter().enumerate() {
        let mut writer = Writer::new(Order::Little);
        writer.section().interface(1, 0, &[]).packet(0, 0, b"good");
        let start = writer.bytes.len() as u64;
        lie(&mut writer);
        let (frames, error) = read(&writer.bytes);
        assert_eq!(frames.len(), 1, "lie {index}");
        assert_eq!(damage(error), Some((start, 1)), "lie {index}");
    }
}

#[test]
fn what_is_no_capture_is_named_with_what_it_starts_with() {
    let message = |bytes: &[u8]| read(bytes).1.unwrap().to_string();
    let expected = "; expected pcap, pcapng or snoop, optionally in gzip, zstd, lz4, xz or bzip2";
    assert_eq!(message(b""), format!("test: not a capture: it is empty{expected}"));
    assert_eq!(
        message(b"Hello,\nworld and all"),
        format!("test: not a capture: it starts with \"Hello,\\nworld and\"{expected}")
    );
    assert_eq!(
        message(b"\x7fELF\x02\x01\x01"),
        format!("test: not a capture: it starts with the bytes 7f 45 4c 46 02 01 01{expected}")
    );
    let zipped = zstd::encode_all(&b"just a text"[..], 1).unwrap();
    assert_eq!(
        message(&zipped),
        format!("test: not a capture: it starts with \"just a text\" (zstd inside){expected}")
    );
}

proptest! {
    #[test]
    fn no_byte_string_makes_a_reader_panic_or_hang(
        start in 0usize..8, noise in prop::collection::vec(any::<u8>(), 0..400), block in 64usize..512,
    ) {
        let starts: [Vec<u8>; 8] = [
            vec![], pcap_of(&[]), pcap_of(&[5]), pcapng_of(&[]), pcapng_of(&[9]),
            b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec(), vec![0x1f, 0x8b], vec![0x28, 0xb5, 0x2f, 0xfd],
        ];
        let capture = [starts[start].clone(), noise].concat();
        let mut reader = CaptureReader::new("test", capture.as_slice(), Delivery::Full).with_block_bytes(block);
        super::drain(&mut reader);
    }

    #[test]
    fn no_change_of_one_byte_makes_a_reader_panic_or_read_beyond_the_capture(
        at in any::<prop::sample::Index>(), value in any::<u8>(), ng in any::<bool>(),
    ) {
        let mut capture = if ng { pcapng_of(&[1, 2, 40]) } else { pcap_of(&[1, 2, 40]) };
        let at = at.index(capture.len());
        capture[at] = value;
        let (frames, _) = read(&capture);
        prop_assert!(frames.iter().map(|(_, data)| data.len()).sum::<usize>() <= capture.len());
    }
}

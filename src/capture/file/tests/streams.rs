//! However a capture arrives — in pieces, compressed, through a pipe that pauses — its frames are the same.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use proptest::prelude::*;

use super::{Writer, drain, frames, pcap_of, pcapng_of, read};
use crate::capture::file::bytes::Order;
use crate::capture::{Batch, CaptureError, CaptureReader, Delivery, PacketSource};

/// Gives a capture in pieces of the given lengths, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    lengths: Vec<usize>,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let len = self.lengths[self.turn % self.lengths.len()].min(room.len());
        self.turn += 1;
        (&mut self.rest).take(len as u64).read(room)
    }
}

/// Gives one write of a pipe at a time, and fails the test where the reader asks for more than there is.
struct Pipe(VecDeque<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let written = self.0.pop_front().expect("the reader waits although it holds a whole frame");
        let (now, later) = written.split_at(written.len().min(room.len()));
        room[..now.len()].copy_from_slice(now);
        if !later.is_empty() {
            self.0.push_front(later.to_vec());
        }
        Ok(now.len())
    }
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_the_bytes_arrive(
        lengths in prop::collection::vec(0usize..300, 0..40),
        pieces in prop::collection::vec(1usize..400, 1..8),
        block in 64usize..2_000,
        ng in any::<bool>(),
        prompt in any::<bool>(),
    ) {
        let capture = if ng { pcapng_of(&lengths) } else { pcap_of(&lengths) };
        let input = Pieces { rest: &capture, lengths: pieces, turn: 0 };
        let delivery = if prompt { Delivery::Prompt } else { Delivery::Full };
        let mut reader = CaptureReader::new("test", input, delivery).with_block_bytes(block);
        let (pieced, error) = drain(&mut reader);
        prop_assert!(error.is_none());
        prop_assert_eq!(pieced.len(), lengths.len());
        prop_assert_eq!(pieced, frames(&capture));
        prop_assert_eq!(reader.bytes_read(), capture.len() as u64);
    }
}

#[test]
fn a_paused_pipe_is_not_waited_for_while_a_whole_frame_is_there() {
    let capture = pcap_of(&[10, 20, 30]);
    let pieces = [&capture[..30], &capture[30..60], &capture[60..96]];
    let pipe = Pipe(pieces.map(<[u8]>::to_vec).into());
    let mut reader = CaptureReader::new("pipe", pipe, Delivery::Prompt);
    let mut batch = Batch::default();
    assert!(reader.next_batch(&mut batch).unwrap());
    assert_eq!(batch.frames.len(), 1);
    assert!(reader.next_batch(&mut batch).unwrap());
    assert_eq!(batch.frame(0).unwrap().data, [1; 20]);
}

#[test]
fn a_frame_larger_than_a_block_is_read_whole() {
    let lengths = [60, 900_000, 60, 3_000_000];
    let capture = pcapng_of(&lengths);
    let seen: Vec<usize> = frames(&capture).iter().map(|(_, data)| data.len()).collect();
    assert_eq!(seen, lengths);
}

#[test]
fn a_run_of_other_blocks_longer_than_a_block_of_the_reader_is_passed_over() {
    let mut writer = Writer::new(Order::Little);
    writer.section().interface(1, 0, &[]);
    for _ in 0..100 {
        writer.block(0xbad, |body| {
            body.raw(&[0; 100]);
        });
    }
    writer.packet(0, 1, b"after all");
    let mut reader = CaptureReader::new("test", writer.bytes.as_slice(), Delivery::Full).with_block_bytes(256);
    let (frames, error) = drain(&mut reader);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames[0].1, b"after all");
}

#[test]
fn the_steady_state_reuses_the_buffers_of_the_batch() {
    let capture = pcap_of(&[500; 4_000]);
    let mut reader = CaptureReader::new("test", capture.as_slice(), Delivery::Full);
    let mut batch = Batch::default();
    let mut buffers = Vec::new();
    while reader.next_batch(&mut batch).unwrap() {
        buffers.push((batch.bytes.as_ptr(), batch.bytes.capacity(), batch.frames.capacity()));
    }
    assert!(buffers.len() > 5);
    assert!(buffers[1..].iter().all(|buffer| *buffer == buffers[1]), "{buffers:?}");
}

fn compressed(capture: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(capture).unwrap();
    let small_blocks = FrameInfo::new().block_size(BlockSize::Max64KB);
    let mut lz4 = FrameEncoder::with_frame_info(small_blocks, Vec::new());
    lz4.write_all(capture).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(capture).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(capture).unwrap();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(capture, 1).unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("bzip2", bzip2.finish().unwrap()),
    ]
}

/// Bytes that do not compress, so that a cut of the compressed stream is a cut of about the same place inside.
fn noise_capture() -> Vec<u8> {
    let mut state = 1u32;
    let mut capture = pcap_of(&[1_000; 600]);
    for (index, byte) in capture.iter_mut().enumerate().skip(24) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (index - 24) % 1_016 >= 16 {
            *byte = (state >> 24) as u8;
        }
    }
    capture
}

#[test]
fn every_compression_gives_the_frames_of_the_plain_file_also_in_several_streams() {
    let capture = noise_capture();
    let plain = frames(&capture);
    assert_eq!(plain.len(), 600);
    let (head, rest) = capture.split_at(capture.len() / 3);
    for ((name, mut first), (_, second)) in compressed(head).into_iter().zip(compressed(rest)) {
        first.extend(second);
        let (seen, error) = read(&first);
        assert!(error.is_none(), "{name}: {error:?}");
        assert!(seen == plain, "{name}: {} frames", seen.len());
    }
}

#[test]
fn a_damaged_compressed_stream_gives_what_could_be_decompressed_and_then_says_so() {
    let capture = noise_capture();
    let plain = frames(&capture);
    for (name, mut stream) in compressed(&capture) {
        stream.truncate(stream.len() * 4 / 5);
        let (seen, error) = read(&stream);
        assert!(plain.starts_with(&seen), "{name}");
        assert!(seen.len() > 50, "{name}: only {} frames", seen.len());
        let Some(CaptureError::Damaged { problem, offset, frames, .. }) = error else { panic!("{name}") };
        assert_eq!((offset, frames), (24 + 1_016 * seen.len() as u64, seen.len() as u64), "{name}: {problem}");
    }
}

#[test]
fn an_lz4_stream_that_ends_between_two_blocks_is_cut_off() {
    let capture = noise_capture();
    let (_, mut stream) = compressed(&capture).into_iter().find(|(name, _)| *name == "lz4").unwrap();
    let (frame_header, block) = (7, 4 + 64 * 1024);
    stream.truncate(frame_header + 2 * block);
    let (seen, error) = read(&stream);
    assert_eq!(seen.len(), (2 * 64 * 1024 - 24) / 1_016);
    assert!(error.unwrap().to_string().contains("lz4 stream cut off"));
}

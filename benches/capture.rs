//! What does it cost to read a frame out of a capture?

#![expect(clippy::unwrap_used, reason = "a bench stops where it cannot measure")]

use borderflow::capture::{Batch, CaptureReader, Delivery, Filter, LinkType, PacketSource};
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const FRAMES: usize = 100_000;

fn main() {
    divan::main();
}

fn pcap(frame_len: usize) -> Vec<u8> {
    let mut capture = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1u32].map(u32::to_le_bytes).concat();
    for index in 0..FRAMES as u32 {
        let len = frame_len as u32;
        capture.extend([1_700_000_000 + index, index % 1_000_000, len, len].map(u32::to_le_bytes).concat());
        capture.resize(capture.len() + frame_len, index as u8);
    }
    capture
}

fn pcapng(frame_len: usize) -> Vec<u8> {
    let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28u32];
    let interface = [1, 20, 1, 0, 20u32];
    let mut capture = [section.map(u32::to_le_bytes).concat(), interface.map(u32::to_le_bytes).concat()].concat();
    let padded = frame_len.next_multiple_of(4);
    let (len, block_len) = (frame_len as u32, padded as u32 + 32);
    for index in 0..FRAMES as u32 {
        capture.extend([6, block_len, 0, 0x0006_0000, index, len, len].map(u32::to_le_bytes).concat());
        capture.resize(capture.len() + padded, index as u8);
        capture.extend(block_len.to_le_bytes());
    }
    capture
}

/// Reads the capture as a replay does, with one batch that is reused.
fn read_all(bencher: Bencher<'_, '_>, capture: &[u8]) {
    read_in_blocks(bencher, capture, 128 * 1024);
}

fn read_in_blocks(bencher: Bencher<'_, '_>, capture: &[u8], block_bytes: usize) {
    let mut batch = Batch::default();
    bencher.counter(ItemsCount::new(FRAMES)).counter(BytesCount::new(capture.len())).bench_local(|| {
        let mut reader = CaptureReader::new("bench", capture, Delivery::Full).with_block_bytes(block_bytes);
        let mut frames = 0;
        while reader.next_batch(&mut batch).unwrap() {
            frames += black_box(&batch.frames).len();
        }
        assert_eq!(frames, FRAMES);
    });
}

#[divan::bench(args = [64, 1_500])]
fn index_pcap(bencher: Bencher<'_, '_>, frame_len: usize) {
    read_all(bencher, &pcap(frame_len));
}

#[divan::bench(args = [64, 1_500])]
fn index_pcapng(bencher: Bencher<'_, '_>, frame_len: usize) {
    read_all(bencher, &pcapng(frame_len));
}

#[divan::bench(args = [64, 128, 256, 512, 1_024, 4_096])]
fn index_pcap_in_blocks_of_kib(bencher: Bencher<'_, '_>, kib: usize) {
    read_in_blocks(bencher, &pcap(64), kib * 1024);
}

#[divan::bench]
fn index_pcap_in_zstd(bencher: Bencher<'_, '_>) {
    read_all(bencher, &zstd::encode_all(pcap(64).as_slice(), 1).unwrap());
}

#[divan::bench]
fn filter_tcp_port(bencher: Bencher<'_, '_>) {
    let mut filter = Filter::new("tcp port 443").unwrap();
    let mut batch = Batch::default();
    batch.push(Default::default(), LinkType::ETHERNET, 64, &[8; 64]);
    let frame = batch.frame(0).unwrap();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| filter.matches(black_box(&frame)));
}

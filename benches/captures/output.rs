//! A pcap of any size, written a megabyte at a time; and the hosts that its packets run between.

use borderflow_testkit::{Frame, Host, Link, Pcap, Prng};
use std::fs::File;
use std::io::{self, Write};

/// 2025-11-12 06:00:00 UTC.
pub(crate) const START_NS: u64 = 1_762_927_200_000_000_000;
const FLUSH_BYTES: usize = 1 << 20;

pub(crate) struct Output {
    file: File,
    pcap: Pcap,
    pending: Vec<u8>,
    /// Frame bytes written so far, without record headers.
    pub(crate) frame_bytes: u64,
}

impl Output {
    pub(crate) fn create(path: &str) -> io::Result<Output> {
        let pcap = Pcap::microseconds(Link::Ethernet.link_type());
        let mut pending = Vec::with_capacity(2 * FLUSH_BYTES);
        pcap.start(&mut pending);
        Ok(Output { file: File::create(path)?, pcap, pending, frame_bytes: 0 })
    }

    pub(crate) fn push(&mut self, frame: &Frame) -> io::Result<()> {
        self.pcap.append(&mut self.pending, frame);
        self.frame_bytes += frame.data.len() as u64;
        if self.pending.len() >= FLUSH_BYTES {
            self.file.write_all(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.file.sync_all()
    }
}

/// Monitored host number `index` of 65,536.
pub(crate) fn inside(index: u64) -> Host {
    Host::new(&format!("10.20.{}.{}", index >> 8 & 0xff, index & 0xff))
}

/// A public address of the world, the same for the same `index`.
pub(crate) fn outside(index: u64) -> Host {
    const SPECIAL: [u8; 10] = [0, 10, 100, 127, 169, 172, 192, 198, 203, 255];
    let mut prng = Prng::new(index ^ 0x6f75_7473);
    loop {
        let [a, b, c, d, ..] = prng.next_u64().to_le_bytes();
        if a < 224 && !SPECIAL.contains(&a) {
            return router_side(&format!("{a}.{b}.{c}.{d}"));
        }
    }
}

/// A server nobody is alarmed about, the same for the same `index`: in networks of universities and of academic networks of
/// Czechia, Germany, Switzerland, the United Kingdom and the United States. No preset flags these countries, their operators
/// or these networks, so what a capture of them costs is the packet path without findings.
pub(crate) fn unremarkable(index: u64) -> Host {
    const NETWORKS: [[u8; 2]; 8] =
        [[195, 113], [147, 32], [147, 251], [141, 2], [130, 59], [129, 132], [128, 40], [128, 32]];
    let [a, b] = NETWORKS.get((index % 8) as usize).copied().unwrap_or([195, 113]);
    let [c, d, ..] = Prng::new(index).next_u64().to_le_bytes();
    router_side(&format!("{a}.{b}.{c}.{d}"))
}

fn router_side(ip: &str) -> Host {
    Host::new(ip).with_mac([0x00, 0x09, 0x0f, 0x20, 0x00, 0x01]).with_hop_limit(52)
}

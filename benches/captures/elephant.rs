//! Full segments in few flows: what costs is reading the bytes.

use crate::output::{Output, START_NS, inside, outside};
use borderflow_testkit::{Conversation, Prng, Side};
use std::io;

const PAYLOAD_BYTES: usize = 16 * 1_460;

/// Flows take turns to send sixteen segments, every other one acknowledged, until `bytes` are written.
pub(crate) fn write(output: &mut Output, bytes: u64, flows: u64) -> io::Result<()> {
    let mut prng = Prng::new(0x65_6c65);
    let mut time_ns = START_NS;
    let mut conversations: Vec<Conversation> = (0..flows)
        .map(|flow| {
            let port = 40_000 + flow as u16;
            Conversation::new(inside(flow), port, outside(flow), 443).round_trip(200_000).at(START_NS).open()
        })
        .collect();
    while output.frame_bytes < bytes && !conversations.is_empty() {
        for conversation in &mut conversations {
            let side = if prng.below(4) == 0 { Side::Server } else { Side::Client };
            let payload = prng.bytes(PAYLOAD_BYTES);
            let next = conversation.clone().at(time_ns.max(conversation.now_ns())).send(side, &payload);
            time_ns = next.now_ns();
            let (frames, rest) = next.drain();
            *conversation = rest;
            for frame in &frames {
                output.push(frame)?;
            }
        }
    }
    Ok(())
}

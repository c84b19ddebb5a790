//! A flood of flows of one packet each, around conversations whose volumes must not suffer.

use crate::output::{Output, START_NS, inside, outside};
use borderflow_testkit::{Conversation, Link, Prng, Side, udp_frame};
use std::io;

/// Between two packets of the flood: 100,000 packets per second.
const STEP_NS: u64 = 10_000;
/// Packets of the flood between two exchanges of the conversations: each speaks about every 50 seconds.
const PACKETS_PER_EXCHANGE: u64 = 50_000;

/// `packets` datagrams, no two of one flow, while each of `flows` conversations goes on by turns.
pub(crate) fn write(output: &mut Output, packets: u64, flows: u64) -> io::Result<()> {
    let mut prng = Prng::new(0x66_6c6f_6f64);
    let mut conversations: Vec<Conversation> = Vec::new();
    for flow in 0..flows {
        let port = 40_000 + flow as u16;
        let conversation = Conversation::new(inside(flow), port, outside(flow), 443).at(START_NS).open();
        conversations.push(say(output, conversation)?);
    }
    for packet in 0..packets {
        let time_ns = START_NS + (packet + 1) * STEP_NS;
        let from = (outside(1_000 + packet), 1_024 + prng.below(60_000) as u16);
        output.push(&udp_frame(
            &Link::Ethernet,
            time_ns,
            from,
            (inside(prng.below(65_536)), 5_000),
            b"anybody there?",
        ))?;
        let turn = (packet / PACKETS_PER_EXCHANGE % flows.max(1)) as usize;
        if packet % PACKETS_PER_EXCHANGE == 0
            && let Some(conversation) = conversations.get_mut(turn)
        {
            let later = conversation.clone().at(time_ns.max(conversation.now_ns()));
            *conversation = say(output, later.exchange(Side::Client, &[7; 1_000], &[8; 500]))?;
        }
    }
    Ok(())
}

/// Writes what the conversation has said since the last time.
fn say(output: &mut Output, conversation: Conversation) -> io::Result<Conversation> {
    let (frames, rest) = conversation.drain();
    for frame in &frames {
        output.push(frame)?;
    }
    Ok(rest)
}

//! Listens to the payloads of flows: names and kinds out of their beginnings, commands for as long as they live.

use std::sync::Arc;

use super::InitiatorBasis;
use super::key::Side;
use super::listening::{self, Lending, Loan};
use super::slot::{Cold, Hot, TCP};
use super::table::Arrival;
use crate::decode::{Packet, TcpFlags};
use crate::inspect::{Answer, Carrier, Dialogue, End, Facts, Followed, Heard, Notes, Route, Speaker};

/// Bytes of a first message that came before the rest of its head.
const MOST_PIECE: usize = 128;

/// What listening needs beside the flow: buffers to lend, and room for what is said before it is known to matter.
#[derive(Debug)]
pub(super) struct Hearing {
    lending: Lending,
    following: Following,
    /// Scratch.
    facts: Facts,
    /// Addresses that DNS gave since they were taken last.
    pub(super) answers: Vec<Answer>,
}

/// How many flows are followed, and how many more could not be.
#[derive(Debug)]
struct Following {
    /// Flows that may still be followed.
    left: usize,
    /// Flows that were not because too many were.
    refused: u64,
}

/// What came of a payload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// Whether it said something new.
    pub(super) news: bool,
    /// The slot of the flow that lost its buffers to this one.
    pub(super) loser: Option<u32>,
}

impl Hearing {
    /// With so many buffers to lend, and so many flows that may be followed at once.
    pub(super) fn new(inspections: usize, dialogues: usize) -> Self {
        Hearing {
            lending: Lending::new(inspections),
            following: Following { left: dialogues, refused: 0 },
            facts: Facts::default(),
            answers: Vec::new(),
        }
    }

    /// Listens to a payload of the flow in `slot`.
    #[inline(never)]
    pub(super) fn listen(&mut self, slot: u32, hot: &mut Hot, cold: &mut Cold, arrival: &Arrival<'_>) -> Outcome {
        let Some(offset) = offset(cold, arrival) else { return Outcome::default() };
        let (mut names, mut loser) = (Heard { is_over: true, ..Heard::default() }, None);
        if !cold.is_heard {
            (names, loser) = self.hear(slot, cold, arrival, offset);
        }
        let followed = self.follow(hot, cold, arrival, offset, &names);
        if let Some(speaker) = names.speaker.or(followed.speaker) {
            let client = if speaker == Speaker::Client { arrival.sender } else { arrival.sender.other() };
            cold.client.get_or_insert(client);
            if hot.basis < InitiatorBasis::Grammar {
                (hot.initiator, hot.basis) = (client, InitiatorBasis::Grammar);
            }
        }
        cold.is_heard |= names.is_over;
        hot.watch.set_listening(!cold.is_heard || cold.is_followed());
        Outcome { news: names.news || followed.news, loser }
    }

    /// Reads names and kinds out of a payload.
    fn hear(&mut self, slot: u32, cold: &mut Cold, arrival: &Arrival<'_>, offset: u32) -> (Heard, Option<u32>) {
        let Arrival { packet, payload, sender, .. } = *arrival;
        let mut loser = None;
        let facts = match cold.facts.as_mut() {
            Some(facts) => Arc::make_mut(facts),
            None => {
                self.facts.protocol = cold.application;
                &mut self.facts
            }
        };
        let loan = Loan { lending: &mut self.lending, slot, number: &mut cold.open, loser: &mut loser };
        let route =
            Route { from: packet.version.address(packet.source), ports: (packet.source_port, packet.destination_port) };
        let notes = &mut Notes { facts, answers: &mut self.answers };
        let heard = if packet.protocol == TCP {
            cold.conversation.segment(end_of(sender), offset, payload, route, notes, || loan.buffers())
        } else {
            cold.conversation.datagram(end_of(sender), payload, route, notes, || loan.buffers())
        };
        match &cold.facts {
            Some(facts) => cold.application = facts.protocol,
            None => {
                // What is known of most flows is their protocol: that takes no memory of its own.
                cold.application = self.facts.protocol.take();
                if !self.facts.is_empty() {
                    self.facts.protocol = cold.application;
                    cold.facts = Some(Arc::new(std::mem::take(&mut self.facts)));
                }
            }
        }
        if heard.is_over {
            self.lending.give_back(std::mem::replace(&mut cold.open, listening::NONE));
        }
        (heard, loser)
    }

    /// Reads what is asked in a payload, where the protocol is one whose messages are followed.
    fn follow(&mut self, hot: &Hot, cold: &mut Cold, arrival: &Arrival<'_>, offset: u32, names: &Heard) -> Followed {
        let initiator = hot.initiator;
        let Arrival { payload, sender, .. } = *arrival;
        if cold.dialogue.is_some() || cold.is_heard {
            return say(cold, end_of(sender), (offset, payload), names, initiator);
        }
        // A first message whose head came in pieces is read as a whole, as the search for names has put it together.
        let in_pieces = |whole: &&[u8]| (1..=MOST_PIECE).contains(&whole.len().saturating_sub(payload.len()));
        let pieces = self.lending.whole(cold.open, end_of(sender)).filter(in_pieces);
        let said = pieces.map_or((offset, payload), |whole| (0, whole));
        cold.dialogue = self.following.begin(cold, arrival, said, names).map(Box::new);
        if let Some(dialogue) = &mut cold.dialogue {
            if said.0 > 0 {
                dialogue.join(end_of(sender));
            }
            if *hot.payload_bytes.of(sender.other()) > 0 {
                dialogue.join(end_of(sender.other()));
            }
        }
        say(cold, end_of(sender), said, names, initiator)
    }

    /// Takes back what a flow has that ends.
    pub(super) fn release(&mut self, cold: &mut Cold) {
        self.lending.give_back(std::mem::replace(&mut cold.open, listening::NONE));
        cold.facts = None;
        self.following.left += usize::from(cold.dialogue.take().is_some());
    }

    /// Inspections cut short for want of buffers.
    pub(super) fn withdrawn(&self) -> u64 {
        self.lending.withdrawn
    }

    /// Flows whose messages were not followed because too many were.
    pub(super) const fn unfollowed(&self) -> u64 {
        self.following.refused
    }
}

impl Following {
    /// Begins to follow a flow, where its protocol is one of those and there is room.
    fn begin(&mut self, cold: &Cold, arrival: &Arrival<'_>, said: (u32, &[u8]), names: &Heard) -> Option<Dialogue> {
        let Arrival { packet, .. } = *arrival;
        // What HTTP carries may show only in a later segment.
        let may_begin = said.0 == 0 || cold.application == Some("http");
        let dialogue = match cold.application {
            Some("ssh") => names.speaker.map(|_| Dialogue::ssh()),
            Some("tls" | "quic" | "dns") => None,
            _ if !may_begin => None,
            _ => {
                let carrier = if packet.protocol == TCP { Carrier::Stream } else { Carrier::Datagram };
                Dialogue::begin(carrier, (packet.source_port, packet.destination_port), said.1)
            }
        }?;
        if self.left == 0 {
            self.refused += 1;
            return None;
        }
        self.left -= 1;
        Some(dialogue)
    }
}

/// Hands what an end said, at its offset, to the dialogue, where there is one.
fn say(cold: &mut Cold, end: End, said: (u32, &[u8]), names: &Heard, initiator: Side) -> Followed {
    let Some(dialogue) = cold.dialogue.as_mut().filter(|dialogue| !dialogue.is_over()) else {
        return Followed::default();
    };
    dialogue.set_opener(end_of(initiator));
    if let Some(client) = cold.client {
        dialogue.set_client(end_of(client));
    }
    let followed = dialogue.follow(end, said.0, said.1);
    if followed.news && cold.application.is_none() {
        cold.application = Some(dialogue.dealings().protocol);
    }
    Followed { news: followed.news && !names.news, ..followed }
}

/// Ends the search for names in a flow that lost its buffers to another.
pub(super) fn stop_hearing(hot: &mut Hot, cold: &mut Cold) {
    cold.is_heard = true;
    cold.open = listening::NONE;
    hot.watch.set_listening(cold.is_followed());
}

/// How far into its direction a payload begins; datagrams have no place. `None` for what is none of it.
fn offset(cold: &Cold, arrival: &Arrival<'_>) -> Option<u32> {
    let Packet { tcp, protocol, .. } = arrival.packet;
    if *protocol != TCP {
        return Some(0);
    }
    cold.origins.of(arrival.sender).offset_of(tcp.sequence.wrapping_add(u32::from(tcp.flags.has(TcpFlags::SYN))))
}

/// The end of a conversation that a side is.
pub(super) const fn end_of(side: Side) -> End {
    match side {
        Side::Low => End::Low,
        Side::High => End::High,
    }
}

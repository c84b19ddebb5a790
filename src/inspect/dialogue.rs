//! Follows the messages of a flow for as long as it lives: where each begins, what it asks, and what all of them amount
//! to.
//!
//! Of a byte stream it keeps, per direction, the offset at which the next message begins and the few bytes of a head that
//! a segment cut off. Bytes that come again are passed over. A few segments that overtake another wait for it; where it
//! does not come, the next is taken to begin a message.

use std::sync::Arc;

use super::dealings::Dealings;
use super::message::{Carrier, Message, Protocol};
use super::ssh_login::SshLogin;
use super::{End, Reading, Speaker, registry};

/// Most bytes of a message's head that are kept from one segment to the next.
const HEAD_BYTES: usize = 128;

/// Segments that are kept because one before them is missing, and the longest.
const MOST_LATE: usize = 4;
const LATE_BYTES: usize = 1500;

/// Segments or datagrams in a row that are no message of the protocol before a flow is given up.
const PATIENCE: u8 = 16;

/// Reads the message that begins with the first byte.
type Read = for<'a> fn(&'a [u8]) -> Reading<Message<'a>>;

/// What following a payload came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Whether it said something new.
    pub news: bool,
    /// Who sent it, where a message said so.
    pub speaker: Option<Speaker>,
}

/// The messages of one flow.
#[derive(Clone, Debug)]
pub struct Dialogue {
    reads: Reads,
    low: Direction,
    high: Direction,
    misfits: u8,
    /// Who seems to have opened the flow.
    opener: Option<End>,
    dealings: Arc<Dealings>,
}

/// How messages are read.
#[derive(Clone, Copy, Debug)]
enum Reads {
    /// One by one.
    Messages(&'static Protocol),
    /// By their sizes alone: the login of SSH.
    SshLogin(SshLogin),
}

/// Where reading one direction stands.
#[derive(Clone, Debug)]
struct Direction {
    /// Offset of the next byte to come.
    at: u32,
    /// Offset at which the next message begins, or began where its head is not whole.
    next: u32,
    /// The beginning of a head.
    head: [u8; HEAD_BYTES],
    head_len: usize,
    /// Whether it is joined somewhere in its middle with what comes next.
    joins: bool,
    /// Segments that came before what precedes them.
    late: Vec<(u32, Vec<u8>)>,
    /// Buffers of earlier ones.
    spare: Vec<Vec<u8>>,
}

impl Direction {
    const NEW: Direction = Direction {
        at: 0,
        next: 0,
        head: [0; HEAD_BYTES],
        head_len: 0,
        joins: false,
        late: Vec::new(),
        spare: Vec::new(),
    };
}

impl Dialogue {
    /// Begins to follow a flow of which `payload` is the first of its direction, or a datagram, where a protocol claims
    /// it.
    #[must_use]
    pub fn begin(carrier: Carrier, ports: (u16, u16), payload: &[u8]) -> Option<Self> {
        Self::claimed(payload, registry::candidates(carrier, ports))
    }

    fn claimed(payload: &[u8], protocols: impl Iterator<Item = &'static Protocol>) -> Option<Self> {
        let claims = |protocol: &&'static Protocol| match (protocol.read)(payload) {
            // Nearly everything goes over HTTP: it is followed where it administers.
            Reading::Found(said) => {
                !matches!(protocol.name, "http" | "cwmp") || said.command.is_some() || said.login.is_some()
            }
            Reading::More | Reading::Other => false,
        };
        let protocol = { protocols }.find(claims)?;
        let dealings = Arc::new(Dealings::new(protocol.name));
        let reads = Reads::Messages(protocol);
        Some(Dialogue { reads, low: Direction::NEW, high: Direction::NEW, misfits: 0, opener: None, dealings })
    }

    /// Begins to follow the login of an SSH connection.
    #[must_use]
    pub fn ssh() -> Self {
        let (reads, dealings) = (Reads::SshLogin(SshLogin::default()), Arc::new(Dealings::new("ssh")));
        Dialogue { reads, low: Direction::NEW, high: Direction::NEW, misfits: 0, opener: None, dealings }
    }

    /// Joins a direction in its middle: `end` has spoken before the flow was followed.
    pub const fn join(&mut self, end: End) {
        match end {
            End::Low => self.low.joins = true,
            End::High => self.high.joins = true,
        }
    }

    /// Takes who seems to have opened the flow, for messages that look like their answers.
    pub const fn set_opener(&mut self, opener: End) {
        self.opener = Some(opener);
    }

    /// Takes the client from whoever knows it better.
    pub fn set_client(&mut self, client: End) {
        if self.dealings.client.is_none() {
            Arc::make_mut(&mut self.dealings).client = Some(client);
        }
    }

    /// What the messages amount to so far.
    #[must_use]
    pub fn dealings(&self) -> &Arc<Dealings> {
        &self.dealings
    }

    /// Follows a payload that `end` sent, `offset` bytes into its direction; datagrams have no offset.
    pub fn follow(&mut self, end: End, offset: u32, payload: &[u8]) -> Followed {
        let mut followed = Followed::default();
        match self.reads {
            Reads::Messages(Protocol { carrier: Carrier::Datagram, read, .. }) => {
                self.message(*read, end, payload, &mut followed);
            }
            Reads::Messages(Protocol { carrier: Carrier::Stream, read, .. }) => {
                self.segment(*read, end, offset, payload, &mut followed);
            }
            Reads::SshLogin(login) => self.ssh_login(login, end, offset, payload, &mut followed),
        }
        followed
    }

    fn ssh_login(&mut self, mut login: SshLogin, end: End, offset: u32, payload: &[u8], followed: &mut Followed) {
        let Some(client) = self.dealings.client else { return };
        let speaker = if client == end { Speaker::Client } else { Speaker::Server };
        let direction = self.direction(end);
        let is_fresh = (offset.wrapping_sub(direction.at) as i32) >= 0;
        if !is_fresh {
            return;
        }
        direction.at = offset.wrapping_add(payload.len() as u32);
        if let Some(told) = login.segment(speaker, payload) {
            let message = Message { login: Some(told), ..Message::default() };
            followed.news |= Arc::make_mut(&mut self.dealings).note(end, self.opener, &message);
        }
        self.reads = Reads::SshLogin(login);
    }

    /// True where the flow has turned to something else: it need not be followed.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match self.reads {
            Reads::Messages(_) => self.misfits >= PATIENCE,
            Reads::SshLogin(login) => login.is_over(),
        }
    }

    fn segment(&mut self, read: Read, end: End, offset: u32, payload: &[u8], followed: &mut Followed) {
        let direction = self.direction(end);
        let old = direction.at.wrapping_sub(offset) as i32;
        let joins = std::mem::take(&mut direction.joins);
        if old < 0 && !joins && !direction.may_pass_over(offset) {
            if direction.late.len() < MOST_LATE && payload.len() <= LATE_BYTES {
                return direction.put_by(offset, payload);
            }
            // What is missing does not come: on with what there is.
            while let Some((offset, late)) = self.direction(end).first_late() {
                self.on_late(read, end, offset, late, followed);
            }
        }
        self.on(read, end, offset, payload, followed);
        while let Some((offset, late)) = self.direction(end).next_late() {
            self.on_late(read, end, offset, late, followed);
        }
    }

    /// Reads on with a segment that was put by, and keeps its buffer.
    fn on_late(&mut self, read: Read, end: End, offset: u32, late: Vec<u8>, followed: &mut Followed) {
        self.on(read, end, offset, &late, followed);
        self.direction(end).spare.push(late);
    }

    /// Reads on with a segment, whatever is missing before it.
    fn on(&mut self, read: Read, end: End, offset: u32, payload: &[u8], followed: &mut Followed) {
        let direction = self.direction(end);
        let old = direction.at.wrapping_sub(offset) as i32;
        if old < 0 {
            direction.jump(offset);
        }
        if let Some(fresh) = payload.get(old.max(0) as usize..) {
            self.advance(read, end, fresh, followed);
        }
    }

    /// Reads on in a direction with bytes that directly follow those that came.
    fn advance(&mut self, read: Read, end: End, mut bytes: &[u8], followed: &mut Followed) {
        while !bytes.is_empty() {
            let direction = self.direction(end);
            let pending = direction.next.wrapping_sub(direction.at) as i32;
            if pending > 0 {
                let passed = bytes.len().min(pending as usize);
                direction.at = direction.at.wrapping_add(passed as u32);
                bytes = bytes.get(passed..).unwrap_or_default();
            } else {
                bytes = self.begin_message(read, end, bytes, followed);
            }
        }
    }

    /// Reads the message that begins with the head kept so far and `bytes`; returns what is behind its head.
    fn begin_message<'b>(&mut self, read: Read, end: End, bytes: &'b [u8], followed: &mut Followed) -> &'b [u8] {
        let direction = self.direction(end);
        let kept = direction.head_len;
        if kept == 0 {
            let (start, length) = (direction.at, self.message(read, end, bytes, followed));
            return self.direction(end).took(start, length, bytes);
        }
        let (head, joined) = direction.joined(bytes);
        let start = direction.at.wrapping_sub(kept as u32);
        let length = self.message(read, end, head.get(..joined).unwrap_or_default(), followed);
        let direction = self.direction(end);
        direction.head_len = 0;
        match length {
            Some(0) => {
                // Still too short: everything that came is kept, unless the head has no end.
                (direction.head, direction.head_len) = (head, joined);
                let taken = joined - kept;
                direction.at = direction.at.wrapping_add(taken as u32);
                direction.next = direction.at;
                if joined == HEAD_BYTES {
                    direction.head_len = 0;
                    return direction.skip(bytes.get(taken..).unwrap_or_default());
                }
                bytes.get(taken..).unwrap_or_default()
            }
            Some(length) => {
                direction.next = start.wrapping_add(length as u32);
                if (direction.next.wrapping_sub(direction.at) as i32) < 0 {
                    direction.next = direction.at;
                }
                bytes
            }
            None => direction.skip(bytes),
        }
    }

    /// Reads one message: its length, 0 where its head is not whole, `None` where it is none.
    fn message(&mut self, read: Read, end: End, bytes: &[u8], followed: &mut Followed) -> Option<usize> {
        match read(bytes) {
            Reading::Found(message) => {
                self.misfits = 0;
                followed.news |= Arc::make_mut(&mut self.dealings).note(end, self.opener, &message);
                followed.speaker = followed.speaker.or(message.speaker);
                Some(message.length.max(1))
            }
            Reading::More => Some(0),
            Reading::Other => {
                self.misfits = self.misfits.saturating_add(1);
                None
            }
        }
    }

    fn direction(&mut self, end: End) -> &mut Direction {
        match end {
            End::Low => &mut self.low,
            End::High => &mut self.high,
        }
    }
}

impl Direction {
    /// True where the bytes up to `offset`, which have not come, are all of one message whose head is read.
    fn may_pass_over(&self, offset: u32) -> bool {
        self.head_len == 0 && (self.next.wrapping_sub(offset) as i32) >= 0
    }

    /// Bytes up to `offset` will not come. Where they hide the beginning of a message, the next segment is taken to begin
    /// one.
    fn jump(&mut self, offset: u32) {
        if !self.may_pass_over(offset) {
            (self.next, self.head_len) = (offset, 0);
        }
        self.at = offset;
    }

    /// Puts a segment by that came too early.
    fn put_by(&mut self, offset: u32, payload: &[u8]) {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(payload);
        self.late.push((offset, buffer));
    }

    /// The segment that was put by first.
    fn first_late(&mut self) -> Option<(u32, Vec<u8>)> {
        if self.late.is_empty() { None } else { Some(self.late.remove(0)) }
    }

    /// A segment that came too early and is due now.
    fn next_late(&mut self) -> Option<(u32, Vec<u8>)> {
        let due = |(offset, _): &(u32, Vec<u8>)| (self.at.wrapping_sub(*offset) as i32) >= 0;
        let place = self.late.iter().position(due)?;
        Some(self.late.swap_remove(place))
    }

    /// Takes the message that began at `start` with `bytes`; returns what is behind its head.
    fn took<'b>(&mut self, start: u32, length: Option<usize>, bytes: &'b [u8]) -> &'b [u8] {
        match length {
            Some(0) if bytes.len() < HEAD_BYTES => {
                if let Some(head) = self.head.get_mut(..bytes.len()) {
                    head.copy_from_slice(bytes);
                }
                self.head_len = bytes.len();
                self.at = start.wrapping_add(bytes.len() as u32);
                self.next = self.at;
                &[]
            }
            Some(0) | None => self.skip(bytes),
            Some(length) => {
                self.next = start.wrapping_add(length as u32);
                bytes
            }
        }
    }

    /// Passes over bytes that are no message: the next segment may begin one.
    fn skip<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        self.at = self.at.wrapping_add(bytes.len() as u32);
        self.next = self.at;
        &[]
    }

    /// The head kept so far with as many of `bytes` as there is room for, and how many bytes that is.
    fn joined(&self, bytes: &[u8]) -> ([u8; HEAD_BYTES], usize) {
        let mut head = self.head;
        let room = head.get_mut(self.head_len..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        if let (Some(room), Some(bytes)) = (room.get_mut(..taken), bytes.get(..taken)) {
            room.copy_from_slice(bytes);
        }
        (head, self.head_len + taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::modbus;
    use proptest::prelude::*;

    /// Requests: reads and writes of registers, by turns.
    fn requests(count: u16) -> Vec<u8> {
        let request = |n: u16| match n % 3 {
            0 => [&n.to_be_bytes()[..], &[0, 0, 0, 6, 1, 3, 0, 0, 0, 10]].concat(),
            1 => [&n.to_be_bytes()[..], &[0, 0, 0, 6, 1, 6, 0, 1, 0, 2]].concat(),
            _ => [&n.to_be_bytes()[..], &[0, 0, 0, 11, 1, 16, 0, 1, 0, 2, 4, 0, 1, 0, 2]].concat(),
        };
        (0..count).flat_map(request).collect()
    }

    fn dialogue(first: &[u8]) -> Dialogue {
        Dialogue::claimed(first, [&modbus::PROTOCOL].into_iter()).unwrap()
    }

    fn commands(dialogue: &Dialogue) -> [u32; 4] {
        dialogue.dealings().of(End::Low).commands
    }

    proptest! {
        #[test]
        fn splitting_and_repeating_segments_changes_nothing(
            cuts in prop::collection::btree_set(1usize..400, 0..40), repeat in any::<u64>(),
        ) {
            let bytes = requests(30);
            let mut edges: Vec<usize> = cuts.into_iter().filter(|&cut| cut < bytes.len()).collect();
            edges.push(bytes.len());
            let mut follower = dialogue(&bytes);
            let mut start = 0;
            for (index, end) in edges.into_iter().enumerate() {
                for _ in 0..=(repeat >> (index % 64) & 1) {
                    follower.follow(End::Low, start as u32, &bytes[start..end]);
                }
                start = end;
            }
            prop_assert_eq!(commands(&follower), [10, 20, 0, 0]);
        }
    }

    #[test]
    fn segments_that_swap_places_are_read_all_the_same() {
        let bytes = requests(30);
        let mut follower = dialogue(&bytes);
        let edges: Vec<usize> = (0..=10).map(|n| (n * 41 + 20 * usize::from(n % 3 == 1)).min(bytes.len())).collect();
        let mut order: Vec<usize> = (0..10).collect();
        order.swap(3, 4);
        order.swap(6, 7);
        for index in order {
            follower.follow(End::Low, edges[index] as u32, &bytes[edges[index]..edges[index + 1]]);
        }
        assert_eq!(commands(&follower), [10, 20, 0, 0]);
    }

    #[test]
    fn behind_a_loss_the_next_segment_begins_a_message() {
        let bytes = requests(30);
        let mut follower = dialogue(&bytes);
        follower.follow(End::Low, 0, &bytes[..20]);
        for start in (41 * 5..bytes.len()).step_by(41) {
            follower.follow(End::Low, start as u32, &bytes[start..start + 41]);
        }
        assert_eq!(commands(&follower), [6, 11, 0, 0], "{follower:?}");
    }

    #[test]
    fn a_flow_that_turns_to_something_else_is_given_up() {
        let bytes = requests(1);
        let mut follower = dialogue(&bytes);
        follower.follow(End::Low, 0, &bytes);
        assert!(!follower.is_over());
        (0..u32::from(PATIENCE)).for_each(|n| _ = follower.follow(End::High, n * 10, b"HTTP/1.1 2"));
        assert!(follower.is_over());
        assert_eq!(commands(&follower), [1, 0, 0, 0]);
    }
}

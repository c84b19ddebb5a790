//! Flow records on their way from the judge's thread to an output.
//!
//! A flow record is no alert: it has no place in the journal, and where the output is slower than the network for longer
//! than the queue is deep, records are lost by policy and counted ([`WhenFull`]). The judge's thread writes records into
//! chunks and hands a chunk over once it is full, or at once where the output waits for one.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

use super::counters::Counters;
use super::shipper::Shipper;
use super::{Context, Ended, Message, Output, StartError, Target};
use crate::detect::{Direction, Judged};
use crate::encode::ecs;
use crate::net::Timestamp;

/// A chunk is handed over from this size on.
const CHUNK_BYTES: usize = 64 << 10;

/// What happens to records where the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The new ones are dropped and counted: capture goes on.
    DropNew,
    /// The judge waits: for replays, where nothing is lost by waiting.
    Block,
}

/// A flow output as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowOptions {
    /// Its name.
    pub name: String,
    /// Where to.
    pub target: Target,
    /// Memory for records that wait, at most.
    pub queue_bytes: usize,
    /// What happens beyond that.
    pub when_full: WhenFull,
}

/// Records one after the other.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

struct Record {
    at: Timestamp,
    end: usize,
    /// Address of the home side.
    asset: String,
}

/// The judge's end of the queue. Dropping it ends the [`FlowDelivery`] once it has delivered the rest.
pub struct FlowQueue {
    sender: Sender<Chunk>,
    chunk: Chunk,
    when_full: WhenFull,
    counters: Arc<Counters>,
    abandoned: bool,
}

/// The output's end of the queue.
pub struct FlowDelivery {
    receiver: Receiver<Chunk>,
    shipper: Shipper,
}

impl FlowQueue {
    /// Both ends.
    ///
    /// # Errors
    /// The key that is wrong.
    pub fn open(options: &FlowOptions, context: &Context) -> Result<(FlowQueue, FlowDelivery), StartError> {
        let transport = options.target.open(context)?;
        let (sender, receiver) = channel((options.queue_bytes / CHUNK_BYTES).max(2));
        let counters = Arc::new(Counters::default());
        let shipper = Shipper::new(&options.name, transport, Arc::clone(&counters), context);
        let (chunk, when_full) = (Chunk::default(), options.when_full);
        let queue = FlowQueue { sender, chunk, when_full, counters, abandoned: false };
        Ok((queue, FlowDelivery { receiver, shipper }))
    }

    /// What was delivered and dropped so far, to be read while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Appends one record that `write` ends with a line feed.
    pub(super) fn push(&mut self, at: Timestamp, asset: String, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.chunk.bytes);
        self.chunk.records.push(Record { at, end: self.chunk.bytes.len(), asset });
        if self.chunk.bytes.len() >= CHUNK_BYTES {
            self.hand_over();
        }
    }

    /// Leaves the chunk empty, whatever became of it.
    fn hand_over(&mut self) {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.records.is_empty() {
            return;
        }
        let sent = match self.when_full {
            WhenFull::DropNew => self.sender.try_send(chunk).map_err(|error| match error {
                TrySendError::Full(chunk) => (chunk, false),
                TrySendError::Closed(chunk) => (chunk, true),
            }),
            WhenFull::Block => self.sender.blocking_send(chunk).map_err(|error| (error.0, true)),
        };
        if let Err((chunk, abandoned)) = sent {
            self.counters.dropped(chunk.records.len() as u64);
            self.abandoned |= abandoned;
        }
    }
}

impl Output for FlowQueue {
    fn flow(&mut self, judged: &Judged<'_>) {
        let update = judged.update;
        let home = match judged.direction {
            Direction::Inbound => update.responder.endpoint.address,
            Direction::Outbound | Direction::Internal | Direction::External => update.initiator.endpoint.address,
        };
        self.push(update.last_seen, home.to_string(), |out| ecs::flow(judged, out));
    }

    /// Hands over less than a chunk only where the output has nothing to do: under load chunks stay whole.
    fn flush(&mut self) {
        if self.sender.capacity() == self.sender.max_capacity() {
            self.hand_over();
        }
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned
    }
}

impl Drop for FlowQueue {
    fn drop(&mut self) {
        self.hand_over();
    }
}

impl FlowDelivery {
    /// Delivers until the queue ends or `deadline` is ready.
    pub async fn run(mut self, deadline: impl Future<Output = ()> + Send) -> Ended {
        let deliver = async {
            while let Some(chunk) = self.receiver.recv().await {
                self.shipper.ship(chunk.messages()).await;
            }
            self.shipper.close().await;
        };
        tokio::select! {
            () = deliver => Ended::Drained,
            () = deadline => Ended::Deadline,
        }
    }
}

impl Chunk {
    fn messages(self) -> Vec<Message> {
        let mut begin = 0;
        let message = |record: Record| {
            let line = self.bytes.get(begin..record.end).unwrap_or_default();
            begin = record.end;
            Message {
                id: String::new(),
                asset: record.asset,
                jurisdiction: String::new(),
                kind: "flow".to_owned(),
                at: record.at,
                severity: 0,
                bytes: line.strip_suffix(b"\n").unwrap_or(line).to_vec(),
            }
        };
        self.records.into_iter().map(message).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::{Pace, Reopen, file};

    fn opened(path: &std::path::Path, when_full: WhenFull) -> (FlowQueue, FlowDelivery) {
        let file =
            file::Options { path: path.to_owned(), rotate_bytes: None, rotate_every: None, keep: 1, compress: false };
        let options = FlowOptions {
            name: "flows".to_owned(),
            target: Target::File(file),
            queue_bytes: 4 * CHUNK_BYTES,
            when_full,
        };
        let context = Context {
            hostname: "sensor".to_owned(),
            clock: || Timestamp::ZERO,
            reopen: Reopen::default(),
            seed: 1,
            pace: Pace::default(),
        };
        FlowQueue::open(&options, &context).unwrap()
    }

    fn fill(queue: &mut FlowQueue, records: u64) {
        for number in 0..records {
            let line = format!("{{\"n\":{number},\"pad\":\"{}\"}}\n", "x".repeat(1_000));
            queue.push(Timestamp::ZERO, String::new(), |out| out.extend_from_slice(line.as_bytes()));
        }
    }

    fn drain(delivery: FlowDelivery) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(delivery.run(std::future::pending()))
    }

    #[test]
    fn what_finds_the_queue_full_is_dropped_and_counted_and_the_rest_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        let (mut queue, delivery) = opened(&path, WhenFull::DropNew);
        fill(&mut queue, 1_000);
        let counters = queue.counters();
        drop(queue);
        assert_eq!(drain(delivery), Ended::Drained);
        let (written, told) = (std::fs::read_to_string(&path).unwrap(), counters.read());
        assert_eq!(written.lines().count() as u64, told.delivered);
        assert_eq!(told.delivered + told.dropped, 1_000);
        assert!(told.dropped > 0 && told.delivered > 200, "{told:?}");
        assert!(written.starts_with("{\"n\":0,"), "the old ones are kept");
    }

    #[test]
    fn a_replay_waits_for_the_output_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows");
        let (mut queue, delivery) = opened(&path, WhenFull::Block);
        let counters = queue.counters();
        let judge = std::thread::spawn(move || fill(&mut queue, 2_000));
        assert_eq!(drain(delivery), Ended::Drained);
        judge.join().unwrap();
        assert_eq!((counters.read().delivered, counters.read().dropped), (2_000, 0));
        let written = std::fs::read_to_string(&path).unwrap();
        let numbers: Vec<u64> = written.lines().map(|line| line[5..line.find(',').unwrap()].parse().unwrap()).collect();
        assert!(numbers.into_iter().eq(0..2_000), "in order");
    }
}

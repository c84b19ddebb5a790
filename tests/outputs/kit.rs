//! What the tests of outputs share: records, a delivery on a thread of its own, and the count of what arrived.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use borderflow::deliver::{
    Context, Counters, Delivered, Delivery, Ended, Filter, Options, Pace, Reopen, Source, Target,
};
use borderflow::encode::Format;
use borderflow::journal::{Entry, Stored};
use borderflow::net::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// More than any peer needs, so that a test that fails says so.
const PATIENCE: Duration = Duration::from_secs(40);
/// Entries handed over at once, as the journal does under load.
const AT_ONCE: u64 = 50;

pub(crate) fn id(number: u64) -> String {
    format!("id-{number:06}")
}

/// Record `number`, `padding` bytes longer than it must be.
pub(crate) fn stored(number: u64, padding: usize) -> Arc<Stored> {
    let id = id(number);
    let at = Timestamp::from_parts(1_756_887_300 + number, 0);
    let pad = "x".repeat(padding);
    let body = format!(
        "{{\"@timestamp\":\"{at}\",\"message\":\"žluťoučký kůň \\\"{number}\\\"\",\"event\":{{\"id\":\"{id}\",\"dataset\":\"borderflow.alert\"}},\"pad\":\"{pad}\"}}"
    );
    let severity = u8::try_from(number % 100).unwrap();
    Arc::new(Stored {
        seq: number + 1,
        entry: Entry {
            id,
            finding: "finding".to_owned(),
            at,
            severity,
            kind: if number.is_multiple_of(2) { "egress" } else { "attempt" }.to_owned(),
            step: "opened".to_owned(),
            asset: format!("pump {}", number % 3),
            jurisdiction: "CN".to_owned(),
            body: body.into_bytes(),
        },
    })
}

/// The journal's feed, played by the test.
struct Feed {
    receiver: UnboundedReceiver<Vec<Arc<Stored>>>,
    acknowledged: Arc<AtomicU64>,
}

impl Source for Feed {
    async fn next(&mut self) -> Option<Vec<Arc<Stored>>> {
        self.receiver.recv().await
    }

    async fn acknowledge(&mut self, seq: u64) {
        let before = self.acknowledged.swap(seq, Ordering::SeqCst);
        assert!(before <= seq, "a cursor moves forward only");
    }
}

/// A delivery on a thread of its own.
pub(crate) struct Running {
    feed: Option<UnboundedSender<Vec<Arc<Stored>>>>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) counters: Arc<Counters>,
    acknowledged: Arc<AtomicU64>,
    pub(crate) reopen: Reopen,
    thread: Option<JoinHandle<Ended>>,
}

pub(crate) fn context() -> Context {
    Context {
        hostname: "sensor-1".to_owned(),
        clock: borderflow::run::now,
        reopen: Reopen::default(),
        seed: 7,
        pace: Pace { floor: Duration::from_millis(10), ceiling: Duration::from_millis(300) },
    }
}

impl Running {
    pub(crate) fn start(target: Target) -> Running {
        Running::filtered(target, Filter::default())
    }

    pub(crate) fn filtered(target: Target, filter: Filter) -> Running {
        let (feed, receiver) = unbounded_channel();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let source = Feed { receiver, acknowledged: Arc::clone(&acknowledged) };
        let context = context();
        let reopen = context.reopen.clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let options = Options { name: "test".to_owned(), target, format: Format::Ecs, filter };
                let delivery = Delivery::open(options, source, &context).unwrap();
                tell.send(delivery.counters()).unwrap();
                delivery
                    .run(async {
                        let _ = stopped.await;
                    })
                    .await
            })
        });
        let counters = told.recv().expect("the output opens");
        Running { feed: Some(feed), stop: Some(stop), counters, acknowledged, reopen, thread: Some(thread) }
    }

    /// Hands over these records.
    pub(crate) fn feed(&self, numbers: Range<u64>) {
        self.feed_padded(numbers, 0);
    }

    pub(crate) fn feed_padded(&self, numbers: Range<u64>, padding: usize) {
        let mut next = numbers.start;
        while next < numbers.end {
            let end = (next + AT_ONCE).min(numbers.end);
            let entries = (next..end).map(|number| stored(number, padding)).collect();
            self.feed.as_ref().unwrap().send(entries).unwrap();
            next = end;
        }
    }

    pub(crate) fn feed_one(&self, entry: Arc<Stored>) {
        self.feed.as_ref().unwrap().send(vec![entry]).unwrap();
    }

    /// Waits until the cursor stands behind record `number`.
    pub(crate) fn wait_acknowledged(&self, number: u64) {
        wait(&format!("the cursor at {number}: {:?}", self.counters.read()), || {
            self.acknowledged.load(Ordering::SeqCst) > number
        });
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Nothing more comes: waits until all is delivered.
    pub(crate) fn drain(mut self) -> Delivered {
        drop(self.feed.take());
        let thread = self.thread.take().unwrap();
        wait(&format!("the end: {:?}", self.counters.read()), || thread.is_finished());
        assert_eq!(thread.join().unwrap(), Ended::Drained);
        self.counters.read()
    }

    /// Time is up.
    pub(crate) fn stop(mut self) -> Delivered {
        drop(self.stop.take());
        assert_eq!(self.thread.take().unwrap().join().unwrap(), Ended::Deadline);
        self.counters.read()
    }
}

/// Waits until `done`, for as long as any peer can need.
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The ids in a text, in order.
pub(crate) fn ids(text: &str) -> Vec<String> {
    let marked = text.match_indices("\"id\":\"id-").filter_map(|(at, mark)| {
        let begin = at + mark.len() - 3;
        text.get(begin..begin + 9)
    });
    marked.map(str::to_owned).collect()
}

/// Checks that every record arrived at least once and, counting each when it came first, in order. Says how many came
/// more than once.
pub(crate) fn tally(peer: &str, arrived: &[String], expected: Range<u64>) -> usize {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first: Vec<&str> = Vec::new();
    for id in arrived {
        let count = times.entry(id).or_default();
        if *count == 0 {
            first.push(id);
        }
        *count += 1;
    }
    let wanted: Vec<String> = expected.map(id).collect();
    let missing: Vec<&String> = wanted.iter().filter(|id| !times.contains_key(id.as_str())).collect();
    let doubled = times.values().filter(|count| **count > 1).count();
    println!("{peer}: {} of {} arrived, {doubled} more than once", times.len(), wanted.len());
    assert!(missing.is_empty(), "{peer}: {} lost, first {:?}", missing.len(), missing.first());
    assert_eq!(first, wanted, "{peer}: the order");
    doubled
}

//! How many alerts a second does the journal take, and hand to two outputs?
//!
//! Records of 3.5 KB; `fsync` with each transaction, on the disk of the directory for temporary files or of
//! `BORDERFLOW_BENCH_DIR`.

#![expect(clippy::unwrap_used, reason = "a bench stops at what it did not expect")]

use std::env;
use std::path::PathBuf;

use borderflow::deliver::{Feed, Outbox};
use borderflow::journal::{Change, Entry, Journal, Options};
use borderflow::net::Timestamp;
use divan::Bencher;
use divan::counter::ItemsCount;

const BODY_BYTES: usize = 3_500;
const ALERTS: u64 = 20_000;

fn main() {
    divan::main();
}

fn directory() -> PathBuf {
    env::var_os("BORDERFLOW_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from)
}

/// Alerts whose ids are as random as hashes are.
fn alerts(numbers: std::ops::Range<u64>) -> Change {
    let alert = |number: u64| {
        let random = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Entry {
            id: format!("{:016x}{:016x}{number:08x}", random, random.rotate_left(29) ^ number),
            finding: format!("{random:040x}"),
            at: Timestamp::from_parts(1_762_934_400 + number / 1_000, 0),
            severity: 70,
            kind: "egress".to_owned(),
            step: "opened".to_owned(),
            asset: format!("pump-{}", number % 1_000),
            jurisdiction: "CN".to_owned(),
            body: vec![b'x'; BODY_BYTES],
        }
    };
    Change { entries: numbers.map(alert).collect(), ..Change::default() }
}

#[divan::bench(args = [1, 100, 1_000], sample_count = 8, sample_size = 1)]
fn append_batches_of(bencher: Bencher<'_, '_>, batch: u64) {
    let batches = (ALERTS / batch).min(500);
    let folder = tempfile::tempdir_in(directory()).unwrap();
    let mut journal = Journal::open(&folder.path().join("journal.db"), &Options::default()).unwrap();
    let mut next = 0;
    let input = || {
        next += batches * batch;
        let start = next;
        (0..batches).map(|number| alerts(start + number * batch..start + (number + 1) * batch)).collect::<Vec<_>>()
    };
    bencher.counter(ItemsCount::new(batches * batch)).with_inputs(input).bench_local_values(|changes| {
        for change in changes {
            assert!(!journal.append(change).held);
        }
    });
}

/// The file has its size, so that each batch removes as much as it adds.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn append_to_a_full_file(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir_in(directory()).unwrap();
    let options = Options { max_bytes: 64 << 20, ..Options::default() };
    let mut journal = Journal::open(&folder.path().join("journal.db"), &options).unwrap();
    let mut next = 0;
    let mut batches = || {
        next += ALERTS;
        let start = next;
        (0..ALERTS / 500).map(|number| alerts(start + number * 500..start + (number + 1) * 500)).collect::<Vec<_>>()
    };
    for change in batches() {
        assert!(!journal.append(change).held);
    }
    bencher.counter(ItemsCount::new(ALERTS)).with_inputs(batches).bench_local_values(|changes| {
        for change in changes {
            assert!(!journal.append(change).held);
        }
    });
    assert!(journal.counters().file_bytes < 66 << 20);
}

async fn drain(mut feed: Feed) -> u64 {
    let mut count = 0;
    while let Some(entries) = feed.next().await {
        count += entries.len() as u64;
        let last = entries.last().unwrap().seq;
        feed.acknowledge(last).await;
    }
    count
}

/// One alert a change, as the judge hands them on.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn outbox_into_two_feeds(bencher: Bencher<'_, '_>) {
    let input = || (0..ALERTS).map(|number| alerts(number..number + 1)).collect::<Vec<_>>();
    bencher.counter(ItemsCount::new(ALERTS)).with_inputs(input).bench_local_values(|changes| {
        let folder = tempfile::tempdir_in(directory()).unwrap();
        let journal = Journal::open(&folder.path().join("journal.db"), &Options::default()).unwrap();
        let (outbox, feeds) = Outbox::start(journal, &["siem", "archive"]).unwrap();
        let outputs = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let tasks: Vec<_> = feeds.into_iter().map(|feed| tokio::spawn(drain(feed))).collect();
                let mut counts = Vec::new();
                for task in tasks {
                    counts.push(task.await.unwrap());
                }
                counts
            })
        });
        for change in changes {
            outbox.append(change);
        }
        outbox.finish();
        let counts = outputs.join().unwrap();
        assert_eq!(counts, [ALERTS, ALERTS]);
        assert_eq!(outbox.close().backlog.iter().map(|(_, behind)| behind).sum::<u64>(), 0);
    });
}

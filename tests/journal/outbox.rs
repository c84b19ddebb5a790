//! The outbox between a judge that does not wait and outputs that do as they like.

use std::time::{Duration, Instant};

use borderflow::deliver::{Feed, Outbox};
use borderflow::journal::{Journal, Options};

use super::kit::*;

/// Takes entries and acknowledges them until nothing is left; the places it saw.
async fn drain(mut feed: Feed, pause: Duration) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(entries) = feed.next().await {
        assert!(!entries.is_empty() && entries.len() <= 500);
        seen.extend(entries.iter().map(|stored| stored.seq));
        feed.acknowledge(*seen.last().unwrap()).await;
        tokio::time::sleep(pause).await;
    }
    seen
}

#[tokio::test]
async fn a_slow_and_a_dead_output_delay_nobody() {
    let scratch = Scratch::new();
    let (outbox, mut feeds) = Outbox::start(open(&scratch.file()), &["fast", "slow", "dead"]).unwrap();
    let dead = feeds.pop().unwrap();
    let slow = tokio::spawn(drain(feeds.pop().unwrap(), Duration::from_millis(300)));
    let fast = tokio::spawn(drain(feeds.pop().unwrap(), Duration::ZERO));
    let judge = std::thread::spawn(move || {
        for start in (0..5_000).step_by(10) {
            outbox.append(change(start..start + 10, 500));
        }
        outbox.finish();
        outbox
    });
    let seen = tokio::time::timeout(Duration::from_secs(10), fast).await.unwrap().unwrap();
    assert_eq!(seen, (1..=5_000).collect::<Vec<u64>>());
    assert!(!slow.is_finished(), "the slow one is still at it");
    let seen = tokio::time::timeout(Duration::from_secs(60), slow).await.unwrap().unwrap();
    assert_eq!(seen, (1..=5_000).collect::<Vec<u64>>());
    let closed = judge.join().unwrap().close();
    assert_eq!(closed.counters.added, 5_000);
    let backlog = [("dead", 5_000), ("fast", 0), ("slow", 0)].map(|(name, behind)| (name.to_owned(), behind));
    assert_eq!(closed.backlog, backlog);
    assert_eq!(closed.troubles, []);
    drop(dead);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "measures a delay")]
async fn an_alert_reaches_a_waiting_output_at_once() {
    let scratch = Scratch::new();
    let (outbox, mut feeds) = Outbox::start(open(&scratch.file()), &["siem"]).unwrap();
    let mut feed = feeds.pop().unwrap();
    let mut delays = Vec::new();
    for number in 0..60 {
        let waiting = tokio::spawn(async move {
            let entries = feed.next().await.unwrap();
            let seen = Instant::now();
            feed.acknowledge(entries.last().unwrap().seq).await;
            (feed, seen)
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        let start = Instant::now();
        outbox.append(change([number], 500));
        let seen;
        (feed, seen) = waiting.await.unwrap();
        delays.push(seen - start);
    }
    delays.sort();
    assert!(delays[30] < Duration::from_millis(10), "median {:?}, longest {:?}", delays[30], delays[59]);
    eprintln!("from append to the output: median {:?}, longest {:?}", delays[30], delays[59]);
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_after_a_restart() {
    let scratch = Scratch::new();
    let (outbox, mut feeds) = Outbox::start(open(&scratch.file()), &["siem"]).unwrap();
    outbox.append(change(0..10, 100));
    let mut feed = feeds.pop().unwrap();
    assert_eq!(feed.next().await.unwrap().len(), 10);
    feed.acknowledge(4).await;
    assert_eq!(feed.next().await.unwrap()[0].seq, 5);
    assert_eq!(feed.next().await.unwrap()[0].seq, 5, "asked again, given again");
    assert_eq!(feed.after(8).await.unwrap()[0].seq, 9, "or from further on");
    assert_eq!(outbox.close().backlog, [("siem".to_owned(), 6)]);
    assert!(feed.next().await.is_none());
    let (outbox, mut feeds) = Outbox::start(open(&scratch.file()), &["siem"]).unwrap();
    assert_eq!(outbox.backlog(), [("siem".to_owned(), 6)]);
    assert_eq!(feeds[0].next().await.unwrap()[0].seq, 5);
}

#[tokio::test]
async fn a_feed_that_stops_waiting_loses_nothing() {
    let scratch = Scratch::new();
    let (outbox, mut feeds) = Outbox::start(open(&scratch.file()), &["siem"]).unwrap();
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(5), feeds[0].next()).await.is_err());
    }
    outbox.append(change(0..3, 10));
    assert_eq!(feeds[0].next().await.unwrap().len(), 3);
}

#[test]
fn many_small_changes_share_a_transaction() {
    let scratch = Scratch::new();
    let (outbox, _feeds) = Outbox::start(Journal::open(&scratch.file(), &Options::default()).unwrap(), &[]).unwrap();
    for number in 0..3_000 {
        outbox.append(change([number], 3_000));
    }
    let closed = outbox.close();
    assert_eq!(closed.counters.added, 3_000);
    assert!(closed.counters.commits < 1_000, "{} transactions", closed.counters.commits);
    assert_eq!(ids(&mut open(&scratch.file())), numbered(0..3_000));
}

#[test]
fn the_live_judge_is_never_held_up() {
    let scratch = Scratch::new();
    let (outbox, _feeds) = Outbox::start(Journal::open(&scratch.file(), &Options::default()).unwrap(), &[]).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for start in (0..100_000).step_by(1_000) {
        match outbox.try_append(change(start..start + 1_000, 3_000)) {
            Ok(()) => taken += 1_000,
            Err(change) => refused += change.entries.len() as u64,
        }
    }
    assert!(refused > 0, "a disk that takes 300 MB at once shows nothing");
    let closed = outbox.close();
    assert_eq!((closed.counters.added, closed.refused), (taken, refused), "each is entered or counted");
}

#[test]
fn what_was_wrong_with_the_file_is_told_before_anything_is_entered() {
    let scratch = Scratch::new();
    std::fs::write(scratch.file(), [b'#'; 10_000]).unwrap();
    let (outbox, _feeds) = Outbox::start(open(&scratch.file()), &["siem"]).unwrap();
    let troubles = outbox.take_troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert!(troubles[0].text.contains("journal.db.corrupt-1"), "{}", troubles[0].text);
}

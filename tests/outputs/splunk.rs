//! Splunk's HTTP Event Collector on a bad day, with and without indexer acknowledgement.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use borderflow::deliver::http::{HttpOptions, splunk};
use borderflow::deliver::{SecretSource, Target, TlsOptions};
use serde_json::Value;

use super::kit::{Running, stored, tally};
use super::server::{Answer, Request, serve};
use super::tls::Authority;

const TOKEN: &str = "4f1c-very-secret-token";

pub(crate) fn http(url: String, gzip: bool) -> HttpOptions {
    HttpOptions {
        url,
        tls: TlsOptions { insecure: true, ..TlsOptions::default() },
        gzip,
        timeout: Duration::from_secs(1),
    }
}

fn target(folder: &std::path::Path, http: HttpOptions, acknowledge: Option<Duration>) -> Target {
    let token = folder.join("token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    Target::Splunk(splunk::Options {
        http,
        token: SecretSource::File(token),
        index: Some("security".to_owned()),
        source: "borderflow".to_owned(),
        sourcetype: "borderflow:alert".to_owned(),
        acknowledge,
    })
}

/// The events of a request as Splunk would take them apart: JSON objects one after the other.
fn events(request: &Request) -> Vec<Value> {
    serde_json::Deserializer::from_str(&request.body).into_iter().map(Result::unwrap).collect()
}

fn event_id(event: &Value) -> String {
    assert_eq!(event["fields"]["event_id"], event["event"]["event"]["id"]);
    event["fields"]["event_id"].as_str().unwrap().to_owned()
}

fn success(ack: &str) -> Answer {
    Answer::ok(format!("{{\"text\":\"Success\",\"code\":0{ack}}}"))
}

#[test]
fn splunk_that_is_busy_broken_slow_or_cut_off_gets_every_event_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let indexed = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut number, mut busy_since) = (Arc::clone(&indexed), 0, None::<Instant>);
    let waited_for = Arc::new(Mutex::new(None));
    let told = Arc::clone(&waited_for);
    let port = serve(None, move |request| {
        assert_eq!(request.path, "/services/collector/event");
        assert_eq!(request.headers["authorization"], format!("Splunk {TOKEN}"));
        number += 1;
        if let Some(since) = busy_since.take() {
            *told.lock().unwrap() = Some(since.elapsed());
        }
        let take = || {
            for event in events(request) {
                assert_eq!((&event["index"], &event["host"]), (&"security".into(), &"sensor-1".into()));
                seen.lock().unwrap().push(event_id(&event));
            }
        };
        match number {
            2 => {
                busy_since = Some(Instant::now());
                Answer::Whole(429, "Retry-After: 1", "{\"text\":\"Server is busy\",\"code\":9}".to_owned())
            }
            4 => Answer::Whole(503, "", "{\"text\":\"Server is busy\",\"code\":9}".to_owned()),
            6 => Answer::Hang,
            8 => Answer::Close,
            10 => {
                take();
                Answer::Cut(200, "{\"text\":\"Succ".to_owned())
            }
            12 => Answer::Whole(200, "", "<html>captive portal</html>".to_owned()),
            _ => {
                take();
                success("")
            }
        }
    });
    let running = Running::start(target(folder.path(), http(format!("http://127.0.0.1:{port}"), true), None));
    running.feed(0..400);
    let told = running.drain();
    let doubled = tally("Splunk on a bad day", &indexed.lock().unwrap(), 0..400);
    assert_eq!(doubled, 50, "the batch whose answer was cut off");
    assert_eq!((told.delivered, told.refused, told.retries), (400, 0, 6));
    assert!(waited_for.lock().unwrap().unwrap() >= Duration::from_secs(1), "Retry-After is honoured");
}

#[test]
fn one_bad_event_is_passed_over_and_the_others_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let indexed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&indexed);
    let port = serve(None, move |request| {
        if request.body.contains("poison") {
            return Answer::Whole(400, "", "{\"text\":\"Invalid data format\",\"code\":6}".to_owned());
        }
        seen.lock().unwrap().extend(events(request).iter().map(event_id));
        success("")
    });
    let running = Running::start(target(folder.path(), http(format!("http://127.0.0.1:{port}/"), false), None));
    running.feed(0..130);
    let mut bad = (*stored(130, 0)).clone();
    bad.entry.body = b"{\"@timestamp\":\"2025-09-03T08:17:10.000000000Z\",\"event\":{\"id\":\"id-000130\",\"dataset\":\"borderflow.alert\"},\"x\":\"poison\"}".to_vec();
    running.feed_one(Arc::new(bad));
    running.feed(131..300);
    let told = running.drain();
    let mut arrived = indexed.lock().unwrap().clone();
    arrived.insert(130, super::kit::id(130));
    assert_eq!(tally("Splunk with a bad event", &arrived, 0..300), 0);
    assert_eq!((told.delivered, told.refused), (299, 1));
    assert!(told.last_error.contains("Invalid data format"), "{}", told.last_error);
}

#[test]
fn with_acknowledgement_events_count_once_they_are_indexed_and_come_again_where_they_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let indexed = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut waiting, mut next) = (Arc::clone(&indexed), BTreeMap::new(), 0_u64);
    let mut channels = std::collections::BTreeSet::new();
    let port = serve(Some(&authority), move |request| {
        channels.insert(request.headers["x-splunk-request-channel"].clone());
        assert_eq!(channels.len(), 1, "one channel for all");
        if request.path.starts_with("/services/collector/ack?channel=") {
            let asked: Value = serde_json::from_str(&request.body).unwrap();
            let id = asked["acks"][0].as_u64().unwrap();
            // The second batch is lost before it is indexed; the others are at the second question.
            let (asked, events): &mut (u32, Vec<String>) = waiting.get_mut(&id).unwrap();
            *asked += 1;
            let done = id != 1 && *asked >= 2;
            if done {
                seen.lock().unwrap().append(events);
            }
            return Answer::ok(format!("{{\"acks\":{{\"{id}\":{done}}}}}"));
        }
        let id = next;
        next += 1;
        waiting.insert(id, (0, events(request).iter().map(event_id).collect()));
        success(&format!(",\"ackId\":{id}"))
    });
    let tls = HttpOptions { tls: authority.trusted(), ..http(format!("https://localhost:{port}"), false) };
    let running = Running::start(target(folder.path(), tls, Some(Duration::from_secs(3))));
    running.feed(0..150);
    running.wait_acknowledged(49);
    let told = running.drain();
    assert_eq!(tally("Splunk with acknowledgement", &indexed.lock().unwrap(), 0..150), 0);
    assert_eq!((told.delivered, told.retries), (150, 1));
    assert!(told.last_error.contains("not indexed within 3 s"), "{}", told.last_error);
}

#[test]
fn a_token_never_shows_in_what_is_told_even_where_the_other_side_echoes_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = serve(None, |request| {
        Answer::Whole(403, "", format!("{{\"text\":\"{} is disabled\",\"code\":1}}", request.headers["authorization"]))
    });
    let target = target(folder.path(), http(format!("http://127.0.0.1:{port}"), false), None);
    assert!(!format!("{target} {target:?}").contains(TOKEN));
    let running = Running::start(target);
    running.feed(0..1);
    super::kit::wait("an attempt", || running.counters.read().retries > 1);
    let told = running.stop();
    assert!(told.last_error.contains("HTTP 403") && !told.last_error.contains(TOKEN), "{}", told.last_error);
}

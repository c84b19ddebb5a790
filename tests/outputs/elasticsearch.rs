//! Elasticsearch's `_bulk` on a bad day: an index that knows ids, and answers that differ per item.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use borderflow::deliver::http::elasticsearch::{Login, Options};
use borderflow::deliver::{SecretSource, Target};
use serde_json::{Value, json};

use super::kit::{Running, id, tally};
use super::server::{Answer, Request, serve};
use super::splunk::http;

/// Ids in the order in which they were created, and how often each was asked for.
#[derive(Default)]
struct Index {
    created: Vec<String>,
    times: BTreeMap<String, u32>,
}

/// The ids of a bulk request; each action is followed by its document.
fn asked(request: &Request) -> Vec<String> {
    let lines: Vec<Value> = request.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pairs = lines.chunks(2).map(|pair| {
        assert_eq!(pair[0]["create"]["_index"], "alerts");
        assert_eq!(pair[0]["create"]["_id"], pair[1]["event"]["id"]);
        pair[0]["create"]["_id"].as_str().unwrap().to_owned()
    });
    pairs.collect()
}

impl Index {
    /// 409 for what is there, `status` for what it names, else 201.
    fn bulk(&mut self, request: &Request, status: impl Fn(&str, u32) -> Option<u16>) -> Value {
        let items = asked(request).into_iter().map(|id| {
            let times = self.times.entry(id.clone()).or_default();
            *times += 1;
            if let Some(status) = status(&id, *times) {
                let error = json!({"type": "some_exception", "reason": "as the test wants"});
                return json!({"create": {"status": status, "error": error}});
            }
            if self.created.contains(&id) {
                let error = json!({"type": "version_conflict_engine_exception"});
                return json!({"create": {"status": 409, "error": error}});
            }
            self.created.push(id);
            json!({"create": {"status": 201}})
        });
        let items: Vec<Value> = items.collect();
        json!({"items": items})
    }
}

fn target(port: u16, login: Login) -> Target {
    Target::Elasticsearch(Options {
        http: http(format!("http://127.0.0.1:{port}/es"), false),
        index: "alerts".to_owned(),
        login,
    })
}

#[test]
fn items_fare_differently_and_each_record_is_there_once() {
    let index = Arc::new(Mutex::new(Index::default()));
    let behind = Arc::clone(&index);
    let port = serve(None, move |request| {
        assert!(request.path.starts_with("/es/_bulk"), "{}", request.path);
        let answer = behind.lock().unwrap().bulk(request, |id, times| match id {
            "id-000007" | "id-000031" if times <= 2 => Some(429),
            "id-000055" if times == 1 => Some(503),
            "id-000060" => Some(400),
            _ => None,
        });
        Answer::ok(answer.to_string())
    });
    let running = Running::start(target(port, Login::Nobody));
    running.feed(0..200);
    let told = running.drain();
    let index = index.lock().unwrap();
    let mut created = index.created.clone();
    let place = |id: &str| created.iter().position(|one| one == id).unwrap();
    // What is sent again comes in its own order, after its batch and before the next.
    assert!(place("id-000007") < place("id-000031") && place("id-000031") < place("id-000050"));
    assert!(place("id-000055") < place("id-000100"));
    assert!(!index.created.contains(&id(60)), "refused for good");
    assert_eq!(index.times["id-000008"], 1, "what was taken is not sent again");
    created.push(id(60));
    created.sort_unstable();
    assert_eq!(tally("Elasticsearch, per item", &created, 0..200), 0);
    assert_eq!((told.delivered, told.refused), (199, 1));
    assert!(told.retries >= 3);
}

#[test]
fn a_cluster_that_is_full_hangs_or_is_cut_off_in_the_body_has_each_record_once() {
    let index = Arc::new(Mutex::new(Index::default()));
    let (behind, mut number) = (Arc::clone(&index), 0);
    let port = serve(None, move |request| {
        number += 1;
        let mut index = behind.lock().unwrap();
        match number {
            1 => Answer::Whole(429, "retry-after: 1", "{\"error\":\"es_rejected_execution_exception\"}".to_owned()),
            2 => Answer::Whole(503, "", String::new()),
            // The records are in, and the answer is lost.
            3 => {
                index.bulk(request, |_, _| None);
                Answer::Hang
            }
            5 => {
                let answer = index.bulk(request, |_, _| None).to_string();
                Answer::Cut(200, answer.chars().take(40).collect())
            }
            7 => Answer::Close,
            9 => Answer::Whole(413, "", "too large".to_owned()),
            _ => Answer::ok(index.bulk(request, |_, _| None).to_string()),
        }
    });
    let running = Running::start(target(port, Login::Nobody));
    running.feed(0..300);
    let told = running.drain();
    let index = index.lock().unwrap();
    assert_eq!(tally("Elasticsearch on a bad day", &index.created, 0..300), 0);
    let twice = index.times.values().filter(|times| **times > 1).count();
    println!("Elasticsearch on a bad day: {twice} records were sent twice, and are there once");
    assert_eq!((told.delivered, told.refused), (300, 0));
}

#[test]
fn a_password_is_presented_as_http_wants_it_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "sesame").unwrap();
    let index = Arc::new(Mutex::new(Index::default()));
    let behind = Arc::clone(&index);
    let port = serve(None, move |request| {
        // printf 'sensor:sesame' | base64
        if request.headers.get("authorization").map(String::as_str) != Some("Basic c2Vuc29yOnNlc2FtZQ==") {
            return Answer::Whole(401, "", String::new());
        }
        Answer::ok(behind.lock().unwrap().bulk(request, |_, _| None).to_string())
    });
    let target = target(port, Login::User("sensor".to_owned(), SecretSource::File(path)));
    assert!(!format!("{target} {target:?}").contains("sesame"));
    let running = Running::start(target);
    running.feed(0..10);
    assert_eq!(running.drain().retries, 0);
    assert_eq!(tally("Elasticsearch with a password", &index.lock().unwrap().created, 0..10), 0);
}

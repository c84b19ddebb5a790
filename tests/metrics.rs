//! What the daemon tells over HTTP, to programs and to people: asked by hand over TCP.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says where it fails")]

#[path = "metrics/documents.rs"]
mod documents;
#[path = "metrics/guests.rs"]
mod guests;
#[path = "metrics/kit.rs"]
mod kit;
#[path = "metrics/openmetrics.rs"]
mod openmetrics;

use borderflow::run::status::{Journal, Link, State, Status, Url, ask};
use kit::{HOSTILE, get, running, send, serving};

#[test]
fn metrics_are_openmetrics_to_the_letter_whatever_things_are_called() {
    let (served, _board) = serving(running());
    let answer = get(served.address(), "/metrics");
    assert_eq!(answer.code, 200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let families = openmetrics::read(&answer.body).unwrap();
    assert!(families.keys().all(|name| name.starts_with("borderflow_")), "{:?}", families.keys());
    let outputs = &families["borderflow_output_delivered"];
    let names: Vec<&str> = outputs.samples.iter().map(|sample| sample.labels["output"].as_str()).collect();
    assert_eq!(names[1..], HOSTILE);
    let lost = &families["borderflow_capture_frames_lost"].samples;
    assert_eq!(lost.len(), 8);
    assert!(lost.iter().all(|sample| sample.value == 7.0 && sample.labels.contains_key("shard")));
    let delay = &families["borderflow_alert_delay_seconds"];
    assert_eq!(delay.samples.iter().find(|sample| sample.name.ends_with("_count")).unwrap().value, 6.0);
    assert!(
        answer
            .body
            .contains("borderflow_capture_wire_bytes_total{interface=\"eth0\",shard=\"0\"} 288230376151711743\n")
    );
}

#[test]
fn a_daemon_that_has_only_begun_gives_metrics_too() {
    let (served, _board) = serving(Status::default());
    let families = openmetrics::read(&get(served.address(), "/metrics").body).unwrap();
    assert_eq!(families["borderflow_ready"].samples[0].value, 0.0);
    assert!(families["borderflow_shard_stalls"].samples.is_empty());
}

#[test]
fn health_is_that_every_loop_comes_round() {
    let (served, board) = serving(running());
    let healthy = get(served.address(), "/healthz");
    assert_eq!((healthy.code, healthy.body.as_str()), (200, "healthy\n"));
    let mut status = running();
    status.shards[1].progress_age_ms = 12_400;
    // An interface that is down is for an operator, not for a restart.
    status.interfaces.iter_mut().for_each(|interface| interface.state = Link::Down);
    board.publish(status);
    let stuck = get(served.address(), "/healthz");
    assert_eq!((stuck.code, stuck.body.as_str()), (503, "shard 1 has not come round for 12 s\n"));
    assert_eq!(stuck.header("content-type"), "text/plain; charset=utf-8");
}

#[test]
fn readiness_is_that_it_sees_and_writes() {
    let (served, board) = serving(running());
    assert_eq!(get(served.address(), "/readyz").code, 200);
    let journal =
        Journal { held_entries: 3, held_bytes: 4000, last_error: "disk full".to_owned(), ..Journal::default() };
    board.publish(Status { state: State::Starting, interfaces: vec![], journal, ..running() });
    let unready = get(served.address(), "/readyz");
    assert_eq!(unready.code, 503);
    let expected = "it is starting\nno interface is up: it sees nothing\n\
        the journal does not write, 3 entries (4.0 kB) are in memory only: disk full\n";
    assert_eq!(unready.body, expected);
}

#[test]
fn the_status_comes_back_as_it_was_posted() {
    let (served, board) = serving(running());
    let answer = get(served.address(), "/status");
    assert_eq!((answer.code, answer.header("content-type")), (200, "application/json"));
    let status = ask(&Url::of(served.address())).unwrap();
    assert!(status.age_ms < 5_000);
    assert_eq!(Status { age_ms: 0, ..status }, *board.read());
}

#[test]
fn a_person_finds_the_pages_and_nothing_can_be_changed() {
    let (served, _board) = serving(running());
    let links = get(served.address(), "/").body;
    for page in ["/metrics", "/status", "/healthz", "/readyz"] {
        assert!(links.contains(&format!("href=\"{page}\"")), "{links}");
        let head =
            send(served.address(), format!("HEAD {page} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        assert_eq!((head.code, head.body.as_str()), (200, ""));
        for method in ["POST", "PUT", "DELETE"] {
            let request = format!("{method} {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assert_eq!(send(served.address(), request.as_bytes()).unwrap().code, 405);
        }
    }
    assert_eq!(get(served.address(), "/etc/passwd").code, 404);
}

#[test]
fn a_page_of_somebody_else_that_leads_its_own_name_here_reads_nothing() {
    let (served, _board) = serving(running());
    let answer = send(served.address(), b"GET /status HTTP/1.1\r\nHost: evil.example:9469\r\n\r\n").unwrap();
    assert_eq!((answer.code, answer.body.as_str()), (403, "ask by address or as localhost\n"));
}

#[test]
fn a_thousand_scrapes_while_the_board_changes_are_all_whole() {
    let (served, board) = serving(running());
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            let mut frames = 0;
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                frames += 1;
                let mut status = running();
                status.shards.iter_mut().for_each(|shard| shard.frames_read = frames);
                board.publish(status);
            }
        });
        for _ in 0..1000 {
            let families = openmetrics::read(&get(served.address(), "/metrics").body).unwrap();
            let read = &families["borderflow_frames_read"].samples;
            assert_eq!(read[0].value, read[1].value, "figures of two moments in one scrape");
        }
        drop(stop);
    });
}

#[test]
fn the_end_of_the_daemon_closes_the_door() {
    let (served, _board) = serving(running());
    let address = served.address();
    let _waiting = std::net::TcpStream::connect(address).unwrap();
    drop(served);
    assert!(std::net::TcpStream::connect(address).is_err());
}

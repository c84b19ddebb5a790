//! `borderflow status`: what a script and a person learn of a daemon.

use std::net::TcpListener;

use borderflow::run::metrics::{Served, serve};
use borderflow::run::status::{Board, Interface, Link, State, Status};

use super::kit::{Scratch, assert_fails};

/// A daemon's endpoint, and its address.
fn daemon(link: Link) -> (Served, String) {
    let interface = Interface { name: "span0".to_owned(), state: link, ..Interface::default() };
    let board = Board::default();
    board.publish(Status {
        version: "0.1.0".to_owned(),
        state: State::Running,
        interfaces: vec![interface],
        ..Status::default()
    });
    let served = serve(TcpListener::bind("127.0.0.1:0").unwrap(), board).unwrap();
    let address = served.address().to_string();
    (served, address)
}

#[test]
fn a_healthy_daemon_is_exit_status_0_and_one_line_says_so() {
    let (_served, address) = daemon(Link::Up);
    let outcome = Scratch::new().run(&["status", "--url", &format!("http://{address}")]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("healthy: 1 interface up, "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\nspan0      up "), "{}", outcome.stdout);
}

#[test]
fn what_is_wrong_comes_first_and_is_exit_status_1() {
    let (_served, address) = daemon(Link::Gone);
    let outcome = Scratch::new().run(&["status", "--url", &address]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let first = "unhealthy: no interface is up: it sees nothing; interface span0 is gone";
    assert_eq!(outcome.stdout.lines().next(), Some(first));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_program_gets_one_json_object_with_the_same_exit_status() {
    for (link, status, word) in [(Link::Up, 0, "up"), (Link::Down, 1, "down")] {
        let (_served, address) = daemon(link);
        let outcome = Scratch::new().run(&["status", "--format", "json", "--url", &address]);
        assert_eq!(outcome.status, Some(status), "{}", outcome.stderr);
        let object: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(object["interfaces"][0]["state"], word);
    }
}

#[test]
fn the_configuration_says_whom_to_ask_and_a_wildcard_is_asked_on_loopback() {
    let (_served, address) = daemon(Link::Up);
    let port = address.rsplit_once(':').unwrap().1;
    let scratch = Scratch::new();
    scratch.write("sensor.toml", format!("[metrics]\nlisten = \"0.0.0.0:{port}\"\n"));
    let outcome = scratch.run(&["status", "-c", "sensor.toml"]);
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
}

#[test]
fn a_daemon_that_is_not_there_is_exit_status_1_with_what_to_do() {
    let (served, address) = daemon(Link::Up);
    drop(served);
    let outcome = Scratch::new().run(&["status", "--url", &address]);
    assert_fails(&outcome, 1, &[&address, "is the daemon running"]);
}

#[test]
fn a_wrong_url_or_no_address_is_wrong_usage() {
    let scratch = Scratch::new();
    assert_fails(&scratch.run(&["status", "--url", "https://127.0.0.1:9469"]), 2, &["no TLS"]);
    assert_fails(&scratch.run(&["status", "--set", "metrics.listen=\"\""]), 2, &["metrics.listen is empty"]);
}

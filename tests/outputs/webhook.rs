//! A webhook: arrays and lines, a bearer token, a signature, one bad record, a proxy of the environment.

use std::fs;
use std::sync::{Arc, Mutex};

use borderflow::deliver::http::webhook::{Body, Options};
use borderflow::deliver::{Filter, SecretSource, Target};
use ring::hmac;

use super::kit::{Running, ids, tally};
use super::server::{Answer, serve};
use super::splunk::http;

#[test]
fn requests_are_signed_so_that_a_receiver_can_check_them_and_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (token, key) = (folder.path().join("token"), folder.path().join("key"));
    fs::write(&token, "bearer-secret").unwrap();
    fs::write(&key, "hmac-secret").unwrap();
    for (body, gzip) in [(Body::Array, false), (Body::Lines, true)] {
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut number) = (Arc::clone(&arrived), 0);
        let port = serve(None, move |request| {
            number += 1;
            if number % 3 == 2 {
                return Answer::Whole(500, "", "try later".to_owned());
            }
            assert_eq!(request.path, "/hook/secret-path");
            assert_eq!(request.headers["authorization"], "Bearer bearer-secret");
            let signed = format!("{}.{}", request.headers["x-borderflow-timestamp"], request.body);
            let signature = request.headers["x-borderflow-signature"].strip_prefix("sha256=").unwrap();
            let bytes: Vec<u8> =
                (0..64).step_by(2).map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap()).collect();
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"hmac-secret");
            hmac::verify(&key, signed.as_bytes(), &bytes).expect("the signature is right");
            if body == Body::Array {
                let array: serde_json::Value = serde_json::from_str(&request.body).unwrap();
                assert!(array.is_array());
            }
            seen.lock().unwrap().extend(ids(&request.body));
            Answer::Whole(204, "", String::new())
        });
        let target = Target::Webhook(Options {
            http: http(format!("http://127.0.0.1:{port}/hook/secret-path"), gzip),
            body,
            token: Some(SecretSource::File(token.clone())),
            hmac_key: Some(SecretSource::File(key.clone())),
        });
        assert!(!target.to_string().contains("secret"), "{target}");
        let running = Running::start(target);
        running.feed(0..250);
        let told = running.drain();
        assert_eq!(tally(&format!("webhook {body:?}"), &arrived.lock().unwrap(), 0..250), 0);
        assert!(told.retries > 0 && !told.last_error.contains("secret"), "{told:?}");
    }
}

#[test]
fn an_output_gets_only_what_its_filter_wants_and_its_cursor_passes_the_rest() {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrived);
    let port = serve(None, move |request| {
        seen.lock().unwrap().extend(ids(&request.body));
        Answer::ok("")
    });
    let plain = |port| {
        let http = http(format!("http://127.0.0.1:{port}"), false);
        Target::Webhook(Options { http, body: Body::Array, token: None, hmac_key: None })
    };
    let filter = Filter {
        min_severity: 60,
        assets: vec!["pump 0".to_owned(), "pump 1".to_owned()],
        jurisdictions: vec!["CN".to_owned()],
        kinds: vec!["egress".to_owned()],
    };
    let running = Running::filtered(plain(port), filter);
    running.feed(0..200);
    running.wait_acknowledged(199);
    let told = running.drain();
    let wanted = (0..200).filter(|number| number % 100 >= 60 && number % 3 < 2 && number % 2 == 0);
    assert_eq!(*arrived.lock().unwrap(), wanted.map(super::kit::id).collect::<Vec<_>>());
    assert_eq!(told.delivered + told.filtered, 200);

    let nothing = Filter { jurisdictions: vec!["RU".to_owned()], ..Filter::default() };
    let running = Running::filtered(plain(1), nothing);
    running.feed(0..50);
    running.wait_acknowledged(49);
    assert_eq!((running.drain().filtered, arrived.lock().unwrap().len()), (50, told.delivered as usize));
}

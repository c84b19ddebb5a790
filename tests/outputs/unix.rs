//! Unix sockets, streams and datagrams.

use std::io::Read as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::{Arc, Mutex};
use std::thread;

use borderflow::deliver::Target;

use super::kit::{Running, ids, tally, wait};

#[test]
fn a_stream_socket_that_comes_late_and_breaks_off_gets_every_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let running = Running::start(Target::UnixStream(path.clone()));
    running.feed(0..100);
    wait("attempts", || running.counters.read().retries > 2);
    let listener = UnixListener::bind(&path).unwrap();
    let arrived = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&arrived);
    let reader = thread::spawn(move || {
        // The first reader leaves in the middle of a record.
        let (mut first, _) = listener.accept().unwrap();
        let mut some = vec![0; 5_000];
        first.read_exact(&mut some).unwrap();
        let text = String::from_utf8_lossy(&some).into_owned();
        seen.lock().unwrap().push_str(&text[..text.rfind('\n').unwrap() + 1]);
        drop(first);
        let (mut second, _) = listener.accept().unwrap();
        let mut rest = String::new();
        second.read_to_string(&mut rest).unwrap();
        seen.lock().unwrap().push_str(&rest);
    });
    running.feed(100..400);
    let told = running.drain();
    reader.join().unwrap();
    let doubled = tally("Unix stream, cut off once", &ids(&arrived.lock().unwrap()), 0..400);
    println!("Unix stream, cut off once: {doubled} doubled");
    assert_eq!(told.delivered, 400);
}

#[test]
fn a_datagram_socket_gets_a_record_per_datagram() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    let reader = thread::spawn(move || {
        let (mut buffer, mut arrived) = (vec![0; 65_536], Vec::new());
        while arrived.len() < 300 {
            let count = socket.recv(&mut buffer).unwrap();
            let found = ids(std::str::from_utf8(&buffer[..count]).unwrap());
            assert_eq!(found.len(), 1);
            arrived.extend(found);
        }
        arrived
    });
    let running = Running::start(Target::UnixDatagram(path));
    running.feed(0..300);
    running.drain();
    assert_eq!(tally("Unix datagrams", &reader.join().unwrap(), 0..300), 0);
}

//! Receivers that keep what they get: HTTP (webhook, Elasticsearch, Splunk) and streams (syslog over TCP, Unix socket), in
//! the mood the test gives them.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use borderflow_testkit::Prng;
use serde::Deserialize;

use super::kit::{Record, id};

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Healthy,
    /// Takes this long for a request, or for a hundred records of a stream.
    Slow(Duration),
    /// HTTP: of four requests, one is answered, one put off, one taken but not answered, one cut off unread. Streams: every
    /// other connection is broken after some hundred records, the rest after more.
    Flapping,
}

/// What it got, in order, and when.
#[derive(Default)]
struct Log {
    arrived: Vec<String>,
    known: HashSet<String>,
    garbled: usize,
    requests: u64,
    /// When each connection was made, and when it brought its first records.
    connections: Vec<(Instant, Option<Instant>)>,
}

/// Serves until the test process ends.
pub(crate) struct Receiver {
    /// Of a TCP receiver.
    pub(crate) port: u16,
    log: Arc<Mutex<Log>>,
}

impl Receiver {
    /// An HTTP server on which every path that an output uses is taken.
    pub(crate) fn http(mood: Mood) -> Receiver {
        Receiver::tcp(move |stream, log, connection| serve(stream, &log, connection, mood))
    }

    /// A syslog server: frames with their length before them.
    pub(crate) fn syslog(mood: Mood) -> Receiver {
        Receiver::tcp(move |stream, log, connection| listen(BufReader::new(stream), &log, connection, mood, counted))
    }

    /// An agent behind a Unix socket that reads lines.
    pub(crate) fn unix(path: &Path, mood: Mood) -> Receiver {
        let listener = UnixListener::bind(path).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, log) = (BufReader::new(stream.unwrap()), Arc::clone(&shared));
                let connection = connected(&log);
                thread::spawn(move || listen(stream, &log, connection, mood, line));
            }
        });
        Receiver { port: 0, log }
    }

    fn tcp(converse: impl Fn(std::net::TcpStream, Arc<Mutex<Log>>, usize) + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (log, converse) = (Arc::new(Mutex::new(Log::default())), Arc::new(converse));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, log, converse) = (stream.unwrap(), Arc::clone(&shared), Arc::clone(&converse));
                stream.set_nodelay(true).unwrap();
                let connection = connected(&log);
                thread::spawn(move || converse(stream, log, connection));
            }
        });
        Receiver { port, log }
    }

    pub(crate) fn arrived(&self) -> Vec<String> {
        self.log.lock().unwrap().arrived.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap().arrived.len()
    }

    /// Records that were no records.
    pub(crate) fn garbled(&self) -> usize {
        self.log.lock().unwrap().garbled
    }

    /// How long after `start` a connection made since brought something; `None`: none did.
    pub(crate) fn first_after(&self, start: Instant) -> Option<Duration> {
        let log = self.log.lock().unwrap();
        let since = log.connections.iter().filter(|(made, _)| *made >= start);
        since.filter_map(|(_, first)| *first).min().map(|first| first - start)
    }
}

fn connected(log: &Mutex<Log>) -> usize {
    let mut log = log.lock().unwrap();
    log.connections.push((Instant::now(), None));
    log.connections.len() - 1
}

impl Log {
    /// Takes records; where each is entered once only, says which were known.
    fn take(&mut self, connection: usize, ids: Vec<Option<String>>, once: bool) -> Vec<bool> {
        self.connections[connection].1.get_or_insert_with(Instant::now);
        let mut known = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(id) = id else {
                self.garbled += 1;
                known.push(false);
                continue;
            };
            let is_known = once && !self.known.insert(id.clone());
            if !is_known {
                self.arrived.push(id);
            }
            known.push(is_known);
        }
        known
    }
}

/// An event of Splunk's collector.
#[derive(Deserialize)]
struct Wrapped {
    event: Record,
}

fn serve(stream: std::net::TcpStream, log: &Mutex<Log>, connection: usize, mood: Mood) {
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader) {
        let number = {
            let mut log = log.lock().unwrap();
            log.requests += 1;
            log.requests
        };
        let turn = if mood == Mood::Flapping { number % 4 } else { 0 };
        if let Mood::Slow(pause) = mood {
            thread::sleep(pause);
        }
        let answer = match turn {
            1 => "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n".to_owned(),
            3 => return,
            _ => {
                let body = taken(log, connection, &path, &body);
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
        };
        if turn == 2 || reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Takes the records of one request; what to answer.
fn taken(log: &Mutex<Log>, connection: usize, path: &str, body: &str) -> String {
    if path.starts_with("/_bulk") {
        let ids = body.lines().skip(1).step_by(2).map(id).collect();
        let known = log.lock().unwrap().take(connection, ids, true);
        let status = |is_known: bool| format!("{{\"create\":{{\"status\":{}}}}}", if is_known { 409 } else { 201 });
        return format!("{{\"items\":[{}]}}", known.into_iter().map(status).collect::<Vec<_>>().join(","));
    }
    let inner = |line: &str| serde_json::from_str(line).ok().map(|wrapped: Wrapped| wrapped.event.event.id);
    let is_splunk = path.starts_with("/services/collector");
    let ids = body.lines().map(|line| if is_splunk { inner(line) } else { id(line) }).collect();
    log.lock().unwrap().take(connection, ids, false);
    "{\"text\":\"Success\",\"code\":0}".to_owned()
}

fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut bytes = vec![0; length];
    // A sender that was killed in the middle of a request has not sent it.
    reader.read_exact(&mut bytes).ok()?;
    Some((path, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a stream of records until it ends, or the mood ends it.
fn listen<R: BufRead>(
    mut reader: R,
    log: &Mutex<Log>,
    connection: usize,
    mood: Mood,
    next: impl Fn(&mut R) -> Option<String>,
) {
    // What was in flight must get through in one go in the end: every other connection lasts.
    let (low, high) = if connection.is_multiple_of(2) { (150, 400) } else { (1_000, 1_500) };
    let most = Prng::new(connection as u64).between(low, high);
    let mut records = 0_u64;
    while let Some(record) = next(&mut reader) {
        log.lock().unwrap().take(connection, vec![id(&record)], false);
        records += 1;
        match mood {
            Mood::Flapping if records == most => return,
            Mood::Slow(pause) if records.is_multiple_of(100) => thread::sleep(pause),
            Mood::Healthy | Mood::Slow(_) | Mood::Flapping => {}
        }
    }
}

/// The JSON of the next frame by RFC 6587, section 3.4.1.
fn counted(reader: &mut impl BufRead) -> Option<String> {
    let mut length = Vec::new();
    reader.read_until(b' ', &mut length).ok().filter(|&read| read > 1)?;
    let length: usize = String::from_utf8(length).unwrap().trim_end().parse().unwrap();
    let mut frame = vec![0; length];
    reader.read_exact(&mut frame).ok()?;
    let frame = String::from_utf8(frame).unwrap();
    Some(frame[frame.find('{').unwrap()..].to_owned())
}

/// The next line, if it is whole.
fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.ends_with('\n').then_some(line)
}

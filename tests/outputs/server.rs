//! A small HTTP server whose answers the test decides, for bad days.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls::Authority;

/// A request, its body unpacked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What the server does with a request.
pub(crate) enum Answer {
    /// Status, one more header, body.
    Whole(u16, &'static str, String),
    /// The headers of a longer body than is sent, then the end.
    Cut(u16, String),
    /// Nothing for longer than the client waits.
    Hang,
    /// The end, without an answer.
    Close,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<String>) -> Answer {
        Answer::Whole(200, "", body.into())
    }
}

type Decide = Arc<Mutex<dyn FnMut(&Request) -> Answer + Send>>;

/// Serves until the test process ends; returns its port. With an authority, over TLS.
pub(crate) fn serve(authority: Option<&Authority>, decide: impl FnMut(&Request) -> Answer + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let decide: Decide = Arc::new(Mutex::new(decide));
    let config = authority.map(|authority| {
        let (certificate, key) = authority.sign("localhost");
        let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, decide, config) = (stream.unwrap(), Arc::clone(&decide), config.clone());
            thread::spawn(move || match config {
                None => converse(stream, &decide),
                Some(config) => converse(StreamOwned::new(ServerConnection::new(config).unwrap(), stream), &decide),
            });
        }
    });
    port
}

fn converse(stream: impl Read + Write, decide: &Decide) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = (decide.lock().unwrap())(&request);
        let stream = reader.get_mut();
        match answer {
            Answer::Whole(status, header, body) => {
                let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
                let head = format!("HTTP/1.1 {status} X\r\n{header}content-length: {}\r\n\r\n", body.len());
                if stream.write_all(format!("{head}{body}").as_bytes()).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
            Answer::Cut(status, body) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len() + 100);
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).and_then(|()| stream.flush());
                return;
            }
            Answer::Hang => thread::sleep(Duration::from_secs(5)),
            Answer::Close => return,
        }
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    let mut body = String::new();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        GzDecoder::new(&*bytes).read_to_string(&mut body).unwrap();
    } else {
        body = String::from_utf8(bytes).unwrap();
    }
    Some(Request { path, headers, body })
}

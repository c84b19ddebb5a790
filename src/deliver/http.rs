//! HTTP and HTTPS: what Splunk, Elasticsearch and webhooks share.
//!
//! Proxies are taken from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`). Redirects are not followed: they would
//! carry alerts and tokens to somebody else. Of the answers, 2xx is success; 400, 413 and 422 are about the records and
//! refuse them; everything else, also 401 and 404, is about the configuration or the moment, and is tried again.
//! `Retry-After` is honoured where it counts seconds; its other form, a date, is not read.

pub mod elasticsearch;
pub mod splunk;
pub mod webhook;

use std::error::Error as _;
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url, redirect};

use super::{Secret, StartError, TlsOptions, Trouble};

/// An answer longer than this is no answer.
const MOST_ANSWER_BYTES: usize = 16 << 20;
const CONNECTING: Duration = Duration::from_secs(10);
/// Characters of an answer that are quoted in a message.
const MOST_QUOTED: usize = 200;

/// What all HTTP outputs are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Where to; checked by [`check_url`].
    pub url: String,
    /// For HTTPS.
    pub tls: TlsOptions,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// For one request, from connecting to the end of the answer.
    pub timeout: Duration,
}

impl HttpOptions {
    /// The URL without what may be secret in it: scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        Url::parse(&self.url).map_or_else(|_| "an invalid URL".to_owned(), |url| url.origin().ascii_serialization())
    }
}

/// Whether `text` can be the URL of an output; a user name or password in it would end up in logs.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(text: &str) -> Result<(), String> {
    let url =
        Url::parse(text).map_err(|error| format!("{error}; expected a URL such as https://siem.example.org:8088"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("expected a URL that begins with https:// or http:// and names a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or password; secrets belong in a file or the environment".to_owned());
    }
    Ok(())
}

/// Sends requests to one origin.
pub(super) struct Http {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    secret: Option<Secret>,
    gzip: bool,
}

/// An answer of the other side.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// Its beginning, on one line.
    pub(super) fn quoted(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_QUOTED).collect();
        format!("HTTP {} {}", self.status, line.trim())
    }
}

impl Http {
    /// `authorization`: how the secret is presented, such as `Bearer `, and the secret.
    pub(super) fn open(options: &HttpOptions, authorization: Option<(&str, &Secret)>) -> Result<Http, StartError> {
        check_url(&options.url).map_err(|problem| StartError::new("url", problem))?;
        let base = Url::parse(&options.url).map_err(|error| StartError::new("url", error))?;
        let header = authorization.map(|(scheme, secret)| {
            let mut value = HeaderValue::from_str(&format!("{scheme}{}", secret.reveal()))
                .map_err(|_| StartError::new("token", "the secret has characters that no header can hold"))?;
            value.set_sensitive(true);
            Ok(value)
        });
        let client = Client::builder()
            .tls_backend_preconfigured(options.tls.client_config()?)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("borderflow/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECTING)
            .timeout(options.timeout)
            .build()
            .map_err(|error| StartError::new("url", error))?;
        let secret = authorization.map(|(_, secret)| secret.clone());
        Ok(Http { client, base, authorization: header.transpose()?, secret, gzip: options.gzip })
    }

    /// Posts `body` to the base URL, extended by `path` where that is not empty, and returns a 2xx answer whole.
    ///
    /// # Errors
    /// Any other answer, an answer cut off, or none.
    pub(super) async fn post(
        &self,
        path: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Reply, Trouble> {
        let mut request = self.client.post(self.extended(path));
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        request = if self.gzip {
            request.header(CONTENT_ENCODING, "gzip").body(compressed(&body).map_err(Trouble::later)?)
        } else {
            request.body(body)
        };
        let mut response = request.send().await.map_err(|error| self.failed(error))?;
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut reply = Reply { status: response.status().as_u16(), body: Vec::new() };
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if reply.body.len() + chunk.len() > MOST_ANSWER_BYTES {
                return Err(Trouble::later(format_args!("HTTP {}: an answer without end", reply.status)));
            }
            reply.body.extend_from_slice(&chunk);
        }
        match reply.status {
            200..300 => Ok(reply),
            400 | 413 | 422 => Err(Trouble::Refused { reason: self.hidden(reply.quoted()) }),
            _ => Err(Trouble::Later { problem: self.hidden(reply.quoted()), wait: wait.map(Duration::from_secs) }),
        }
    }

    fn extended(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if !path.is_empty() {
            let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
            url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
            url.set_query(query);
        }
        url
    }

    /// The whole chain of causes, without the URL.
    fn failed(&self, error: reqwest::Error) -> Trouble {
        let error = error.without_url();
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        Trouble::later(self.hidden(format!("{}: {text}", self.base.origin().ascii_serialization())))
    }

    /// An answer may echo what we sent.
    fn hidden(&self, text: String) -> String {
        match &self.secret {
            Some(secret) => text.replace(secret.reveal(), "…"),
            None => text,
        }
    }
}

fn compressed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// A record as a JSON value: itself, or as a string where its format is no JSON.
fn json_value(message: &super::Message, out: &mut Vec<u8>) {
    if message.is_json() {
        out.extend_from_slice(&message.bytes);
    } else {
        // Writing a string to a Vec cannot fail.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(&message.bytes));
    }
}

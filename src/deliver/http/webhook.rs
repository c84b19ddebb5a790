//! A webhook: records posted to a URL as a JSON array or as lines.
//!
//! With an HMAC key each request carries `X-Borderflow-Timestamp`, the time of sending in seconds since 1970, and
//! `X-Borderflow-Signature: sha256=…`, HMAC-SHA256 (RFC 2104) in hexadecimal over the timestamp, a full stop, and the body
//! as it is before compression. A receiver that checks both, and refuses old timestamps, takes nothing forged or replayed.
//! Any answer 2xx takes the whole request.

use ring::hmac;

use super::super::transport::Step;
use super::super::{Answer, Clock, Context, Limits, Message, SecretSource, StartError, Transport, Trouble};
use super::{Http, HttpOptions, json_value};

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// One JSON array; records that are no JSON are strings in it.
    Array,
    /// A record a line.
    Lines,
}

/// A webhook output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where to.
    pub http: HttpOptions,
    /// What a request holds.
    pub body: Body,
    /// Presented as `Authorization: Bearer`.
    pub token: Option<SecretSource>,
    /// What requests are signed with.
    pub hmac_key: Option<SecretSource>,
}

pub(in super::super) struct Webhook {
    http: Http,
    body: Body,
    key: Option<hmac::Key>,
    clock: Clock,
}

impl Options {
    pub(in super::super) fn open(&self, context: &Context) -> Result<Box<dyn Transport>, StartError> {
        let token = self.token.as_ref().map(|source| source.read("token")).transpose()?;
        let http = Http::open(&self.http, token.as_ref().map(|token| ("Bearer ", token)))?;
        let secret = self.hmac_key.as_ref().map(|source| source.read("hmac_key")).transpose()?;
        let key = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()));
        Ok(Box::new(Webhook { http, body: self.body, key, clock: context.clock }))
    }
}

impl Webhook {
    fn body(&self, batch: &[Message]) -> Vec<u8> {
        let mut body = Vec::new();
        match self.body {
            Body::Array => {
                for (place, message) in batch.iter().enumerate() {
                    body.push(if place == 0 { b'[' } else { b',' });
                    json_value(message, &mut body);
                }
                body.push(b']');
            }
            Body::Lines => {
                for message in batch {
                    body.extend_from_slice(&message.bytes);
                    body.push(b'\n');
                }
            }
        }
        body
    }

    fn headers(&self, body: &[u8]) -> Vec<(&'static str, String)> {
        let content = match self.body {
            Body::Array => "application/json",
            Body::Lines => "application/x-ndjson",
        };
        let mut headers = vec![("content-type", content.to_owned())];
        if let Some(key) = &self.key {
            let timestamp = (self.clock)().as_secs().to_string();
            headers.push(("x-borderflow-signature", format!("sha256={}", signature(key, &timestamp, body))));
            headers.push(("x-borderflow-timestamp", timestamp));
        }
        headers
    }
}

fn signature(key: &hmac::Key, timestamp: &str, body: &[u8]) -> String {
    let signed = [timestamp.as_bytes(), b".", body].concat();
    hmac::sign(key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Transport for Webhook {
    fn limits(&self) -> Limits {
        Limits::REQUEST
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            if batch.is_empty() {
                return Ok(Answer::default());
            }
            let body = self.body(batch);
            let reply = self.http.post("", &self.headers(&body), body).await?;
            Ok(Answer::taken(reply.quoted()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_can_check_the_signature_with_openssl() {
        // printf '1756887300.[]' | openssl dgst -sha256 -hmac key
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        assert_eq!(
            signature(&key, "1756887300", b"[]"),
            "be30b51ad18a600639669721ae286e71732d127f89ecbbc66abfad0f00a06841"
        );
    }
}

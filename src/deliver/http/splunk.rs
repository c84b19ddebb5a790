//! Splunk's HTTP Event Collector (help.splunk.com, "HTTP Event Collector REST API endpoints", read 2026-11).
//!
//! Events are JSON objects one after the other at `/services/collector/event`. An answer `{"code":0}` says that Splunk has
//! them in memory. With acknowledgement, the answer carries an `ackId`; the alert counts as delivered once
//! `/services/collector/ack` says that the id is indexed, which with little traffic takes up to two minutes, and is sent again
//! where it does not within `ack_timeout`. Splunk Cloud acknowledges for Firehose alone: leave it off there. Splunk does not
//! recognise an event it already has; the field `event_id` tells two of the same apart.

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::super::transport::Step;
use super::super::{Answer, Context, Limits, Message, SecretSource, StartError, Transport, Trouble};
use super::{Http, HttpOptions, Reply, json_value};

const FIRST_POLL: Duration = Duration::from_millis(500);
const SLOWEST_POLL: Duration = Duration::from_secs(10);

/// A Splunk output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The base, such as `https://splunk.example.org:8088`.
    pub http: HttpOptions,
    /// The token of the collector.
    pub token: SecretSource,
    /// `None`: the token's default index.
    pub index: Option<String>,
    /// `source` of the events.
    pub source: String,
    /// `sourcetype` of the events.
    pub sourcetype: String,
    /// Waits until events are indexed, for this long at most; `None`: does not.
    pub acknowledge: Option<Duration>,
}

pub(in super::super) struct Splunk {
    http: Http,
    options: Options,
    hostname: String,
    channel: String,
}

/// What is told with an event; the event itself is appended.
#[derive(Serialize)]
struct Metadata<'a> {
    time: String,
    host: &'a str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    fields: Fields<'a>,
}

/// Fields that are indexed beside the event.
#[derive(Serialize)]
struct Fields<'a> {
    event_id: &'a str,
}

#[derive(Deserialize)]
struct Received {
    code: i64,
    text: Option<String>,
    #[serde(rename = "ackId")]
    ack_id: Option<u64>,
}

#[derive(Deserialize)]
struct Acknowledged {
    acks: std::collections::BTreeMap<String, bool>,
}

impl Options {
    pub(in super::super) fn open(&self, context: &Context) -> Result<Box<dyn Transport>, StartError> {
        let token = self.token.read("token")?;
        let http = Http::open(&self.http, Some(("Splunk ", &token)))?;
        let channel = uuid().ok_or_else(|| StartError::new("acknowledge", "the system has no random numbers"))?;
        Ok(Box::new(Splunk { http, options: self.clone(), hostname: context.hostname.clone(), channel }))
    }
}

/// A random UUID (RFC 9562, section 5.4): what Splunk tells senders apart by.
fn uuid() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let number = u128::from_be_bytes(bytes) & !(0xF000 << 64 | 0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48;
    let hex = format!("{number:032x}");
    Some([hex.get(..8)?, hex.get(8..12)?, hex.get(12..16)?, hex.get(16..20)?, hex.get(20..)?].join("-"))
}

impl Splunk {
    fn body(&self, batch: &[Message]) -> Vec<u8> {
        let mut body = Vec::new();
        for message in batch {
            let options = &self.options;
            let millis = message.at.as_millis();
            let metadata = Metadata {
                time: format!("{}.{:03}", millis / 1_000, millis % 1_000),
                host: &self.hostname,
                source: &options.source,
                sourcetype: &options.sourcetype,
                index: options.index.as_deref(),
                fields: Fields { event_id: &message.id },
            };
            // Neither a Vec nor this record can fail to be written.
            let _ = serde_json::to_writer(&mut body, &metadata);
            body.pop();
            body.extend_from_slice(b",\"event\":");
            json_value(message, &mut body);
            body.extend_from_slice(b"}\n");
        }
        body
    }

    fn headers(&self) -> [(&'static str, String); 2] {
        [("content-type", "application/json".to_owned()), ("x-splunk-request-channel", self.channel.clone())]
    }

    async fn post(&self, batch: &[Message]) -> Result<Answer, Trouble> {
        let reply = self.http.post("/services/collector/event", &self.headers(), self.body(batch)).await;
        let reply = reply.map_err(configuration)?;
        let received: Received = parsed(&reply)?;
        if received.code != 0 {
            return Err(Trouble::later(reply.quoted()));
        }
        let said = format!("HTTP {}: {}", reply.status, received.text.as_deref().unwrap_or("code 0"));
        match (self.options.acknowledge, received.ack_id) {
            (None, _) => Ok(Answer::taken(said)),
            (Some(most), Some(id)) => {
                self.acknowledged(id, most).await?;
                Ok(Answer::taken(format!("{said}; indexed (acknowledgement {id})")))
            }
            (Some(_), None) => Err(Trouble::later(format_args!(
                "{}: no ackId; switch indexer acknowledgement on for this token, or set acknowledge = false",
                reply.quoted()
            ))),
        }
    }

    /// Asks until the events are indexed.
    async fn acknowledged(&self, id: u64, most: Duration) -> Result<(), Trouble> {
        let (mut waited, mut pause) = (Duration::ZERO, FIRST_POLL);
        while waited < most {
            sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(SLOWEST_POLL);
            let path = format!("/services/collector/ack?channel={}", self.channel);
            let body = format!("{{\"acks\":[{id}]}}").into_bytes();
            // An answer that fails is no answer: the question is asked again until time is up.
            if let Ok(reply) = self.http.post(&path, &self.headers(), body).await
                && parsed::<Acknowledged>(&reply)?.acks.get(&id.to_string()) == Some(&true)
            {
                return Ok(());
            }
        }
        Err(Trouble::later(format_args!("events were not indexed within {} s; sent again", most.as_secs())))
    }
}

fn parsed<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, Trouble> {
    serde_json::from_slice(&reply.body)
        .map_err(|_| Trouble::later(format_args!("{}: no answer of Splunk", reply.quoted())))
}

/// Of the answers 400, those about index, channel and acknowledgement are about the configuration, not about the events.
fn configuration(trouble: Trouble) -> Trouble {
    const CODES: [i64; 5] = [7, 10, 11, 14, 15];
    let code = |reason: &str| -> Option<i64> {
        let json = reason.get(reason.find('{')?..)?;
        Some(serde_json::from_str::<Received>(json).ok()?.code)
    };
    match trouble {
        Trouble::Refused { reason } if code(&reason).is_some_and(|code| CODES.contains(&code)) => {
            Trouble::later(reason)
        }
        trouble @ (Trouble::Later { .. } | Trouble::Refused { .. }) => trouble,
    }
}

impl Transport for Splunk {
    fn limits(&self) -> Limits {
        // The collector takes 1 MB by default (limits.conf, [http_input] max_content_length), more in later versions.
        Limits { message_bytes: 500_000, batch_bytes: 600_000, ..Limits::REQUEST }
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(async {
            if batch.is_empty() {
                return Ok(Answer::default());
            }
            self.post(batch).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_index_is_waited_for_and_a_wrong_event_is_refused() {
        let refused = |text: &str| configuration(Trouble::Refused { reason: text.to_owned() });
        assert!(matches!(refused("HTTP 400 {\"text\":\"Incorrect index\",\"code\":7}"), Trouble::Later { .. }));
        assert!(matches!(refused("HTTP 400 {\"text\":\"Invalid data format\",\"code\":6}"), Trouble::Refused { .. }));
        assert!(matches!(refused("HTTP 400 what?"), Trouble::Refused { .. }));
    }

    #[test]
    fn the_channel_is_a_random_uuid() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        let shape: String = one.chars().map(|c| if c == '-' { '-' } else { 'x' }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(&one[14..15] == "4" && "89ab".contains(&one[19..20]), "{one}");
    }
}

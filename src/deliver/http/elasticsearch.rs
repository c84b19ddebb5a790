//! Elasticsearch and OpenSearch: `POST /_bulk` (elastic.co/docs/api, "Bulk index or delete documents", read 2026-11).
//!
//! Each record is a `create` with its id as `_id`, so sending it twice makes one document: 409 means it is there already.
//! That holds within an index, and within one backing index of a data stream: a record sent again after the stream rolled
//! over is a second document there.
//!
//! Items of one answer fare differently. 201 and 409 are success; 429 and 5xx are sent again alone, in their order, before
//! anything later, while the others of the batch are in already; any other status refuses that record.

use serde::{Deserialize, Serialize};

use super::super::transport::Step;
use super::super::{Answer, Limits, Message, Secret, SecretSource, StartError, Transport, Trouble};
use super::{Http, HttpOptions};

/// How the cluster knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It does not ask.
    Nobody,
    /// By name and password.
    User(String, SecretSource),
    /// By an API key as Kibana shows it (base64).
    ApiKey(SecretSource),
}

/// An Elasticsearch or OpenSearch output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The base, such as `https://elastic.example.org:9200`.
    pub http: HttpOptions,
    /// An index, an alias or a data stream.
    pub index: String,
    /// How the cluster knows us.
    pub login: Login,
}

pub(in super::super) struct Elasticsearch {
    http: Http,
    index: String,
}

#[derive(Serialize)]
struct Action<'a> {
    create: Create<'a>,
}

#[derive(Serialize)]
struct Create<'a> {
    _index: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    _id: &'a str,
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    error: Option<serde_json::Value>,
}

impl Options {
    pub(in super::super) fn open(&self) -> Result<Box<dyn Transport>, StartError> {
        let basic = |user: &str, password: &Secret| Secret::basic(user, password);
        let http = match &self.login {
            Login::Nobody => Http::open(&self.http, None),
            Login::User(user, password) => {
                Http::open(&self.http, Some(("Basic ", &basic(user, &password.read("password")?))))
            }
            Login::ApiKey(key) => Http::open(&self.http, Some(("ApiKey ", &key.read("api_key")?))),
        }?;
        Ok(Box::new(Elasticsearch { http, index: self.index.clone() }))
    }
}

impl Elasticsearch {
    async fn post(&self, batch: &[Message]) -> Result<Answer, Trouble> {
        let mut body = Vec::new();
        for message in batch {
            let action = Action { create: Create { _index: &self.index, _id: &message.id } };
            // Neither a Vec nor this record can fail to be written.
            let _ = serde_json::to_writer(&mut body, &action);
            body.push(b'\n');
            body.extend_from_slice(&message.bytes);
            body.push(b'\n');
        }
        let headers = [("content-type", "application/x-ndjson".to_owned())];
        let path = "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason";
        let reply = self.http.post(path, &headers, body).await?;
        let bulk: Bulk = serde_json::from_slice(&reply.body)
            .map_err(|_| Trouble::later(format_args!("{}: no answer of _bulk", reply.quoted())))?;
        if bulk.items.len() != batch.len() {
            let (items, sent) = (bulk.items.len(), batch.len());
            return Err(Trouble::later(format_args!("the answer tells of {items} items, and {sent} were sent")));
        }
        Ok(answer(&bulk.items, reply.status))
    }
}

fn answer(items: &[Item], status: u16) -> Answer {
    let (mut answer, mut known) = (Answer::default(), 0);
    for (place, Item { create: outcome }) in items.iter().enumerate() {
        let reason = || {
            let error = outcome.error.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("status {} {}", outcome.status, error.chars().take(super::MOST_QUOTED).collect::<String>())
        };
        match outcome.status {
            200..300 => {}
            409 => known += 1,
            429 | 500..600 => {
                answer.again.push(place);
                answer.reason = reason();
            }
            _ => answer.refused.push((place, reason())),
        }
    }
    let created = items.len() - known - answer.again.len() - answer.refused.len();
    answer.said = format!("HTTP {status}: {created} created, {known} were there already");
    answer
}

impl Transport for Elasticsearch {
    fn limits(&self) -> Limits {
        Limits { batch_bytes: 4 << 20, ..Limits::REQUEST }
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

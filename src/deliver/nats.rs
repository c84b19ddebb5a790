//! NATS JetStream (docs.nats.io, "Publishing to Streams", read 2026-11).
//!
//! Each record is published with its id as `Nats-Msg-Id` and counts as delivered once the stream has acknowledged it. What is
//! sent again within the stream's duplicate window (two minutes by default) is stored once; a longer outage of ours does
//! not matter, for what was never acknowledged was mostly never stored. Where the answers of a batch break off, everything
//! from the first that is missing is sent again, so the stream keeps the order. The stream must exist and take the
//! subjects; until it does, the output waits.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::{self, context::PublishErrorKind};
use async_nats::{Client, ConnectOptions, HeaderMap};
use tokio::time::timeout;

use super::transport::Step;
use super::{Answer, Limits, Message, SecretSource, StartError, TlsOptions, Transport, Trouble};

const CONNECTING: Duration = Duration::from_secs(10);
const ACKNOWLEDGING: Duration = Duration::from_secs(5);
/// Beside the record: subject and headers.
const HEADER_BYTES: usize = 4 << 10;
/// What a server takes by default (`max_payload`).
const PAYLOAD_BYTES: usize = 1 << 20;

/// How the server knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It does not ask.
    Nobody,
    /// By name and password.
    User(String, SecretSource),
    /// By a token.
    Token(SecretSource),
    /// By a credentials file (`nsc`), JWT and key in one.
    Credentials(PathBuf),
}

/// A NATS JetStream output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Servers of one cluster, such as `nats://nats.example.org:4222`.
    pub servers: Vec<String>,
    /// The subject; `{kind}`, `{jurisdiction}` and `{asset}` stand for those of the record.
    pub subject: String,
    /// How the server knows us.
    pub login: Login,
    /// `None`: TLS where the server asks for it, verified by the system's authorities.
    pub tls: Option<TlsOptions>,
}

/// Whether `text` can be a server's address.
///
/// # Errors
/// What is wrong with it.
pub fn check_server(text: &str) -> Result<(), String> {
    let address: async_nats::ServerAddr =
        text.parse().map_err(|error| format!("{error}; expected an address such as nats://nats.example.org:4222"))?;
    if address.has_user_pass() {
        return Err("holds a user name or password; secrets belong in a file or the environment".to_owned());
    }
    Ok(())
}

pub(super) struct Nats {
    options: Options,
    connect: ConnectOptions,
    client: Option<Client>,
}

impl Options {
    pub(super) fn open(&self) -> Result<Box<dyn Transport>, StartError> {
        for server in &self.servers {
            check_server(server).map_err(|problem| StartError::new("servers", problem))?;
        }
        // Reconnecting is ours: a client left behind must not go on trying.
        let mut connect = ConnectOptions::new().name("borderflow").connection_timeout(CONNECTING).max_reconnects(1);
        connect = match &self.login {
            Login::Nobody => connect,
            Login::User(user, password) => {
                connect.user_and_password(user.clone(), password.read("password")?.reveal().to_owned())
            }
            Login::Token(token) => connect.token(token.read("token")?.reveal().to_owned()),
            Login::Credentials(path) => {
                let text = SecretSource::File(path.clone()).read("credentials_file")?;
                let problem = |error| StartError::of_file("credentials_file", path, error);
                connect.credentials(text.reveal()).map_err(problem)?
            }
        };
        let config = self.tls.clone().unwrap_or_default();
        connect = match (&self.tls, config.client_config()) {
            (Some(_), config) => connect.tls_client_config(config?).require_tls(true),
            (None, Ok(config)) => connect.tls_client_config(config),
            // Without authorities of the system, a server without TLS can still be reached.
            (None, Err(_)) => connect,
        };
        Ok(Box::new(Nats { options: self.clone(), connect, client: None }))
    }

    fn subject(&self, message: &Message) -> String {
        let token = |text: &str| -> String {
            let kept = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
            if text.is_empty() { "_".to_owned() } else { text.chars().map(kept).collect() }
        };
        self.subject
            .replace("{kind}", &token(&message.kind))
            .replace("{jurisdiction}", &token(&message.jurisdiction))
            .replace("{asset}", &token(&message.asset))
    }
}

impl Nats {
    /// A connection of its own for each attempt after a failure: nothing half sent lingers in it.
    async fn connected(&mut self) -> Result<Client, Trouble> {
        if let Some(client) = self.client.take() {
            return Ok(client);
        }
        let connecting = self.connect.clone().connect(self.options.servers.clone());
        match timeout(CONNECTING, connecting).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(Trouble::later(format_args!("{}: {error}", self.options.servers.join(", ")))),
            Err(_) => Err(Trouble::later(format_args!("{}: no connection", self.options.servers.join(", ")))),
        }
    }

    async fn publish(&mut self, batch: &[Message]) -> Result<Answer, Trouble> {
        let client = self.connected().await?;
        let context =
            jetstream::ContextBuilder::new().ack_timeout(ACKNOWLEDGING).timeout(ACKNOWLEDGING).build(client.clone());
        let mut waiting = Vec::with_capacity(batch.len());
        for message in batch {
            let mut headers = HeaderMap::new();
            if !message.id.is_empty() {
                headers.insert("Nats-Msg-Id", message.id.as_str());
            }
            let bytes = message.bytes.clone().into();
            waiting.push(context.publish_with_headers(self.options.subject(message), headers, bytes).await);
        }
        let (mut answer, mut stored, mut known) = (Answer::default(), 0, 0);
        for (place, sent) in waiting.into_iter().enumerate() {
            let acknowledged = match sent {
                _ if !answer.again.is_empty() => {
                    answer.again.push(place);
                    continue;
                }
                Ok(acknowledgement) => acknowledgement.await,
                Err(error) => Err(error),
            };
            match acknowledged {
                Ok(acknowledgement) if acknowledgement.duplicate => known += 1,
                Ok(_) => stored += 1,
                Err(error) if is_about_the_record(&error) => answer.refused.push((place, error.to_string())),
                Err(error) => {
                    answer.again.push(place);
                    answer.reason = problem(&error, &self.options.subject);
                }
            }
        }
        answer.said = format!("acknowledged by the stream: {stored} stored, {known} were there already");
        if answer.again.is_empty() {
            self.client = Some(client);
        }
        Ok(answer)
    }
}

/// Error 10054 of JetStream: larger than the stream takes.
fn is_about_the_record(error: &jetstream::context::PublishError) -> bool {
    error.kind() == PublishErrorKind::MaxPayloadExceeded || error.to_string().contains("message size exceeds")
}

fn problem(error: &jetstream::context::PublishError, subject: &str) -> String {
    match error.kind() {
        PublishErrorKind::StreamNotFound => format!("no stream takes the subject {subject}; create one"),
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::Other => error.to_string(),
    }
}

impl Transport for Nats {
    fn limits(&self) -> Limits {
        Limits { message_bytes: PAYLOAD_BYTES - HEADER_BYTES, batch_messages: 256, ..Limits::STREAM }
    }

    fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
        Box::pin(self.publish(batch))
    }
}

//! Apache Kafka, by librdkafka; the program has it where it was built with `--features kafka`.
//!
//! The producer is idempotent with `acks=all`, so what the library sends again inside one run is stored once, and the
//! records of an asset, which is their key, stay in order in one partition. A record counts as delivered once every in-sync
//! replica has it. What is sent again after a restart of ours is stored twice; records carry their id as the header
//! `event.id`.

use super::{SecretSource, StartError, Transport};

/// A Kafka output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// Name and password (SASL PLAIN); `None`: the brokers do not ask.
    pub login: Option<(String, SecretSource)>,
}

impl Options {
    /// Without the feature, an error at start that names it.
    #[cfg(not(feature = "kafka"))]
    pub(super) fn open(&self) -> Result<Box<dyn Transport>, StartError> {
        Err(StartError::new("kind", NOT_BUILT))
    }

    #[cfg(feature = "kafka")]
    pub(super) fn open(&self) -> Result<Box<dyn Transport>, StartError> {
        producer::open(self)
    }

    /// Why this program cannot; `None`: it can.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        (!cfg!(feature = "kafka")).then_some(NOT_BUILT)
    }
}

const NOT_BUILT: &str = "this borderflow was built without Kafka; build it with `cargo build --release --features kafka`, or use kind = \"nats\"";

#[cfg(feature = "kafka")]
mod producer {
    //! The producer itself.

    use std::time::Duration;

    use rdkafka::ClientConfig;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

    use super::super::transport::Step;
    use super::super::{Answer, Limits, Message, StartError, Transport, Trouble};
    use super::Options;

    /// After this the library gives a record back, and the loop decides.
    const DELIVERING: Duration = Duration::from_secs(30);

    pub(super) fn open(options: &Options) -> Result<Box<dyn Transport>, StartError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", options.brokers.join(","))
            .set("client.id", "borderflow")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("message.timeout.ms", DELIVERING.as_millis().to_string());
        if let Some((user, password)) = &options.login {
            let password = password.read("password")?;
            config.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
            config.set("sasl.username", user).set("sasl.password", password.reveal());
        }
        let producer = config.create().map_err(|error| StartError::new("brokers", error))?;
        Ok(Box::new(Kafka { config, producer, topic: options.topic.clone() }))
    }

    struct Kafka {
        config: ClientConfig,
        producer: FutureProducer,
        topic: String,
    }

    impl Kafka {
        async fn publish(&mut self, batch: &[Message]) -> Result<Answer, Trouble> {
            let mut waiting = Vec::with_capacity(batch.len());
            for message in batch {
                let mut record = FutureRecord::to(&self.topic).payload(&message.bytes).key(&message.asset);
                record = record.timestamp(i64::try_from(message.at.as_millis()).unwrap_or(i64::MAX));
                if !message.id.is_empty() {
                    let header = Header { key: "event.id", value: Some(&message.id) };
                    record = record.headers(OwnedHeaders::new().insert(header));
                }
                waiting.push(self.producer.send_result(record).map_err(|(error, _)| error));
            }
            let (mut answer, mut taken) = (Answer::default(), 0);
            for (place, sent) in waiting.into_iter().enumerate() {
                let delivered = match sent {
                    Ok(delivery) => delivery.await.map_err(Trouble::later)?.map_err(|(error, _)| error),
                    Err(error) => Err(error),
                };
                match delivered {
                    Ok(_) if answer.again.is_empty() => taken += 1,
                    Ok(_) => answer.again.push(place),
                    Err(error) if is_about_the_record(&error) => answer.refused.push((place, error.to_string())),
                    Err(error) => {
                        answer.again.push(place);
                        answer.reason = error.to_string();
                    }
                }
            }
            if self.producer.client().fatal_error().is_some() {
                self.producer = self.config.create().map_err(Trouble::later)?;
            }
            answer.said = format!("{taken} acknowledged by every in-sync replica");
            Ok(answer)
        }
    }

    fn is_about_the_record(error: &KafkaError) -> bool {
        let about = [RDKafkaErrorCode::MessageSizeTooLarge, RDKafkaErrorCode::InvalidMessageSize];
        error.rdkafka_error_code().is_some_and(|code| about.contains(&code))
    }

    impl Transport for Kafka {
        fn limits(&self) -> Limits {
            // Brokers take a little over 1,000,000 bytes by default (message.max.bytes).
            Limits { message_bytes: 950_000, ..Limits::STREAM }
        }

        fn send<'a>(&'a mut self, batch: &'a [Message]) -> Step<'a, Result<Answer, Trouble>> {
            Box::pin(self.publish(batch))
        }
    }
}

//! Kafka: librdkafka's mock brokers, one of which goes away in the middle.

use std::time::Duration;

use borderflow::deliver::Target;
use borderflow::deliver::kafka::Options;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::kit::{Running, ids, tally};

const TOPIC: &str = "borderflow.alerts";

/// Everything in the topic: the key and the id of each record, in order.
fn stored(brokers: &str, count: usize) -> Vec<(String, String)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let (mut found, mut silent) = (Vec::new(), 0);
    while silent < 20 && (found.len() < count || silent < 2) {
        let Some(message) = consumer.poll(Duration::from_millis(500)) else {
            silent += 1;
            continue;
        };
        let message = message.unwrap();
        let id = ids(std::str::from_utf8(message.payload().unwrap()).unwrap()).remove(0);
        let header = message.headers().unwrap().get(0);
        assert_eq!((header.key, header.value), ("event.id", Some(id.as_bytes())));
        found.push((String::from_utf8(message.key().unwrap().to_vec()).unwrap(), id));
    }
    found
}

#[test]
fn brokers_that_err_and_go_away_store_each_record_once_and_those_of_an_asset_in_order() {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, 4, 3).unwrap();
    let brokers = cluster.bootstrap_servers();
    let options =
        Options { brokers: brokers.split(',').map(str::to_owned).collect(), topic: TOPIC.to_owned(), login: None };
    let running = Running::start(Target::Kafka(options));
    running.feed(0..500);
    running.wait_acknowledged(499);
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    cluster.request_errors(RDKafkaApiKey::Produce, &[error; 6]);
    running.feed(500..1_000);
    running.wait_acknowledged(999);
    cluster.broker_down(1).unwrap();
    running.feed(1_000..1_500);
    std::thread::sleep(Duration::from_millis(500));
    cluster.broker_up(1).unwrap();
    let told = running.drain();
    let found = stored(&brokers, 1_500);
    for asset in 0..3 {
        let key = format!("pump {asset}");
        let of_asset: Vec<&String> = found.iter().filter(|(one, _)| *one == key).map(|(_, id)| id).collect();
        assert_eq!(of_asset.len(), 500);
        assert!(of_asset.is_sorted(), "the records of {key} are in order");
    }
    let mut all: Vec<String> = found.into_iter().map(|(_, id)| id).collect();
    all.sort_unstable();
    assert_eq!(tally("Kafka mock brokers", &all, 0..1_500), 0);
    assert_eq!(told.delivered, 1_500);
}
